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

/* (e^r - 1 - r) / r^2, |r| <= log(2)/2; error 1.2e-16 */
FO_INLINE double fo_exp_tail_f64(double t)
{
    double p;
    p = 0x1.af390ba7e6f47p-26;
    p = p * t + 0x1.2891d4ffbb0f9p-22;
    p = p * t + 0x1.71de0d85293b8p-19;
    p = p * t + 0x1.a019b8ca26fcfp-16;
    p = p * t + 0x1.a01a01a7cebcdp-13;
    p = p * t + 0x1.6c16c1789d1d7p-10;
    p = p * t + 0x1.11111111109a6p-7;
    p = p * t + 0x1.5555555553d37p-5;
    p = p * t + 0x1.5555555555556p-3;
    p = p * t + 0x1.0000000000001p-1;
    return p;
}

/* (e^r - 1 - r) / r^2, |r| <= log(2)/2; error 6.7e-8 */
FO_INLINE float fo_exp_tail_f32(float t)
{
    float p;
    p = 0x1.6d117c0000000p-10f;
    p = p * t + 0x1.120be20000000p-7f;
    p = p * t + 0x1.5555180000000p-5f;
    p = p * t + 0x1.5554dc0000000p-3f;
    p = p * t + 0x1.0000000000000p-1f;
    return p;
}

/* (r coth(r/2) - 2) / r^2 in t = r^2, |r| <= log(2)/2; error 6.5e-17 */
FO_INLINE double fo_coth_tail_f64(double t)
{
    double p;
    p = 0x1.63f123c24a857p-25;
    p = p * t + -0x1.bbd52fec5a3ebp-20;
    p = p * t + 0x1.1566ab5b82902p-14;
    p = p * t + -0x1.6c16c16c0aa83p-9;
    p = p * t + 0x1.5555555555553p-3;
    return p;
}

/* (r coth(r/2) - 2) / r^2 in t = r^2, |r| <= log(2)/2; error 1.2e-7 */
FO_INLINE float fo_coth_tail_f32(float t)
{
    float p;
    p = -0x1.6b0c5e0000000p-9f;
    p = p * t + 0x1.5555460000000p-3f;
    return p;
}

/* (2 atanh(s)/s - 2) / s^2 in t = s^2, |s| <= 3 - sqrt(8); error 3.2e-16 */
FO_INLINE double fo_log_tail_f64(double t)
{
    double p;
    p = 0x1.2b5f68a50d903p-3;
    p = p * t + 0x1.39fdcceb4bb45p-3;
    p = p * t + 0x1.7462b91b8df65p-3;
    p = p * t + 0x1.c71c62d5e53e0p-3;
    p = p * t + 0x1.2492492dfd86cp-2;
    p = p * t + 0x1.9999999995273p-2;
    p = p * t + 0x1.5555555555558p-1;
    return p;
}

/* (2 atanh(s)/s - 2) / s^2 in t = s^2, |s| <= 3 - sqrt(8); error 2.0e-7 */
FO_INLINE float fo_log_tail_f32(float t)
{
    float p;
    p = 0x1.2ee8c80000000p-2f;
    p = p * t + 0x1.997c220000000p-2f;
    p = p * t + 0x1.55555c0000000p-1f;
    return p;
}

/* (2 atanh(s/2)/s - 1) / s^2 in t = s^2, 0 <= s <= 2/3; error 1.7e-17 */
FO_INLINE double fo_log1p_tail_f64(double t)
{
    double p;
    p = 0x1.4b0a26c5f2aefp-24;
    p = p * t + 0x1.687a6e7c95176p-23;
    p = p * t + 0x1.eb905e8575054p-21;
    p = p * t + 0x1.10ac75dc602b1p-18;
    p = p * t + 0x1.3b18b294bebf9p-16;
    p = p * t + 0x1.745cf0b0e03bdp-14;
    p = p * t + 0x1.c71c727143318p-12;
    p = p * t + 0x1.24924923d44c6p-9;
    p = p * t + 0x1.999999999a3ddp-7;
    p = p * t + 0x1.5555555555555p-4;
    return p;
}

/* (2 atanh(s/2)/s - 1) / s^2 in t = s^2, 0 <= s <= 2/3; error 3.8e-8 */
FO_INLINE float fo_log1p_tail_f32(float t)
{
    float p;
    p = 0x1.12f5980000000p-11f;
    p = p * t + 0x1.21249a0000000p-9f;
    p = p * t + 0x1.99ad6c0000000p-7f;
    p = p * t + 0x1.55554c0000000p-4f;
    return p;
}
#endif
