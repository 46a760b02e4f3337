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
enum { FO_SCALARS = 14, FO_SLOTS = 4 };
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
    fo_real lift;   /* a factor: of b in the running maximum (amsgrad), of b^2 in the variance, ... */
    fo_real eps_root; /* eps under the root */
    fo_real keep3, gain3; /* third slot */
} FO(scalars);

/* One element: the parameter and its slots. */
typedef struct {
    fo_real w, a, b, c, d;
} FO(element);

/* An element after a rule whose step is up / down: the new slots, the parameter as it was, the terms of the step. */
typedef struct {
    FO(element) e;
    fo_real up, down;
} FO(ratio);

/* What a block function updates: elements lo..hi-1 of contiguous arrays of one shape. Slots that
 * the rule lacks are not read and may be NULL; the gradient may not overlap the others. */
typedef struct {
    fo_real *w;
    const fo_real *g;
    fo_real *a, *b, *c, *d;
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
    s.eps_root = (fo_real)p[11];
    s.keep3 = (fo_real)p[12];
    s.gain3 = (fo_real)p[13];
    return s;
}

#if FO_SINGLE
#define FO_SQRT(x) sqrtf(x)
#define FO_ABS(x) fabsf(x)
#else
#define FO_SQRT(x) sqrt(x)
#define FO_ABS(x) fabs(x)
#endif

/* sign(x) size; x itself where it is 0 or NaN. Who adds it to a product gets other bits in a vector loop than in its
 * remainder, where gcc branches and then does not fuse over the branch: the decay is subtracted before. */
FO_INLINE fo_real FO(signed_step)(fo_real x, fo_real size)
{
    fo_real y = x > 0 ? size : x;
    return x < 0 ? -size : y;
}

/* What rules with a step for each coefficient divide by. A weight over it, of the slots after the step, is the length
 * of the coefficient's step: the metric in which a proximal step follows. */

FO_INLINE fo_real FO(root)(fo_real v, const FO(scalars) *s)
{
    return FO_SQRT(v + s->eps_root) + s->eps;
}

/* sqrt(a + eps_root) + eps */
FO_INLINE fo_real FO(root_first)(const FO(element) *e, const FO(scalars) *s) { return FO(root)(e->a, s); }

/* sqrt(b + eps_root) + eps */
FO_INLINE fo_real FO(root_second)(const FO(element) *e, const FO(scalars) *s) { return FO(root)(e->b, s); }

/* sqrt(b) + eps */
FO_INLINE fo_real FO(root_spread)(const FO(element) *e, const FO(scalars) *s)
{
    return FO_SQRT(e->b) + s->eps;
}

/* sqrt(c + eps_root) + eps */
FO_INLINE fo_real FO(root_third)(const FO(element) *e, const FO(scalars) *s) { return FO(root)(e->c, s); }

/* lift sqrt(b + eps_root) + eps */
FO_INLINE fo_real FO(lifted_second)(const FO(element) *e, const FO(scalars) *s)
{
    return s->lift * FO_SQRT(e->b + s->eps_root) + s->eps;
}

/* b + eps */
FO_INLINE fo_real FO(plain_second)(const FO(element) *e, const FO(scalars) *s)
{
    return e->b + s->eps;
}

/* a - lift b^2; rounding may take it below 0 */
FO_INLINE fo_real FO(variance)(const FO(element) *e, const FO(scalars) *s)
{
    fo_real v = e->a - s->lift * e->b * e->b;
    return v < 0 ? FO_K(0.0) : v;
}

/* sqrt(a - lift b^2 + eps_root) + eps */
FO_INLINE fo_real FO(root_variance)(const FO(element) *e, const FO(scalars) *s)
{
    return FO(root)(FO(variance)(e, s), s);
}

/* w - decay w - up / down */
FO_INLINE FO(element) FO(divided)(FO(ratio) r, const FO(scalars) *s)
{
    r.e.w -= s->decay * r.e.w + r.up / r.down;
    return r.e;
}

FO_INLINE FO(ratio) FO(over)(FO(element) e, fo_real up, fo_real down)
{
    FO(ratio) r;
    r.e = e;
    r.up = up;
    r.down = down;
    return r;
}

