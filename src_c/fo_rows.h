/* Row losses: one target (class index or row) and one row of k raw predictions.
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
 * Two methods give the same outputs. A tile takes FO_TILE rows at once with one row to a lane,
 * which needs the rows transposed but no sum across lanes: best for small k. A row runs its lanes
 * along the classes. Which is used depends on k and the precision alone.
 *
 * Numerics. M = max z, d = z - M <= 0, e_c = exp(d_c). The sum S = 1 + rest is kept as
 * rest = sum of all e_c but one with d_c = 0, so that a dominant class loses no digits:
 *   value     W log1p(rest) - sum v_c d_c
 *   gradient  ((W e_c - v_c) - v_c rest) / S        (= W p_c - v_c)
 *   diagonal  W e_c ((1 - e_c) + rest) / S^2        (= W p_c (1 - p_c))
 */
#include "fo_real.h"
#include "fo_math.h"
#include "fo_job.h"

#ifndef FO_ROWS_H
#define FO_ROWS_H
#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif
enum { FO_V_INDEX = 0, FO_V_ROWS = 1, FO_V_INDEX_MIXED = 2, FO_V_ROWS_MIXED = 3 };
enum { FO_STRIP = 32 }; /* classes taken at once along a row */
#define FO_TILE ((int)(128 / sizeof(fo_real))) /* rows of a tile: two vectors of 64 bytes */
#define FO_TILE_CLASSES ((int64_t)(256 / sizeof(fo_real))) /* the largest k that goes by tiles */
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
/* Vectors with shuffles by element: gcc >= 12, clang. Elsewhere the transposes are plain loops. */
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define FO_SHUFFLES 1
#endif
#endif
#if defined(__AVX512F__)
#define FO_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define FO_VECTOR_BYTES 32
#else
#define FO_VECTOR_BYTES 16
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

/* ---- transposes: rows of k numbers to class-major x[c * FO_TILE + row] and back ---- */
#ifdef FO_SHUFFLES
typedef fo_real FO(vector) __attribute__((vector_size(FO_VECTOR_BYTES), aligned(sizeof(fo_real)), may_alias));

/* One 128-bit piece from each of the rows 0, step, 2 step, ... */
FO_INLINE FO(vector) FO(pieces_load)(const fo_real *x, int64_t step)
{
#if defined(__AVX512F__)
    __m512i v = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)x));
    v = _mm512_mask_broadcast_i32x4(v, 0x00f0, _mm_loadu_si128((const __m128i *)(x + step)));
    v = _mm512_mask_broadcast_i32x4(v, 0x0f00, _mm_loadu_si128((const __m128i *)(x + 2 * step)));
    v = _mm512_mask_broadcast_i32x4(v, 0xf000, _mm_loadu_si128((const __m128i *)(x + 3 * step)));
    return (FO(vector))v;
#elif defined(__AVX2__)
    __m256i v = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)x));
    return (FO(vector))_mm256_inserti128_si256(v, _mm_loadu_si128((const __m128i *)(x + step)), 1);
#else
    (void)step;
    return *(const FO(vector) *)x;
#endif
}

FO_INLINE void FO(pieces_store)(FO(vector) v, fo_real *x, int64_t step)
{
#if defined(__AVX512F__)
    _mm_storeu_si128((__m128i *)x, _mm512_castsi512_si128((__m512i)v));
    _mm_storeu_si128((__m128i *)(x + step), _mm512_extracti32x4_epi32((__m512i)v, 1));
    _mm_storeu_si128((__m128i *)(x + 2 * step), _mm512_extracti32x4_epi32((__m512i)v, 2));
    _mm_storeu_si128((__m128i *)(x + 3 * step), _mm512_extracti32x4_epi32((__m512i)v, 3));
#elif defined(__AVX2__)
    _mm_storeu_si128((__m128i *)x, _mm256_castsi256_si128((__m256i)v));
    _mm_storeu_si128((__m128i *)(x + step), _mm256_extracti128_si256((__m256i)v, 1));
#else
    (void)step;
    *(FO(vector) *)x = v;
#endif
}

