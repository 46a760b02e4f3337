/* A vector of the widest registers of the level, for the tile kernels.
 *
 * Parameter: FO_SINGLE (fo_real.h). gcc and clang: GNU vectors, with intrinsics only for masked
 * tails. Other compilers, and with FO_SCALAR_VECTORS: a small array with the same operations.
 *
 * FO(vec), FO_LANES(name) elements; v_* below. A tail is a count from 1 to the number of lanes:
 * what lies behind it is read as zero and not written.
 */
#include "fo_real.h"

#if (FO_SINGLE && !defined(FO_SIMD_F32)) || (!FO_SINGLE && !defined(FO_SIMD_F64))
#if FO_SINGLE
#define FO_SIMD_F32
#else
#define FO_SIMD_F64
#endif

#ifndef FO_SIMD_H
#define FO_SIMD_H
#if defined(__GNUC__) && defined(__has_builtin) && !defined(FO_SCALAR_VECTORS)
#if __has_builtin(__builtin_shufflevector)
#define FO_GNU_VECTORS 1
#endif
#endif
#ifndef FO_GNU_VECTORS
#define FO_GNU_VECTORS 0
#endif
#if FO_GNU_VECTORS && defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include <immintrin.h>
#define FO_BYTES 64
#elif FO_GNU_VECTORS && defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#define FO_BYTES 32
#else
#define FO_BYTES 16
#endif
#if defined(__GNUC__)
#define FO_PREFETCH(p) __builtin_prefetch((p), 0, 3)
#define FO_UNROLL _Pragma("GCC unroll 16")
#else
#define FO_PREFETCH(p) ((void)(p))
#define FO_UNROLL
#endif
#define FO_GROUP (16 / (int)sizeof(fo_real)) /* elements of a group of 16 bytes, within which shuffles are cheap */
/* A shuffle's list inside one group of four, repeated for the vector's groups; FO_N starts the second operand. */
#define FO_LIST4(a, b, c, d) a, b, c, d
#define FO_LIST8(a, b, c, d) a, b, c, d, (a) + 4, (b) + 4, (c) + 4, (d) + 4
#if FO_BYTES == 64
#define FO_N 16
#define FO_LIST(a, b, c, d) FO_LIST8(a, b, c, d), FO_LIST8((a) + 8, (b) + 8, (c) + 8, (d) + 8)
#elif FO_BYTES == 32
#define FO_N 8
#define FO_LIST FO_LIST8
#else
#define FO_N 4
#define FO_LIST FO_LIST4
#endif
#endif

enum { FO(lanes) = FO_BYTES / (int)sizeof(fo_real) };

#if FO_GNU_VECTORS
typedef fo_real FO(vec) __attribute__((vector_size(FO_BYTES)));
typedef fo_real FO(vec_any) __attribute__((vector_size(FO_BYTES), aligned(sizeof(fo_real)), may_alias));
typedef fo_real FO(quarter) __attribute__((vector_size(16)));
typedef fo_real FO(quarter_any) __attribute__((vector_size(16), aligned(sizeof(fo_real)), may_alias));
typedef fo_real FO(half) __attribute__((vector_size(32)));

FO_INLINE FO(vec) FO(v_set)(fo_real a) { return a - (FO(vec)){0}; }
FO_INLINE FO(vec) FO(v_load)(const fo_real *p) { return *(const FO(vec_any) *)p; }
FO_INLINE void FO(v_store)(fo_real *p, FO(vec) a) { *(FO(vec_any) *)p = a; }
FO_INLINE FO(vec) FO(v_add)(FO(vec) a, FO(vec) b) { return a + b; }
FO_INLINE FO(vec) FO(v_sub)(FO(vec) a, FO(vec) b) { return a - b; }
FO_INLINE FO(vec) FO(v_mul)(FO(vec) a, FO(vec) b) { return a * b; }
FO_INLINE FO(vec) FO(v_fma)(FO(vec) a, FO(vec) b, FO(vec) c) { return a * b + c; }

