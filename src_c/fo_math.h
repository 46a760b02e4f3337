/* Elementary functions that vectorise: exp, expm1, log, log1p, softplus, sigmoid, tanh, powers, and what the
 * normal distribution needs.
 *
 * Parameter: FO_SINGLE (fo_real.h).
 *
 * Branch-free over the whole range; at most 2 ulp, power 3 and mills 3.5 (tests/test_math.py,
 * tools/math_accuracy.c).
 * NaN of any payload gives NaN, subnormal arguments and results are exact to the same bound unless
 * the caller's thread flushes them. Nothing here needs more than the first x86-64 or ARMv8 level:
 * integers near zero are read from the low bits of x + 1.5 * 2^52 (2^23 for float), powers of two
 * are built in the exponent field, and comparisons are of floating point values. Clamps are
 * written so that a NaN passes.
 */
#include "fo_real.h"
#include "fo_math_coefficients.h"

#undef fo_word
#undef FO_C
#undef FO_MANTISSA
#undef FO_BIAS
#undef FO_SIGN_BIT
#undef FO_SHIFT
#undef FO_UPPER_HALF
#if FO_SINGLE
#define fo_word uint32_t
#define FO_C(name) name##_F32
#define FO_MANTISSA 23
#define FO_BIAS 127
#define FO_SIGN_BIT 0x80000000u
#define FO_SHIFT 12582912.0f /* 1.5 * 2^23 */
#define FO_UPPER_HALF 0xfffff000u
#else
#define fo_word uint64_t
#define FO_C(name) name##_F64
#define FO_MANTISSA 52
#define FO_BIAS 1023
#define FO_SIGN_BIT 0x8000000000000000u
#define FO_SHIFT 6755399441055744.0 /* 1.5 * 2^52 */
#define FO_UPPER_HALF 0xfffffffff8000000u
#endif

/* Whether the compiler makes a * b + c one rounding. */
#ifndef FO_FUSED
#if defined(__FMA__) || defined(__aarch64__)
#define FO_FUSED 1
#else
#define FO_FUSED 0
#endif
#endif

#if (FO_SINGLE && !defined(FO_MATH_F32)) || (!FO_SINGLE && !defined(FO_MATH_F64))
#if FO_SINGLE
#define FO_MATH_F32
#else
#define FO_MATH_F64
#endif

FO_INLINE fo_word FO(to_bits)(fo_real x)
{
    fo_word u;
    memcpy(&u, &x, sizeof u);
    return u;
}

FO_INLINE fo_real FO(from_bits)(fo_word u)
{
    fo_real x;
    memcpy(&x, &u, sizeof x);
    return x;
}

FO_INLINE fo_real FO(abs)(fo_real x)
{
    return FO(from_bits)(FO(to_bits)(x) & ~(fo_word)FO_SIGN_BIT);
}

/* -|x| */
FO_INLINE fo_real FO(minus_abs)(fo_real x)
{
    return FO(from_bits)(FO(to_bits)(x) | (fo_word)FO_SIGN_BIT);
}

/* magnitude >= 0 with the sign of x */
FO_INLINE fo_real FO(with_sign)(fo_real magnitude, fo_real x)
{
    return FO(from_bits)(FO(to_bits)(magnitude) | (FO(to_bits)(x) & (fo_word)FO_SIGN_BIT));
}

/* x = k log(2) + r + low with |r| <= log(2)/2 and low below the last place of r. The low bits of
 * *shifted hold k + bias, and no others reach the exponent field: *shifted << FO_MANTISSA is the
 * number 2^(k + bias - FO_BIAS), where bias keeps that field positive. */
FO_INLINE fo_real FO(reduce)(fo_real x, fo_real bias, fo_word *shifted, fo_real *low)
{
    fo_real z = x * FO_C(FO_LOG2E) + (FO_SHIFT + bias);
    fo_real k = z - (FO_SHIFT + bias);
    fo_real h = x - k * FO_C(FO_LN2_HIGH);
    fo_real r = h - k * FO_C(FO_LN2_LOW);
    *shifted = FO(to_bits)(z);
    *low = (h - r) - k * FO_C(FO_LN2_LOW);
    return r;
}

