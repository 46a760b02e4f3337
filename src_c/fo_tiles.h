/* Tile kernels of the passes over dense rows: a tile is m rows of p elements, ld apart.
 *
 * Parameter: FO_SINGLE (fo_real.h). Serial; nothing is allocated: scratch comes from the caller.
 * Products are formed in fo_real; what is summed over more than one tile is double.
 *
 * Few columns and one output: the tile is transposed once into `xt` (column j at xt + j * M, M rows
 * rounded up to whole vectors, zeros behind row m), and rows are the lanes of everything. Otherwise xt
 * is NULL: lanes run along the row, eight rows at a time, and with k outputs the register-blocked
 * product FO(block) does the work.
 */
#include "fo_simd.h"

#if (FO_SINGLE && !defined(FO_TILES_F32)) || (!FO_SINGLE && !defined(FO_TILES_F64))
#if FO_SINGLE
#define FO_TILES_F32
#else
#define FO_TILES_F64
#endif

#ifndef FO_TILES_H
#define FO_TILES_H
#if defined(__GNUC__)
#define FO_TILE static __attribute__((unused, noinline))
#else
#define FO_TILE static
#endif
/* Rows of FO(block): two vectors a row must leave registers for b and a. */
#if FO_BYTES == 64
#define FO_HEIGHT 14
#elif defined(__aarch64__)
#define FO_HEIGHT 12
#else
#define FO_HEIGHT 6
#endif
enum { FO_LINE_BYTES = 64 };
#endif

/* Columns up to which a tile is transposed for one output. Measured crossover with eight rows at a time. */
#if FO_BYTES == 64
enum { FO(narrow) = FO_SINGLE ? 24 : 15 };
#elif FO_BYTES == 32
enum { FO(narrow) = FO_SINGLE ? 20 : 11 };
#else
enum { FO(narrow) = FO_SINGLE ? 12 : 6 };
#endif

/* m rounded up to whole vectors */
FO_INLINE ptrdiff_t FO(lanes_up)(ptrdiff_t m)
{
    return (m + FO(lanes) - 1) / FO(lanes) * FO(lanes);
}

/* Rows of a tile, from the shape alone: in L2 beside what it makes, and in L1 where it is transposed. */
FO_TILE ptrdiff_t FO(tile_rows)(ptrdiff_t p, ptrdiff_t k)
{
    ptrdiff_t widest = p > k ? p : k, m = (ptrdiff_t)(131072 / sizeof(fo_real)) / (widest > 0 ? widest : 1) / 16 * 16;
    ptrdiff_t most = FO_SINGLE || p > FO(narrow) ? 256 : 128;
    return m > most ? most : (m < 16 ? 16 : m);
}

/* Rows of a tile that is read twice for one output: in L1 between the two, beside the next one that is fetched
 * meanwhile, but at least the 16 rows that a block of the loss and eight rows at a time need. Measured at
 * 2e5 x 100, one thread on Zen 5, of the read bandwidth: 87 % (float32) and 83 % (float64) with 14 KB, 67 % with
 * 28 KB, 50 % with 128 KB. */
FO_TILE ptrdiff_t FO(pass_rows)(ptrdiff_t p, ptrdiff_t k)
{
    ptrdiff_t all = FO(tile_rows)(p, k);
    if (k > 1 || p <= FO(narrow))
        return all;
    ptrdiff_t m = (ptrdiff_t)(14336 / sizeof(fo_real)) / p / 16 * 16;
    return m > all ? all : (m < 16 ? 16 : m);
}

/* Rows of a tile of a Gram matrix: enough that adding a block to H costs little beside its products. Measured
 * at p = 300, one thread: 75 GF with 48 rows, 90 with 96 and more (float32), 44 and 45 (float64). */
