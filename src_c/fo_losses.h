/* Pointwise losses: one function for each loss, of one target and one raw prediction.
 *
 * Parameter: FO_SINGLE (fo_real.h).
 *
 * A function returns value, gradient and curvature with respect to the raw prediction; where the
 * caller ignores one, inlining removes it. Functions are branch-free (ternaries on values already
 * computed), call no libm and take no decision on data that the compiler could not turn into a
 * blend, so that the loops over them vectorise.
 */
#include "fo_real.h"
#include "fo_math.h"

#if (FO_SINGLE && !defined(FO_LOSSES_F32)) || (!FO_SINGLE && !defined(FO_LOSSES_F64))
#if FO_SINGLE
#define FO_LOSSES_F32
#else
#define FO_LOSSES_F64
#endif

typedef struct {
    fo_real value, gradient, hessian;
} FO(point);

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

/* |r| <= d: r^2/2, else d (|r| - d/2); par = {d} */
FO_INLINE FO(point) FO(huber)(fo_real y, fo_real z, const fo_real *par)
{
    FO(point) o;
    fo_real r = z - y, d = par[0];
    fo_real c = r < -d ? -d : (r > d ? d : r);
    o.value = c * (r - FO_K(0.5) * c);
    o.gradient = c;
    o.hessian = (r <= d) & (r >= -d) ? FO_K(1.0) : FO_K(0.0);
    return o;
}
#endif
