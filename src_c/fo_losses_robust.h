/* A part of fo_losses.h: losses of a residual that grow at most linearly far away; r = z - y. */

/* |r| <= d: r^2/2, else d (|r| - d/2); par = {d} */
FO_INLINE FO(point) FO(huber)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real r = z - y, d = par[0];
    fo_real upper = r > d ? d : r;
    fo_real c = r < -d ? -d : upper;
    o.value = c * (r - FO_K(0.5) * c);
    o.gradient = c;
    o.hessian = ((r <= d) & (r >= -d)) ? FO_K(1.0) : FO_K(0.0);
    return o;
}

FO_INLINE FO(point) FO(huber_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real d = par[0];
    return FO(conjugate_value)(theta, (theta >= -d) & (theta <= d), theta * (FO_K(0.5) * theta + y));
}

/* Huber's loss divided by b; par = {b} */
FO_INLINE FO(point) FO(smooth_l1)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real r = z - y, b = par[0];
    fo_real upper = r > b ? b : r;
    fo_real c = r < -b ? -b : upper;
    o.gradient = c / b;
    o.value = o.gradient * (r - FO_K(0.5) * c);
    o.hessian = ((r <= b) & (r >= -b)) ? FO_K(1.0) / b : FO_K(0.0);
    return o;
}

FO_INLINE FO(point) FO(smooth_l1_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real b = par[0];
    return FO(conjugate_value)(
        theta, (theta >= FO_K(-1.0)) & (theta <= FO_K(1.0)), theta * (FO_K(0.5) * b * theta + y));
}

/* Beyond it 1 + a^2 is a^2, and a^4 is still a number. */
#if FO_SINGLE
#define fo_far FO_K(0x1p+30)
#else
#define fo_far FO_K(0x1p+60)
#endif

/* d^2 (q - 1) = r^2 / (1 + q), q = sqrt(1 + (r/d)^2); par = {d} */
FO_INLINE FO(point) FO(pseudo_huber)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real r = z - y, d = par[0], a = r / d, size = FO(abs)(a), q, one;
    int far = size > fo_far;
    q = far ? size : (fo_real)fo_sqrt(FO_K(1.0) + a * a);
    one = FO(with_sign)(FO_K(1.0), r);
    o.value = d * (far ? one : a / (FO_K(1.0) + q)) * r;
    o.gradient = far ? d * one : r / q;
    q = FO_K(1.0) / q;
    o.hessian = q * q * q;
    return o;
}

FO_INLINE FO(point) FO(pseudo_huber_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real d = par[0], u = theta / d;
    int inside = (theta >= -d) & (theta <= d);
    fo_real rest = inside ? (FO_K(1.0) - u) * (FO_K(1.0) + u) : FO_K(0.0);
    return FO(conjugate_value)(theta, inside, theta * (theta / (FO_K(1.0) + (fo_real)fo_sqrt(rest)) + y));
}

/* log cosh r: below 1 as log(1 + m^2 / (2 (1 - m))), m = 1 - e^-|r|, above as |r| - log 2 + log(1 + e^-2|r|) */
FO_INLINE FO(point) FO(log_cosh)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    const fo_real log2 = FO_K(0.693147180559945309417);
    fo_real r = z - y, size = FO(abs)(r), square;
    FO(decay_pair) p = FO(decay)(r);
    int near = size < FO_K(1.0);
    (void)par;
    square = p.e * p.e;
    o.value = (near ? FO_K(0.0) : size - log2)
              + FO(log1p_unit)(near ? FO_K(0.5) * p.m * (p.m / p.e) : square);
    o.gradient = FO(with_sign)(p.m * (FO_K(1.0) + p.e) / (FO_K(1.0) + square), r);
    p.m = p.e / (FO_K(1.0) + square);
    o.hessian = FO_K(4.0) * p.m * p.m;
    return o;
}

/* ((1 + t) log(1 + t) + (1 - t) log(1 - t)) / 2 + t y */
FO_INLINE FO(point) FO(log_cosh_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real up = FO_K(1.0) + theta, down = FO_K(1.0) - theta;
    (void)par;
    return FO(conjugate_value)(theta, (up >= FO_K(0.0)) & (down >= FO_K(0.0)),
                               FO_K(0.5) * (FO(xlogx)(up) + FO(xlogx)(down)) + theta * y);
}