FO_INLINE fo_real FO(exp)(fo_real x)
{
    /* Beyond these e^x is 0 or infinite; 2^k needs two factors, k from -1076 to 1024. */
    const fo_real high = FO_SINGLE ? FO_K(89.0) : FO_K(710.0), low = FO_SINGLE ? FO_K(-104.0) : FO_K(-746.0);
    fo_word shifted, half;
    fo_real r, rest, p, d1, d2;
    x = x > high ? high : x;
    x = x < low ? low : x;
    r = FO(reduce)(x, FO_K(2.0) * FO_BIAS, &shifted, &rest);
    half = shifted >> 1;
    d1 = FO(from_bits)(half << FO_MANTISSA);
    d2 = FO(from_bits)((shifted - half) << FO_MANTISSA);
    p = (FO(exp_tail)(r) * r + FO_K(0.5)) * (r * r) + r;
    return (p * d1 + d1) * d2;
}

FO_INLINE fo_real FO(expm1)(fo_real x)
{
    const fo_real high = FO_SINGLE ? FO_K(89.0) : FO_K(710.0), low = FO_SINGLE ? FO_K(-18.0) : FO_K(-39.0);
    const fo_real tiny = FO_SINGLE ? FO_K(0x1p-25) : FO_K(0x1p-54);
    fo_word shifted;
    fo_real r, rest, p, d, c = x > high ? high : x;
    c = c < low ? low : c;
    r = FO(reduce)(c, FO_K(1.0) * (FO_BIAS - 1), &shifted, &rest);
    d = FO(from_bits)(shifted << FO_MANTISSA); /* 2^(k-1): 2^1024 has no number */
    p = ((FO(exp_tail)(r) * r + FO_K(0.5)) * (r * r) + rest) + r;
    p = (p * d + (d - FO_K(0.5))) * FO_K(2.0);
    return FO(abs)(x) < tiny ? x : p; /* keeps -0 and the last bit of subnormal numbers */
}

/* log(2^k m) with k integer, m = 1 + f from sqrt(1/2) to sqrt(2) */
FO_INLINE fo_real FO(log_parts)(fo_real k, fo_real f)
{
    fo_real s = f / (f + FO_K(2.0));
    fo_real t = s * s;
    fo_real h = FO_K(0.5) * f * f;
    fo_real q = t * FO(log_tail)(t);
    return k * FO_C(FO_LN2_HIGH) + (f - (h - (s * (h + q) + k * FO_C(FO_LN2_LOW))));
}

/* x > 0 and normal, x = 2^k m; m is returned */
FO_INLINE fo_real FO(split)(fo_real x, fo_real *k)
{
    const fo_word root = FO_SINGLE ? 0x3f3504f3u : (fo_word)0x3fe6a09e667f3bcdu; /* sqrt(1/2) */
    const fo_word one = (fo_word)FO_BIAS << FO_MANTISSA;
    fo_word u = FO(to_bits)(x) + (one - root);
    /* the exponent as a number: ored into the low bits of 2^52 */
    *k = FO(from_bits)((u >> FO_MANTISSA) | ((fo_word)(FO_BIAS + FO_MANTISSA) << FO_MANTISSA))
         - ((fo_real)((fo_word)1 << FO_MANTISSA) + FO_BIAS);
    return FO(from_bits)((u & (((fo_word)1 << FO_MANTISSA) - 1)) + root);
}

/* log(x) = y where x is in (0, inf), and its special values elsewhere */
FO_INLINE fo_real FO(log_ends)(fo_real x, fo_real y)
{
    fo_real below = x == FO_K(0.0) ? -(fo_real)INFINITY : (fo_real)NAN;
    y = x < (fo_real)INFINITY ? y : x;
    return x > FO_K(0.0) ? y : below;
}

