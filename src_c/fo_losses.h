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
#define fo_smallest 0x1p-149f
#define fo_sqrt sqrtf
#else
#define FO_LOSSES_F64
#define fo_largest DBL_MAX
#define fo_smallest 0x1p-1074
#define fo_sqrt sqrt
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

/* The loss with a constant that is at least its curvature in place of the Hessian: 1. */
FO_INLINE FO(point) FO(absolute_error_bound)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o = FO(absolute_error)(y, z, par);
    o.hessian = FO_K(1.0);
    return o;
}

FO_INLINE FO(point) FO(huber_bound)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o = FO(huber)(y, z, par);
    o.hessian = FO_K(1.0);
    return o;
}

FO_INLINE FO(point) FO(quantile_bound)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o = FO(quantile)(y, z, par);
    o.hessian = FO_K(1.0);
    return o;
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
    FO_DOMAIN_POSITIVE = 4,    /* (0, inf) */
    FO_DOMAIN_ABOVE = 5,       /* (-1, inf) */
    FO_DOMAIN_BINARY = 6,      /* 0 or 1 */
    FO_DOMAIN_RUNTIME = 7,     /* par[2] = -1: any finite number; 0: [0, inf), and (0, inf) where par[3] = 1 */
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

/* Whether u, the bits of a number, are outside (0, inf), sign included. */
FO_INLINE FO(flag) FO(outside_positive)(fo_word u)
{
    return (FO(flag))((u - 1) | (FO(to_bits)((fo_real)fo_largest) - u));
}

/* FO_BAD_* (fo_job.h) of what was ored for targets, weights and raw predictions */
FO_INLINE int64_t FO(status)(FO(flag) target, FO(flag) weight, FO(flag) raw)
{
    return (target < 0 ? 1 : 0) | (weight < 0 ? 2 : 0) | (raw < 0 ? 4 : 0);
}

FO_INLINE FO(flag) FO(bad_target)(int domain, fo_real y, const fo_real *par)
{
    fo_word magnitude = FO(to_bits)(FO(abs)(y)), u = FO(to_bits)(y + FO_K(0.0)); /* -0 is 0 */
    if ((domain & 15) == FO_DOMAIN_UNIT)
        return FO(outside)(u, FO_K(1.0));
    if ((domain & 15) == FO_DOMAIN_SIGN)
        return FO(outside)(magnitude - FO(to_bits)(FO_K(1.0)), FO_K(0.0));
    if ((domain & 15) == FO_DOMAIN_NONNEGATIVE)
        return FO(outside)(u, (fo_real)fo_largest);
    if ((domain & 15) == FO_DOMAIN_POSITIVE)
        return FO(outside_positive)(FO(to_bits)(y));
    if ((domain & 15) == FO_DOMAIN_ABOVE)
        return FO(outside_positive)(FO(to_bits)(y + FO_K(1.0)));
    if ((domain & 15) == FO_DOMAIN_BINARY)
        return FO(outside)(FO(to_bits)(FO(abs)(y * (FO_K(1.0) - y))), FO_K(0.0));
    if ((domain & 15) == FO_DOMAIN_RUNTIME) { /* halves: the difference of two numbers may overflow */
        fo_real low = FO_K(0.5) * (fo_real)fo_largest * par[2] + (fo_real)fo_smallest * par[3];
        return FO(outside)(FO(to_bits)((FO_K(0.5) * y - low) + FO_K(0.0)), (fo_real)fo_largest);
    }
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
#undef fo_smallest
#undef fo_sqrt
#undef fo_far
#endif
