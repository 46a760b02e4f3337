/* Measures of a step: what update rules that depend on sums over arrays compute before they update, of one element.
 *
 * Parameter: FO_SINGLE (fo_real.h).
 *
 * Where the length of a step depends on norms or inner products of all its elements (LAMB, Prodigy, Polyak's step), a
 * step has two halves. A measure takes the element's parameter and slots, its gradient and the step's scalars; it
 * returns the new slots and up to three terms, which are added up over the array. From the sums Python computes, in
 * float64, the scalars with which a rule of fo_updates.h makes the step. Measures leave the parameter as it is.
 */
#include "fo_real.h"
#include "fo_updates.h"

#if (FO_SINGLE && !defined(FO_MEASURES_F32)) || (!FO_SINGLE && !defined(FO_MEASURES_F64))
#if FO_SINGLE
#define FO_MEASURES_F32
#else
#define FO_MEASURES_F64
#endif

#ifndef FO_MEASURES_H
#define FO_MEASURES_H
enum { FO_TERMS = 3 };
#endif

typedef struct {
    FO(element) e;
    fo_real p, q, r; /* terms; a measure that has fewer leaves the others 0 */
} FO(measured);

#if FO_SINGLE
#define FO_ABS(x) fabsf(x)
#else
#define FO_ABS(x) fabs(x)
#endif

FO_INLINE FO(measured) FO(terms)(FO(element) e, fo_real p, fo_real q, fo_real r)
{
    FO(measured) m;
    m.e = e;
    m.p = p;
    m.q = q;
    m.r = r;
    return m;
}

/* h^2 */
FO_INLINE FO(measured) FO(measure_gradient)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    (void)s;
    return FO(terms)(e, h * h, FO_K(0.0), FO_K(0.0));
}

/* (w - a)^2, h^2 */
FO_INLINE FO(measured) FO(measure_distance)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    fo_real far = e.w - e.a;
    (void)s;
    return FO(terms)(e, far * far, h * h, FO_K(0.0));
}

/* with x = w - a, y = h - b: x^2, x y, y^2; a = w; b = h */
FO_INLINE FO(measured) FO(measure_differences)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    fo_real x = e.w - e.a, y = h - e.b;
    (void)s;
    e.a = e.w;
    e.b = h;
    return FO(terms)(e, x * x, x * y, y * y);
}

/* a, b as adam; w^2, u^2 with the step u = gain3 a / (sqrt(b) + eps) + beta w of the rule moments */
FO_INLINE FO(measured) FO(measure_moments)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    fo_real u;
    e.a = s->keep1 * e.a + s->gain1 * h;
    e.b = s->keep2 * e.b + s->gain2 * h * h;
    u = s->gain3 * e.a / FO(root_second)(&e, s) + s->beta * e.w;
    return FO(terms)(e, e.w * e.w, u * u, FO_K(0.0));
}

/* a, b as adam; c = keep3 c + gain3 h; h (d - w), |c| */
FO_INLINE FO(measured) FO(measure_prodigy)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    e.a = s->keep1 * e.a + s->gain1 * h;
    e.b = s->keep2 * e.b + s->gain2 * h * h;
    e.c = s->keep3 * e.c + s->gain3 * h;
    return FO(terms)(e, h * (e.d - e.w), FO_ABS(e.c), FO_K(0.0));
}

/* a = keep1 a + gain1 (h^2 + eps); w^2, u^2 with the step u = h / sqrt(max(a, eps_root)) of the rule scaled */
FO_INLINE FO(measured) FO(measure_scaled)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    fo_real v;
    e.a = s->keep1 * e.a + s->gain1 * (h * h + s->eps);
    v = e.a < s->eps_root ? s->eps_root : e.a;
    return FO(terms)(e, e.w * e.w, h * h / v, FO_K(0.0));
}
#undef FO_ABS
#endif