#if FO_BYTES == 64
FO_INLINE FO(vec) FO(v_load_tail)(const fo_real *p, int count)
{
#if FO_SINGLE
    return (FO(vec))_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
#else
    return (FO(vec))_mm512_maskz_loadu_pd((__mmask8)((1u << count) - 1), p);
#endif
}
FO_INLINE void FO(v_store_tail)(fo_real *p, FO(vec) a, int count)
{
#if FO_SINGLE
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), (__m512)a);
#else
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << count) - 1), (__m512d)a);
#endif
}
#elif FO_BYTES == 32
FO_INLINE __m256i FO(v_mask)(int count)
{
#if FO_SINGLE
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
#else
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
#endif
}
FO_INLINE FO(vec) FO(v_load_tail)(const fo_real *p, int count)
{
#if FO_SINGLE
    return (FO(vec))_mm256_maskload_ps(p, FO(v_mask)(count));
#else
    return (FO(vec))_mm256_maskload_pd(p, FO(v_mask)(count));
#endif
}
FO_INLINE void FO(v_store_tail)(fo_real *p, FO(vec) a, int count)
{
#if FO_SINGLE
    _mm256_maskstore_ps(p, FO(v_mask)(count), (__m256)a);
#else
    _mm256_maskstore_pd(p, FO(v_mask)(count), (__m256d)a);
#endif
}
#else
FO_INLINE FO(vec) FO(v_load_tail)(const fo_real *p, int count)
{
    FO(vec) a = {0};
    for (int i = 0; i < FO(lanes); i++)
        if (i < count)
            a[i] = p[i];
    return a;
}
FO_INLINE void FO(v_store_tail)(fo_real *p, FO(vec) a, int count)
{
    for (int i = 0; i < FO(lanes); i++)
        if (i < count)
            p[i] = a[i];
}
#endif

/* The sum of the groups of 16 bytes. */
FO_INLINE FO(quarter) FO(v_fold)(FO(vec) a)
{
#if FO_BYTES == 64 && FO_SINGLE
    FO(half) h = __builtin_shufflevector(a, a, 0, 1, 2, 3, 4, 5, 6, 7) +
                 __builtin_shufflevector(a, a, 8, 9, 10, 11, 12, 13, 14, 15);
    return __builtin_shufflevector(h, h, 0, 1, 2, 3) + __builtin_shufflevector(h, h, 4, 5, 6, 7);
#elif FO_BYTES == 64
    FO(half) h = __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
    return __builtin_shufflevector(h, h, 0, 1) + __builtin_shufflevector(h, h, 2, 3);
#elif FO_BYTES == 32 && FO_SINGLE
    return __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
#elif FO_BYTES == 32
    return __builtin_shufflevector(a, a, 0, 1) + __builtin_shufflevector(a, a, 2, 3);
#else
    return a;
#endif
}

/* out[i] = sum of the lanes of a[i], i < 4 */
FO_INLINE void FO(v_sum4)(const FO(vec) *a, fo_real *out)
{
    FO(quarter) q0 = FO(v_fold)(a[0]), q1 = FO(v_fold)(a[1]), q2 = FO(v_fold)(a[2]), q3 = FO(v_fold)(a[3]);
#if FO_SINGLE
    FO(quarter) s = __builtin_shufflevector(q0, q1, 0, 4, 1, 5) + __builtin_shufflevector(q0, q1, 2, 6, 3, 7);
    FO(quarter) t = __builtin_shufflevector(q2, q3, 0, 4, 1, 5) + __builtin_shufflevector(q2, q3, 2, 6, 3, 7);
    *(FO(quarter_any) *)out = __builtin_shufflevector(s, t, 0, 1, 4, 5) + __builtin_shufflevector(s, t, 2, 3, 6, 7);
#else
    *(FO(quarter_any) *)out = __builtin_shufflevector(q0, q1, 0, 2) + __builtin_shufflevector(q0, q1, 1, 3);
    *(FO(quarter_any) *)(out + 2) = __builtin_shufflevector(q2, q3, 0, 2) + __builtin_shufflevector(q2, q3, 1, 3);
#endif
}