/* Interleave within each 128-bit piece: low or high halves of a and b, by element or by pair. */
#if FO_VECTOR_BYTES == 64 && FO_SINGLE
#define FO_LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define FO_HIGH(a, b) __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define FO_LOW2(a, b) __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define FO_HIGH2(a, b) __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#elif FO_VECTOR_BYTES == 32 && FO_SINGLE
#define FO_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define FO_HIGH(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define FO_LOW2(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define FO_HIGH2(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#elif FO_SINGLE
#define FO_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define FO_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define FO_LOW2(a, b) __builtin_shufflevector(a, b, 0, 1, 4, 5)
#define FO_HIGH2(a, b) __builtin_shufflevector(a, b, 2, 3, 6, 7)
#elif FO_VECTOR_BYTES == 64
#define FO_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14)
#define FO_HIGH(a, b) __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15)
#elif FO_VECTOR_BYTES == 32
#define FO_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 2, 6)
#define FO_HIGH(a, b) __builtin_shufflevector(a, b, 1, 5, 3, 7)
#else
#define FO_LOW(a, b) __builtin_shufflevector(a, b, 0, 2)
#define FO_HIGH(a, b) __builtin_shufflevector(a, b, 1, 3)
#endif

/* A group is the 16 / sizeof(fo_real) columns of a 128-bit piece; in-piece transposes need no
 * shuffle across pieces. The last group of a row overlaps its neighbour, so that nothing outside
 * the rows is read or written; overlapped columns are stored twice with the same value. */
FO_INLINE void FO(group_load)(const fo_real *x, int64_t k, fo_real *t)
{
    enum { LANES = FO_VECTOR_BYTES / sizeof(fo_real), GROUP = 16 / sizeof(fo_real) };
    for (int l = 0; l < FO_TILE; l += LANES, x += LANES * k, t += LANES) {
#if FO_SINGLE
        FO(vector) a = FO(pieces_load)(x, GROUP * k), b = FO(pieces_load)(x + k, GROUP * k);
        FO(vector) c = FO(pieces_load)(x + 2 * k, GROUP * k), d = FO(pieces_load)(x + 3 * k, GROUP * k);
        FO(vector) ab = FO_LOW(a, b), cd = FO_LOW(c, d);
        *(FO(vector) *)t = FO_LOW2(ab, cd);
        *(FO(vector) *)(t + FO_TILE) = FO_HIGH2(ab, cd);
        ab = FO_HIGH(a, b), cd = FO_HIGH(c, d);
        *(FO(vector) *)(t + 2 * FO_TILE) = FO_LOW2(ab, cd);
        *(FO(vector) *)(t + 3 * FO_TILE) = FO_HIGH2(ab, cd);
#else
        FO(vector) a = FO(pieces_load)(x, GROUP * k), b = FO(pieces_load)(x + k, GROUP * k);
        *(FO(vector) *)t = FO_LOW(a, b);
        *(FO(vector) *)(t + FO_TILE) = FO_HIGH(a, b);
#endif
    }
}

