/* Transposes: FO_TILE rows of k numbers to a tile (fo_rows.h), t[c * FO_TILE + row], and back.
 *
 * Parameter: FO_SINGLE (fo_real.h). By groups of columns. The last group of a row overlaps its neighbour, so that nothing
 * outside the rows is read or written; overlapped columns are stored twice with the same value.
 */
#include "fo_rows.h"
#include "fo_simd.h"

#if (FO_SINGLE && !defined(FO_TRANSPOSE_F32)) || (!FO_SINGLE && !defined(FO_TRANSPOSE_F64))
#if FO_SINGLE
#define FO_TRANSPOSE_F32
#else
#define FO_TRANSPOSE_F64
#endif

FO_INLINE void FO(group_load)(const fo_real *x, int64_t k, fo_real *t)
{
    FO(vec) columns[FO_GROUP];
    for (int l = 0; l < FO_TILE; l += FO(lanes), x += FO(lanes) * k, t += FO(lanes)) {
        FO(v_columns)(x, k, columns);
        FO_UNROLL
        for (int c = 0; c < FO_GROUP; c++)
            FO(v_store)(t + c * FO_TILE, columns[c]);
    }
}

FO_INLINE void FO(group_store)(const fo_real *t, int64_t k, fo_real *x)
{
    FO(vec) columns[FO_GROUP];
    for (int l = 0; l < FO_TILE; l += FO(lanes), x += FO(lanes) * k, t += FO(lanes)) {
        FO_UNROLL
        for (int c = 0; c < FO_GROUP; c++)
            columns[c] = FO(v_load)(t + c * FO_TILE);
        FO(v_store_columns)(x, k, columns);
    }
}

FO_INLINE void FO(tile_load)(const fo_real *FO_RESTRICT x, int64_t k, fo_real *FO_RESTRICT t)
{
    if (k >= FO_GROUP) {
        for (int64_t c = 0; c + FO_GROUP < k; c += FO_GROUP)
            FO(group_load)(x + c, k, t + c * FO_TILE);
        FO(group_load)(x + k - FO_GROUP, k, t + (k - FO_GROUP) * FO_TILE);
        return;
    }
    for (int64_t c = 0; c < k; c++)
        for (int l = 0; l < FO_TILE; l++)
            t[c * FO_TILE + l] = x[l * k + c];
}

FO_INLINE void FO(tile_store)(const fo_real *FO_RESTRICT t, int64_t k, fo_real *FO_RESTRICT x)
{
    if (k >= FO_GROUP) {
        for (int64_t c = 0; c + FO_GROUP < k; c += FO_GROUP)
            FO(group_store)(t + c * FO_TILE, k, x + c);
        FO(group_store)(t + (k - FO_GROUP) * FO_TILE, k, x + k - FO_GROUP);
        return;
    }
    for (int l = 0; l < FO_TILE; l++)
        for (int64_t c = 0; c < k; c++)
            x[l * k + c] = t[c * FO_TILE + l];
}
#endif
