/* A part of fo_losses.h: losses of two classes. */

/* log(1 + e^z) - y z, y in [0, 1], from sigmoid(-|z|) and log(1 + e^-|z|) (fo_math.h): nothing
 * overflows, and nothing cancels at y = 0 and 1. */
FO_INLINE FO(point) FO(logistic)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    FO(logistic_pair) parts = FO(logistic_parts)(z);
    fo_real slope = parts.step - y;
    (void)par;
    o.value = slope * z + parts.log1p_exp;
    o.gradient = slope + parts.signed_minor;
    o.hessian = parts.minor * (FO_K(1.0) - parts.minor);
    return o;
}

FO_INLINE FO(point) FO(logistic_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real p = y + theta, q = (FO_K(1.0) - y) - theta;
    (void)par;
    return FO(conjugate_value)(theta, (p >= FO_K(0.0)) & (q >= FO_K(0.0)), FO(xlogx)(p) + FO(xlogx)(q));
}

/* -y log q - (1 - y) log(1 - q) of a probability q. Logarithms are clamped at -100; the gradient
 * is that of the clamped value: a clamped logarithm contributes 0. */
FO_INLINE FO(point) FO(binary_cross_entropy_from_probabilities)(fo_real y, fo_real q, const fo_real *par)
{
    FO(point) o;
    const fo_real smallest = FO_K(3.720075976020836e-44); /* e^-100 */
    fo_real p = FO_K(1.0) - q;
    fo_real yes = y / q, no = (FO_K(1.0) - y) / p;
    fo_real log_q = FO(log)(q), log_p = FO(log1p)(-q);
    int low = q < smallest, high = p < smallest;
    (void)par;
    log_q = low ? FO_K(-100.0) : log_q;
    log_p = high ? FO_K(-100.0) : log_p;
    yes = low ? FO_K(0.0) : yes;
    no = high ? FO_K(0.0) : no;
    o.value = -y * log_q - (FO_K(1.0) - y) * log_p;
    o.gradient = no - yes;
    yes = low ? FO_K(0.0) : yes / q;
    no = high ? FO_K(0.0) : no / p;
    o.hessian = yes + no;
    return o;
}

/* max(0, 1 - y z), y = +-1; the gradient at the kink is 0 */
FO_INLINE FO(point) FO(hinge)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real t = FO_K(1.0) - y * z;
    fo_real missing = t > FO_K(0.0) ? -y : t;
    (void)par;
    o.value = t <= FO_K(0.0) ? FO_K(0.0) : t;
    o.gradient = t <= FO_K(0.0) ? FO_K(0.0) : missing;
    o.hessian = FO_K(0.0);
    return o;
}

FO_INLINE FO(point) FO(hinge_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real b = -y * theta;
    (void)par;
    return FO(conjugate_value)(theta, (b >= FO_K(0.0)) & (b <= FO_K(1.0)), -b);
}

/* max(0, 1 - y z)^2, y = +-1 */
FO_INLINE FO(point) FO(squared_hinge)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real t = FO_K(1.0) - y * z;
    fo_real active = t <= FO_K(0.0) ? FO_K(0.0) : t;
    (void)par;
    o.value = active * active;
    o.gradient = FO_K(-2.0) * y * active;
    o.hessian = t > FO_K(0.0) ? FO_K(2.0) : FO_K(0.0);
    return o;
}

FO_INLINE FO(point) FO(squared_hinge_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real b = -y * theta;
    (void)par;
    return FO(conjugate_value)(theta, b >= FO_K(0.0), b * (FO_K(0.25) * b - FO_K(1.0)));
}

/* (1 - y) z + l log(1 + e^-z), l = 1 + (w - 1) y, after y has been drawn towards 1/2 by the share e; par = {w, e}.
 * 1 - y is formed from the given target, so that it keeps its digits. */
FO_INLINE FO(point) FO(logistic_weighted)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    FO(logistic_pair) parts = FO(logistic_parts)(z);
    fo_real keep = FO_K(1.0) - par[1], half = FO_K(0.5) * par[1];
    fo_real no = keep * (FO_K(1.0) - y) + half, yes = par[0] * (keep * y + half), both = no + yes;
    int above = z >= FO_K(0.0);
    o.value = (above ? no : -yes) * z + both * parts.log1p_exp;
    o.gradient = (above ? no : -yes) + both * parts.signed_minor;
    o.hessian = both * parts.minor * (FO_K(1.0) - parts.minor);
    return o;
}