FO_INLINE fo_real FO(log)(fo_real x)
{
    const fo_real least = FO_SINGLE ? FO_K(0x1p-126) : FO_K(0x1p-1022);
    const fo_real up = FO_SINGLE ? FO_K(0x1p+24) : FO_K(0x1p+53), digits = FO_MANTISSA + 1;
    fo_real k, m, y;
    fo_real scaled = x < least ? x * up : x;
    fo_real shift = x < least ? digits : FO_K(0.0);
    m = FO(split)(scaled, &k);
    y = FO(log_parts)(k - shift, m - FO_K(1.0));
    return FO(log_ends)(x, y);
}

FO_INLINE fo_real FO(log1p)(fo_real x)
{
    const fo_real tiny = FO_SINGLE ? FO_K(0x1p-25) : FO_K(0x1p-54);
    fo_real u = FO_K(1.0) + x, k, m, f, y, c, back;
    fo_word scale;
    /* u + c = 1 + x without error */
    back = u - FO_K(1.0);
    c = (FO_K(1.0) - (u - back)) + (x - back);
    m = FO(split)(u, &k);
    /* c 2^(-k), as c/2 2^(1-k) since k may be 1024 */
    scale = ((fo_word)(FO_BIAS + 1) << FO_MANTISSA) - (FO(to_bits)(u) - FO(to_bits)(m));
    f = (m - FO_K(1.0)) + (FO_K(0.5) * c) * FO(from_bits)(scale);
    y = FO(log_parts)(k, f);
    y = FO(log_ends)(u, y);
    return FO(abs)(x) < tiny ? x : y;
}

/* e^x for x <= 0 or NaN: one factor 2^k where exp needs two. k >= -1076 (-150), and 2^lift, taken off
 * last, keeps the exponent field positive. */
FO_INLINE fo_real FO(exp_nonpositive)(fo_real x)
{
    const fo_real low = FO_SINGLE ? FO_K(-104.0) : FO_K(-746.0);
    const fo_real lift = FO_SINGLE ? FO_K(30.0) : FO_K(60.0), drop = FO_SINGLE ? FO_K(0x1p-30) : FO_K(0x1p-60);
    fo_word shifted;
    fo_real r, rest, p, d;
    x = x < low ? low : x;
    r = FO(reduce)(x, lift + FO_BIAS, &shifted, &rest);
    d = FO(from_bits)(shifted << FO_MANTISSA);
    p = (FO(exp_tail)(r) * r + FO_K(0.5)) * (r * r) + r;
    return (p * d + d) * drop;
}

/* e = e^(-|x|) and m = 1 - e, neither from the other: both keep their digits. */
typedef struct {
    fo_real e, m;
} FO(decay_pair);

FO_INLINE FO(decay_pair) FO(decay)(fo_real x)
{
    const fo_real low = FO_SINGLE ? FO_K(-104.0) : FO_K(-746.0);
    const fo_real lift = FO_SINGLE ? FO_K(30.0) : FO_K(60.0), drop = FO_SINGLE ? FO_K(0x1p-30) : FO_K(0x1p-60);
    FO(decay_pair) o;
    fo_word shifted;
    fo_real r, rest, p, d;
    x = FO(minus_abs)(x);
    x = x < low ? low : x;
    r = FO(reduce)(x, lift + FO_BIAS, &shifted, &rest);
    d = FO(from_bits)(shifted << FO_MANTISSA);
    p = (FO(exp_tail)(r) * r + FO_K(0.5)) * (r * r);
    o.e = ((p + r) * d + d) * drop;
    p = (p + rest) + r;
    d = d * drop;
    o.m = (FO_K(1.0) - d) - p * d;
    return o;
}

/* log(1 + e) of e from 0 to 1 */
FO_INLINE fo_real FO(log1p_unit)(fo_real e)
{
    fo_real s = e / (FO_K(2.0) + e), t = s * s, half;
    t = t * FO(log1p_tail)(t);
    if (FO_FUSED)
        return e - s * (e - t);
    half = FO_K(0.5) * e * e; /* less of s: softplus 2.09 -> 1.98 ulp in float */
    return e - (half - s * (half + t));
}