FO_INLINE void FO(group_store)(const fo_real *t, int64_t k, fo_real *x)
{
    enum { LANES = FO_VECTOR_BYTES / sizeof(fo_real), GROUP = 16 / sizeof(fo_real) };
    for (int l = 0; l < FO_TILE; l += LANES, x += LANES * k, t += LANES) {
        FO(vector) a = *(const FO(vector) *)t, b = *(const FO(vector) *)(t + FO_TILE);
#if FO_SINGLE
        FO(vector) c = *(const FO(vector) *)(t + 2 * FO_TILE), d = *(const FO(vector) *)(t + 3 * FO_TILE);
        FO(vector) ab = FO_LOW(a, b), cd = FO_LOW(c, d);
        FO(pieces_store)(FO_LOW2(ab, cd), x, GROUP * k);
        FO(pieces_store)(FO_HIGH2(ab, cd), x + k, GROUP * k);
        ab = FO_HIGH(a, b), cd = FO_HIGH(c, d);
        FO(pieces_store)(FO_LOW2(ab, cd), x + 2 * k, GROUP * k);
        FO(pieces_store)(FO_HIGH2(ab, cd), x + 3 * k, GROUP * k);
#else
        FO(pieces_store)(FO_LOW(a, b), x, GROUP * k);
        FO(pieces_store)(FO_HIGH(a, b), x + k, GROUP * k);
#endif
    }
}
#undef FO_LOW
#undef FO_HIGH
#undef FO_LOW2
#undef FO_HIGH2
#endif

FO_INLINE void FO(tile_load)(const fo_real *FO_RESTRICT x, int64_t k, fo_real *FO_RESTRICT t)
{
#ifdef FO_SHUFFLES
    const int64_t group = 16 / sizeof(fo_real);
    if (k >= group) {
        for (int64_t c = 0; c + group < k; c += group)
            FO(group_load)(x + c, k, t + c * FO_TILE);
        FO(group_load)(x + k - group, k, t + (k - group) * FO_TILE);
        return;
    }
#endif
    for (int64_t c = 0; c < k; c++)
        for (int l = 0; l < FO_TILE; l++)
            t[c * FO_TILE + l] = x[l * k + c];
}

FO_INLINE void FO(tile_store)(const fo_real *FO_RESTRICT t, int64_t k, fo_real *FO_RESTRICT x)
{
#ifdef FO_SHUFFLES
    const int64_t group = 16 / sizeof(fo_real);
    if (k >= group) {
        for (int64_t c = 0; c + group < k; c += group)
            FO(group_store)(t + c * FO_TILE, k, x + c);
        FO(group_store)(t + (k - group) * FO_TILE, k, x + k - group);
        return;
    }
#endif
    for (int l = 0; l < FO_TILE; l++)
        for (int64_t c = 0; c < k; c++)
            x[l * k + c] = t[c * FO_TILE + l];
}

/* ---- softmax cross-entropy ---- */