FO_INLINE FO(point) FO(logistic_weighted_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real keep = FO_K(1.0) - par[1], half = FO_K(0.5) * par[1];
    fo_real no = keep * (FO_K(1.0) - y) + half, yes = par[0] * (keep * y + half), p = yes + theta, q = no - theta;
    return FO(conjugate_value)(theta, (p >= FO_K(0.0)) & (q >= FO_K(0.0)),
                               (FO(xlogx)(p) + FO(xlogx)(q)) - FO(xlogx)(no + yes));
}

/* (1 - y) t - y log(1 - e^-t), t = e^z, y in [0, 1]. With m = 1 - e^-t the part of y has the gradient
 * -t e^-t / m and the Hessian t e^-t (t - m) / m^2; t - m is a sum of squares where it would cancel. */
FO_INLINE FO(point) FO(complementary_log_log)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    const fo_real tiny = FO_SINGLE ? FO_K(0x1p-60) : FO_K(0x1p-300);
    fo_real root = FO(exp)(FO_K(0.5) * z), t = root * root; /* (1 - y) t may be a number where t is none */
    fo_real c = t > FO_K(800.0) ? FO_K(800.0) : t, u = FO_K(0.5) * c, ratio, rest, no, half, q;
    FO(decay_pair) p = FO(decay)(c);
    int small = c < FO_K(0.6), least = c < tiny;
    (void)par;
    ratio = least ? FO_K(1.0) : p.m / c;
    /* q = e^-u - 1 + u; then e^-t - 1 + t = (u - q)^2 + 2 q */
    q = u * u * (FO_K(0.5) - u * FO(exp_tail)(-(small ? u : FO_K(0.0))));
    half = u - q;
    rest = (small ? half * half + FO_K(2.0) * q : c - p.m) / p.m;
    rest = least ? u : rest;
    no = ((FO_K(1.0) - y) * root) * root;
    no = y == FO_K(1.0) ? FO_K(0.0) : no;
    q = (c < FO_K(1.0) ? -z : FO_K(0.0)) - FO(log1p)(c < FO_K(1.0) ? ratio - FO_K(1.0) : -p.e);
    o.value = no + (y == FO_K(0.0) ? FO_K(0.0) : y * q);
    q = y * (p.e / ratio);
    o.gradient = no - q;
    o.hessian = no + q * rest;
    return o;
}

/* -y log Phi(z) - (1 - y) log Phi(-z), y in [0, 1], from Mills' ratio R of x = |z|: the unlikely side has
 * the probability phi(x) R(x), the value x^2/2 + log(2 pi)/2 - log R, the slope 1/R; the likely side has
 * 1 - phi R. */
FO_INLINE FO(point) FO(probit)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    const fo_real root = FO_K(0.398942280401432677940); /* 1 / sqrt(2 pi) */
    const fo_real log_root = FO_K(0.918938533204672741780);
    fo_real x = FO(abs)(z), ratio = FO(mills)(x), density = root * FO(gauss)(x), tail = density * ratio;
    fo_real far = z < FO_K(0.0) ? y : FO_K(1.0) - y, near = z < FO_K(0.0) ? FO_K(1.0) - y : y;
    fo_real v, slope = FO_K(1.0) / ratio, likely = density / (FO_K(1.0) - tail);
    (void)par;
    v = FO_K(0.5) * x * x + (log_root - FO(log)(ratio));
    v = far == FO_K(0.0) ? FO_K(0.0) : far * v;
    o.value = v - near * FO(log1p)(-tail);
    v = far == FO_K(0.0) ? FO_K(0.0) : far * slope;
    v = v - near * likely;
    o.gradient = z < FO_K(0.0) ? -v : v;
    o.hessian = far * FO(hazard_slope)(x) + near * likely * (likely + (likely > FO_K(0.0) ? x : FO_K(0.0)));
    return o;
}

/* t = 1 - y z: 0 where t <= 0, t^2 / (2 g) up to g, then t - g/2; y = +-1, par = {g} */
FO_INLINE FO(point) FO(smoothed_hinge)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real g = par[0], t = FO_K(1.0) - y * z, active = t <= FO_K(0.0) ? FO_K(0.0) : t;
    fo_real c = active > g ? g : active, slope = c / g;
    o.value = slope * (active - FO_K(0.5) * c);
    o.gradient = -y * slope;
    o.hessian = ((t > FO_K(0.0)) & (t < g)) ? FO_K(1.0) / g : FO_K(0.0);
    return o;
}