FO_TILE ptrdiff_t FO(gram_rows)(ptrdiff_t p, ptrdiff_t k)
{
    ptrdiff_t all = FO(tile_rows)(p, k), most = FO_SINGLE ? 256 : 160;
    if (p <= FO(narrow))
        return all;
    ptrdiff_t m = (ptrdiff_t)(262144 / sizeof(fo_real)) / (p > k ? p : k) / 16 * 16;
    m = m > most ? most : m;
    return m > all ? m : all;
}

/* Elements of scratch for one tile; where the transposed tile may be and what else is needed. */
FO_TILE ptrdiff_t FO(tile_scratch)(ptrdiff_t m, ptrdiff_t p)
{
    return (m + 16) * (p + 2 * FO(lanes)) + 64;
}

/* Whether the products of k outputs are sums along the row (else outputs are lanes). */
FO_INLINE int FO(along)(ptrdiff_t p, ptrdiff_t k)
{
    return k * (p / FO(lanes) + 4) < p * ((k + FO(lanes) - 1) / FO(lanes)) || k == 1;
}

FO_TILE ptrdiff_t FO(weights_size)(ptrdiff_t p, ptrdiff_t k)
{
    return p * FO(lanes_up)(k) + 1;
}

/* Weights (k, p) in the layout that tile_forward reads: as they are, or panels [k / 2 vectors][p][2 vectors]. */
FO_TILE void FO(pack_weights)(const double *w, ptrdiff_t p, ptrdiff_t k, fo_real *out)
{
    if (FO(along)(p, k)) {
        for (ptrdiff_t i = 0; i < p * k; i++)
            out[i] = (fo_real)w[i];
        return;
    }
    ptrdiff_t all = FO(lanes_up)(k), width;
    for (ptrdiff_t c0 = 0; c0 < all; c0 += width) {
        width = all - c0 > FO(lanes) ? 2 * FO(lanes) : FO(lanes);
        for (ptrdiff_t j = 0; j < p; j++)
            for (ptrdiff_t c = 0; c < width; c++)
                *out++ = c0 + c < k ? (fo_real)w[(c0 + c) * p + j] : 0;
    }
}

/* The transposed tile, and z = X w on the way where w is given. */
FO_TILE void FO(tile_transpose)(const fo_real *x, ptrdiff_t ld, ptrdiff_t m, ptrdiff_t p, fo_real *xt, const fo_real *w,
                                fo_real *z)
{
    enum { L = FO(lanes) };
    ptrdiff_t M = FO(lanes_up)(m), i = 0;
    for (; p >= FO_GROUP && i + L <= m; i += L) {
        FO(vec) s = FO(v_set)(0), t = s, v[FO_GROUP];
        ptrdiff_t j = 0;
        for (; j + FO_GROUP <= p; j += FO_GROUP) {
            FO(v_columns)(x + i * ld + j, ld, v);
            FO_UNROLL
            for (int q = 0; q < FO_GROUP; q++)
                FO(v_store)(xt + (j + q) * M + i, v[q]);
            if (w) {
                FO_UNROLL
                for (int q = 0; q < FO_GROUP; q += 2) {
                    s = FO(v_fma)(v[q], FO(v_set)(w[j + q]), s);
                    t = FO(v_fma)(v[q + 1], FO(v_set)(w[j + q + 1]), t);
                }
            }
        }
        if (j < p) { /* the last group overlaps: nothing is read behind a row */
            FO(v_columns)(x + i * ld + p - FO_GROUP, ld, v);
            FO_UNROLL
            for (int q = 0; q < FO_GROUP; q++)
                if (p - FO_GROUP + q >= j) {
                    FO(v_store)(xt + (p - FO_GROUP + q) * M + i, v[q]);
                    if (w)
                        s = FO(v_fma)(v[q], FO(v_set)(w[p - FO_GROUP + q]), s);
                }
        }
        if (w)
            FO(v_store)(z + i, FO(v_add)(s, t));
    }
    for (; i < M; i++) {
        fo_real s = 0;
        for (ptrdiff_t j = 0; j < p; j++) {
            fo_real v = i < m ? x[i * ld + j] : 0;
            xt[j * M + i] = v;
            if (w)
                s += v * w[j];
        }
        if (w && i < m)
            z[i] = s;
    }
}