/* e^(-|x|) */
FO_INLINE fo_real FO(exp_minus_abs)(fo_real x)
{
    return FO(exp_nonpositive)(FO(minus_abs)(x));
}

/* What the logistic function and its relatives need, from one exponential.
 *
 * minor = sigmoid(-|x|) <= 1/2 and log1p_exp = log(1 + e^(-|x|)). With
 *     step = x >= 0 ? 1 : 0,
 * sigmoid(x) = step + (x >= 0 ? -minor : minor), softplus(x) = step * x + log1p_exp, and for a target
 * y the logistic loss is (step - y) x + log1p_exp, its gradient (step - y) + (x >= 0 ? -minor : minor),
 * its curvature minor (1 - minor): none of these cancels, whatever y is. */
typedef struct {
    fo_real minor, log1p_exp, step, signed_minor;
} FO(logistic_pair);

FO_INLINE FO(logistic_pair) FO(logistic_parts)(fo_real x)
{
    FO(logistic_pair) o;
    fo_real s, e = FO(exp_minus_abs)(x);
    /* the quotient itself, but for most of its rounding errors: 2.3 -> 1.8 ulp */
    s = e / (FO_K(1.0) + e);
    o.minor = e - e * s;
    o.log1p_exp = FO(log1p_unit)(e);
    o.step = x >= FO_K(0.0) ? FO_K(1.0) : FO_K(0.0);
    o.signed_minor = x >= FO_K(0.0) ? -o.minor : o.minor;
    return o;
}

/* log(1 + e^x) */
FO_INLINE fo_real FO(softplus)(fo_real x)
{
    fo_real positive = x < FO_K(0.0) ? FO_K(0.0) : x;
    return positive + FO(logistic_parts)(x).log1p_exp;
}

/* 1 / (1 + e^(-x)) */
FO_INLINE fo_real FO(sigmoid)(fo_real x)
{
    FO(logistic_pair) o = FO(logistic_parts)(x);
    return o.step + o.signed_minor;
}

FO_INLINE fo_real FO(tanh)(fo_real x)
{
    /* (1 - e) / (1 + e), e = e^(-2|x|) = d (1 + p + tail) with d = 2^k and 1 + p + tail = e^r: 1 - d and
     * d p are exact, so that nothing cancels. */
    const fo_real low = FO_SINGLE ? FO_K(-20.0) : FO_K(-44.0);
    fo_word shifted;
    fo_real r, rest, p, tail, d, above, lost, a = FO_K(2.0) * FO(minus_abs)(x);
    a = a < low ? low : a;
    r = FO(reduce)(a, FO_K(1.0) * FO_BIAS, &shifted, &rest);
    d = FO(from_bits)(shifted << FO_MANTISSA);
    tail = (FO(exp_tail)(r) * r + FO_K(0.5)) * (r * r) + rest;
    p = tail + r;
    tail = tail - (p - r);
    above = (FO_K(1.0) - d) - d * p;
    /* What rounding took from the numerator; 1 / (1 + e) is (1 + tanh) / 2. */
    lost = ((FO_K(1.0) - d) - above) - d * p - d * tail;
    a = above / ((FO_K(1.0) + d) + d * p);
    return FO(with_sign)(a + lost * (FO_K(0.5) + FO_K(0.5) * a), x);
}

/* What a b lost when it was rounded to h. */
FO_INLINE fo_real FO(product_rest)(fo_real a, fo_real b, fo_real h)
{
#if FO_FUSED
    return FO_SINGLE ? (fo_real)fmaf((float)a, (float)b, (float)-h) : (fo_real)fma(a, b, -h);
#else
    fo_real a1 = FO(from_bits)(FO(to_bits)(a) & FO_UPPER_HALF), a2 = a - a1;
    fo_real b1 = FO(from_bits)(FO(to_bits)(b) & FO_UPPER_HALF), b2 = b - b1;
    return (((a1 * b1 - h) + a1 * b2) + a2 * b1) + a2 * b2;
#endif
}

