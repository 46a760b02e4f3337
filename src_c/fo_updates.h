/* Update rules of first-order optimizers: one function for each rule, of one element.
 *
 * Parameter: FO_SINGLE (fo_real.h).
 *
 * A rule takes the element's parameter and slots (the optimizer's memory), its gradient and the
 * step's scalars, and returns the new parameter and slots. The scalars carry everything that is
 * the same for all elements of a step (schedules, bias corrections, the convention of the
 * framework that is followed); Python computes them in float64. Rules are branch-free and call no
 * libm, so that the loops over them vectorise; sqrt and the division are single instructions.
 *
 * Numerics. A decoupled decay is subtracted as decay * w, not applied as a factor 1 - decay, whose
 * rounding in float would be a relative error of up to 6e-8 / decay of the decay itself. The bias
 * corrections of Adam are folded into alpha and eps: with q = sqrt(1 - beta2^t),
 *     lr / (1 - beta1^t) * m / (sqrt(v) / q + eps) = (lr q / (1 - beta1^t)) * m / (sqrt(v) + eps q).
 */
#include "fo_real.h"

#if (FO_SINGLE && !defined(FO_UPDATES_F32)) || (!FO_SINGLE && !defined(FO_UPDATES_F64))
#if FO_SINGLE
#define FO_UPDATES_F32
#else
#define FO_UPDATES_F64
#endif

#ifndef FO_UPDATES_H
#define FO_UPDATES_H
/* The scalars of a step: a row of FO_SCALARS doubles, in the order of the fields of the struct
 * below. A rule reads the fields its comment names. */
enum { FO_SCALARS = 11, FO_SLOTS = 3 };
#endif

typedef struct {
    fo_real sign;   /* 1 to minimise, -1 to maximise */
    fo_real l2;     /* weight of w in the gradient: h = sign g + l2 w */
    fo_real decay;  /* decoupled: w -= decay w */
    fo_real alpha;  /* step */
    fo_real beta;   /* second step, of h (nesterov) */
    fo_real keep1, gain1; /* first slot: a = keep1 a + gain1 h */
    fo_real keep2, gain2; /* second slot: b = keep2 b + gain2 h^2 */
    fo_real eps;
    fo_real lift;   /* factor of b in the running maximum (amsgrad) */
} FO(scalars);

/* One element: the parameter and its slots. */
typedef struct {
    fo_real w, a, b, c;
} FO(element);

/* What a block function updates: elements lo..hi-1 of contiguous arrays of one shape. Slots that
 * the rule lacks are not read and may be NULL; the gradient may not overlap the others. */
typedef struct {
    fo_real *w;
    const fo_real *g;
    fo_real *a, *b, *c;
    const double *scalars; /* FO_SCALARS of them */
} FO(update);

/* Names for the pointers of a loop whose arrays are distinct. */
typedef fo_real *FO_RESTRICT FO(out);
typedef const fo_real *FO_RESTRICT FO(in);

FO_INLINE FO(scalars) FO(read_scalars)(const double *p)
{
    FO(scalars) s;
    s.sign = (fo_real)p[0];
    s.l2 = (fo_real)p[1];
    s.decay = (fo_real)p[2];
    s.alpha = (fo_real)p[3];
    s.beta = (fo_real)p[4];
    s.keep1 = (fo_real)p[5];
    s.gain1 = (fo_real)p[6];
    s.keep2 = (fo_real)p[7];
    s.gain2 = (fo_real)p[8];
    s.eps = (fo_real)p[9];
    s.lift = (fo_real)p[10];
    return s;
}

#if FO_SINGLE
#define FO_SQRT(x) sqrtf(x)
#else
#define FO_SQRT(x) sqrt(x)
#endif

/* w - decay w - alpha h */
FO_INLINE FO(element) FO(sgd)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    e.w -= s->decay * e.w + s->alpha * h;
    return e;
}

/* a = keep1 a + gain1 h; w - decay w - alpha a */
FO_INLINE FO(element) FO(momentum)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    e.a = s->keep1 * e.a + s->gain1 * h;
    e.w -= s->decay * e.w + s->alpha * e.a;
    return e;
}

/* a = keep1 a + gain1 h; w - decay w - alpha a - beta h */
FO_INLINE FO(element) FO(nesterov)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    e.a = s->keep1 * e.a + s->gain1 * h;
    e.w -= s->decay * e.w + (s->alpha * e.a + s->beta * h);
    return e;
}

/* a = keep1 a + gain1 h; b = keep2 b + gain2 h^2; w - decay w - alpha a / (sqrt(b) + eps) */
FO_INLINE FO(element) FO(adam)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    e.a = s->keep1 * e.a + s->gain1 * h;
    e.b = s->keep2 * e.b + s->gain2 * h * h;
    e.w -= s->decay * e.w + s->alpha * e.a / (FO_SQRT(e.b) + s->eps);
    return e;
}

/* as adam, with c = max(c, lift b) under the root */
FO_INLINE FO(element) FO(amsgrad)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    fo_real b;
    e.a = s->keep1 * e.a + s->gain1 * h;
    e.b = s->keep2 * e.b + s->gain2 * h * h;
    b = s->lift * e.b;
    e.c = e.c > b ? e.c : b;
    e.w -= s->decay * e.w + s->alpha * e.a / (FO_SQRT(e.c) + s->eps);
    return e;
}
#undef FO_SQRT
#endif
