/* The precision of one inclusion.
 *
 * Parameter: FO_SINGLE, 1 for float and 0 for double, defined before the header of formulas is
 * included. Every header of formulas starts with this file and may be included once for each
 * precision in the same translation unit.
 *
 * Gives: fo_real, the element type; FO(name), the name with its precision (fo_name_f32 or
 * fo_name_f64); FO_K(x), a constant of type fo_real.
 */
#ifndef FO_SINGLE
#error "define FO_SINGLE as 0 (double) or 1 (float) before including a header of formulas"
#endif

#ifndef FO_REAL_H
#define FO_REAL_H
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed" /* a loop under omp simd that stays scalar is slower, not wrong */
#endif

#if defined(__GNUC__)
#define FO_INLINE static inline __attribute__((always_inline, unused))
#define FO_RESTRICT __restrict__
#elif defined(_MSC_VER)
#define FO_INLINE static __forceinline
#define FO_RESTRICT __restrict
#else
#define FO_INLINE static inline
#define FO_RESTRICT
#endif
#endif

#undef fo_real
#undef FO
#undef FO_K
#if FO_SINGLE
#define fo_real float
#define FO(name) fo_##name##_f32
#define FO_K(x) ((float)(x))
#else
#define fo_real double
#define FO(name) fo_##name##_f64
#define FO_K(x) (x)
#endif
