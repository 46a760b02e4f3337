/* A part of fo_losses.h: negative log-likelihoods of generalized linear models. */

/* e^z - y z */
FO_INLINE FO(point) FO(poisson)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real mean = FO(exp)(z);
    (void)par;
    /* y z may overflow with the mean, and inf - inf is not the limit */
    o.value = mean <= (fo_real)fo_largest ? mean - y * z : mean;
    o.gradient = mean - y;
    o.hessian = mean;
    return o;
}

FO_INLINE FO(point) FO(poisson_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real u = y + theta;
    (void)par;
    return FO(conjugate_value)(theta, u >= FO_K(0.0), FO(xlogx)(u) - u);
}

/* z - y log(z + e), z + e >= 0; par = {e} */
FO_INLINE FO(point) FO(poisson_identity)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real mean = z + par[0], log_mean = FO(log)(mean), one = z != z ? z : FO_K(1.0);
    int none = y == FO_K(0.0), outside = mean < FO_K(0.0);
    o.value = z - (none ? FO_K(0.0) : y * log_mean);
    o.value = outside ? (fo_real)INFINITY : o.value;
    o.gradient = none ? one : (mean - y) / mean;
    o.gradient = outside ? (fo_real)NAN : o.gradient;
    o.hessian = none ? FO_K(0.0) : y / mean / mean;
    o.hessian = outside ? (fo_real)NAN : o.hessian;
    return o;
}

/* y log y - y - y log(1 - t) + e (1 - t), t <= 1 */
FO_INLINE FO(point) FO(poisson_identity_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real rest = FO_K(1.0) - theta, log_rest = FO(log)(rest);
    log_rest = y == FO_K(0.0) ? FO_K(0.0) : y * log_rest;
    return FO(conjugate_value)(theta, rest >= FO_K(0.0), (FO(xlogx)(y) - y) - log_rest + par[0] * rest);
}

/* z + y e^-z, y > 0, from e^(-z/2): y e^-z may be a number where e^-z is none */
FO_INLINE FO(point) FO(gamma)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real root = FO(exp)(FO_K(-0.5) * z), t = (y * root) * root;
    (void)par;
    o.value = z + t;
    o.gradient = FO_K(1.0) - t;
    o.hessian = t;
    return o;
}

FO_INLINE FO(point) FO(gamma_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real u = FO_K(1.0) - theta;
    (void)par;
    return FO(conjugate_value)(theta, u >= FO_K(0.0), FO(xlogx)(u) - u * (FO(log)(y) + FO_K(1.0)));
}

/* e^((2-p) z) / (2-p) - y e^((1-p) z) / (1-p), p not 1 nor 2; par = {p}. Where both terms overflow, the
 * sign of z says which one is larger. */
FO_INLINE FO(point) FO(tweedie)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real p = par[0], a = FO_K(2.0) - p, b = FO_K(1.0) - p;
    fo_real first = FO(exp_product)(a, z), root = FO(exp_product)(FO_K(0.5) * b, z);
    fo_real second = y == FO_K(0.0) ? FO_K(0.0) : (y * root) * root;
    fo_real part = y == FO_K(0.0) ? FO_K(0.0) : (y / b * root) * root; /* may be a number where second is none */
    fo_real size = FO(abs)(second), smaller = first < size ? first : size;
    fo_real left = z < FO_K(0.0) ? smaller : FO_K(0.0), right = z > FO_K(0.0) ? smaller : FO_K(0.0);
    first = left > (fo_real)fo_largest ? FO_K(0.0) : first;
    second = right > (fo_real)fo_largest ? FO_K(0.0) : second;
    part = right > (fo_real)fo_largest ? FO_K(0.0) : part;
    o.value = first / a - part;
    o.gradient = first - second;
    o.hessian = a * first - b * second;
    return o;
}

/* z^(2-p) / (2-p) - y z^(1-p) / (1-p), for p = 2 log z + y / z, z > 0; par = {p, p = 2 ? 1 : 0} */
FO_INLINE FO(point) FO(tweedie_identity)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real p = par[0], two = par[1], b = FO_K(1.0) - p;
    fo_real a = (FO_K(1.0) - two) / ((FO_K(2.0) - p) + two); /* 0 for p = 2 */
    fo_real c = FO(power)(z, FO_K(0.5) * b), d = c / (fo_real)fo_sqrt(z);
    o.value = (c * (a * z - y / b)) * c + two * FO(log)(z);
    o.value = z <= FO_K(0.0) ? (fo_real)INFINITY : o.value;
    o.gradient = (d * (z - y)) * d;
    o.hessian = b * d * d + (p * (d * y) / z) * d;
    return o;
}

/* y e^-2z / 2 - e^-z, y > 0 */
FO_INLINE FO(point) FO(inverse_gaussian)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real e = FO(exp)(-z), t = y * e;
    (void)par;
    o.value = e * (FO_K(0.5) * t - FO_K(1.0));
    o.gradient = e * (FO_K(1.0) - t);
    o.hessian = e * (FO_K(2.0) * t - FO_K(1.0));
    return o;
}

/* (y + 1/h) log(1 + h e^z) - y z; par = {h}. With t = z + log h the terms in y t are left out where t > 0. */
FO_INLINE FO(point) FO(negative_binomial)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real h = par[0], log_h = FO(log)(h), t = z + log_h, a = y + FO_K(1.0) / h, e, minor;
    int below = t < FO_K(0.0);
    e = FO(exp)(below ? z : -z);
    e = below ? h * e : e / h;
    e = e > FO_K(1.0) ? FO_K(1.0) : e;
    minor = e / (FO_K(1.0) + e);
    o.value = (below ? -y * z : y * log_h + t / h) + a * FO(log1p_unit)(e);
    o.gradient = below ? a * minor - y : FO_K(1.0) / h - a * minor;
    o.hessian = a * minor * (FO_K(1.0) - minor);
    return o;
}

FO_INLINE FO(point) FO(negative_binomial_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real h = par[0], a = y + FO_K(1.0) / h, s = y + theta, rest = FO_K(1.0) / h - theta;
    return FO(conjugate_value)(theta, (s >= FO_K(0.0)) & (rest >= FO_K(0.0)),
                               (FO(xlogx)(s) - FO(xlogx)(a)) + FO(xlogx)(rest) - s * FO(log)(h));
}

/* The loss with the Hessian's expectation over targets of the mean e^z. Gamma: 1 */
FO_INLINE FO(point) FO(gamma_fisher)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o = FO(gamma)(y, z, par);
    o.hessian = FO_K(1.0);
    return o;
}

/* e^((2-p) z) */
FO_INLINE FO(point) FO(tweedie_fisher)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o = FO(tweedie)(y, z, par);
    o.hessian = FO(exp_product)(FO_K(2.0) - par[0], z);
    return o;
}

/* e^-z */
FO_INLINE FO(point) FO(inverse_gaussian_fisher)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o = FO(inverse_gaussian)(y, z, par);
    o.hessian = FO(exp)(-z);
    return o;
}

/* e^z / (1 + h e^z), from e^-|t| of t = z + log h as above */
FO_INLINE FO(point) FO(negative_binomial_fisher)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o = FO(negative_binomial)(y, z, par);
    fo_real h = par[0];
    int below = z + FO(log)(h) < FO_K(0.0);
    fo_real e = FO(exp)(below ? z : -z);
    o.hessian = below ? e / (FO_K(1.0) + h * e) : FO_K(1.0) / (h + e);
    return o;
}
