/* Losses of overlap (Tversky's, of which Dice's and Jaccard's are cases) of probabilities p and targets y in [0, 1].
 *
 * Parameter: FO_SINGLE (fo_real.h).
 *
 * With TP = sum of w p y, FP = sum of w p (1 - y), FN = sum of w (1 - p) y, U = alpha FP + beta FN and
 * D = TP + U + smooth the loss is U / D: the same as 1 - (TP + smooth) / D, without its cancellation. 1 - p comes from
 * the logit, not from p. Derivatives are sums of two vectors, a = w (alpha (1 - y) - beta y) of U and w y of TP.
 */
#include "fo_math.h"

#if (FO_SINGLE && !defined(FO_OVERLAP_F32)) || (!FO_SINGLE && !defined(FO_OVERLAP_F64))
#if FO_SINGLE
#define FO_OVERLAP_F32
#else
#define FO_OVERLAP_F64
#endif

/* p, 1 - p, and the first two derivatives of p by the raw prediction */
typedef struct {
    fo_real p, q, slope, bend;
} FO(chance);

FO_INLINE FO(chance) FO(chance_of_logit)(fo_real z)
{
    FO(chance) o;
    FO(logistic_pair) s = FO(logistic_parts)(z);
    fo_real major = FO_K(1.0) - s.minor;
    o.p = s.step > FO_K(0.5) ? major : s.minor;
    o.q = s.step > FO_K(0.5) ? s.minor : major;
    o.slope = s.minor * major;
    o.bend = o.slope * (o.q - o.p);
    return o;
}

FO_INLINE FO(chance) FO(chance_of_probability)(fo_real z)
{
    FO(chance) o;
    o.p = z;
    o.q = FO_K(1.0) - z;
    o.slope = FO_K(1.0);
    o.bend = FO_K(0.0);
    return o;
}

FO_INLINE fo_real FO(overlap_a)(fo_real y, fo_real w, fo_real alpha, fo_real beta)
{
    return w * (alpha * (FO_K(1.0) - y) - beta * y);
}

/* first a + second w y by the raw prediction */
FO_INLINE fo_real FO(overlap_slope)(FO(chance) o, fo_real a, fo_real wy, fo_real first, fo_real second)
{
    return o.slope * (a * first + wy * second);
}

/* an element of the Hessian's diagonal: g1, g2 as for the gradient, aa, ay and yy of the products of a and w y */
FO_INLINE fo_real FO(overlap_bend)(FO(chance) o, fo_real a, fo_real wy, fo_real g1, fo_real g2, fo_real aa,
                                   fo_real ay, fo_real yy)
{
    return o.slope * o.slope * (a * (a * aa + wy * ay) + wy * wy * yy) + o.bend * (a * g1 + wy * g2);
}
#endif

#ifndef FO_OVERLAP_H
#define FO_OVERLAP_H
/* Of one batch or row: the loss U / D, its derivatives g1, g2 along a and w y, and the Hessian's coefficients of
 * a a', of a (w y)' and its transpose together, and of (w y) (w y)'. 0 / 0, nothing asked for and nothing found, is a
 * loss of 0. */
typedef struct {
    double loss, g1, g2, aa, ay, yy;
} fo_overlap_row;

FO_INLINE fo_overlap_row fo_overlap(double tp, double fp, double fn, double alpha, double beta, double smooth)
{
    fo_overlap_row o;
    double u = alpha * fp + beta * fn, n = tp + smooth, d = n + u, r = 1.0 / d;
    int none = d == 0.0;
    o.loss = none ? 0.0 : u / d;
    o.g1 = none ? 0.0 : n * r * r;
    o.g2 = none ? 0.0 : -u * r * r;
    o.aa = none ? 0.0 : -2.0 * n * r * r * r;
    o.ay = none ? 0.0 : 2.0 * (u - n) * r * r * r;
    o.yy = none ? 0.0 : 2.0 * u * r * r * r;
    return o;
}

/* The Hessian in p times a direction v, as factors of a and w y: av = sum of a v, yv = sum of w y v */
FO_INLINE void fo_overlap_product(const fo_overlap_row *o, double av, double yv, double *first, double *second)
{
    *first = o->aa * av + 0.5 * o->ay * yv;
    *second = 0.5 * o->ay * av + o->yy * yv;
}
#endif
