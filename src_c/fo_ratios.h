/* Steps that are quotients, over arrays: w - decay w - up / down.
 *
 * Parameter: FO_SINGLE (fo_real.h). In float with AVX-512 (FO(reciprocals)) the quotient is made of the approximate
 * reciprocal, 14 bits at least, and one correction, as some processors divide a vector in four times that time. Its
 * error is at most 0.57 units in the last place. What is not a number then is divided: infinities and zeros lead there.
 */
#include "fo_simd.h"

#if (FO_SINGLE && !defined(FO_RATIOS_F32)) || (!FO_SINGLE && !defined(FO_RATIOS_F64))
#if FO_SINGLE
#define FO_RATIOS_F32
#else
#define FO_RATIOS_F64
#endif

enum { FO(reciprocals) = FO_SINGLE && FO_BYTES == 64 };

#if FO_SINGLE && FO_BYTES == 64
FO_INLINE __m512 fo_v_ratio(__m512 up, __m512 down)
{
    __m512 reciprocal = _mm512_rcp14_ps(down), q = _mm512_mul_ps(up, reciprocal);
    q = _mm512_fmadd_ps(_mm512_fnmadd_ps(down, q, up), reciprocal, q);
    __mmask16 bad = _mm512_cmp_ps_mask(q, q, _CMP_UNORD_Q);
    if (__builtin_expect(!_kortestz_mask16_u8(bad, bad), 0))
        q = _mm512_mask_div_ps(q, bad, up, down);
    return q;
}

/* w[i] -= decay w[i] + up[i] / down[i], i < n */
FO_INLINE void FO(subtract_ratios)(float *w, const float *up, const float *down, float decay, const ptrdiff_t n)
{
    __m512 d = _mm512_set1_ps(decay);
    for (ptrdiff_t i = 0; i < n; i += 16) {
        __mmask16 some = n - i < 16 ? (__mmask16)((1u << (n - i)) - 1) : 0xffff;
        __m512 x = _mm512_maskz_loadu_ps(some, w + i), one = _mm512_set1_ps(1);
        __m512 q = fo_v_ratio(_mm512_maskz_loadu_ps(some, up + i), _mm512_mask_loadu_ps(one, some, down + i));
        _mm512_mask_storeu_ps(w + i, some, _mm512_sub_ps(x, _mm512_fmadd_ps(d, x, q)));
    }
}
#else
FO_INLINE void FO(subtract_ratios)(fo_real *w, const fo_real *up, const fo_real *down, fo_real decay, const ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++)
        w[i] -= decay * w[i] + up[i] / down[i];
}
#endif
#endif