/* out (height, width vectors) = sum over t < steps of a[i ar + t as] * b[t ldb + ...]. Constant height and width
 * keep the sums in registers. */
FO_INLINE void FO(block_of)(const int height, const int width, const int masked, const fo_real *a, ptrdiff_t ar,
                            ptrdiff_t as, const fo_real *b, ptrdiff_t ldb, ptrdiff_t steps, int tail, fo_real *out)
{
    FO(vec) s[FO_HEIGHT][2];
    FO_UNROLL
    for (int i = 0; i < height; i++)
        FO_UNROLL
        for (int q = 0; q < width; q++)
            s[i][q] = FO(v_set)(0);
    for (ptrdiff_t t = 0; t < steps; t++) {
        FO(vec) v[2];
        FO_UNROLL
        for (int q = 0; q < width; q++)
            v[q] = masked ? FO(v_load_tail)(b, tail) : FO(v_load)(b + q * FO(lanes));
        FO_UNROLL
        for (int i = 0; i < height; i++) {
            FO(vec) c = FO(v_set)(a[i * ar]);
            FO_UNROLL
            for (int q = 0; q < width; q++)
                s[i][q] = FO(v_fma)(c, v[q], s[i][q]);
        }
        a += as;
        b += ldb;
    }
    FO_UNROLL
    for (int i = 0; i < height; i++)
        FO_UNROLL
        for (int q = 0; q < width; q++)
            FO(v_store)(out + (i * width + q) * FO(lanes), s[i][q]);
}

#define FO_CASES(width, masked)                                                                \
    switch (height) {                                                                          \
    case 1: FO(block_of)(1, width, masked, a, ar, as, b, ldb, steps, tail, out); break;        \
    case 2: FO(block_of)(2, width, masked, a, ar, as, b, ldb, steps, tail, out); break;        \
    case 3: FO(block_of)(3, width, masked, a, ar, as, b, ldb, steps, tail, out); break;        \
    case 4: FO(block_of)(4, width, masked, a, ar, as, b, ldb, steps, tail, out); break;        \
    case 5: FO(block_of)(5, width, masked, a, ar, as, b, ldb, steps, tail, out); break;        \
    case 6: FO(block_of)(6, width, masked, a, ar, as, b, ldb, steps, tail, out); break;        \
        FO_MORE_CASES(width, masked)                                                           \
    default: break;                                                                            \
    }
#ifndef FO_MORE_CASES
#if FO_HEIGHT > 6
#define FO_MORE_CASES(width, masked)                                                           \
    case 7: FO(block_of)(7, width, masked, a, ar, as, b, ldb, steps, tail, out); break;        \
    case 8: FO(block_of)(8, width, masked, a, ar, as, b, ldb, steps, tail, out); break;        \
    case 9: FO(block_of)(9, width, masked, a, ar, as, b, ldb, steps, tail, out); break;        \
    case 10: FO(block_of)(10, width, masked, a, ar, as, b, ldb, steps, tail, out); break;      \
    case 11: FO(block_of)(11, width, masked, a, ar, as, b, ldb, steps, tail, out); break;      \
    case 12: FO(block_of)(12, width, masked, a, ar, as, b, ldb, steps, tail, out); break;      \
        FO_MOST_CASES(width, masked)
#else
#define FO_MORE_CASES(width, masked)
#endif
#if FO_HEIGHT > 12
#define FO_MOST_CASES(width, masked)                                                           \
    case 13: FO(block_of)(13, width, masked, a, ar, as, b, ldb, steps, tail, out); break;      \
    case 14: FO(block_of)(14, width, masked, a, ar, as, b, ldb, steps, tail, out); break;