/* One group of 16 bytes from each of FO_BYTES / 16 rows, `step` apart. */
FO_INLINE FO(vec) FO(v_gather)(const fo_real *p, ptrdiff_t step)
{
#if FO_BYTES == 16
    (void)step;
    return *(const FO(quarter_any) *)p;
#elif FO_BYTES == 32
    __m256i v = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)p));
    return (FO(vec))_mm256_inserti128_si256(v, _mm_loadu_si128((const __m128i *)(p + step)), 1);
#else
    __m512i v = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)p));
    v = _mm512_mask_broadcast_i32x4(v, 0x00f0, _mm_loadu_si128((const __m128i *)(p + step)));
    v = _mm512_mask_broadcast_i32x4(v, 0x0f00, _mm_loadu_si128((const __m128i *)(p + 2 * step)));
    return (FO(vec))_mm512_mask_broadcast_i32x4(v, 0xf000, _mm_loadu_si128((const __m128i *)(p + 3 * step)));
#endif
}

/* One group of 16 bytes into each of FO_BYTES / 16 rows, `step` apart. */
FO_INLINE void FO(v_scatter)(fo_real *p, ptrdiff_t step, FO(vec) a)
{
#if FO_BYTES == 16
    (void)step;
    *(FO(quarter_any) *)p = a;
#elif FO_BYTES == 32
    _mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128((__m256i)a));
    _mm_storeu_si128((__m128i *)(p + step), _mm256_extracti128_si256((__m256i)a, 1));
#else
    _mm_storeu_si128((__m128i *)p, _mm512_castsi512_si128((__m512i)a));
    _mm_storeu_si128((__m128i *)(p + step), _mm512_extracti32x4_epi32((__m512i)a, 1));
    _mm_storeu_si128((__m128i *)(p + 2 * step), _mm512_extracti32x4_epi32((__m512i)a, 2));
    _mm_storeu_si128((__m128i *)(p + 3 * step), _mm512_extracti32x4_epi32((__m512i)a, 3));
#endif
}

/* In each group of 16 bytes: out[c][r] = in[r][c], r and c below 4 (float) or 2 (double) */
FO_INLINE void FO(v_transpose)(const FO(vec) *in, FO(vec) *out)
{
#if FO_SINGLE
    /* rows 0, 1 (s) and 2, 3 (t) of two columns each */
    FO(vec) s0 = __builtin_shufflevector(in[0], in[1], FO_LIST(0, FO_N, 1, FO_N + 1));
    FO(vec) s1 = __builtin_shufflevector(in[0], in[1], FO_LIST(2, FO_N + 2, 3, FO_N + 3));
    FO(vec) t0 = __builtin_shufflevector(in[2], in[3], FO_LIST(0, FO_N, 1, FO_N + 1));
    FO(vec) t1 = __builtin_shufflevector(in[2], in[3], FO_LIST(2, FO_N + 2, 3, FO_N + 3));
    out[0] = __builtin_shufflevector(s0, t0, FO_LIST(0, 1, FO_N, FO_N + 1));
    out[1] = __builtin_shufflevector(s0, t0, FO_LIST(2, 3, FO_N + 2, FO_N + 3));
    out[2] = __builtin_shufflevector(s1, t1, FO_LIST(0, 1, FO_N, FO_N + 1));
    out[3] = __builtin_shufflevector(s1, t1, FO_LIST(2, 3, FO_N + 2, FO_N + 3));
#elif FO_BYTES == 64
    out[0] = __builtin_shufflevector(in[0], in[1], 0, 8, 2, 10, 4, 12, 6, 14);
    out[1] = __builtin_shufflevector(in[0], in[1], 1, 9, 3, 11, 5, 13, 7, 15);
#elif FO_BYTES == 32
    out[0] = __builtin_shufflevector(in[0], in[1], 0, 4, 2, 6);
    out[1] = __builtin_shufflevector(in[0], in[1], 1, 5, 3, 7);
#else
    out[0] = __builtin_shufflevector(in[0], in[1], 0, 2);
    out[1] = __builtin_shufflevector(in[0], in[1], 1, 3);
#endif
}

