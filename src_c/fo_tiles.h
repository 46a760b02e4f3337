/* Tile kernels of the passes over dense rows: a tile is m rows of p elements, ld apart.
 *
 * Parameter: FO_SINGLE (fo_real.h). Serial; nothing is allocated: scratch comes from the caller.
 * Products are formed in fo_real; what is summed over more than one tile is double.
 */
#include "fo_real.h"

#if (FO_SINGLE && !defined(FO_TILES_F32)) || (!FO_SINGLE && !defined(FO_TILES_F64))
#if FO_SINGLE
#define FO_TILES_F32
#else
#define FO_TILES_F64
#endif

#ifndef FO_TILE
#if defined(__GNUC__)
#define FO_TILE static __attribute__((unused))
#else
#define FO_TILE static
#endif
#endif

/* Rows of a tile, from the shape alone. */
FO_TILE ptrdiff_t FO(tile_rows)(ptrdiff_t p, ptrdiff_t k)
{
    ptrdiff_t widest = p > k ? p : k, m = (ptrdiff_t)(131072 / sizeof(fo_real)) / (widest > 0 ? widest : 1) / 16 * 16;
    return m > 256 ? 256 : (m < 16 ? 16 : m);
}

/* Elements of scratch for one tile. */
FO_TILE ptrdiff_t FO(tile_scratch)(ptrdiff_t m, ptrdiff_t p, ptrdiff_t k)
{
    (void)k;
    return (m + 2) * (p + 64);
}

/* Weights (k, p) in the layout that tile_forward reads; elements of that layout. */
FO_TILE ptrdiff_t FO(weights_size)(ptrdiff_t p, ptrdiff_t k)
{
    return p * k;
}

FO_TILE void FO(pack_weights)(const double *w, ptrdiff_t p, ptrdiff_t k, fo_real *out)
{
    for (ptrdiff_t i = 0; i < p * k; i++)
        out[i] = (fo_real)w[i];
}

/* z (m, k) = X W' */
FO_TILE void FO(tile_forward)(const fo_real *x, ptrdiff_t ld, ptrdiff_t m, ptrdiff_t p, ptrdiff_t k, const fo_real *w,
                              fo_real *z, fo_real *scratch)
{
    (void)scratch;
    for (ptrdiff_t i = 0; i < m; i++)
        for (ptrdiff_t c = 0; c < k; c++) {
            fo_real s = 0;
            for (ptrdiff_t j = 0; j < p; j++)
                s += x[i * ld + j] * w[c * p + j];
            z[i * k + c] = s;
        }
}

/* g (k, p) += R'X for r (m, k) */
FO_TILE void FO(tile_backward)(const fo_real *x, ptrdiff_t ld, ptrdiff_t m, ptrdiff_t p, ptrdiff_t k, const fo_real *r,
                               double *g, fo_real *scratch)
{
    for (ptrdiff_t c = 0; c < k; c++) {
        for (ptrdiff_t j = 0; j < p; j++)
            scratch[j] = 0;
        for (ptrdiff_t i = 0; i < m; i++) {
            fo_real v = r[i * k + c];
            for (ptrdiff_t j = 0; j < p; j++)
                scratch[j] += v * x[i * ld + j];
        }
        for (ptrdiff_t j = 0; j < p; j++)
            g[c * p + j] += (double)scratch[j];
    }
}

/* Columns lo..hi-1 of the upper triangle of h += X' diag(h) X (rows 0..j of column j at least) */
FO_TILE void FO(tile_gram)(const fo_real *x, ptrdiff_t ld, ptrdiff_t m, ptrdiff_t lo, ptrdiff_t hi, const fo_real *h,
                           double *out, ptrdiff_t ldo, fo_real *scratch)
{
    for (ptrdiff_t a = 0; a < hi; a++) {
        ptrdiff_t from = a > lo ? a : lo;
        for (ptrdiff_t j = from; j < hi; j++)
            scratch[j] = 0;
        for (ptrdiff_t i = 0; i < m; i++) {
            fo_real v = h ? h[i] * x[i * ld + a] : x[i * ld + a];
            for (ptrdiff_t j = from; j < hi; j++)
                scratch[j] += v * x[i * ld + j];
        }
        for (ptrdiff_t j = from; j < hi; j++)
            out[a * ldo + j] += (double)scratch[j];
    }
}

/* Weighted means of x - shift and centred sums of squares of the columns of one tile; the total weight. */
FO_TILE double FO(tile_moments)(const fo_real *x, ptrdiff_t ld, ptrdiff_t m, ptrdiff_t p, const fo_real *w,
                                const fo_real *shift, double *mean, double *square)
{
    double total = 0;
    for (ptrdiff_t j = 0; j < p; j++)
        mean[j] = square[j] = 0;
    for (ptrdiff_t i = 0; i < m; i++) {
        double v = w ? (double)w[i] : 1.0;
        total += v;
        for (ptrdiff_t j = 0; j < p; j++)
            mean[j] += v * ((double)x[i * ld + j] - (double)shift[j]);
    }
    double scale = total > 0 ? 1 / total : 0;
    for (ptrdiff_t j = 0; j < p; j++)
        mean[j] *= scale;
    for (ptrdiff_t i = 0; i < m; i++) {
        double v = w ? (double)w[i] : 1.0;
        for (ptrdiff_t j = 0; j < p; j++) {
            double d = ((double)x[i * ld + j] - (double)shift[j]) - mean[j];
            square[j] += v * d * d;
        }
    }
    return total;
}

/* 1 where an element is infinite or NaN */
FO_TILE int FO(tile_not_finite)(const fo_real *x, ptrdiff_t ld, ptrdiff_t m, ptrdiff_t p)
{
    int bad = 0;
    for (ptrdiff_t i = 0; i < m; i++) {
        const fo_real *row = x + i * ld;
        for (ptrdiff_t j = 0; j < p; j++)
            bad |= !(row[j] - row[j] == 0);
    }
    return bad;
}
#endif
