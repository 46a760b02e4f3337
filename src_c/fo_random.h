/* Random numbers that are functions of a counter: Philox 4x32-10 and normal pairs from it.
 *
 * The words of a draw depend on the key (the seed) and the counter alone, so that a stream needs no
 * state: elements may be drawn in any order, by any number of threads, and again after a resume.
 * Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011). Not a cryptographic generator.
 *
 * Normals are in double, by Box and Muller's transform: a pair from four words. Uniforms have 53 bits
 * and are never 0; the largest normal is 8.6. Include after or before headers of either precision:
 * the caller's FO_SINGLE is as before.
 */
#ifndef FO_RANDOM_H
#define FO_RANDOM_H

#if defined(FO_SINGLE) && FO_SINGLE
#define FO_RANDOM_IN_SINGLE
#endif
#undef FO_SINGLE
#define FO_SINGLE 0
#include "fo_math.h"

typedef struct {
    uint32_t a, b, c, d;
} fo_words;

typedef struct {
    double first, second;
} fo_normals;

/* Ten rounds of Philox over the counter (a, b, c, d) with the key (low, high). */
FO_INLINE fo_words fo_philox(fo_words counter, uint32_t low, uint32_t high)
{
    int round;
    for (round = 0; round < 10; round++) {
        uint64_t p = (uint64_t)0xD2511F53u * counter.a, q = (uint64_t)0xCD9E8D57u * counter.c;
        fo_words next;
        next.a = (uint32_t)(q >> 32) ^ counter.b ^ low;
        next.b = (uint32_t)q;
        next.c = (uint32_t)(p >> 32) ^ counter.d ^ high;
        next.d = (uint32_t)p;
        counter = next;
        low += 0x9E3779B9u;
        high += 0xBB67AE85u;
    }
    return counter;
}

/* (k + 1/2) / 2^53 with the upper 27 bits of one word and the upper 26 of another. */
FO_INLINE double fo_uniform(uint32_t high, uint32_t low)
{
    double k = (double)(int32_t)(high >> 5) * 67108864.0 + (double)(int32_t)(low >> 6);
    return (k + 0.5) * 0x1p-53;
}

/* cos and sin of 2 pi u, 0 <= u <= 1: u = k/4 + r is exact, and |2 pi r| <= pi/4 needs eight terms of the series. */
FO_INLINE fo_normals fo_circle(double u)
{
    double shifted = u * 4.0 + 6755399441055744.0; /* 1.5 * 2^52: k in the low bits */
    double x = (u - (shifted - 6755399441055744.0) * 0.25) * 6.283185307179586;
    double s = x * x, sine, cosine, swap, a, b;
    uint64_t k = fo_to_bits_f64(shifted);
    fo_normals o;
    sine = -7.647163731819816e-13 + s * 2.8114572543455206e-15;
    sine = 1.6059043836821613e-10 + s * sine;
    sine = -2.505210838544172e-08 + s * sine;
    sine = 2.7557319223985893e-06 + s * sine;
    sine = -0.0001984126984126984 + s * sine;
    sine = 0.008333333333333333 + s * sine;
    sine = -0.16666666666666666 + s * sine;
    sine = x + x * (s * sine);
    cosine = 4.779477332387385e-14 + s * -1.5619206968586225e-16;
    cosine = -1.1470745597729725e-11 + s * cosine;
    cosine = 2.08767569878681e-09 + s * cosine;
    cosine = -2.755731922398589e-07 + s * cosine;
    cosine = 2.48015873015873e-05 + s * cosine;
    cosine = -0.001388888888888889 + s * cosine;
    cosine = 0.041666666666666664 + s * cosine;
    cosine = 1.0 + s * (s * cosine - 0.5);
    swap = (k & 1) ? 1.0 : 0.0;
    a = swap != 0.0 ? sine : cosine;
    b = swap != 0.0 ? cosine : sine;
    o.first = fo_from_bits_f64(fo_to_bits_f64(a) ^ (((k + 1) & 2) << 62));
    o.second = fo_from_bits_f64(fo_to_bits_f64(b) ^ ((k & 2) << 62));
    return o;
}

/* Two independent standard normals for a counter. */
FO_INLINE fo_normals fo_normal_pair(fo_words counter, uint32_t low, uint32_t high)
{
    fo_words w = fo_philox(counter, low, high);
    double radius = sqrt(-2.0 * fo_log_f64(fo_uniform(w.a, w.b)));
    fo_normals o = fo_circle(fo_uniform(w.c, w.d));
    o.first *= radius;
    o.second *= radius;
    return o;
}

/* The counter of a library stream: pair of elements, purpose (< 2^8; pairs < 2^56), array and step. */
FO_INLINE fo_words fo_stream(uint64_t pair, uint32_t purpose, uint32_t array, uint32_t step)
{
    fo_words counter;
    counter.a = (uint32_t)pair;
    counter.b = (uint32_t)(pair >> 32) | (purpose << 24);
    counter.c = array;
    counter.d = step;
    return counter;
}

#ifdef FO_RANDOM_IN_SINGLE
#undef FO_SINGLE
#define FO_SINGLE 1
#undef FO_RANDOM_IN_SINGLE
#include "fo_real.h"
#endif

#endif
