/* One frame of connectionist temporal classification, and one step of lists that are ranked by pairs.
 *
 * Parameter: FO_SINGLE (fo_real.h), the type of what is read and written; the arithmetic is double for either, so that
 * sums over hundreds of frames keep a float's digits and logits near the largest float do not overflow.
 *
 * Of a target of s labels there are s + 1 blank states, B[0..s], and s label states, label i at L[i + 1]. Both are kept
 * in logarithms and padded with -infinity to a number r > s of places, a multiple of FO_CTC_PAD, L to r + 1: a padded
 * state has the emission -infinity and stays there, and loops have no ends. A label may follow the label before it
 * without a blank between them where skip is 1, which is where they differ.
 */
#include "fo_real.h"
#if FO_SINGLE
#define FO_SEQUENCE_SINGLE
#undef FO_SINGLE
#define FO_SINGLE 0
#endif
#include "fo_math.h"

#ifndef FO_SEQUENCE_H
#define FO_SEQUENCE_H
enum { FO_CTC_PAD = 8 };

/* log(e^a + e^b); -infinity counts as e^-infinity = 0 */
FO_INLINE double fo_add_logarithms(double a, double b)
{
    double high = a > b ? a : b, low = a > b ? b : a;
    double from = high > -(double)INFINITY ? high : 0.0;
    return high + FO(log1p_unit)(FO(exp_nonpositive)(low - from));
}

/* alpha of a frame from that of the frame before; e_blank and emission are the frame's logarithms of probabilities */
FO_INLINE void fo_ctc_forward(ptrdiff_t r, const double *FO_RESTRICT pb, const double *FO_RESTRICT pl, double e_blank,
                              const double *FO_RESTRICT emission, const double *FO_RESTRICT skip,
                              double *FO_RESTRICT b, double *FO_RESTRICT l)
{
    l[0] = -(double)INFINITY;
    for (ptrdiff_t i = 0; i < r; i++) {
        double t = fo_add_logarithms(pb[i], pl[i]);
        b[i] = t + e_blank;
        l[i + 1] = fo_add_logarithms(pl[i + 1], skip[i] > 0.0 ? t : pb[i]) + emission[i];
    }
}

/* beta of a frame from beta + emission (gb, gl) of the frame after it */
FO_INLINE void fo_ctc_backward(ptrdiff_t r, const double *FO_RESTRICT gb, const double *FO_RESTRICT gl,
                               const double *FO_RESTRICT skip, double *FO_RESTRICT b, double *FO_RESTRICT l)
{
    for (ptrdiff_t i = 0; i < r; i++) {
        double t = fo_add_logarithms(gb[i], gl[i + 1]);
        b[i] = t;
        l[i] = fo_add_logarithms(gl[i], skip[i] > 0.0 ? t : gb[i]);
    }
    l[0] = -(double)INFINITY; /* label -1 */
    l[r] = -(double)INFINITY;
}

/* g = beta + emission */
FO_INLINE void fo_ctc_emit(ptrdiff_t r, const double *FO_RESTRICT b, const double *FO_RESTRICT l, double e_blank,
                           const double *FO_RESTRICT emission, double *FO_RESTRICT gb, double *FO_RESTRICT gl)
{
    gl[0] = -(double)INFINITY;
    for (ptrdiff_t i = 0; i < r; i++) {
        gb[i] = b[i] + e_blank;
        gl[i + 1] = l[i + 1] + emission[i];
    }
}

/* The largest of n numbers, n a multiple of FO_CTC_PAD; NaN counts nothing */
FO_INLINE double fo_largest(ptrdiff_t n, const double *x)
{
    double m[FO_CTC_PAD], most = -(double)INFINITY;
    for (int j = 0; j < FO_CTC_PAD; j++)
        m[j] = -(double)INFINITY;
    for (ptrdiff_t i = 0; i < n; i += FO_CTC_PAD)
        for (int j = 0; j < FO_CTC_PAD; j++)
            m[j] = x[i + j] > m[j] ? x[i + j] : m[j];
    for (int j = 0; j < FO_CTC_PAD; j++)
        most = m[j] > most ? m[j] : most;
    return most;
}

/* The largest logarithm of a frame's states, and that many taken off them: it keeps their digits. */
FO_INLINE double fo_ctc_center(ptrdiff_t r, double *FO_RESTRICT b, double *FO_RESTRICT l)
{
    double most = fo_largest(r, b), other = fo_largest(r, l + 1), off;
    most = other > most ? other : most;
    off = most > -(double)INFINITY ? most : 0.0;
    for (ptrdiff_t i = 0; i < r; i++) {
        b[i] -= off;
        l[i + 1] -= off;
    }
    return most;
}

/* Where the path is in a frame, up to the factor that is returned: b and l become e^(alpha + beta - largest). */
FO_INLINE double fo_ctc_posterior(ptrdiff_t r, const double *FO_RESTRICT ab, const double *FO_RESTRICT al,
                                  double *FO_RESTRICT b, double *FO_RESTRICT l)
{
    double total[FO_CTC_PAD], sum = 0.0, most, other;
    for (ptrdiff_t i = 0; i < r; i++) {
        b[i] += ab[i];
        l[i + 1] += al[i + 1];
    }
    most = fo_largest(r, b);
    other = fo_largest(r, l + 1);
    most = other > most ? other : most;
    for (int j = 0; j < FO_CTC_PAD; j++)
        total[j] = 0.0;
    for (ptrdiff_t i = 0; i < r; i += FO_CTC_PAD)
        for (int j = 0; j < FO_CTC_PAD; j++) {
            b[i + j] = FO(exp_nonpositive)(b[i + j] - most);
            l[i + j + 1] = FO(exp_nonpositive)(l[i + j + 1] - most);
            total[j] += b[i + j] + l[i + j + 1];
        }
    for (int j = 0; j < FO_CTC_PAD; j++)
        sum += total[j];
    return sum;
}

