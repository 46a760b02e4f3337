/* Penalties on coefficients: four functions for each, of one coefficient.
 *
 * Parameter: FO_SINGLE (fo_real.h).
 *
 *     name_value            phi(x), infinite where x is not allowed
 *     name_prox             argmin_x (x - v)^2 / (2 step) + phi(x)
 *     name_subdifferential  the slopes at x: an interval, empty (low > high) where x is not allowed
 *     name_conjugate        max_x v x - phi(x)
 *
 * The parameters of the coefficient come in a struct; a function reads the fields its comment names.
 * Distances and support follow from the interval. All are branch-free and call no libm, so that the
 * loops over them vectorise.
 *
 * Numerics. The soft threshold is v - clip(v), one rounding, and 0 where |v| <= t. Quotients stay quotients: a
 * reciprocal of 1 + step l2 would be a second rounding. NaN in, NaN out.
 */
#include "fo_real.h"

#if (FO_SINGLE && !defined(FO_PENALTIES_F32)) || (!FO_SINGLE && !defined(FO_PENALTIES_F64))
#if FO_SINGLE
#define FO_PENALTIES_F32
#else
#define FO_PENALTIES_F64
#endif

/* phi(x) = l1 |x| + l2 x^2 / 2 for low <= x <= high, infinite elsewhere */
typedef struct {
    fo_real l1, l2, low, high;
} FO(penalty);

typedef struct {
    fo_real low, high;
} FO(interval);

/* infinity where `outside`, else 0; NaN where x is */
FO_INLINE fo_real FO(indicator)(int outside, fo_real x)
{
    fo_real inside = x == x ? FO_K(0.0) : x;
    return outside ? (fo_real)INFINITY : inside;
}

FO_INLINE fo_real FO(clip)(fo_real x, fo_real low, fo_real high)
{
    fo_real upper = x > high ? high : x;
    return x < low ? low : upper;
}

FO_INLINE fo_real FO(soft_threshold)(fo_real v, fo_real t) { return v - FO(clip)(v, -t, t); }

/* max_x s x - l2 x^2 / 2 */
FO_INLINE fo_real FO(half_square_over)(fo_real s, fo_real l2)
{
    fo_real r = s * (FO_K(0.5) * s / l2);
    return s == 0 ? FO_K(0.0) : r;
}

/* factor times a power of x; 0 where the factor is, also for an infinite x */
FO_INLINE fo_real FO(times)(fo_real factor, fo_real x, fo_real product)
{
    return ((factor == 0) & (x == x)) ? FO_K(0.0) : product;
}

/* Distance of the slope s from the subdifferential at x. */
FO_INLINE fo_real FO(distance)(FO(interval) slopes, fo_real s, fo_real x)
{
    fo_real below = slopes.low - s, above = s - slopes.high, d;
    below = below > 0 ? below : FO_K(0.0);
    d = above > 0 ? above : below;
    return ((s == s) & (x == x)) ? d : s + x;
}

/* l1 |x| */
FO_INLINE fo_real FO(l1_value)(fo_real x, const FO(penalty) *p)
{
    return FO(times)(p->l1, x, p->l1 * (x < 0 ? -x : x));
}

FO_INLINE fo_real FO(l1_prox)(fo_real v, fo_real step, const FO(penalty) *p)
{
    return FO(soft_threshold)(v, step * p->l1);
}

FO_INLINE FO(interval) FO(l1_subdifferential)(fo_real x, const FO(penalty) *p)
{
    FO(interval) o;
    o.low = x > 0 ? p->l1 : -p->l1;
    o.high = x < 0 ? -p->l1 : p->l1;
    return o;
}

FO_INLINE fo_real FO(l1_conjugate)(fo_real v, const FO(penalty) *p)
{
    return FO(indicator)((v > p->l1) | (v < -p->l1), v);
}

/* l2 x^2 / 2 */
FO_INLINE fo_real FO(l2_value)(fo_real x, const FO(penalty) *p)
{
    return FO(times)(p->l2, x, FO_K(0.5) * p->l2 * x * x);
}

FO_INLINE fo_real FO(l2_prox)(fo_real v, fo_real step, const FO(penalty) *p)
{
    return v / (FO_K(1.0) + step * p->l2);
}

FO_INLINE FO(interval) FO(l2_subdifferential)(fo_real x, const FO(penalty) *p)
{
    FO(interval) o;
    o.low = o.high = FO(times)(p->l2, x, p->l2 * x);
    return o;
}

FO_INLINE fo_real FO(l2_conjugate)(fo_real v, const FO(penalty) *p) { return FO(half_square_over)(v, p->l2); }

/* l1 |x| + l2 x^2 / 2 */
FO_INLINE fo_real FO(elastic_net_value)(fo_real x, const FO(penalty) *p)
{
    return FO(l1_value)(x, p) + FO(l2_value)(x, p);
}

