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

/* The largest of n; NaN is none of them */
FO_INLINE double fo_cox_largest(ptrdiff_t n, const double *FO_RESTRICT x)
{
    double lane[16], most = -INFINITY;
    ptrdiff_t i = 0;
    for (int k = 0; k < 16; k++)
        lane[k] = -INFINITY;
    for (; i + 16 <= n; i += 16)
        for (int k = 0; k < 16; k++)
            lane[k] = x[i + k] > lane[k] ? x[i + k] : lane[k];
    for (; i < n; i++)
        most = x[i] > most ? x[i] : most;
    for (int k = 0; k < 16; k++)
        most = lane[k] > most ? lane[k] : most;
    return most;
}

/* w (ref - x) of a sample whose event was seen, which an odd code says, else 0; without a branch, since nothing predicts
 * it */
FO_INLINE double fo_cox_linear(double off, double w, uint16_t code)
{
    double term = w > 0.0 ? -w * off : 0.0;
    return FO(from_bits)(FO(to_bits)(term) & (0 - (uint64_t)(code & 1)));
}

/* x - ref in place; returns the sum of w (ref - x) over events; w may be NULL; term: room for n */
FO_INLINE double fo_cox_shift(ptrdiff_t n, double *FO_RESTRICT x, const double *FO_RESTRICT w,
                              const uint16_t *FO_RESTRICT code, double ref, double *FO_RESTRICT term)
{
    double lane[16], sum = 0.0;
    ptrdiff_t i;
    for (int k = 0; k < 16; k++)
        lane[k] = 0.0;
    for (i = 0; i < n; i++)
        x[i] -= ref;
    if (w)
        for (i = 0; i < n; i++)
            term[i] = fo_cox_linear(x[i], w[i], code[i]);
    else
        for (i = 0; i < n; i++)
            term[i] = fo_cox_linear(x[i], 1.0, code[i]);
    for (i = 0; i + 16 <= n; i += 16)
        for (int k = 0; k < 16; k++)
            lane[k] += term[i + k];
    for (; i < n; i++)
        sum += term[i];
    for (int k = 0; k < 16; k++)
        sum += lane[k];
    return sum;
}

/* s + x_0 .. s + x_0 + ... + x_(n-1); four at a time, so that sums of one do not wait for those before */
FO_INLINE void fo_cox_running(ptrdiff_t n, double s, const double *FO_RESTRICT x, double *FO_RESTRICT out)
{
    ptrdiff_t i = 0;
    for (; i + 4 <= n; i += 4) {
        double two = x[i] + x[i + 1];
        out[i] = s + x[i];
        out[i + 1] = s + two;
        out[i + 2] = s + (two + x[i + 2]);
        s += two + (x[i + 2] + x[i + 3]);
        out[i + 3] = s;
    }
    for (; i < n; i++)
        out[i] = s += x[i];
}

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

/* The sums over a risk set for the m events at a time: others + tied (m - j) / m for the j-th */
FO_INLINE void fo_cox_denominators(ptrdiff_t m, double others, double tied, double *FO_RESTRICT d)
{
    double part = tied / (double)m;
    for (ptrdiff_t j = 0; j < m; j++)
        d[j] = others + part * (double)(m - j);
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

/* Of a sample with risk p and the sums a, b and t of its events (a tied event's without its own parts); w its weight if
 * its event was seen, else 0 */
FO_INLINE double fo_cox_gradient(double p, double a, double w)
{
    return p * a - w;
}

FO_INLINE double fo_cox_hessian(double p, double a, double b)
{
    double h = p * a - p * p * b;
    return h < 0.0 ? 0.0 : h; /* rounding of a sample that is nearly alone at risk */
}

FO_INLINE double fo_cox_product(double p, double v, double a, double t)
{
    return p * (v * a - t);
}
#endif

#ifdef FO_SURVIVAL_SINGLE
#undef FO_SURVIVAL_SINGLE
#undef FO_SINGLE
#define FO_SINGLE 1
#include "fo_math.h"
#endif