/* The rule whose step is that of FO(name_ratio); loops that divide in another way take the terms (fo_ratios.h). */
#define FO_DIVIDED(name)                                                                    \
    FO_INLINE FO(element) FO(name)(FO(element) e, fo_real h, const FO(scalars) *s)          \
    {                                                                                       \
        return FO(divided)(FO(name##_ratio)(e, h, s), s);                                   \
    }

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

/* Muon before a matrix is made orthogonal: a = keep1 a + gain1 h; what is made so, in w: keep2 a + gain2 h */
FO_INLINE FO(element) FO(muon_before)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    e.a = s->keep1 * e.a + s->gain1 * h;
    e.w = s->keep2 * e.a + s->gain2 * h;
    return e;
}

/* a = keep1 a + gain1 h; w - decay w - alpha a - beta h */
FO_INLINE FO(element) FO(nesterov)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    e.a = s->keep1 * e.a + s->gain1 * h;
    e.w -= s->decay * e.w + (s->alpha * e.a + s->beta * h);
    return e;
}

/* a = keep1 a + gain1 h; b = keep2 b + gain2 h^2; w - decay w - alpha a / (sqrt(b + eps_root) + eps) */
FO_INLINE FO(ratio) FO(adam_ratio)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    e.a = s->keep1 * e.a + s->gain1 * h;
    e.b = s->keep2 * e.b + s->gain2 * h * h;
    return FO(over)(e, s->alpha * e.a, FO(root_second)(&e, s));
}
FO_DIVIDED(adam)

/* as adam, with c = max(c, lift b) under the root */
FO_INLINE FO(ratio) FO(amsgrad_ratio)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    fo_real b;
    e.a = s->keep1 * e.a + s->gain1 * h;
    e.b = s->keep2 * e.b + s->gain2 * h * h;
    b = s->lift * e.b;
    e.c = e.c > b ? e.c : b;
    return FO(over)(e, s->alpha * e.a, FO(root_third)(&e, s));
}
FO_DIVIDED(amsgrad)

/* a = a + h^2; w - decay w - alpha h / (sqrt(a + eps_root) + eps) */
FO_INLINE FO(ratio) FO(adagrad_ratio)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    e.a += h * h;
    return FO(over)(e, s->alpha * h, FO(root_first)(&e, s));
}
FO_DIVIDED(adagrad)

/* a = keep1 a + gain1 h^2; u = sqrt((b + eps_root) / (a + eps_root)) h; b = keep1 b + gain1 u^2;
 * w - decay w - alpha u */
FO_INLINE FO(element) FO(adadelta)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    fo_real u;
    e.a = s->keep1 * e.a + s->gain1 * h * h;
    u = FO_SQRT((e.b + s->eps_root) / (e.a + s->eps_root)) * h;
    e.b = s->keep1 * e.b + s->gain1 * u * u;
    e.w -= s->decay * e.w + s->alpha * u;
    return e;
}

/* a = keep1 a + gain1 h^2; w - decay w - alpha h / (sqrt(a + eps_root) + eps) */
FO_INLINE FO(ratio) FO(rmsprop_ratio)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    e.a = s->keep1 * e.a + s->gain1 * h * h;
    return FO(over)(e, s->alpha * h, FO(root_first)(&e, s));
}
FO_DIVIDED(rmsprop)

/* as rmsprop, with u = h / (...), b = keep2 b + gain2 u and w - decay w - alpha b - beta u */
FO_INLINE FO(element) FO(rmsprop_momentum)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    fo_real u;
    e.a = s->keep1 * e.a + s->gain1 * h * h;
    u = h / FO(root_first)(&e, s);
    e.b = s->keep2 * e.b + s->gain2 * u;
    e.w -= s->decay * e.w + (s->alpha * e.b + s->beta * u);
    return e;
}

/* The moments of the centred forms, and their variance. */
FO_INLINE fo_real FO(rmsprop_variance)(FO(element) *e, fo_real h, const FO(scalars) *s)
{
    e->a = s->keep1 * e->a + s->gain1 * h * h;
    e->b = s->keep1 * e->b + s->gain1 * h;
    return FO(variance)(e, s);
}