#else
#define FO_MOST_CASES(width, masked)
#endif
#endif

/* The same for any height up to FO_HEIGHT; width 2, or 1; tail: elements of the only vector, or 0 for all. */
FO_TILE void FO(block)(int height, int width, const fo_real *a, ptrdiff_t ar, ptrdiff_t as, const fo_real *b,
                       ptrdiff_t ldb, ptrdiff_t steps, int tail, fo_real *out)
{
    if (width == 2)
        FO_CASES(2, 0)
    else if (tail == 0)
        FO_CASES(1, 0)
    else
        FO_CASES(1, 1)
}
#undef FO_CASES

/* The height of the blocks that cover `rows` rows evenly. */
FO_INLINE ptrdiff_t FO(even)(ptrdiff_t rows)
{
    ptrdiff_t count = (rows + FO_HEIGHT - 1) / FO_HEIGHT;
    return count ? (rows + count - 1) / count : 1;
}

/* Vectors of prefetch for each vector of the row: `rows` rows of the next tile meanwhile. */
#define FO_FETCH(rows)                                                         \
    if (fetch) {                                                               \
        FO_UNROLL                                                              \
        for (int q = 0; q < (rows) * FO_BYTES / FO_LINE_BYTES; q++)            \
            FO_PREFETCH(fetch + q * FO_LINE_BYTES);                            \
        fetch += (rows) * FO_BYTES;                                            \
    }

/* z[q k] = row i + q of the tile times w, q < 8; rows behind m repeat the last one. ahead: rows of fetch (constant). */
FO_INLINE void FO(dot8)(const fo_real *x, ptrdiff_t ld, ptrdiff_t i, ptrdiff_t m, ptrdiff_t p, ptrdiff_t k,
                        const fo_real *w, fo_real *z, const int ahead, const char *fetch)
{
    enum { L = FO(lanes) };
    const fo_real *row[8];
    FO(vec) s[8], u;
    fo_real out[8];
    ptrdiff_t j = 0;
    FO_UNROLL
    for (int q = 0; q < 8; q++) {
        row[q] = x + (i + q < m ? i + q : m - 1) * ld;
        s[q] = FO(v_set)(0);
    }
    for (; j + L <= p; j += L) {
        u = FO(v_load)(w + j);
        FO_UNROLL
        for (int q = 0; q < 8; q++)
            s[q] = FO(v_fma)(FO(v_load)(row[q] + j), u, s[q]);
        FO_FETCH(ahead)
    }
    if (j < p) {
        int count = (int)(p - j);
        u = FO(v_load_tail)(w + j, count);
        FO_UNROLL
        for (int q = 0; q < 8; q++)
            s[q] = FO(v_fma)(FO(v_load_tail)(row[q] + j, count), u, s[q]);
        FO_FETCH(ahead)
    }
    FO(v_sum4)(s, out);
    FO(v_sum4)(s + 4, out + 4);
    for (ptrdiff_t q = 0; q < 8 && i + q < m; q++)
        z[q * k] = out[q];
}

/* z[q k + c] = row i + q of the tile times weights c, q < 4, c < count (a constant). */
FO_INLINE void FO(dot4)(const int count, const fo_real *x, ptrdiff_t ld, ptrdiff_t i, ptrdiff_t m, ptrdiff_t p,
                        ptrdiff_t k, const fo_real *w, fo_real *z)
{
    enum { L = FO(lanes) };
    const fo_real *row[4];
    FO(vec) s[3][4];
    ptrdiff_t j = 0;
    FO_UNROLL
    for (int q = 0; q < 4; q++) {
        row[q] = x + (i + q < m ? i + q : m - 1) * ld;
        FO_UNROLL
        for (int c = 0; c < count; c++)
            s[c][q] = FO(v_set)(0);
    }
    for (; j < p; j += L) {
        FO(vec) v[4], u;
        int left = (int)(p - j < L ? p - j : L);
        FO_UNROLL
        for (int q = 0; q < 4; q++)
            v[q] = left == L ? FO(v_load)(row[q] + j) : FO(v_load_tail)(row[q] + j, left);
        FO_UNROLL
        for (int c = 0; c < count; c++) {
            u = left == L ? FO(v_load)(w + c * p + j) : FO(v_load_tail)(w + c * p + j, left);
            FO_UNROLL
            for (int q = 0; q < 4; q++)
                s[c][q] = FO(v_fma)(v[q], u, s[c][q]);
        }
    }
    FO_UNROLL
    for (int c = 0; c < count; c++) {
        fo_real out[4];
        FO(v_sum4)(s[c], out);
        for (ptrdiff_t q = 0; q < 4 && i + q < m; q++)
            z[q * k + c] = out[q];
    }
}

