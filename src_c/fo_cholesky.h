/* Cholesky factorisation of the matrices inside iterations: the pieces that a driver calls step by step.
 *
 * Parameter: FO_SINGLE (fo_real.h). Serial; nothing is allocated. Products are those of fo_tiles.h. The lower triangle
 * goes in steps of at most FO_STEP columns: the diagonal block, the rows below it as panels (chol_rows of them as
 * lanes), then the trailing matrix less their products.
 */
#include "fo_tiles.h"

#if (FO_SINGLE && !defined(FO_CHOLESKY_F32)) || (!FO_SINGLE && !defined(FO_CHOLESKY_F64))
#if FO_SINGLE
#define FO_CHOLESKY_F32
#else
#define FO_CHOLESKY_F64
#endif

#ifndef FO_STEP
#define FO_STEP 48
#endif
enum { FO(chol_rows) = 2 * FO(lanes) };

/* The diagonal block in place; inverse: reciprocals of its pivots. 0, or the first pivot that fails, from 1. */
FO_TILE ptrdiff_t FO(chol_diagonal)(fo_real *a, ptrdiff_t ld, ptrdiff_t n, fo_real *inverse)
{
    enum { L = FO(lanes) };
    fo_real column[FO_STEP + FO(lanes)];
    for (ptrdiff_t j = 0; j < n; j++) {
        fo_real pivot = a[j * ld + j];
        if (!(pivot > 0) || pivot - pivot != 0)
            return j + 1;
        pivot = (fo_real)sqrt((double)pivot);
        a[j * ld + j] = pivot;
        inverse[j] = 1 / pivot;
        for (ptrdiff_t i = j + 1; i < n; i++)
            column[i] = a[i * ld + j] *= inverse[j];
        for (ptrdiff_t i = j + 1; i < n; i++) {
            fo_real *row = a + i * ld;
            FO(vec) v = FO(v_set)(-column[i]);
            ptrdiff_t t = j + 1;
            for (; t + L <= i + 1; t += L)
                FO(v_store)(row + t, FO(v_fma)(v, FO(v_load)(column + t), FO(v_load)(row + t)));
            if (t <= i) {
                int count = (int)(i + 1 - t);
                FO(v_store_tail)(row + t, FO(v_fma)(v, FO(v_load_tail)(column + t, count), FO(v_load_tail)(row + t, count)), count);
            }
        }
    }
    return 0;
}

/* Rows (up to chol_rows of them) below the diagonal block l (n columns): x L' = a in place, and transposed
 * in panel (n, chol_rows), zeros for missing rows. */
FO_TILE void FO(chol_panel)(const fo_real *l, ptrdiff_t ld, ptrdiff_t n, const fo_real *inverse, fo_real *a,
                            ptrdiff_t rows, fo_real *panel)
{
    enum { L = FO(lanes), W = FO(chol_rows), S = 4 };
    for (ptrdiff_t j = 0; j < n; j++)
        for (ptrdiff_t i = 0; i < W; i++)
            panel[j * W + i] = i < rows ? a[i * ld + j] : 0;
    for (ptrdiff_t j = 0; j < n; j += S) {
        FO(vec) s[S][2];
        const fo_real *row[S];
        for (int e = 0; e < S; e++) {
            ptrdiff_t at = j + e < n ? j + e : n - 1; /* repeats of the last column are not stored */
            row[e] = l + at * ld;
            s[e][0] = FO(v_load)(panel + at * W);
            s[e][1] = FO(v_load)(panel + at * W + L);
        }
        for (ptrdiff_t t = 0; t < j; t++) {
            FO(vec) u = FO(v_load)(panel + t * W), v = FO(v_load)(panel + t * W + L);
            FO_UNROLL
            for (int e = 0; e < S; e++) {
                FO(vec) c = FO(v_set)(-row[e][t]);
                s[e][0] = FO(v_fma)(c, u, s[e][0]);
                s[e][1] = FO(v_fma)(c, v, s[e][1]);
            }
        }
        FO_UNROLL
        for (int e = 0; e < S; e++) {
            if (j + e < n) {
                FO(vec) c = FO(v_set)(inverse[j + e]);
                s[e][0] = FO(v_mul)(c, s[e][0]);
                s[e][1] = FO(v_mul)(c, s[e][1]);
                FO(v_store)(panel + (j + e) * W, s[e][0]);
                FO(v_store)(panel + (j + e) * W + L, s[e][1]);
                FO_UNROLL
                for (int f = e + 1; f < S; f++) {
                    c = FO(v_set)(-row[f][j + e]);
                    s[f][0] = FO(v_fma)(c, s[e][0], s[f][0]);
                    s[f][1] = FO(v_fma)(c, s[e][1], s[f][1]);
                }
            }
        }
    }
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < n; j++)
            a[i * ld + j] = panel[j * W + i];
}

/* Columns at..at + columns - 1 of the trailing matrix c, from row `at` to `rows`, less a times the panel: a has n
 * columns; the lower triangle only. */
FO_TILE void FO(chol_update)(fo_real *c, const fo_real *a, ptrdiff_t ld, ptrdiff_t at, ptrdiff_t rows, ptrdiff_t n,
                             const fo_real *panel)
{
    enum { L = FO(lanes), W = FO(chol_rows) };
    fo_real out[FO_HEIGHT * 2 * FO(lanes)];
    ptrdiff_t step = FO(even)(rows - at);
    for (ptrdiff_t i = at; i < rows; i += step) {
        ptrdiff_t height = rows - i < step ? rows - i : step;
        FO(block)((int)height, 2, a + i * ld, ld, 1, panel, W, n, 0, out);
        for (ptrdiff_t q = 0; q < height; q++) {
            fo_real *row = c + (i + q) * ld + at;
            if (i + q >= at + W - 1) {
                FO(v_store)(row, FO(v_sub)(FO(v_load)(row), FO(v_load)(out + q * W)));
                FO(v_store)(row + L, FO(v_sub)(FO(v_load)(row + L), FO(v_load)(out + q * W + L)));
            } else
                for (ptrdiff_t e = 0; e <= i + q - at; e++)
                    row[e] -= out[q * W + e];
        }
    }
}
#endif
