/* Cox's partial likelihood: one event among those at risk.
 *
 * Parameter: FO_SINGLE (fo_real.h), the type of what is read and written; the arithmetic is double for either.
 *
 * Exponentials are kept as e^(z - ref). ref is the largest z so far, up to FO_COX_SLACK, of the samples from the
 * longest time down, so that the sum over a risk set neither vanishes nor overflows, whatever comes after it. Sums over
 * the events up to a time, which run the other way, are multiplied by e^(ref - larger ref) <= 1 on their way.
 */
#include "fo_real.h"
#if FO_SINGLE
#define FO_SURVIVAL_SINGLE
#undef FO_SINGLE
#define FO_SINGLE 0
#endif
#include "fo_math.h"

#ifndef FO_SURVIVAL_H
#define FO_SURVIVAL_H
#define FO_COX_SLACK 30.0

/* w e^x of n samples in place; a sample of weight 0 is not there, whatever its x */
FO_INLINE void fo_cox_risks(ptrdiff_t n, double *FO_RESTRICT x, const double *FO_RESTRICT w)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        double e = FO(exp)(x[i]);
        x[i] = w[i] > 0.0 ? w[i] * e : 0.0;
    }
}

FO_INLINE void fo_cox_exponentials(ptrdiff_t n, double *FO_RESTRICT x)
{
    for (ptrdiff_t i = 0; i < n; i++)
        x[i] = FO(exp)(x[i]);
}

/* Logarithms of n sums over risk sets, and their reciprocals in place */
FO_INLINE void fo_cox_logarithms(ptrdiff_t n, double *FO_RESTRICT d, double *FO_RESTRICT logarithm)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        logarithm[i] = FO(log)(d[i]);
        d[i] = 1.0 / d[i];
    }
}

/* The sum over a risk set for the j-th of m events at a time: others + tied (m - j) / m, which Breslow's j = 0 leaves
 * whole */
FO_INLINE double fo_cox_denominator(double others, double tied, double j, double m)
{
    return others + tied * ((m - j) / m);
}

/* Sums over events up to a time of c / D, c / D^2 and c N / D^2, D the denominator, N that of the direction;
 * own_*: the parts that a tied event itself does not have */
typedef struct {
    double a, b, t, own_a, own_b, own_t;
} fo_cox_sums;

/* One more event; share = j / m */
FO_INLINE void fo_cox_event(fo_cox_sums *s, double c, double share, double inverse, double direction)
{
    double a = c * inverse, b = a * inverse, t = b * direction;
    s->a += a;
    s->b += b;
    s->t += t;
    s->own_a += a * share;
    s->own_b += b * (share * (2.0 - share));
    s->own_t += t * share;
}

/* To the reference of earlier events, factor = e^(ref - larger ref) */
FO_INLINE void fo_cox_rescale(fo_cox_sums *s, double factor)
{
    s->a *= factor;
    s->b *= factor * factor;
    s->t *= factor;
}

/* Of a sample with risk p; w its weight if its event was seen, else 0; own is 1 for such an event, else 0 */
FO_INLINE double fo_cox_gradient(const fo_cox_sums *s, double p, double w, double own)
{
    return p * (s->a - own * s->own_a) - w;
}

FO_INLINE double fo_cox_bound(const fo_cox_sums *s, double p, double own)
{
    return p * (s->a - own * s->own_a);
}

FO_INLINE double fo_cox_hessian(const fo_cox_sums *s, double p, double own)
{
    double h = p * (s->a - own * s->own_a) - p * p * (s->b - own * s->own_b);
    return h < 0.0 ? 0.0 : h; /* rounding of a sample that is nearly alone at risk */
}

FO_INLINE double fo_cox_product(const fo_cox_sums *s, double p, double v, double own)
{
    return p * (v * (s->a - own * s->own_a) - (s->t - own * s->own_t));
}
#endif

#ifdef FO_SURVIVAL_SINGLE
#undef FO_SURVIVAL_SINGLE
#undef FO_SINGLE
#define FO_SINGLE 1
#include "fo_math.h"
#endif