/* z (m, k) = X W'. next: what is read after this tile and fetched meanwhile, for one output: all of it, or the
 * first half, where tile_backward fetches the second. NULL: nothing. */
FO_TILE void FO(tile_forward)(const fo_real *x, ptrdiff_t ld, ptrdiff_t m, ptrdiff_t p, ptrdiff_t k, const fo_real *w,
                              fo_real *z, const fo_real *next, int half)
{
    enum { L = FO(lanes) };
    if (k == 1) {
        for (ptrdiff_t i = 0; i < m; i += 8)
            if (half)
                FO(dot8)(x, ld, i, m, p, 1, w, z + i, 4, next ? (const char *)(next + i / 2 * ld) : NULL);
            else
                FO(dot8)(x, ld, i, m, p, 1, w, z + i, 8, next ? (const char *)(next + i * ld) : NULL);
        return;
    }
    if (FO(along)(p, k)) {
        ptrdiff_t most = FO_HEIGHT > 6 ? 3 : 2, c = 0;
        while (c < k) { /* 4 = 2 + 2 */
            ptrdiff_t left = k - c, count = left == 4 ? 2 : left < most ? left : most;
            for (ptrdiff_t i = 0; i < m; i += 4) {
                if (count == 3)
                    FO(dot4)(3, x, ld, i, m, p, k, w + c * p, z + i * k + c);
                else if (count == 2)
                    FO(dot4)(2, x, ld, i, m, p, k, w + c * p, z + i * k + c);
                else {
                    FO(dot8)(x, ld, i, m, p, k, w + c * p, z + i * k + c, 4, NULL);
                    i += 4;
                }
            }
            c += count;
        }
        return;
    }
    fo_real out[FO_HEIGHT * 2 * FO(lanes)];
    ptrdiff_t all = FO(lanes_up)(k), step = FO(even)(m), width;
    for (ptrdiff_t i = 0; i < m; i += step) {
        ptrdiff_t height = m - i < step ? m - i : step;
        const fo_real *panel = w;
        for (ptrdiff_t c0 = 0; c0 < all; c0 += width) {
            width = all - c0 > L ? 2 * L : L;
            FO(block)((int)height, (int)(width / L), x + i * ld, ld, 1, panel, width, p, 0, out);
            ptrdiff_t n = k - c0 < width ? k - c0 : width;
            for (ptrdiff_t q = 0; q < height; q++)
                for (ptrdiff_t c = 0; c < n; c++)
                    z[(i + q) * k + c0 + c] = out[q * width + c];
            panel += width * p;
        }
    }
}

/* g (k, p) += R'X for r (m, k). next as in tile_forward: the second half, or all of a narrow tile.
 * scratch: p elements. */
