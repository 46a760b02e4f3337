/* Products of matrices that are iterated on: the pieces that a driver calls, one panel of columns at a time.
 *
 * Parameter: FO_SINGLE (fo_real.h). Serial; nothing is allocated. Matrices have rows of ld elements, a multiple of the
 * lanes, of which those behind the last column are 0 and stay so. Sums in registers are those of fo_tiles.h's FO(block).
 */
#include "fo_tiles.h"

#if (FO_SINGLE && !defined(FO_PRODUCTS_F32)) || (!FO_SINGLE && !defined(FO_PRODUCTS_F64))
#if FO_SINGLE
#define FO_PRODUCTS_F32
#else
#define FO_PRODUCTS_F64
#endif

/* Columns of a panel; rows of a task; terms of a sum that are added up in registers; the length of rows from which both
 * factors are copied for a task, as what is that far apart shares few places of a cache and no pages. Measured at 1000,
 * one thread, float32: 116 GF without copies, 137 with copies of 224 by 256 and 149 of 112 by 128. */
enum {
    FO(panel) = 2 * FO(lanes),
    FO(product_height) = 112,
    FO(depth) = 128,
    FO(far) = 320,
    FO(product_scratch) = FO(depth) * (FO(product_height) + FO(lanes) + FO(panel)) /* elements */
};

/* Rows of c, `width` vectors of them: alpha times the sums of a block, plus beta times those of d. */
FO_INLINE void FO(product_rows)(const int width, ptrdiff_t height, const fo_real *sums, fo_real alpha, fo_real beta,
                                const fo_real *d, fo_real *c, ptrdiff_t ld)
{
    FO(vec) by = FO(v_set)(alpha), kept = FO(v_set)(beta);
    for (ptrdiff_t i = 0; i < height; i++) {
        FO_UNROLL
        for (int q = 0; q < width; q++) {
            ptrdiff_t at = i * ld + q * FO(lanes);
            FO(vec) s = FO(v_mul)(by, FO(v_load)(sums + (i * width + q) * FO(lanes)));
            FO(v_store)(c + at, d ? FO(v_fma)(kept, FO(v_load)(d + at), s) : s);
        }
    }
}

/* The part of c = alpha a b + beta d in rows from..to-1, at most product_height of them, and columns left..right-1,
 * where left is a multiple of a panel's. a has `steps` columns, its element (i, t) at a[i ar + t as]. d: NULL for none;
 * it may be c. half: for products that are symmetric, what lies below the diagonal's square blocks of one vector is
 * left out. scratch: product_scratch elements at a vector's border. */
FO_TILE void FO(tile_product)(const fo_real *a, ptrdiff_t ar, ptrdiff_t as, const fo_real *b, ptrdiff_t steps,
                              ptrdiff_t from, ptrdiff_t to, ptrdiff_t left, ptrdiff_t right, int half, fo_real alpha,
                              fo_real beta, const fo_real *d, fo_real *c, ptrdiff_t ld, fo_real *scratch)
{
    enum { L = FO(lanes), D = FO(depth) };
    fo_real sums[FO_HEIGHT * 2 * FO(lanes)], *panel = scratch, *rows = scratch + D * FO(panel);
    ptrdiff_t M = FO(lanes_up)(to - from);
    int copied = ld > FO(far);
    for (ptrdiff_t t = 0; t < steps; t += D) {
        ptrdiff_t count = steps - t < D ? steps - t : D;
        const fo_real *first = a + from * ar + t * as;
        if (copied && as == 1)
            FO(tile_transpose)(first, ar, to - from, count, rows, NULL, NULL);
        else if (copied)
            for (ptrdiff_t s = 0; s < count; s++)
                memcpy(rows + s * M, first + s * as, (size_t)(to - from) * sizeof(fo_real));
        for (ptrdiff_t j = left; j < right; j += FO(panel)) {
            int width = ld - j > L ? 2 : 1;
            /* rows that need all vectors, and those on the diagonal that need the second only */
            ptrdiff_t middle = half && j + L < to ? j + L : to, end = half && j + width * L < to ? j + width * L : to;
            if (end <= from)
                continue;
            const fo_real *column = b + t * ld + j;
            if (copied)
                for (ptrdiff_t s = 0; s < count; s++)
                    for (int q = 0; q < width; q++)
                        FO(v_store)(panel + (s * width + q) * L, FO(v_load)(column + s * ld + q * L));
            for (int part = 0; part < width; part++) {
                ptrdiff_t lo = part && middle > from ? middle : from, hi = part ? end : middle, step = FO(even)(hi - lo);
                int own = width - part;
                for (ptrdiff_t i = lo; i < hi; i += step) {
                    ptrdiff_t height = hi - i < step ? hi - i : step, at = i * ld + j + part * L;
                    const fo_real *more = t ? c + at : d ? d + at : NULL;
                    fo_real kept = t ? 1 : beta;
                    for (ptrdiff_t q = 0; copied && q < height; q++)
                        FO_PREFETCH(c + at + q * ld);
                    if (copied)
                        FO(block)((int)height, own, rows + i - from, 1, M, panel + part * L, width * L, count, 0, sums);
                    else
                        FO(block)((int)height, own, a + i * ar + t * as, ar, as, column + part * L, ld, count, 0, sums);
                    if (own == 2)
                        FO(product_rows)(2, height, sums, alpha, kept, more, c + at, ld);
                    else
                        FO(product_rows)(1, height, sums, alpha, kept, more, c + at, ld);
                }
            }
        }
    }
}

/* What lies below the diagonal in the columns i, i + 1, ... of one vector, from what lies above it. */
FO_TILE void FO(tile_mirror)(fo_real *c, ptrdiff_t i, ptrdiff_t ld)
{
    enum { L = FO(lanes) };
    for (ptrdiff_t j = i + L; j < ld; j += FO_GROUP) {
        FO(vec) columns[FO_GROUP];
        FO(v_columns)(c + i * ld + j, ld, columns);
        FO_UNROLL
        for (int q = 0; q < FO_GROUP; q++)
            FO(v_store)(c + (j + q) * ld + i, columns[q]);
    }
}
#endif