/* FO_TILE rows; k <= FO_TILE_CLASSES. What is not asked for by `what` is not touched. */
FO_INLINE void FO(softmax_tile)(int mode, int64_t k, int what, const FO(rows) *rows)
{
    enum { T = FO_TILE };
    const int indexed = mode == FO_V_INDEX || mode == FO_V_INDEX_MIXED;
    const int mixed = mode == FO_V_INDEX_MIXED || mode == FO_V_ROWS_MIXED;
    const fo_real scale = rows->scale, keep = rows->keep, spread = rows->spread;
    fo_real e[FO_TILE_CLASSES * T] FO_ALIGNED, v[FO_TILE_CLASSES * T] FO_ALIGNED, x[FO_TILE_CLASSES * T] FO_ALIGNED;
    fo_real top[T] FO_ALIGNED, rest[T] FO_ALIGNED, total[T] FO_ALIGNED, dot[T] FO_ALIGNED;
    fo_real r[T] FO_ALIGNED, a[T] FO_ALIGNED, b[T] FO_ALIGNED;
    fo_word y[T] FO_ALIGNED;

    if (k < 1) /* a row has a class: without this gcc warns of e, which would have none */
        return;
    FO(tile_load)(rows->raw, k, e);
    FO_SIMD
    for (int l = 0; l < T; l++)
        top[l] = e[l];
    for (int64_t c = 1; c < k; c++)
        FO_SIMD
        for (int l = 0; l < T; l++)
            top[l] = e[c * T + l] > top[l] ? e[c * T + l] : top[l];
    if (indexed)
        FO_SIMD
        for (int l = 0; l < T; l++)
            y[l] = (fo_word)rows->index[l];
    if (mode == FO_V_INDEX) {
        /* One class of each row: in float comparing with all of them is faster than T single loads. */
#if FO_SINGLE
        FO_SIMD
        for (int l = 0; l < T; l++)
            dot[l] = e[l];
        for (int64_t c = 1; c < k; c++)
            FO_SIMD
            for (int l = 0; l < T; l++)
                dot[l] = y[l] == (fo_word)c ? e[c * T + l] : dot[l];
#else
        FO_EACH
        for (int l = 0; l < T; l++)
            dot[l] = rows->raw[l * k + (int64_t)y[l]];
#endif
        FO_SIMD
        for (int l = 0; l < T; l++) {
            dot[l] -= top[l];
            total[l] = FO_K(1.0);
        }
    } else {
        if (!indexed)
            FO(tile_load)(rows->target, k, v);
        for (int64_t c = 0; c < k; c++) {
            if (indexed)
                FO_SIMD
                for (int l = 0; l < T; l++)
                    v[c * T + l] = y[l] == (fo_word)c ? FO_K(1.0) : FO_K(0.0);
            if (mixed) {
                const fo_real u = rows->class_weight ? (fo_real)rows->class_weight[c] : FO_K(1.0);
                FO_SIMD
                for (int l = 0; l < T; l++)
                    v[c * T + l] = u * (keep * v[c * T + l] + spread);
            }
        }
        FO_SIMD
        for (int l = 0; l < T; l++)
            total[l] = dot[l] = FO_K(0.0);
        for (int64_t c = 0; c < k; c++)
            FO_SIMD
            for (int l = 0; l < T; l++) {
                fo_real t = v[c * T + l];
                total[l] += t;
                dot[l] += t == FO_K(0.0) ? FO_K(0.0) : t * (e[c * T + l] - top[l]);
            }
    }
    FO_SIMD
    for (int l = 0; l < T; l++) {
        rest[l] = FO_K(0.0);
        a[l] = FO_K(-1.0);
    }
#if FO_SINGLE
    FO_TWICE /* 5 % in float, nothing in double */
#endif
    for (int64_t c = 0; c < k; c++)
        FO_SIMD
        for (int l = 0; l < T; l++) {
            fo_real d = e[c * T + l] - top[l], p = FO(exp_nonpositive)(d);
            e[c * T + l] = p;
            rest[l] += d == FO_K(0.0) ? FO_K(0.0) : p;
            a[l] += d == FO_K(0.0) ? FO_K(1.0) : FO_K(0.0);
        }
    FO_SIMD
    for (int l = 0; l < T; l++) {
        rest[l] += a[l];
        r[l] = FO_K(1.0) / (FO_K(1.0) + rest[l]);
        a[l] = rows->weight[l] * scale;
    }
    if (what & FO_VALUE)
        FO_SIMD
        for (int l = 0; l < T; l++)
            rows->value[l] = rows->weight[l] * (total[l] * FO(log1p)(rest[l]) - dot[l]);
    if (what & FO_PREDICT) {
        for (int64_t c = 0; c < k; c++)
            FO_SIMD
            for (int l = 0; l < T; l++)
                x[c * T + l] = e[c * T + l] * r[l];
        FO(tile_store)(x, k, rows->product);
    }
    if (what & FO_HESSIAN) {
        for (int64_t c = 0; c < k; c++)
            FO_SIMD
            for (int l = 0; l < T; l++) {
                fo_real p = e[c * T + l];
                x[c * T + l] = total[l] * (p * r[l]) * (((FO_K(1.0) - p) + rest[l]) * r[l]) * a[l];
            }
        FO(tile_store)(x, k, rows->hessian);
    }
    if (what & FO_PRODUCT) {
        /* H (u + constant) = H u: shifted by u at a largest class, the sum below cancels nothing */
        fo_real shift[T] FO_ALIGNED;
        FO(tile_load)(rows->direction, k, x);
        FO_SIMD
        for (int l = 0; l < T; l++)
            shift[l] = b[l] = FO_K(0.0);
        for (int64_t c = 0; c < k; c++)
            FO_SIMD
            for (int l = 0; l < T; l++)
                shift[l] = e[c * T + l] == FO_K(1.0) ? x[c * T + l] : shift[l];
        for (int64_t c = 0; c < k; c++)
            FO_SIMD
            for (int l = 0; l < T; l++) {
                x[c * T + l] -= shift[l];
                b[l] += e[c * T + l] * r[l] * x[c * T + l];
            }
        for (int64_t c = 0; c < k; c++)
            FO_SIMD
            for (int l = 0; l < T; l++)
                x[c * T + l] = total[l] * (e[c * T + l] * r[l]) * (x[c * T + l] - b[l]) * a[l];
        FO(tile_store)(x, k, rows->product);
    }
    if (what & FO_GRADIENT) {
        if (mode == FO_V_INDEX) {
            /* computed again, which takes less than T loads of single elements */
            FO_SIMD
            for (int l = 0; l < T; l++)
                b[l] = ((FO(exp_nonpositive)(dot[l]) - FO_K(1.0)) - rest[l]) * (r[l] * a[l]);
#if FO_SINGLE
            for (int64_t c = 0; c < k; c++)
                FO_SIMD
                for (int l = 0; l < T; l++) {
                    fo_real p = e[c * T + l] * (r[l] * a[l]);
                    e[c * T + l] = y[l] == (fo_word)c ? b[l] : p;
                }
            FO(tile_store)(e, k, rows->gradient);
#else
            for (int64_t c = 0; c < k; c++)
                FO_SIMD
                for (int l = 0; l < T; l++)
                    e[c * T + l] *= r[l] * a[l];
            FO(tile_store)(e, k, rows->gradient);
            FO_EACH
            for (int l = 0; l < T; l++)
                rows->gradient[l * k + (int64_t)y[l]] = b[l];
#endif
        } else {
            for (int64_t c = 0; c < k; c++)
                FO_SIMD
                for (int l = 0; l < T; l++) {
                    fo_real t = v[c * T + l];
                    e[c * T + l] = ((total[l] * e[c * T + l] - t) - t * rest[l]) * (r[l] * a[l]);
                }
            FO(tile_store)(e, k, rows->gradient);
        }
    }
}

