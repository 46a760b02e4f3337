/* Polynomials of fo_math.h. Written by tools/generate_math.py; do not edit. */
#ifndef FO_MATH_COEFFICIENTS_H
#define FO_MATH_COEFFICIENTS_H
#include "fo_real.h"

#define FO_LN2_HIGH_F64 0x1.62e42fee00000p-1
#define FO_LN2_LOW_F64 0x1.a39ef35793c76p-33
#define FO_LOG2E_F64 0x1.71547652b82fep+0
#define FO_LN2_HIGH_F32 0x1.6280000000000p-1f
#define FO_LN2_LOW_F32 0x1.90bfbe0000000p-11f
#define FO_LOG2E_F32 0x1.7154760000000p+0f

/* (e^t - 1 - t - t^2/2) / t^3, |t| <= log(2)/2; error 6.1e-18 */
FO_INLINE double fo_exp_tail_f64(double t)
{
    double u = t * t, p = 0x1.af79bdbca369bp-26, q = 0x1.28a078c20bc8fp-22;
    p = p * u + 0x1.71dde82f08842p-19;
    q = q * u + 0x1.a019aa41baaa6p-16;
    p = p * u + 0x1.a01a01b694344p-13;
    q = q * u + 0x1.6c16c17d0c9c7p-10;
    p = p * u + 0x1.111111110e528p-7;
    q = q * u + 0x1.5555555553125p-5;
    p = p * u + 0x1.555555555555cp-3;
    return q * t + p;
}

/* (e^t - 1 - t - t^2/2) / t^3, |t| <= log(2)/2; error 3.4e-9 */
FO_INLINE float fo_exp_tail_f32(float t)
{
    float p = 0x1.6d7ba60000000p-10f;
    p = p * t + 0x1.123a8a0000000p-7f;
    p = p * t + 0x1.5554be0000000p-5f;
    p = p * t + 0x1.5554900000000p-3f;
    return p;
}

/* (2 atanh(s)/s - 2) / s^2 in t = s^2, |s| <= 3 - sqrt(8); error 3.1e-18 */
FO_INLINE double fo_log_tail_f64(double t)
{
    double u = t * t, p = 0x1.2f0d8ee7fd86cp-3, q = 0x1.39a0f4f691f53p-3;
    p = p * u + 0x1.7466462d1f597p-3;
    q = q * u + 0x1.c71c51e7f45fep-3;
    p = p * u + 0x1.2492494217a46p-2;
    q = q * u + 0x1.999999997fb31p-2;
    p = p * u + 0x1.5555555555593p-1;
    return q * t + p;
}

/* (2 atanh(s)/s - 2) / s^2 in t = s^2, |s| <= 3 - sqrt(8); error 1.8e-9 */
FO_INLINE float fo_log_tail_f32(float t)
{
    float p = 0x1.31e6780000000p-2f;
    p = p * t + 0x1.995e9c0000000p-2f;
    p = p * t + 0x1.55557a0000000p-1f;
    return p;
}

/* (2 atanh(s)/s - 2) / s^2 in t = s^2, 0 <= s <= 1/3; error 6.7e-18 */
FO_INLINE double fo_log1p_tail_f64(double t)
{
    double u = t * t, p = 0x1.5c8a46a5f408ep-3, q = 0x1.559c61c738bb9p-4;
    p = p * u + 0x1.efdd7f1fed3b2p-4;
    q = q * u + 0x1.106768da2cca8p-3;
    p = p * u + 0x1.3b1de31f638c4p-3;
    q = q * u + 0x1.745cb39ba1af1p-3;
    p = p * u + 0x1.c71c741f8ad3bp-3;
    q = q * u + 0x1.24924920857a4p-2;
    p = p * u + 0x1.99999999a083fp-2;
    q = q * u + 0x1.5555555555535p-1;
    return p * t + q;
}

/* (2 atanh(s)/s - 2) / s^2 in t = s^2, 0 <= s <= 1/3; error 9.9e-9 */
FO_INLINE float fo_log1p_tail_f32(float t)
{
    float p = 0x1.1ef86e0000000p-2f;
    p = p * t + 0x1.1eb6120000000p-2f;
    p = p * t + 0x1.99d27c0000000p-2f;
    p = p * t + 0x1.5555000000000p-1f;
    return p;
}
#endif