/* out[c][i] = x[i ld + c] for a group of columns and i < lanes */
FO_INLINE void FO(v_columns)(const fo_real *x, ptrdiff_t ld, FO(vec) *out)
{
    FO(vec) rows[FO_GROUP];
    FO_UNROLL
    for (int r = 0; r < FO_GROUP; r++)
        rows[r] = FO(v_gather)(x + r * ld, FO_GROUP * ld);
    FO(v_transpose)(rows, out);
}

/* x[i ld + c] = in[c][i], the other way */
FO_INLINE void FO(v_store_columns)(fo_real *x, ptrdiff_t ld, const FO(vec) *in)
{
    FO(vec) rows[FO_GROUP];
    FO(v_transpose)(in, rows);
    FO_UNROLL
    for (int r = 0; r < FO_GROUP; r++)
        FO(v_scatter)(x + r * ld, FO_GROUP * ld, rows[r]);
}

#else /* no GNU vectors */
typedef struct {
    fo_real e[FO_BYTES / sizeof(fo_real)];
} FO(vec);
#define FO_OF_LANES(expression)         \
    FO(vec) r;                          \
    for (int i = 0; i < FO(lanes); i++) \
        r.e[i] = expression;            \
    return r
FO_INLINE FO(vec) FO(v_set)(fo_real a) { FO_OF_LANES(a); }
FO_INLINE FO(vec) FO(v_load)(const fo_real *p) { FO_OF_LANES(p[i]); }
FO_INLINE FO(vec) FO(v_load_tail)(const fo_real *p, int count) { FO_OF_LANES(i < count ? p[i] : 0); }
FO_INLINE FO(vec) FO(v_add)(FO(vec) a, FO(vec) b) { FO_OF_LANES(a.e[i] + b.e[i]); }
FO_INLINE FO(vec) FO(v_sub)(FO(vec) a, FO(vec) b) { FO_OF_LANES(a.e[i] - b.e[i]); }
FO_INLINE FO(vec) FO(v_mul)(FO(vec) a, FO(vec) b) { FO_OF_LANES(a.e[i] * b.e[i]); }
FO_INLINE FO(vec) FO(v_fma)(FO(vec) a, FO(vec) b, FO(vec) c) { FO_OF_LANES(a.e[i] * b.e[i] + c.e[i]); }
#undef FO_OF_LANES
FO_INLINE void FO(v_store)(fo_real *p, FO(vec) a)
{
    for (int i = 0; i < FO(lanes); i++)
        p[i] = a.e[i];
}
FO_INLINE void FO(v_store_tail)(fo_real *p, FO(vec) a, int count)
{
    for (int i = 0; i < count; i++)
        p[i] = a.e[i];
}
FO_INLINE void FO(v_sum4)(const FO(vec) *a, fo_real *out)
{
    for (int c = 0; c < 4; c++) {
        out[c] = 0;
        for (int i = 0; i < FO(lanes); i++)
            out[c] += a[c].e[i];
    }
}
FO_INLINE void FO(v_columns)(const fo_real *x, ptrdiff_t ld, FO(vec) *out)
{
    for (int c = 0; c < FO_GROUP; c++)
        for (int i = 0; i < FO(lanes); i++)
            out[c].e[i] = x[i * ld + c];
}
FO_INLINE void FO(v_store_columns)(fo_real *x, ptrdiff_t ld, const FO(vec) *in)
{
    for (int i = 0; i < FO(lanes); i++)
        for (int c = 0; c < FO_GROUP; c++)
            x[i * ld + c] = in[c].e[i];
}
#endif
#endif