/* e^(h + rest), rest far below h */
FO_INLINE fo_real FO(exp_sum)(fo_real h, fo_real rest)
{
    rest = FO(abs)(h) < FO_K(1000.0) ? rest : FO_K(0.0);
    return FO(exp)(h) * (FO_K(1.0) + rest);
}

/* e^(a x): the product's rounding would cost as many digits as e^(a x) has in front of its point */
FO_INLINE fo_real FO(exp_product)(fo_real a, fo_real x)
{
    fo_real h = a * x;
    return FO(exp_sum)(h, FO(product_rest)(a, x, h));
}

/* sigmoid(x)^a, given log(1 + e^-|x|) */
FO_INLINE fo_real FO(sigmoid_power)(fo_real x, fo_real log1p_exp, fo_real a)
{
    fo_real low = x < FO_K(0.0) ? x : FO_K(0.0), h, s, part = a * log1p_exp;
    low = x != x ? x : low;
    h = a * low;
    s = h - part;
    return FO(exp_sum)(s, FO(product_rest)(a, low, h) + ((h - s) - part));
}

/* x^a, 0 < x < inf, from log(x) = k log(2) + log(m) in two parts, of which the first is exact; 0 counts as a
 * number far below the smallest */
FO_INLINE fo_real FO(power)(fo_real x, fo_real a)
{
    const fo_real least = FO_SINGLE ? FO_K(0x1p-126) : FO_K(0x1p-1022);
    const fo_real up = FO_SINGLE ? FO_K(0x1p+24) : FO_K(0x1p+53), digits = FO_MANTISSA + 1;
    fo_real k, m, high, p, q, s, t;
    m = FO(split)(x < least ? x * up : x, &k);
    k = k - (x < least ? digits : FO_K(0.0));
    high = k * FO_C(FO_LN2_HIGH);
    p = a * high;
    q = a * (FO(log_parts)(FO_K(0.0), m - FO_K(1.0)) + k * FO_C(FO_LN2_LOW));
    s = p + q;
    t = s - p;
    t = ((p - (s - t)) + (q - t)) + FO(product_rest)(a, high, p);
    s = FO(exp_sum)(s, t);
    return x >= FO_K(0.0) ? s : (fo_real)NAN;
}

/* e^(-x^2/2): the square's rounding would cost as many digits as e^(-x^2/2) has */
FO_INLINE fo_real FO(gauss)(fo_real x)
{
    fo_real h = x * x, rest = FO(product_rest)(x, x, h);
    rest = h < FO_K(2000.0) ? rest : FO_K(0.0);
    return FO(exp_nonpositive)(FO_K(-0.5) * h) * (FO_K(1.0) - FO_K(0.5) * rest);
}

/* Mills' ratio (1 - Phi(x)) / phi(x) of |x|, Phi and phi the normal distribution and its density */
FO_INLINE fo_real FO(mills)(fo_real x)
{
    fo_real a = FO(abs)(x), s = a + FO_K(4.0), w = FO_K(8.0) / s;
    fo_real ratio = (FO_K(1.0) + w * FO(mills_part)(FO_K(1.0) - w)) / s;
    /* what s has lost of a, by the derivative a R - 1: 4.9 -> 3.5 ulp */
    fo_real whole = ratio + (a - (s - FO_K(4.0))) * (a * ratio - FO_K(1.0));
    return a < FO_K(1e4) ? whole : ratio;
}

/* The derivative of 1 / mills(x), x >= 0 */
FO_INLINE fo_real FO(hazard_slope)(fo_real x)
{
    fo_real w = FO_K(8.0) / (FO(abs)(x) + FO_K(4.0));
    return FO_K(1.0) - w * (w * FO(hazard_part)(FO_K(1.0) - w));
}
#endif