FO_INLINE fo_real FO(elastic_net_prox)(fo_real v, fo_real step, const FO(penalty) *p)
{
    return FO(soft_threshold)(v, step * p->l1) / (FO_K(1.0) + step * p->l2);
}

FO_INLINE FO(interval) FO(elastic_net_subdifferential)(fo_real x, const FO(penalty) *p)
{
    FO(interval) o = FO(l1_subdifferential)(x, p);
    fo_real slope = FO(times)(p->l2, x, p->l2 * x);
    o.low += slope;
    o.high += slope;
    return o;
}

FO_INLINE fo_real FO(elastic_net_conjugate)(fo_real v, const FO(penalty) *p)
{
    return FO(half_square_over)(FO(soft_threshold)(v, p->l1), p->l2);
}

/* 0 for low <= x <= high, else infinite */
FO_INLINE fo_real FO(box_value)(fo_real x, const FO(penalty) *p)
{
    return FO(indicator)((x < p->low) | (x > p->high), x);
}

FO_INLINE fo_real FO(box_prox)(fo_real v, fo_real step, const FO(penalty) *p)
{
    (void)step;
    return FO(clip)(v, p->low, p->high);
}

FO_INLINE FO(interval) FO(box_subdifferential)(fo_real x, const FO(penalty) *p)
{
    FO(interval) o;
    o.low = x > p->low ? FO_K(0.0) : (fo_real)-INFINITY;
    o.high = x < p->high ? FO_K(0.0) : (fo_real)INFINITY;
    o.low = ((x < p->low) | (x > p->high)) ? (fo_real)INFINITY : o.low;
    o.high = ((x < p->low) | (x > p->high)) ? (fo_real)-INFINITY : o.high;
    return o;
}

/* The larger of v low and v high; 0 for v = 0 whatever the limits. */
FO_INLINE fo_real FO(box_conjugate)(fo_real v, const FO(penalty) *p)
{
    fo_real right = v * p->high, left = v * p->low;
    fo_real r = v > 0 ? right : v;
    return v < 0 ? left : r;
}

/* 0 for x >= 0, else infinite */
FO_INLINE fo_real FO(nonnegative_value)(fo_real x, const FO(penalty) *p)
{
    (void)p;
    return FO(indicator)(x < 0, x);
}

FO_INLINE fo_real FO(nonnegative_prox)(fo_real v, fo_real step, const FO(penalty) *p)
{
    (void)step;
    (void)p;
    return v < 0 ? FO_K(0.0) : v;
}

FO_INLINE FO(interval) FO(nonnegative_subdifferential)(fo_real x, const FO(penalty) *p)
{
    FO(interval) o;
    (void)p;
    o.low = x > 0 ? FO_K(0.0) : (fo_real)-INFINITY;
    o.low = x < 0 ? (fo_real)INFINITY : o.low;
    o.high = x < 0 ? (fo_real)-INFINITY : FO_K(0.0);
    return o;
}

FO_INLINE fo_real FO(nonnegative_conjugate)(fo_real v, const FO(penalty) *p)
{
    (void)p;
    return FO(indicator)(v > 0, v);
}

/* l1 |x| + l2 x^2 / 2 for low <= x <= high, else infinite: the sums. In one dimension the minimiser over an interval is
 * the clipped minimiser. */
FO_INLINE fo_real FO(sum_value)(fo_real x, const FO(penalty) *p)
{
    return FO(elastic_net_value)(x, p) + FO(box_value)(x, p);
}

FO_INLINE fo_real FO(sum_prox)(fo_real v, fo_real step, const FO(penalty) *p)
{
    return FO(clip)(FO(elastic_net_prox)(v, step, p), p->low, p->high);
}

FO_INLINE FO(interval) FO(sum_subdifferential)(fo_real x, const FO(penalty) *p)
{
    FO(interval) o = FO(elastic_net_subdifferential)(x, p), cone = FO(box_subdifferential)(x, p);
    o.low += cone.low;
    o.high += cone.high;
    return o;
}

/* Inside the limits the conjugate of the elastic net, else what the nearer limit gives. */
FO_INLINE fo_real FO(sum_conjugate)(fo_real v, const FO(penalty) *p)
{
    fo_real s = FO(soft_threshold)(v, p->l1), unbounded = s == 0 ? FO_K(0.0) : s / p->l2;
    fo_real x = FO(clip)(unbounded, p->low, p->high);
    fo_real slope = x > 0 ? v - p->l1 : v + p->l1;
    fo_real limited = x * (slope - FO_K(0.5) * p->l2 * x);
    return x == unbounded ? FO(half_square_over)(s, p->l2) : limited;
}
#endif