/* x - log(1 + x), x > -1: near 0 with s = x / (2 + x) as x s - 2 (atanh s - s) by its series, which cancels nothing */
FO_INLINE fo_real FO(log1p_excess)(fo_real x)
{
    fo_real s = x / (FO_K(2.0) + x), u = s * s, sum = FO_K(0.0476190476190476190476);
    int near = FO(abs)(s) < FO_K(0.2);
    sum = sum * u + FO_K(0.0526315789473684210526);
    sum = sum * u + FO_K(0.0588235294117647058824);
    sum = sum * u + FO_K(0.0666666666666666666667);
    sum = sum * u + FO_K(0.0769230769230769230769);
    sum = sum * u + FO_K(0.0909090909090909090909);
    sum = sum * u + FO_K(0.111111111111111111111);
    sum = sum * u + FO_K(0.142857142857142857143);
    sum = sum * u + FO_K(0.2);
    sum = sum * u + FO_K(0.333333333333333333333);
    return near ? s * (x - FO_K(2.0) * u * sum) : x - FO(log1p)(x);
}

/* c^2 (a - log(1 + a)), a = |r| / c; par = {c} */
FO_INLINE FO(point) FO(fair)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real r = z - y, c = par[0], size = FO(abs)(r), a = size / c, b = FO_K(1.0) + a;
    fo_real near = a <= FO_K(0.5) ? a : FO_K(0.5), far = a <= (fo_real)fo_largest ? a : (fo_real)fo_largest;
    o.value = a <= FO_K(0.5) ? c * c * FO(log1p_excess)(near) : c * (size - c * FO(log1p)(far));
    o.gradient = a <= FO_K(1.0) ? r / b : FO(with_sign)(c / (FO_K(1.0) + c / size), r);
    b = FO_K(1.0) / b;
    o.hessian = b * b;
    return o;
}

/* c^2 (-t - log(1 - t)) + theta y, t = |theta| / c <= 1 */
FO_INLINE FO(point) FO(fair_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real c = par[0], size = FO(abs)(theta);
    int inside = size <= c;
    return FO(conjugate_value)(theta, inside, c * c * FO(log1p_excess)(inside ? -(size / c) : FO_K(0.0)) + theta * y);
}

/* d^2/2 log(1 + (r/d)^2); par = {d} */
FO_INLINE FO(point) FO(cauchy)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real r = z - y, d = par[0], a = r / d, size = FO(abs)(a), s = FO_K(1.0) / (FO_K(1.0) + a * a);
    fo_real inverse = FO_K(1.0) / a;
    int far = size > fo_far;
    o.value = (far ? d * d : FO_K(0.5) * d * d) * FO(log1p)(far ? size : a * a);
    o.gradient = far ? d * inverse : r * s;
    o.hessian = far ? -inverse * inverse : (FO_K(1.0) - a) * (FO_K(1.0) + a) * s * s;
    return o;
}

/* |r| <= c: c^2/6 (1 - (1 - (r/c)^2)^3), else c^2/6; par = {c} */
FO_INLINE FO(point) FO(tukey_biweight)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real r = z - y, c = par[0], a = r / c;
    int outside = FO(abs)(a) > FO_K(1.0);
    fo_real b = outside ? FO_K(1.0) : a, u = b * b, s = (FO_K(1.0) - b) * (FO_K(1.0) + b);
    o.value = FO_K(0.5) * (c * c) * u * (FO_K(1.0) - u * (FO_K(1.0) - u / FO_K(3.0)));
    o.gradient = (outside ? FO_K(0.0) : r) * s * s;
    o.hessian = s * (FO_K(1.0) - FO_K(5.0) * u);
    return o;
}

/* c^2/2 (1 - e^-(r/c)^2); par = {c} */
FO_INLINE FO(point) FO(welsch)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real r = z - y, c = par[0], a = r / c, u = a * a;
    FO(decay_pair) p;
    u = u > FO_K(800.0) ? FO_K(800.0) : u; /* e^-u is 0 from there on */
    p = FO(decay)(u);
    o.value = FO_K(0.5) * (c * c) * p.m;
    o.gradient = r * p.e;
    o.hessian = p.e * (FO_K(1.0) - FO_K(2.0) * u);
    return o;
}

/* The loss with a constant that is at least its curvature in place of the Hessian: 1. */
FO_INLINE FO(point) FO(huber_bound)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o = FO(huber)(y, z, par);
    o.hessian = FO_K(1.0);
    return o;
}