/* as rmsprop, with b = keep1 b + gain1 h and a - lift b^2 instead of a under the root */
FO_INLINE FO(ratio) FO(rmsprop_centered_ratio)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    fo_real v = FO(rmsprop_variance)(&e, h, s);
    return FO(over)(e, s->alpha * h, FO(root)(v, s));
}
FO_DIVIDED(rmsprop_centered)

/* as rmsprop_centered, with u = h / (...), c = keep2 c + gain2 u and w - decay w - alpha c - beta u */
FO_INLINE FO(element) FO(rmsprop_centered_momentum)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    fo_real v = FO(rmsprop_variance)(&e, h, s);
    fo_real u = h / FO(root)(v, s);
    e.c = s->keep2 * e.c + s->gain2 * u;
    e.w -= s->decay * e.w + (s->alpha * e.c + s->beta * u);
    return e;
}

/* a = keep1 a + gain1 h; b = max(keep2 b, |h| + eps_root); w - decay w - alpha a / (b + eps) */
FO_INLINE FO(element) FO(adamax)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    fo_real size = FO_ABS(h) + s->eps_root;
    e.a = s->keep1 * e.a + s->gain1 * h;
    e.b *= s->keep2;
    e.b = size > e.b ? size : e.b;
    e.w -= s->decay * e.w + s->alpha * e.a / FO(plain_second)(&e, s);
    return e;
}

/* a, b as adam; w - decay w - (alpha a + beta h) / (sqrt(b + eps_root) + eps) */
FO_INLINE FO(ratio) FO(nadam_ratio)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    e.a = s->keep1 * e.a + s->gain1 * h;
    e.b = s->keep2 * e.b + s->gain2 * h * h;
    return FO(over)(e, s->alpha * e.a + s->beta * h, FO(root_second)(&e, s));
}
FO_DIVIDED(nadam)

/* a, b as adam; w - decay w - alpha a / (lift sqrt(b + eps_root) + eps); lift = 0, eps = 1 where the variance is not
 * known yet */
FO_INLINE FO(ratio) FO(radam_ratio)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    e.a = s->keep1 * e.a + s->gain1 * h;
    e.b = s->keep2 * e.b + s->gain2 * h * h;
    return FO(over)(e, s->alpha * e.a, FO(lifted_second)(&e, s));
}
FO_DIVIDED(radam)

/* a as adam; b = keep2 b + gain2 (h - a)^2 + eps_root; w - decay w - alpha a / (sqrt(b) + eps) */
FO_INLINE FO(ratio) FO(adabelief_ratio)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    fo_real r;
    e.a = s->keep1 * e.a + s->gain1 * h;
    r = h - e.a;
    e.b = s->keep2 * e.b + (s->gain2 * r * r + s->eps_root);
    return FO(over)(e, s->alpha * e.a, FO(root_spread)(&e, s));
}
FO_DIVIDED(adabelief)

/* a as adam; b = b - gain2 sign(b - h^2) h^2; w - decay w - alpha a / (sqrt(b) + eps) */
FO_INLINE FO(ratio) FO(yogi_ratio)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    fo_real square = h * h;
    e.a = s->keep1 * e.a + s->gain1 * h;
    e.b -= FO(signed_step)(e.b - square, s->gain2 * square);
    return FO(over)(e, s->alpha * e.a, FO(root_second)(&e, s));
}
FO_DIVIDED(yogi)

/* r = h - d, d = h; a = keep1 a + gain1 h; b = keep2 b + gain2 r; c = keep3 c + gain3 (h + lift r)^2;
 * w - decay w - (alpha a + beta b) / (sqrt(c + eps_root) + eps) */
FO_INLINE FO(element) FO(adan)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    fo_real r = h - e.d, m = h + s->lift * r;
    e.a = s->keep1 * e.a + s->gain1 * h;
    e.b = s->keep2 * e.b + s->gain2 * r;
    e.c = s->keep3 * e.c + s->gain3 * m * m;
    e.d = h;
    e.w -= s->decay * e.w + (s->alpha * e.a + s->beta * e.b) / FO(root_third)(&e, s);
    return e;
}

