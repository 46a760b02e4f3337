/* Pointwise losses: one function for each loss, of one target and one raw prediction, and its
 * convex conjugate f*(theta) = sup_z (theta z - f(z)) for the same target.
 *
 * Parameter: FO_SINGLE (fo_real.h).
 *
 * A function returns value, gradient and curvature with respect to the raw prediction (a
 * conjugate: its value); where the caller ignores one, inlining removes it. Functions are
 * branch-free (ternaries on values already computed), call no libm and take no decision on data
 * that the compiler could not turn into a blend, so that the loops over them vectorise.
 * Comparisons are written so that a NaN in the raw prediction reaches value and gradient.
 */
#include "fo_real.h"
#include "fo_math.h"

#if (FO_SINGLE && !defined(FO_LOSSES_F32)) || (!FO_SINGLE && !defined(FO_LOSSES_F64))
#if FO_SINGLE
#define FO_LOSSES_F32
#define fo_largest FLT_MAX
#else
#define FO_LOSSES_F64
#define fo_largest DBL_MAX
#endif
#include <float.h>

typedef struct {
    fo_real value, gradient, hessian;
} FO(point);

/* Arrays that no other array of a loop overlaps. */
typedef const fo_real *FO_RESTRICT FO(input);
typedef fo_real *FO_RESTRICT FO(output);

/* A conjugate's value alone; +inf where it is outside its domain, NaN where theta is NaN. */
FO_INLINE FO(point) FO(conjugate_value)(fo_real theta, int inside, fo_real value)
{
    FO(point) o;
    fo_real outside = theta != theta ? theta : (fo_real)INFINITY;
    o.value = inside ? value : outside;
    o.gradient = FO_K(0.0);
    o.hessian = FO_K(0.0);
    return o;
}

/* u log u, 0 at 0 */
FO_INLINE fo_real FO(xlogx)(fo_real u)
{
    fo_real positive = u > FO_K(0.0) ? u : FO_K(1.0);
    return positive * FO(log)(positive);
}

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

/* No closed form is offered: NaN. */
FO_INLINE FO(point) FO(no_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    FO(point) o = {(fo_real)NAN, (fo_real)NAN, (fo_real)NAN};
    (void)y;
    (void)theta;
    (void)par;
    return o;
}

/* What a target or a raw prediction may be. */
#ifndef FO_DOMAINS
#define FO_DOMAINS
enum {
    FO_DOMAIN_FINITE = 0,      /* any finite number */
    FO_DOMAIN_UNIT = 1,        /* [0, 1] */
    FO_DOMAIN_SIGN = 2,        /* -1 or +1 */
    FO_DOMAIN_NONNEGATIVE = 3, /* [0, inf) */
    FO_DOMAIN_RAW_UNIT = 16    /* or-ed: the raw prediction is in [0, 1] or NaN */
};
#endif

/* Flags are integers of the element's width whose sign bit counts; a loop ors them and takes the
 * status word from the result. They are found without comparisons: SSE2 can blend no 64-bit integers
 * by a comparison, and the whole loop would be scalar in double. Bits of nonnegative numbers are in
 * the order of the numbers, NaN above all, so that a difference of bits has a sign. */
#if FO_SINGLE
typedef int32_t FO(flag);
#else
typedef int64_t FO(flag);
#endif

/* Whether u, the bits of a number, are outside [0, bits of most], sign included. */
FO_INLINE FO(flag) FO(outside)(fo_word u, fo_real most)
{
    return (FO(flag))(u | (FO(to_bits)(most) - u));
}

/* FO_BAD_* (fo_job.h) of what was ored for targets, weights and raw predictions */
FO_INLINE int64_t FO(status)(FO(flag) target, FO(flag) weight, FO(flag) raw)
{
    return (target < 0 ? 1 : 0) | (weight < 0 ? 2 : 0) | (raw < 0 ? 4 : 0);
}

FO_INLINE FO(flag) FO(bad_target)(int domain, fo_real y)
{
    fo_word magnitude = FO(to_bits)(FO(abs)(y)), u = FO(to_bits)(y + FO_K(0.0)); /* -0 is 0 */
    if ((domain & 15) == FO_DOMAIN_UNIT)
        return FO(outside)(u, FO_K(1.0));
    if ((domain & 15) == FO_DOMAIN_SIGN)
        return FO(outside)(magnitude - FO(to_bits)(FO_K(1.0)), FO_K(0.0));
    if ((domain & 15) == FO_DOMAIN_NONNEGATIVE)
        return FO(outside)(u, (fo_real)fo_largest);
    return FO(outside)(magnitude, (fo_real)fo_largest);
}

/* NaN is not an error: it reaches value and gradient. */
FO_INLINE FO(flag) FO(bad_raw)(int domain, fo_real z)
{
    fo_word magnitude = FO(to_bits)(FO(abs)(z)), u = FO(to_bits)(z + FO_K(0.0));
    FO(flag) missing = FO(outside)(magnitude, (fo_real)INFINITY);
    return domain & FO_DOMAIN_RAW_UNIT ? FO(outside)(u, FO_K(1.0)) & ~missing : 0;
}

FO_INLINE FO(flag) FO(bad_weight)(fo_real w)
{
    return FO(outside)(FO(to_bits)(w + FO_K(0.0)), (fo_real)fo_largest);
}
#undef fo_largest
#endif