/* The loss log(1 + e^-d) of n pairs with the difference d = z - low[i], the sums of values and slopes; slope[i] of low
 * is added to. */
FO_INLINE void fo_rank_logistic(ptrdiff_t n, double z, const double *FO_RESTRICT low, double *FO_RESTRICT slope,
                                double *value, double *pull)
{
    double v[FO_CTC_PAD], p[FO_CTC_PAD];
    ptrdiff_t whole = n - n % FO_CTC_PAD;
    for (int j = 0; j < FO_CTC_PAD; j++)
        v[j] = p[j] = 0.0;
    for (ptrdiff_t i = 0; i < whole; i += FO_CTC_PAD)
        for (int j = 0; j < FO_CTC_PAD; j++) {
            double d = low[i + j] - z, up = d > 0.0 ? d : 0.0;
            FO(logistic_pair) o = FO(logistic_parts)(d);
            double s = o.step + o.signed_minor;
            v[j] += (d != d ? d : up) + o.log1p_exp;
            p[j] += s;
            slope[i + j] += s;
        }
    for (ptrdiff_t i = whole; i < n; i++) {
        double d = low[i] - z, up = d > 0.0 ? d : 0.0;
        FO(logistic_pair) o = FO(logistic_parts)(d);
        double s = o.step + o.signed_minor;
        v[i - whole] += (d != d ? d : up) + o.log1p_exp;
        p[i - whole] += s;
        slope[i] += s;
    }
    for (int j = 0; j < FO_CTC_PAD; j++) {
        *value += v[j];
        *pull += p[j];
    }
}
#endif

#ifdef FO_SEQUENCE_SINGLE
#undef FO_SEQUENCE_SINGLE
#undef FO_SINGLE
#define FO_SINGLE 1
#include "fo_math.h"
#endif

#if (FO_SINGLE && !defined(FO_SEQUENCE_F32)) || (!FO_SINGLE && !defined(FO_SEQUENCE_F64))
#if FO_SINGLE
#define FO_SEQUENCE_F32
#else
#define FO_SEQUENCE_F64
#endif
/* e[c] = e^(z_c - top), top the largest of k; returns log of their sum, NaN for a NaN, for +infinity and for a row of
 * -infinity. e may be NULL. */
FO_INLINE double FO(ctc_softmax)(ptrdiff_t k, const fo_real *FO_RESTRICT z, fo_real *FO_RESTRICT e, double *top)
{
    fo_real m[2 * FO_CTC_PAD], most;
    double s[2 * FO_CTC_PAD], sum = 0.0, shift;
    ptrdiff_t whole = k - k % (2 * FO_CTC_PAD);
    for (int j = 0; j < 2 * FO_CTC_PAD; j++) {
        m[j] = z[0];
        s[j] = 0.0;
    }
    for (ptrdiff_t c = 0; c < whole; c += 2 * FO_CTC_PAD)
        for (int j = 0; j < 2 * FO_CTC_PAD; j++)
            m[j] = z[c + j] > m[j] ? z[c + j] : m[j];
    for (ptrdiff_t c = whole; c < k; c++)
        m[c - whole] = z[c] > m[c - whole] ? z[c] : m[c - whole];
    most = m[0];
    for (int j = 1; j < 2 * FO_CTC_PAD; j++)
        most = m[j] > most ? m[j] : most;
    shift = (double)most;
    if (e)
        for (ptrdiff_t c = 0; c < whole; c += 2 * FO_CTC_PAD)
            for (int j = 0; j < 2 * FO_CTC_PAD; j++) {
                double x = fo_exp_nonpositive_f64((double)z[c + j] - shift);
                e[c + j] = (fo_real)x;
                s[j] += x;
            }
    else
        for (ptrdiff_t c = 0; c < whole; c += 2 * FO_CTC_PAD)
            for (int j = 0; j < 2 * FO_CTC_PAD; j++)
                s[j] += fo_exp_nonpositive_f64((double)z[c + j] - shift);
    for (ptrdiff_t c = whole; c < k; c++) {
        double x = fo_exp_nonpositive_f64((double)z[c] - shift);
        if (e)
            e[c] = (fo_real)x;
        s[c - whole] += x;
    }
    for (int j = 0; j < 2 * FO_CTC_PAD; j++)
        sum += s[j];
    *top = shift;
    return fo_log_f64(sum);
}

/* For logarithms of probabilities: 0, or NaN where one of k is NaN or +infinity */
FO_INLINE double FO(ctc_sound)(ptrdiff_t k, const fo_real *z)
{
    int bad = 0;
    for (ptrdiff_t c = 0; c < k; c++)
        bad |= !(z[c] < (fo_real)INFINITY);
    return bad ? (double)NAN : 0.0;
}

/* Gradient of a frame from softmax (g holds e) and posterior: scale (e rate - share occupied) */
FO_INLINE void FO(ctc_gradient)(ptrdiff_t k, double rate, double share, double scale,
                                const double *FO_RESTRICT occupied, fo_real *FO_RESTRICT g)
{
    for (ptrdiff_t c = 0; c < k; c++)
        g[c] = (fo_real)(scale * ((double)g[c] * rate - share * occupied[c]));
}
#endif