FO_TILE void FO(tile_backward)(const fo_real *x, ptrdiff_t ld, const fo_real *xt, ptrdiff_t m, ptrdiff_t p, ptrdiff_t k,
                               const fo_real *r, double *g, const fo_real *next, fo_real *scratch)
{
    enum { L = FO(lanes) };
    const char *fetch = (const char *)next;
    if (xt) {
        ptrdiff_t M = FO(lanes_up)(m);
        for (ptrdiff_t j = 0; j < p; j += 4) {
            const fo_real *column[4];
            FO(vec) s[4], v;
            fo_real out[4];
            ptrdiff_t i = 0;
            FO_UNROLL
            for (int q = 0; q < 4; q++) {
                column[q] = xt + (j + q < p ? j + q : p - 1) * M;
                s[q] = FO(v_set)(0);
            }
            for (; i + L <= m; i += L) {
                v = FO(v_load)(r + i);
                FO_UNROLL
                for (int q = 0; q < 4; q++)
                    s[q] = FO(v_fma)(FO(v_load)(column[q] + i), v, s[q]);
                FO_FETCH(4)
            }
            if (i < m) {
                v = FO(v_load_tail)(r + i, (int)(m - i));
                FO_UNROLL
                for (int q = 0; q < 4; q++)
                    s[q] = FO(v_fma)(FO(v_load)(column[q] + i), v, s[q]);
            }
            FO(v_sum4)(s, out);
            for (int q = 0; q < 4 && j + q < p; q++)
                g[j + q] += (double)out[q];
        }
        return;
    }
    if (k == 1) {
#if FO_SINGLE
        fo_real *sum = scratch;
        memset(sum, 0, (size_t)p * sizeof *sum);
#else
        fo_real *sum = g;
        (void)scratch;
#endif
        for (ptrdiff_t i = 0; i < m; i += 8) {
            const fo_real *row[8];
            FO(vec) c[8], s, t;
            ptrdiff_t j = 0;
            FO_UNROLL
            for (int q = 0; q < 8; q++) {
                row[q] = x + (i + q < m ? i + q : m - 1) * ld;
                c[q] = FO(v_set)(i + q < m ? r[i + q] : 0);
            }
            if (next)
                fetch = (const char *)(next + (m + i) / 2 * ld);
            for (; j + L <= p; j += L) {
                s = FO(v_fma)(c[0], FO(v_load)(row[0] + j), FO(v_load)(sum + j));
                t = FO(v_mul)(c[1], FO(v_load)(row[1] + j));
                FO_UNROLL
                for (int q = 2; q < 8; q += 2) {
                    s = FO(v_fma)(c[q], FO(v_load)(row[q] + j), s);
                    t = FO(v_fma)(c[q + 1], FO(v_load)(row[q + 1] + j), t);
                }
                FO(v_store)(sum + j, FO(v_add)(s, t));
                FO_FETCH(4)
            }
            if (j < p) {
                int count = (int)(p - j);
                s = FO(v_load_tail)(sum + j, count);
                FO_UNROLL
                for (int q = 0; q < 8; q++)
                    s = FO(v_fma)(c[q], FO(v_load_tail)(row[q] + j, count), s);
                FO(v_store_tail)(sum + j, s, count);
                FO_FETCH(4)
            }
        }
#if FO_SINGLE
        for (ptrdiff_t j = 0; j < p; j++)
            g[j] += (double)sum[j];
#endif
        return;
    }
    fo_real out[FO_HEIGHT * 2 * FO(lanes)];
    ptrdiff_t step = FO(even)(k), width;
    for (ptrdiff_t c = 0; c < k; c += step) {
        ptrdiff_t height = k - c < step ? k - c : step;
        for (ptrdiff_t j = 0; j < p; j += width) {
            width = p - j >= 2 * L ? 2 * L : L;
            ptrdiff_t n = p - j < width ? p - j : width;
            FO(block)((int)height, (int)(width / L), r + c, 1, k, x + j, ld, m, n < L ? (int)n : 0, out);
            for (ptrdiff_t q = 0; q < height; q++)
                for (ptrdiff_t e = 0; e < n; e++)
                    g[(c + q) * p + j + e] += (double)out[q * width + e];
        }
    }
}

