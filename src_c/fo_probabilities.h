/* Cross-entropy of a row of probabilities (fo_rows.h).
 *
 * Parameter: FO_SINGLE (fo_real.h).
 */
#include "fo_rows.h"

#if (FO_SINGLE && !defined(FO_PROBABILITIES_F32)) || (!FO_SINGLE && !defined(FO_PROBABILITIES_F64))
#if FO_SINGLE
#define FO_PROBABILITIES_F32
#else
#define FO_PROBABILITIES_F64
#endif

/* One entry: -v log q with log q cut at -100, where its derivatives are 0; q is not normalised. */
typedef struct {
    fo_real value, gradient, hessian;
} FO(entry);

FO_INLINE FO(entry) FO(probability_entry)(fo_real v, fo_real q)
{
    FO(entry) o;
    const int low = q < FO_K(3.720075976020836e-44); /* e^-100 */
    fo_real g = FO(log)(q), r = low ? FO_K(0.0) : v / q;
    g = low ? FO_K(-100.0) : g;
    o.value = -v * g;
    o.gradient = -r;
    o.hessian = low ? FO_K(0.0) : r / q;
    return o;
}

/* One row with targets in memory or mixed. */
FO_INLINE void FO(probability_row)(int mode, int64_t k, int what, const FO(rows) *rows)
{
    enum { L = FO_STRIP };
    const fo_real w = rows->weight[0], a = w * rows->scale;
    fo_real v[L] FO_ALIGNED, q[L] FO_ALIGNED, s[L] FO_ALIGNED;
    fo_real g[L] FO_ALIGNED, h[L] FO_ALIGNED;
    FO_SIMD
    for (int l = 0; l < L; l++) {
        s[l] = FO_K(0.0);
        q[l] = FO_K(1.0);
    }
    if (what & FO_FULL_HESSIAN)
        memset(rows->hessian, 0, (size_t)(k * k) * sizeof(fo_real));
    for (int64_t c = 0; c < k; c += L) {
        const int n = k - c < L ? (int)(k - c) : L;
        FO(strip_target)(mode, rows, rows->target ? rows->target + c : NULL, c, n, v);
        memcpy(q, rows->raw + c, (size_t)n * sizeof(fo_real));
        FO_SIMD
        for (int l = 0; l < L; l++) {
            FO(entry) o = FO(probability_entry)(v[l], q[l]);
            s[l] += o.value;
            g[l] = a * o.gradient;
            h[l] = a * o.hessian;
        }
        if (what & FO_GRADIENT)
            memcpy(rows->gradient + c, g, (size_t)n * sizeof(fo_real));
        if (what & FO_HESSIAN)
            memcpy(rows->hessian + c, h, (size_t)n * sizeof(fo_real));
        if (what & FO_FULL_HESSIAN)
            FO_SIMD
            for (int l = 0; l < n; l++)
                rows->hessian[(c + l) * (k + 1)] = h[l];
        if (what & FO_PRODUCT)
            FO_SIMD
            for (int l = 0; l < n; l++)
                rows->product[c + l] = h[l] * rows->direction[c + l];
    }
    if (what & FO_VALUE)
        rows->value[0] = w * FO(strip_sum)(s);
}

/* m <= FO_TILE rows with v = e_y: one entry of a row counts, the others are 0 */
FO_INLINE void FO(probability_index)(int64_t k, int m, int what, const FO(rows) *rows)
{
    enum { T = FO_TILE };
    const int64_t *y = rows->index;
    const size_t width = (size_t)k * sizeof(fo_real);
    fo_real q[T] FO_ALIGNED, g[T] FO_ALIGNED, h[T] FO_ALIGNED;
    FO_SIMD
    for (int l = 0; l < T; l++)
        q[l] = l < m ? rows->raw[l * k + y[l]] : FO_K(1.0);
    FO_SIMD
    for (int l = 0; l < T; l++) {
        FO(entry) o = FO(probability_entry)(FO_K(1.0), q[l]);
        const fo_real w = rows->weight[l], a = w * rows->scale;
        if (what & FO_VALUE)
            rows->value[l] = w * o.value;
        g[l] = a * o.gradient;
        h[l] = a * o.hessian;
    }
    if (what & FO_GRADIENT)
        memset(rows->gradient, 0, (size_t)m * width);
    if (what & FO_HESSIAN)
        memset(rows->hessian, 0, (size_t)m * width);
    if (what & FO_FULL_HESSIAN)
        memset(rows->hessian, 0, (size_t)(m * k) * width);
    if (what & FO_PRODUCT)
        memset(rows->product, 0, (size_t)m * width);
    for (int l = 0; l < m; l++) {
        const int64_t at = l * k + y[l];
        if (what & FO_GRADIENT)
            rows->gradient[at] = g[l];
        if (what & FO_HESSIAN)
            rows->hessian[at] = h[l];
        if (what & FO_FULL_HESSIAN)
            rows->hessian[at * k + y[l]] = h[l];
        if (what & FO_PRODUCT)
            rows->product[at] = h[l] * rows->direction[at];
    }
}
#endif