/* The sums of a row, in FO_STRIP independent lanes. */
typedef struct {
    fo_real rest[FO_STRIP], ties[FO_STRIP], total[FO_STRIP], dot[FO_STRIP];
} FO(sums);

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

/* e = exp(x - top) of FO_STRIP numbers, added to the sums; without `store`, e is not written. */
FO_INLINE void FO(strip_exp)(int mode, int store, const fo_real *x, const fo_real *v, fo_real top, FO(sums) *s, fo_real *e)
{
    enum { L = FO_STRIP };
    FO_SIMD
    for (int l = 0; l < L; l++) {
        fo_real d = x[l] - top, p = FO(exp_nonpositive)(d);
        fo_real q = d == FO_K(0.0) ? FO_K(0.0) : p, one = d == FO_K(0.0) ? FO_K(1.0) : FO_K(0.0);
        if (store)
            e[l] = p;
        s->rest[l] += q;
        s->ties[l] += one;
        if (mode != FO_V_INDEX) {
            fo_real t = v[l], product = t * d;
            s->total[l] += t;
            s->dot[l] += t == FO_K(0.0) ? FO_K(0.0) : product;
        }
    }
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

/* The largest of x; NaN if the first one is NaN, other NaN are passed over. */
FO_INLINE fo_real FO(row_top)(const fo_real *x, int64_t k)
{
    enum { L = FO_STRIP };
    fo_real top[L] FO_ALIGNED, last[L] FO_ALIGNED;
    int64_t c = 0;
    FO_SIMD
    for (int l = 0; l < L; l++)
        top[l] = last[l] = x[0];
    for (; c + L <= k; c += L)
        FO_SIMD
        for (int l = 0; l < L; l++)
            top[l] = x[c + l] > top[l] ? x[c + l] : top[l];
    memcpy(last, x + c, (size_t)(k - c) * sizeof(fo_real));
    FO_SIMD
    for (int l = 0; l < L; l++)
        top[l] = last[l] > top[l] ? last[l] : top[l];
    for (int h = L / 2; h; h /= 2)
        FO_SIMD
        for (int l = 0; l < h; l++)
            top[l] = top[l + h] > top[l] ? top[l + h] : top[l];
    return top[0];
}

/* One row, any k >= 2; also the full Hessian (k, k). e is kept in the first output asked for. */
FO_INLINE void FO(softmax_row)(int mode, int64_t k, int what, const FO(rows) *rows)
{
    enum { L = FO_STRIP };
    const fo_real *x = rows->raw, *t = rows->target;
    const fo_real top = FO(row_top)(x, k), a = rows->weight[0] * rows->scale;
    const int64_t y = mode == FO_V_INDEX ? rows->index[0] : 0, strips = k / L, left = k - strips * L;
    fo_real *e = what & FO_GRADIENT                        ? rows->gradient
                 : what & (FO_HESSIAN | FO_FULL_HESSIAN) ? rows->hessian
                                                          : rows->product;
    const int store = (what & ~FO_VALUE) != 0;
    fo_real v[L] FO_ALIGNED, last[L] FO_ALIGNED, last_e[L] FO_ALIGNED;
    FO(sums) s FO_ALIGNED;
    memset(&s, 0, sizeof s);
    for (int64_t i = 0; i < strips; i++) {
        FO(strip_target)(mode, rows, t ? t + i * L : NULL, i * L, L, v);
        if (store)
            FO(strip_exp)(mode, 1, x + i * L, v, top, &s, e + i * L);
        else
            FO(strip_exp)(mode, 0, x + i * L, v, top, &s, NULL);
    }
    if (left) {
        FO_SIMD
        for (int l = 0; l < L; l++)
            last[l] = -FO_K(INFINITY);
        memcpy(last, x + strips * L, (size_t)left * sizeof(fo_real));
        FO(strip_target)(mode, rows, t ? t + strips * L : NULL, strips * L, (int)left, v);
        FO(strip_exp)(mode, 1, last, v, top, &s, last_e);
        if (store)
            memcpy(e + strips * L, last_e, (size_t)left * sizeof(fo_real));
    }
    const fo_real rest = FO(strip_sum)(s.rest) + (FO(strip_sum)(s.ties) - FO_K(1.0));
    const fo_real r = FO_K(1.0) / (FO_K(1.0) + rest);
    const fo_real total = mode == FO_V_INDEX ? FO_K(1.0) : FO(strip_sum)(s.total);
    const fo_real dot = mode == FO_V_INDEX ? x[y] - top : FO(strip_sum)(s.dot);
    if (what & FO_VALUE)
        rows->value[0] = rows->weight[0] * (total * FO(log1p)(rest) - dot);
    if (what & FO_HESSIAN)
        for (int64_t c = 0; c < k; c++) {
            fo_real p = e[c];
            rows->hessian[c] = total * (p * r) * (((FO_K(1.0) - p) + rest) * r) * a;
        }
    if (what & FO_PRODUCT) {
        /* as in the tile: shifted by u at a largest class */
        const fo_real *u = rows->direction;
        fo_real sum[L] FO_ALIGNED, shift = FO_K(0.0);
        for (int64_t c = 0; c < k; c++)
            shift = e[c] == FO_K(1.0) ? u[c] : shift;
        FO_SIMD
        for (int l = 0; l < L; l++)
            sum[l] = FO_K(0.0);
        for (int64_t i = 0; i < strips; i++)
            FO_SIMD
            for (int l = 0; l < L; l++)
                sum[l] += e[i * L + l] * r * (u[i * L + l] - shift);
        for (int64_t c = strips * L; c < k; c++)
            sum[c - strips * L] += e[c] * r * (u[c] - shift);
        const fo_real b = FO(strip_sum)(sum);
        for (int64_t c = 0; c < k; c++)
            rows->product[c] = total * (e[c] * r) * ((u[c] - shift) - b) * a;
    }
    if (what & FO_PREDICT)
        for (int64_t c = 0; c < k; c++)
            rows->product[c] = e[c] * r;
    if (what & FO_FULL_HESSIAN) {
        /* last row first: e may be kept in row 0 */
        for (int64_t i = k - 1; i >= 0; i--) {
            fo_real *h = rows->hessian + i * k;
            const fo_real q = e[i], m = total * (q * r) * a;
            for (int64_t c = 0; c < k; c++)
                h[c] = -(m * (e[c] * r));
            h[i] = m * (((FO_K(1.0) - q) + rest) * r);
        }
    }
    if (what & FO_GRADIENT) {
        const fo_real m = r * a;
        if (mode == FO_V_INDEX) {
            const fo_real at = ((e[y] - FO_K(1.0)) - rest) * m;
            for (int64_t c = 0; c < k; c++)
                e[c] *= m;
            e[y] = at;
        } else {
            for (int64_t i = 0; i <= strips; i++) {
                const int n = i < strips ? L : (int)left;
                FO(strip_target)(mode, rows, t ? t + i * L : NULL, i * L, n, v);
                FO_SIMD
                for (int l = 0; l < n; l++)
                    e[i * L + l] = ((total * e[i * L + l] - v[l]) - v[l] * rest) * m;
            }
        }
    }
}

/* Conjugate of one row at theta = rows->raw: with q = theta + v,
 * sum q log(q / W) if q >= 0 and sum theta = 0, else infinity. Rounding is allowed for: sums within
 * 8 k eps, entries within 8 eps of the border, relative to W + sum |theta|. */
FO_INLINE fo_real FO(softmax_conjugate)(int mode, int64_t k, const FO(rows) *rows)
{
    const fo_real eps = FO_SINGLE ? FO_K(1.1920929e-7) : FO_K(2.220446049250313e-16);
    double sum = 0.0, size = 0.0, total = 0.0, s = 0.0;
    fo_real low = FO_K(0.0), v[FO_STRIP];
    for (int pass = 0; pass < 2; pass++)
        for (int64_t c = 0; c < k; c += FO_STRIP) {
            const int n = k - c < FO_STRIP ? (int)(k - c) : FO_STRIP;
            if (mode == FO_V_INDEX)
                FO_SIMD
                for (int l = 0; l < n; l++)
                    v[l] = rows->index[0] == c + l ? FO_K(1.0) : FO_K(0.0);
            else
                FO(strip_target)(mode, rows, rows->target ? rows->target + c : NULL, c, n, v);
            if (pass == 0) {
                for (int l = 0; l < n; l++) {
                    fo_real theta = rows->raw[c + l], q = theta + v[l];
                    sum += theta;
                    size += theta < FO_K(0.0) ? -theta : theta;
                    total += v[l];
                    low = q < low ? q : low;
                }
            } else {
                FO_SIMD
                for (int l = 0; l < n; l++) {
                    fo_real q = rows->raw[c + l] + v[l], part = q / (fo_real)total;
                    v[l] = q > FO_K(0.0) ? q * FO(log)(part) : FO_K(0.0);
                }
                for (int l = 0; l < n; l++)
                    s += v[l];
            }
        }
    size += total;
    if (sum != sum)
        return (fo_real)sum;
    if (!((sum < 0 ? -sum : sum) <= 8.0 * (double)k * eps * size) || !(low >= -8.0 * eps * size))
        return FO_K(INFINITY);
    return (fo_real)s;
}

/* ---- cross-entropy of probabilities ---- */

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
