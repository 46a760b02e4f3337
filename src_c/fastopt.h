/* The formulas of fastopt for other people's C, C++ and Cython code.
 *
 * Gives every formula in both precisions: fo_<name>_f64 of double and fo_<name>_f32 of float. All
 * are static inline functions without state; they call nothing outside these headers and the
 * standard headers, need no linking and may be called by any thread. Compile with
 * -O3 -fno-math-errno -fno-trapping-math -fopenmp-simd (gcc, clang) if loops over them are to be vectorised.
 *
 * Names, arguments and meanings are stable within a minor version of fastopt (0.1.x).
 */
#ifndef FASTOPT_H
#define FASTOPT_H

#ifdef FO_SINGLE
#error "include fastopt.h without FO_SINGLE: it gives both precisions"
#endif

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunknown-pragmas" /* omp simd, in compilations without -fopenmp-simd */
#endif

#include "fo_custom.h"

#define FO_FORMULA static inline /* compiled where it is called */

/* Rows of a tile of the losses over rows (fo_rowwise.h). */
enum { FO_TILE_F64 = 16, FO_TILE_F32 = 32 };

#define FO_SINGLE 0
#include "fo_math.h"
#include "fo_losses.h"
#include "fo_softmax.h"
#include "fo_probabilities.h"
#include "fo_rowwise.h"
#include "fo_row_margins.h"
#include "fo_row_geometry.h"
#include "fo_updates.h"
#include "fo_measures.h"
#include "fo_penalties.h"
#undef FO_SINGLE

#define FO_SINGLE 1
#include "fo_math.h"
#include "fo_losses.h"
#include "fo_softmax.h"
#include "fo_probabilities.h"
#include "fo_rowwise.h"
#include "fo_row_margins.h"
#include "fo_row_geometry.h"
#include "fo_updates.h"
#include "fo_measures.h"
#include "fo_penalties.h"
#undef FO_SINGLE

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#undef FO
#undef FO_K
#undef fo_real
#undef fo_word
#undef FO_C
#undef FO_MANTISSA
#undef FO_BIAS
#undef FO_SIGN_BIT
#undef FO_SHIFT
#undef FO_ALIGNED
#undef FO_SIMD
#undef FO_EACH
#undef FO_TWICE
#undef FO_LANES
#undef FO_CLASSES
#undef FO_CHUNKS
#undef FO_CHUNK
#undef FO_DIAGONAL
#undef FO_FORMULA
#undef FO_TERMS
#undef FO_OF_SOFTMAX
#undef FO_OF_ENTRIES
#undef FO_ROOT
#undef FO_TILE
#undef FO_TILE_CLASSES
#undef FO_GNU_VECTORS
#undef FO_BYTES
#undef FO_PREFETCH
#undef FO_UNROLL
#undef FO_GROUP
#undef FO_LIST4
#undef FO_LIST8
#undef FO_LIST
#undef FO_N

#endif
