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

/* ((x + 4) (1 - Phi(x)) / phi(x) - 1) / (1 - t), x = 4 (1 + t) / (1 - t), |t| <= 1; error 5.1e-17 */
FO_INLINE double fo_mills_part_f64(double t)
{
    double u = t * t, p = -0x1.cb52f72379f90p-31, q = -0x1.234778df8c5f0p-31;
    p = p * u + 0x1.2b7722905e450p-27;
    q = q * u + 0x1.5d0e1d18e238bp-27;
    p = p * u + -0x1.73b6f89fd0a9dp-25;
    q = q * u + -0x1.79a79be611c86p-24;
    p = p * u + 0x1.15dd72cdcd129p-23;
    q = q * u + 0x1.1c6bf54b94ca5p-21;
    p = p * u + -0x1.4819a353a10cbp-23;
    q = q * u + -0x1.6d43f7bb5d4d3p-19;
    p = p * u + -0x1.32cd662950601p-20;
    q = q * u + 0x1.cbb49ad3db5d3p-17;
    p = p * u + 0x1.8f6e96a917603p-17;
    q = q * u + -0x1.3f9239164094ap-14;
    p = p * u + -0x1.2b824384810c1p-14;
    q = q * u + 0x1.0a43ed1dd2a15p-11;
    p = p * u + 0x1.6c197ee9d5c31p-13;
    q = q * u + -0x1.00860a7de3140p-8;
    p = p * u + 0x1.3b19ca747a759p-8;
    q = q * u + 0x1.8470af3243b91p-6;
    p = p * u + -0x1.057ecc79d78bdp-3;
    q = q * u + 0x1.5c03a8a98d429p-2;
    p = p * u + -0x1.42d7b116fd101p-1;
    q = q * u + 0x1.c954025225bbcp-1;
    return p * t + q;
}

/* ((x + 4) (1 - Phi(x)) / phi(x) - 1) / (1 - t), x = 4 (1 + t) / (1 - t), |t| <= 1; error 2.8e-8 */
FO_INLINE float fo_mills_part_f32(float t)
{
    float p = -0x1.b85c7c0000000p-15f;
    p = p * t + -0x1.9503740000000p-15f;
    p = p * t + 0x1.0133960000000p-11f;
    p = p * t + 0x1.46d5180000000p-13f;
    p = p * t + -0x1.0028480000000p-8f;
    p = p * t + 0x1.3b7ea20000000p-8f;
    p = p * t + 0x1.846db60000000p-6f;
    p = p * t + -0x1.057f3a0000000p-3f;
    p = p * t + 0x1.5c03aa0000000p-2f;
    p = p * t + -0x1.42d7b00000000p-1f;
    p = p * t + 0x1.c954020000000p-1f;
    return p;
}

/* (1 - h') / (1 - t)^2 of h = phi(x) / (1 - Phi(x)), x = 4 (1 + t) / (1 - t), |t| <= 1; error 3.7e-17 */
FO_INLINE double fo_hazard_part_f64(double t)
{
    double u = t * t, p = -0x1.0a72b523ec1e5p-28, q = -0x1.a9628838a1d99p-26;
    p = p * u + 0x1.a2085d1f50255p-27;
    q = q * u + 0x1.bd999abdec3e8p-23;
    p = p * u + -0x1.179f3c951c39bp-25;
    q = q * u + -0x1.fac22a9b92a79p-21;
    p = p * u + 0x1.b56014301d464p-22;
    q = q * u + 0x1.b0c5d042e8381p-19;
    p = p * u + -0x1.ac432c5ef5ca1p-19;
    q = q * u + -0x1.333df25afd75bp-17;
    p = p * u + 0x1.108790d2c2e86p-16;
    q = q * u + 0x1.6325af12300e5p-16;
    p = p * u + -0x1.0bd8db1bba4d4p-14;
    q = q * u + -0x1.1194efac4d7e9p-15;
    p = p * u + 0x1.b60b98120e446p-13;
    q = q * u + -0x1.e10a5909289ccp-17;
    p = p * u + -0x1.2ed78049fd960p-11;
    q = q * u + 0x1.7caaf497bb2d9p-12;
    p = p * u + 0x1.5566cf36cd254p-10;
    q = q * u + -0x1.caf4ee8f2d27cp-10;
    p = p * u + -0x1.0b40eb5fe8cc8p-9;
    q = q * u + 0x1.7802fb1e873c9p-8;
    p = p * u + 0x1.927bf065e6baap-13;
    q = q * u + -0x1.b822d69efb110p-7;
    p = p * u + 0x1.a55c4815d4227p-7;
    q = q * u + 0x1.00d956becc764p-6;
    p = p * u + -0x1.958b96b87709cp-5;
    q = q * u + 0x1.7e580950e8d80p-5;
    return p * t + q;
}

/* (1 - h') / (1 - t)^2 of h = phi(x) / (1 - Phi(x)), x = 4 (1 + t) / (1 - t), |t| <= 1; error 2.6e-8 */
FO_INLINE float fo_hazard_part_f32(float t)
{
    float p = -0x1.9503820000000p-16f;
    p = p * t + 0x1.e06b420000000p-12f;
    p = p * t + 0x1.5d63e60000000p-11f;
    p = p * t + -0x1.02e2960000000p-9f;
    p = p * t + -0x1.c39d040000000p-10f;
    p = p * t + 0x1.813ab40000000p-8f;
    p = p * t + 0x1.0842f80000000p-13f;
    p = p * t + -0x1.b930e80000000p-7f;
    p = p * t + 0x1.a583700000000p-7f;
    p = p * t + 0x1.00e32c0000000p-6f;
    p = p * t + -0x1.958bb20000000p-5f;
    p = p * t + 0x1.7e57fc0000000p-5f;
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