FO_INLINE FO(point) FO(smoothed_hinge_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real b = -y * theta;
    return FO(conjugate_value)(theta, (b >= FO_K(0.0)) & (b <= FO_K(1.0)),
                               b * (FO_K(0.5) * par[0] * b - FO_K(1.0)));
}

/* 0 where y z >= 1, (1 - y z)^2 down to y z = -1, then -4 y z; y = +-1 */
FO_INLINE FO(point) FO(modified_huber)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real t = FO_K(1.0) - y * z, active = t <= FO_K(0.0) ? FO_K(0.0) : t;
    fo_real c = active > FO_K(2.0) ? FO_K(2.0) : active;
    (void)par;
    o.value = c * (active + (active - c));
    o.gradient = FO_K(-2.0) * y * c;
    o.hessian = ((t > FO_K(0.0)) & (t <= FO_K(2.0))) ? FO_K(2.0) : FO_K(0.0);
    return o;
}

FO_INLINE FO(point) FO(modified_huber_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real b = -y * theta;
    (void)par;
    return FO(conjugate_value)(theta, (b >= FO_K(0.0)) & (b <= FO_K(4.0)), b * (FO_K(0.25) * b - FO_K(1.0)));
}

/* max(0, -y z), y = +-1; the gradient at the kink is -y */
FO_INLINE FO(point) FO(perceptron)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real m = y * z, missing = m <= FO_K(0.0) ? -y : m;
    (void)par;
    o.value = m >= FO_K(0.0) ? FO_K(0.0) : -m;
    o.gradient = m > FO_K(0.0) ? FO_K(0.0) : missing;
    o.hessian = FO_K(0.0);
    return o;
}

FO_INLINE FO(point) FO(perceptron_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real b = -y * theta;
    (void)par;
    return FO(conjugate_value)(theta, (b >= FO_K(0.0)) & (b <= FO_K(1.0)), FO_K(0.0) * b);
}

/* e^(-y z), y = +-1 */
FO_INLINE FO(point) FO(exponential)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    (void)par;
    o.value = FO(exp)(-y * z);
    o.gradient = -y * o.value;
    o.hessian = o.value;
    return o;
}

FO_INLINE FO(point) FO(exponential_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real b = -y * theta;
    (void)par;
    return FO(conjugate_value)(theta, b >= FO_K(0.0), FO(xlogx)(b) - b);
}

/* -a (1 - p)^g log p of the probability p of the target, y = 0 or 1; par = {g, a of y = 1, a of y = 0} */
FO_INLINE FO(point) FO(binary_focal)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real g = par[0], s = FO_K(2.0) * y - FO_K(1.0), a = par[2] + (par[1] - par[2]) * y, u = s * z;
    FO(logistic_pair) parts = FO(logistic_parts)(u);
    fo_real p = parts.step + parts.signed_minor, q = u >= FO_K(0.0) ? parts.minor : FO_K(1.0) - parts.minor;
    fo_real minus_log = (u < FO_K(0.0) ? -u : FO_K(0.0)) + parts.log1p_exp, weight = a * FO(sigmoid_power)(-u, parts.log1p_exp, g);
    o.value = weight * minus_log;
    o.gradient = -s * weight * (g * (p * minus_log) + q);
    o.hessian = weight * p * (q * (FO_K(2.0) * g + FO_K(1.0)) - g * (minus_log * (q - g * p)));
    return o;
}

/* (1 - p^q) / q of the probability p of the target, y = 0 or 1; par = {q} */
FO_INLINE FO(point) FO(generalized_cross_entropy)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real q = par[0], s = FO_K(2.0) * y - FO_K(1.0), u = s * z;
    FO(logistic_pair) parts = FO(logistic_parts)(u);
    fo_real p = parts.step + parts.signed_minor, rest = u >= FO_K(0.0) ? parts.minor : FO_K(1.0) - parts.minor;
    fo_real minus_log = (u < FO_K(0.0) ? -u : FO_K(0.0)) + parts.log1p_exp, power = FO(sigmoid_power)(u, parts.log1p_exp, q);
    o.value = -FO(expm1)(-q * minus_log) / q;
    o.gradient = -s * power * rest;
    o.hessian = power * rest * (p - q * rest);
    return o;
}