/* a += b, in double; a constant count needs no loop */
FO_INLINE void FO(add_to)(double *a, const fo_real *b, ptrdiff_t count)
{
    FO_UNROLL
    for (ptrdiff_t e = 0; e < count; e++)
        a[e] += (double)b[e];
}

/* Columns lo..hi-1 of the upper triangle of H += X' diag(h) X; what else of the diagonal's blocks is
 * written there is overwritten when the triangle is mirrored. h NULL: ones. scratch: (m, hi - lo + 2 vectors). */
FO_TILE void FO(tile_gram)(const fo_real *x, ptrdiff_t ld, const fo_real *xt, ptrdiff_t m, ptrdiff_t lo, ptrdiff_t hi,
                           const fo_real *h, double *H, ptrdiff_t ldh, fo_real *scratch)
{
    enum { L = FO(lanes) };
    if (xt) {
        enum { A = FO_HEIGHT > 6 ? 4 : 2 };
        ptrdiff_t M = FO(lanes_up)(m);
        for (ptrdiff_t a = 0; a < hi; a += A)
            for (ptrdiff_t b = a / 4 * 4; b < hi; b += 4) {
                const fo_real *u[A], *v[4];
                FO(vec) s[A][4];
                fo_real out[4];
                FO_UNROLL
                for (int i = 0; i < A; i++) {
                    u[i] = xt + (a + i < hi ? a + i : hi - 1) * M;
                    FO_UNROLL
                    for (int j = 0; j < 4; j++)
                        s[i][j] = FO(v_set)(0);
                }
                FO_UNROLL
                for (int j = 0; j < 4; j++)
                    v[j] = xt + (b + j < hi ? b + j : hi - 1) * M;
                for (ptrdiff_t i = 0; i < M; i += L) {
                    FO(vec) c[A], w;
                    if (h)
                        w = i + L <= m ? FO(v_load)(h + i) : FO(v_load_tail)(h + i, (int)(m - i));
                    FO_UNROLL
                    for (int e = 0; e < A; e++) {
                        c[e] = FO(v_load)(u[e] + i);
                        if (h)
                            c[e] = FO(v_mul)(c[e], w);
                    }
                    FO_UNROLL
                    for (int j = 0; j < 4; j++) {
                        FO(vec) d = FO(v_load)(v[j] + i);
                        FO_UNROLL
                        for (int e = 0; e < A; e++)
                            s[e][j] = FO(v_fma)(c[e], d, s[e][j]);
                    }
                }
                for (int i = 0; i < A && a + i < hi; i++) {
                    FO(v_sum4)(s[i], out);
                    for (int j = 0; j < 4 && b + j < hi; j++)
                        H[(a + i) * ldh + b + j] += (double)out[j];
                }
            }
        return;
    }
    /* h X in panels of two vectors, zeros behind the last column */
    ptrdiff_t width;
    fo_real *panel = scratch, out[FO_HEIGHT * 2 * FO(lanes)];
    for (ptrdiff_t j = lo; j < hi; j += width) {
        width = hi - j > L ? 2 * L : L;
        ptrdiff_t n = hi - j < width ? hi - j : width;
        for (ptrdiff_t i = 0; i < m; i++) {
            FO(vec) w = FO(v_set)(h ? h[i] : 1);
            const fo_real *row = x + i * ld + j;
            for (ptrdiff_t e = 0; e < width; e += L) {
                ptrdiff_t left = n - e;
                FO(vec) v = left >= L ? FO(v_load)(row + e) : FO(v_load_tail)(row + e, (int)left);
                FO(v_store)(panel + i * width + e, FO(v_mul)(w, v));
            }
        }
        /* rows above the diagonal block: both vectors; in it, rows of the second half need the second only */
        for (int part = 0; part < 3; part++) {
            ptrdiff_t from = part == 0 ? 0 : part == 1 ? j : j + L, to = part == 0 ? j : part == 1 ? j + L : j + width;
            ptrdiff_t skip = part == 2 ? L : 0, wide = width - skip;
            if (to > hi)
                to = hi;
            ptrdiff_t step = FO(even)(to - from);
            for (ptrdiff_t a = from; a < to; a += step) {
                ptrdiff_t height = to - a < step ? to - a : step;
                FO(block)((int)height, (int)(wide / L), x + a, 1, ld, panel + skip, width, m, 0, out);
                double *to_h = H + a * ldh + j + skip;
                if (n - skip == 2 * L)
                    for (ptrdiff_t q = 0; q < height; q++)
                        FO(add_to)(to_h + q * ldh, out + q * 2 * L, 2 * L);
                else if (n - skip == L)
                    for (ptrdiff_t q = 0; q < height; q++)
                        FO(add_to)(to_h + q * ldh, out + q * wide, L);
                else
                    for (ptrdiff_t q = 0; q < height; q++)
                        FO(add_to)(to_h + q * ldh, out + q * wide, n - skip);
            }
        }
    }
}