/* w - decay w - alpha sign(keep1 a + gain1 h); a = keep2 a + gain2 h */
FO_INLINE FO(element) FO(lion)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    fo_real u = FO(signed_step)(s->keep1 * e.a + s->gain1 * h, s->alpha);
    e.a = s->keep2 * e.a + s->gain2 * h;
    e.w -= s->decay * e.w;
    e.w -= u;
    return e;
}

/* a = keep1 a + gain1 h; w - decay w - alpha sign(a) */
FO_INLINE FO(element) FO(signum)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    e.a = s->keep1 * e.a + s->gain1 * h;
    e.w -= s->decay * e.w;
    e.w -= FO(signed_step)(e.a, s->alpha);
    return e;
}

/* b times gain1, keep1 or 1 by the sign of h a, within [keep2, gain2]; a = h, but 0 where the sign changed;
 * w - sign(a) b */
FO_INLINE FO(element) FO(rprop)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    fo_real p = h * e.a;
    fo_real factor = p > 0 ? s->gain1 : FO_K(1.0);
    factor = p < 0 ? s->keep1 : factor;
    e.b *= factor;
    e.b = e.b < s->keep2 ? s->keep2 : e.b;
    e.b = e.b > s->gain2 ? s->gain2 : e.b;
    e.a = p < 0 ? FO_K(0.0) : h;
    e.w -= FO(signed_step)(e.a, e.b);
    return e;
}

/* n = b + h^2; a = a + h + decay w - lift (sqrt(n) - sqrt(b)) w; b = n; w = -shrunk(a, beta) / (lift sqrt(n) + eps).
 * The difference of the roots is h^2 / (their sum): it would lose all digits once n is large. */
FO_INLINE FO(element) FO(ftrl)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    fo_real square = h * h, n = e.b + square, root = FO_SQRT(n), low, clipped;
    fo_real sigma = square / (root + FO_SQRT(e.b) + FO_K(1e-37));
    e.a += h + (s->decay - s->lift * sigma) * e.w;
    e.b = n;
    low = e.a < -s->beta ? -s->beta : e.a;
    clipped = low > s->beta ? s->beta : low;
    e.w = (clipped - e.a) / (s->lift * root + s->eps);
    return e;
}

/* w = w - decay w - alpha h; a = a + gain1 (w - a), an average of w. Not (1 - gain1) a + gain1 w: in float the two
 * factors add up to 1 + 3e-8, which many small gains make a drift. */
FO_INLINE FO(element) FO(asgd)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    e.w -= s->decay * e.w + s->alpha * h;
    e.a += s->gain1 * (e.w - e.a);
    return e;
}

/* w = w + gain1 (a - w) - beta h; a = a - alpha h */
FO_INLINE FO(element) FO(schedule_free)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    e.w += s->gain1 * (e.a - e.w) - s->beta * h;
    e.a -= s->alpha * h;
    return e;
}

/* b = keep2 b + gain2 h^2; schedule_free with h / (lift sqrt(b) + eps) + decay w for h */
FO_INLINE FO(element) FO(schedule_free_adam)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    fo_real u;
    e.b = s->keep2 * e.b + s->gain2 * h * h;
    u = h / FO(lifted_second)(&e, s) + s->decay * e.w;
    return FO(schedule_free)(e, u, s);
}

/* The second halves of steps that fo_measures.h begins; they leave the slots as they are. */

/* w - decay w - alpha (gain3 a / (sqrt(b) + eps) + beta w) */
FO_INLINE FO(element) FO(moments)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    (void)h;
    e.w -= s->decay * e.w + s->alpha * (s->gain3 * e.a / FO(root_second)(&e, s) + s->beta * e.w);
    return e;
}

/* w - decay w - alpha h / sqrt(max(a, eps_root)) */
FO_INLINE FO(element) FO(scaled)(FO(element) e, fo_real h, const FO(scalars) *s)
{
    fo_real v = e.a < s->eps_root ? s->eps_root : e.a;
    e.w -= s->decay * e.w + s->alpha * h / FO_SQRT(v);
    return e;
}
#undef FO_SQRT
#undef FO_ABS
#undef FO_DIVIDED
#endif
