/* Losses over rows: one target (class index or row) and one row of k raw predictions. What they share.
 *
 * Parameter: FO_SINGLE (fo_real.h).
 *
 * The target of every loss is a row v >= 0 with W = sum v: v_c = u_c (keep t_c + spread), where t
 * is the one-hot or soft target, u the class weights, keep = 1 - s and spread = s / k for label
 * smoothing s. `mode` says how v is found and is a constant at every call:
 *   FO_V_INDEX  v = e_y; only two entries of a row are special, so v is never formed
 *   FO_V_ROWS   v = t, rows in memory
 *   FO_V_INDEX_MIXED, FO_V_ROWS_MIXED  the full formula, t by index or by row
 *
 * A tile is FO_TILE rows side by side, one to a lane, class-major: x[c * FO_TILE + row]. A strip is FO_STRIP classes of
 * one row.
 */
#include "fo_real.h"
#include "fo_math.h"
#include "fo_job.h"

#ifndef FO_ROWS_H
#define FO_ROWS_H
enum { FO_V_INDEX = 0, FO_V_ROWS = 1, FO_V_INDEX_MIXED = 2, FO_V_ROWS_MIXED = 3 };
enum { FO_STRIP = 32 }; /* classes taken at once along a row */
#define FO_TILE ((int)(128 / sizeof(fo_real))) /* rows of a tile: two vectors of 64 bytes */
#if defined(__GNUC__)
#define FO_ALIGNED __attribute__((aligned(64)))
/* Before a loop over lanes: without it gcc unrolls the loop before it tries vectors. */
#define FO_SIMD _Pragma("omp simd")
/* Before a loop of scattered accesses, which are faster one by one than as a gather or scatter. */
#define FO_EACH _Pragma("GCC unroll 32")
/* Before a loop whose steps are chains that two at a time fill better. */
#define FO_TWICE _Pragma("GCC unroll 2")
#else
#define FO_ALIGNED
#define FO_SIMD
#define FO_EACH
#define FO_TWICE
#endif
#endif

#if (FO_SINGLE && !defined(FO_ROWS_F32)) || (!FO_SINGLE && !defined(FO_ROWS_F64))
#if FO_SINGLE
#define FO_ROWS_F32
#else
#define FO_ROWS_F64
#endif

/* What one tile or one row reads and writes; pointers to its first row. */
typedef struct {
    const fo_real *raw, *target, *direction; /* rows of k */
    const int64_t *index;                    /* FO_TILE class indices inside 0..k-1, or one */
    const fo_real *weight;                   /* FO_TILE weights, or one */
    fo_real *value;                          /* FO_TILE values, or one */
    fo_real *gradient, *hessian, *product;   /* rows of k; hessian (k, k) with FO_FULL_HESSIAN */
    const double *class_weight;              /* (k,) or NULL */
    fo_real scale, keep, spread;
} FO(rows);

/* v of FO_STRIP classes from c on: `target` points to their t, NULL for an index. */
FO_INLINE void FO(strip_target)(int mode, const FO(rows) *rows, const fo_real *target, int64_t c, int n, fo_real *v)
{
    enum { L = FO_STRIP };
    const fo_real keep = rows->keep, spread = rows->spread;
    if (mode == FO_V_ROWS) {
        FO_SIMD
        for (int l = 0; l < n; l++)
            v[l] = target[l];
    } else if (mode != FO_V_INDEX) {
        const int64_t at = rows->index ? rows->index[0] - c : -1;
        FO_SIMD
        for (int l = 0; l < n; l++)
            v[l] = mode == FO_V_ROWS_MIXED ? target[l] : (l == at ? FO_K(1.0) : FO_K(0.0));
        FO_SIMD
        for (int l = 0; l < n; l++)
            v[l] = keep * v[l] + spread;
        if (rows->class_weight)
            FO_SIMD
            for (int l = 0; l < n; l++)
                v[l] *= (fo_real)rows->class_weight[c + l];
    }
    if (mode != FO_V_INDEX)
        for (int l = n; l < L; l++)
            v[l] = FO_K(0.0);
}

FO_INLINE fo_real FO(strip_sum)(const fo_real *x)
{
    fo_real s[FO_STRIP];
    FO_SIMD
    for (int l = 0; l < FO_STRIP; l++)
        s[l] = x[l];
    for (int h = FO_STRIP / 2; h; h /= 2)
        FO_SIMD
        for (int l = 0; l < h; l++)
            s[l] += s[l + h];
    return s[0];
}

/* Whether one of n class indices is outside 0..k-1. */
FO_INLINE int FO(bad_index)(const int64_t *index, int64_t n, int64_t k)
{
    int64_t bad = 0;
    for (int64_t i = 0; i < n; i++)
        bad |= index[i] | (k - 1 - index[i]);
    return bad < 0;
}

/* Whether a weight, or an entry of a target row, is anything but finite and >= 0. */
FO_INLINE int FO(bad_entry)(fo_real t)
{
    return !(t >= FO_K(0.0) && t < (fo_real)INFINITY);
}

/* Whether a probability is outside [0, 1]; NaN passes and reaches the result. */
FO_INLINE int FO(bad_probability)(fo_real q)
{
    return q < FO_K(0.0) || q > FO_K(1.0);
}
#endif