/* Sums in double: of a, and of a b. */
FO_TILE double FO(tile_sum)(const fo_real *a, ptrdiff_t n)
{
    double s[16] = {0};
    ptrdiff_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int q = 0; q < 16; q++)
            s[q] += (double)a[i + q];
    for (; i < n; i++)
        s[0] += (double)a[i];
    for (int half = 8; half; half /= 2)
        for (int q = 0; q < half; q++)
            s[q] += s[q + half];
    return s[0];
}

FO_TILE double FO(tile_dot)(const fo_real *a, const fo_real *b, ptrdiff_t n)
{
    double s[16] = {0};
    ptrdiff_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int q = 0; q < 16; q++)
            s[q] += (double)a[i + q] * (double)b[i + q];
    for (; i < n; i++)
        s[0] += (double)a[i] * (double)b[i];
    for (int half = 8; half; half /= 2)
        for (int q = 0; q < half; q++)
            s[q] += s[q + half];
    return s[0];
}

/* sum of a[i] b[i] */
FO_TILE fo_real FO(dot)(const fo_real *a, const fo_real *b, ptrdiff_t n)
{
    enum { L = FO(lanes) };
    FO(vec) s[4];
    fo_real out[4];
    ptrdiff_t i = 0;
    for (int q = 0; q < 4; q++)
        s[q] = FO(v_set)(0);
    for (; i + 4 * L <= n; i += 4 * L)
        FO_UNROLL
        for (int q = 0; q < 4; q++)
            s[q] = FO(v_fma)(FO(v_load)(a + i + q * L), FO(v_load)(b + i + q * L), s[q]);
    for (; i + L <= n; i += L)
        s[0] = FO(v_fma)(FO(v_load)(a + i), FO(v_load)(b + i), s[0]);
    FO(v_sum4)(s, out);
    fo_real sum = (out[0] + out[1]) + (out[2] + out[3]);
    for (; i < n; i++)
        sum += a[i] * b[i];
    return sum;
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

/* 1 where an element is infinite or NaN: zero times it is not zero. */
FO_TILE int FO(tile_not_finite)(const fo_real *x, ptrdiff_t count)
{
    enum { L = FO(lanes) };
    FO(vec) s[4], zero = FO(v_set)(0);
    fo_real out[4], sum;
    ptrdiff_t i = 0;
    for (int q = 0; q < 4; q++)
        s[q] = zero;
    for (; i + 4 * L <= count; i += 4 * L)
        FO_UNROLL
        for (int q = 0; q < 4; q++)
            s[q] = FO(v_fma)(FO(v_load)(x + i + q * L), zero, s[q]);
    FO(v_sum4)(s, out);
    sum = (out[0] + out[1]) + (out[2] + out[3]);
    for (; i < count; i++)
        sum += x[i] * 0;
    return !(sum == 0);
}
#endif
