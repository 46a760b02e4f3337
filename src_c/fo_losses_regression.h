/* A part of fo_losses.h: squared, absolute and relative errors, quantiles, expectiles; r = z - y. */

/* r^2 */
FO_INLINE FO(point) FO(squared_error)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real r = z - y;
    (void)par;
    o.value = r * r;
    o.gradient = FO_K(2.0) * r;
    o.hessian = FO_K(2.0);
    return o;
}

FO_INLINE FO(point) FO(squared_error_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    (void)par;
    return FO(conjugate_value)(theta, 1, theta * (FO_K(0.25) * theta + y));
}

/* r^2 / 2 */
FO_INLINE FO(point) FO(half_squared_error)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real r = z - y;
    (void)par;
    o.value = FO_K(0.5) * r * r;
    o.gradient = r;
    o.hessian = FO_K(1.0);
    return o;
}

FO_INLINE FO(point) FO(half_squared_error_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    (void)par;
    return FO(conjugate_value)(theta, 1, theta * (FO_K(0.5) * theta + y));
}

/* |r|; the gradient at r = 0 is 0 */
FO_INLINE FO(point) FO(absolute_error)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real r = z - y;
    fo_real s = r > FO_K(0.0) ? FO_K(1.0) : r;
    (void)par;
    o.value = r < FO_K(0.0) ? -r : r;
    o.gradient = r < FO_K(0.0) ? FO_K(-1.0) : s;
    o.hessian = FO_K(0.0);
    return o;
}

FO_INLINE FO(point) FO(absolute_error_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    (void)par;
    return FO(conjugate_value)(theta, (theta >= FO_K(-1.0)) & (theta <= FO_K(1.0)), theta * y);
}

/* v = y - z; v >= 0: t v, else (t - 1) v; the gradient at v = 0 is -t; par = {t} */
FO_INLINE FO(point) FO(quantile)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real v = y - z, t = par[0];
    fo_real below = v < FO_K(0.0) ? FO_K(1.0) - t : v;
    fo_real slope = v >= FO_K(0.0) ? -t : below;
    o.value = -slope * v;
    o.gradient = slope;
    o.hessian = FO_K(0.0);
    return o;
}

FO_INLINE FO(point) FO(quantile_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real t = par[0];
    return FO(conjugate_value)(theta, (theta >= -t) & (theta <= FO_K(1.0) - t), theta * y);
}

/* with v = y - z and c = t where v >= 0, else 1 - t: |v| <= d: c v^2 / (2 d), else c (|v| - d/2);
 * the Hessian at |v| = d is 0; par = {t, d} */
FO_INLINE FO(point) FO(smoothed_quantile)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real r = z - y, t = par[0], d = par[1], c = r > FO_K(0.0) ? FO_K(1.0) - t : t;
    fo_real upper = r > d ? d : r;
    fo_real u = r < -d ? -d : upper;
    o.gradient = c * (u / d);
    o.value = o.gradient * (r - FO_K(0.5) * u);
    o.hessian = ((r < d) & (r > -d)) ? c / d : FO_K(0.0);
    return o;
}

FO_INLINE FO(point) FO(smoothed_quantile_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real t = par[0], d = par[1], c = theta > FO_K(0.0) ? FO_K(1.0) - t : t;
    return FO(conjugate_value)(theta, (theta >= -t) & (theta <= FO_K(1.0) - t),
                               theta * (FO_K(0.5) * d * (theta / c) + y));
}

/* c r^2, c = 1 - t where r > 0, else t; par = {t} */
FO_INLINE FO(point) FO(expectile)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real r = z - y, t = par[0], c = r > FO_K(0.0) ? FO_K(1.0) - t : t;
    o.value = c * r * r;
    o.hessian = FO_K(2.0) * c;
    o.gradient = o.hessian * r;
    return o;
}

FO_INLINE FO(point) FO(expectile_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real t = par[0], c = theta > FO_K(0.0) ? FO_K(1.0) - t : t;
    return FO(conjugate_value)(theta, 1, theta * (FO_K(0.25) * (theta / c) + y));
}

/* max(0, |r| - e); the gradient at the kinks is 0; par = {e} */
FO_INLINE FO(point) FO(epsilon_insensitive)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real r = z - y, t = FO(abs)(r) - par[0];
    fo_real slope = t > FO_K(0.0) ? FO(with_sign)(FO_K(1.0), r) : t;
    o.value = t <= FO_K(0.0) ? FO_K(0.0) : t;
    o.gradient = t <= FO_K(0.0) ? FO_K(0.0) : slope;
    o.hessian = FO_K(0.0);
    return o;
}

FO_INLINE FO(point) FO(epsilon_insensitive_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    return FO(conjugate_value)(theta, (theta >= FO_K(-1.0)) & (theta <= FO_K(1.0)),
                               theta * y + par[0] * FO(abs)(theta));
}

/* max(0, |r| - e)^2; par = {e} */
FO_INLINE FO(point) FO(squared_epsilon_insensitive)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real r = z - y, t = FO(abs)(r) - par[0];
    fo_real active = t <= FO_K(0.0) ? FO_K(0.0) : t;
    o.value = active * active;
    o.gradient = FO_K(2.0) * FO(with_sign)(active, r);
    o.hessian = t > FO_K(0.0) ? FO_K(2.0) : FO_K(0.0);
    return o;
}

FO_INLINE FO(point) FO(squared_epsilon_insensitive_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    return FO(conjugate_value)(theta, 1, theta * (FO_K(0.25) * theta + y) + par[0] * FO(abs)(theta));
}

/* D^2, D = log((1 + z) / (1 + y)), y > -1; infinite where z <= -1. Near z = y by the difference, which keeps
 * its digits, elsewhere by the quotient. */
FO_INLINE FO(point) FO(mean_squared_logarithmic_error)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real p = FO_K(1.0) + z, q = FO_K(1.0) + y, ratio = p / q, d;
    int near = (ratio > FO_K(0.5)) & (ratio < FO_K(2.0));
    (void)par;
    d = near ? FO(log1p)((z - y) / q) : FO(log)(ratio);
    o.value = p <= FO_K(0.0) ? (fo_real)INFINITY : d * d;
    o.gradient = FO_K(2.0) * d / p;
    o.hessian = FO_K(2.0) * (FO_K(1.0) - d) / p / p;
    return o;
}

/* 100 |r| / max(|y|, e); the gradient at r = 0 is 0; par = {e} */
FO_INLINE FO(point) FO(mean_absolute_percentage_error)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real r = z - y, e = par[0], size = FO(abs)(y), scale = FO_K(100.0) / (size > e ? size : e);
    fo_real s = r > FO_K(0.0) ? scale : r;
    o.value = scale * FO(abs)(r);
    o.gradient = r < FO_K(0.0) ? -scale : s;
    o.hessian = FO_K(0.0);
    return o;
}

FO_INLINE FO(point) FO(mean_absolute_percentage_error_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    fo_real size = FO(abs)(y), scale = FO_K(100.0) / (size > par[0] ? size : par[0]);
    return FO(conjugate_value)(theta, (theta >= -scale) & (theta <= scale), theta * y);
}

/* The loss with a constant that is at least its curvature in place of the Hessian: 1. */
FO_INLINE FO(point) FO(absolute_error_bound)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o = FO(absolute_error)(y, z, par);
    o.hessian = FO_K(1.0);
    return o;
}

FO_INLINE FO(point) FO(quantile_bound)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o = FO(quantile)(y, z, par);
    o.hessian = FO_K(1.0);
    return o;
}
