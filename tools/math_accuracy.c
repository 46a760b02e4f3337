/* Largest error of the functions of fo_math.h, in ulp, against the C library's long double.
 *
 * Usage: math_accuracy [points per range in thousands, default 200]. Prints one line for each
 * function and element type; exits with 1 where an error exceeds 2 ulp or a special value is wrong.
 *
 * Compile it as the kernels are compiled, for example
 *     gcc -std=gnu11 -O3 -fno-math-errno -fno-trapping-math -Isrc_c tools/math_accuracy.c -lm
 * tools/qemu_aarch64.py does so for aarch64 and runs it in an emulator. The long double of x86-64
 * has 11 bits more than double and that of aarch64 60, so that the reference's own error is below
 * 0.001 ulp; it has no such margin where long double is double, and the program refuses to run.
 */
#include <float.h>
#include <stdio.h>
#include <stdlib.h>

#define FO_SINGLE 0
#include "fo_math.h"
#undef FO_SINGLE
#define FO_SINGLE 1
#include "fo_math.h"

typedef long double wide;

#define LIMIT 2.0
#define CHUNK 1024

static uint64_t state = 20240229u;

static uint64_t random_bits(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double random_unit(void) { return (double)(random_bits() >> 11) * 0x1p-53; }

static wide w_exp(wide x) { return expl(x); }
static wide w_expm1(wide x) { return expm1l(x); }
static wide w_log(wide x) { return logl(x); }
static wide w_log1p(wide x) { return log1pl(x); }
static wide w_tanh(wide x) { return tanhl(x); }
static wide w_softplus(wide x) { return (x > 0 ? x : 0) + log1pl(expl(-fabsl(x))); }
static wide w_minor(wide x) { return expl(-fabsl(x)) / (1 + expl(-fabsl(x))); }
static wide w_sigmoid(wide x) { return x > 0 ? 1 / (1 + expl(-x)) : w_minor(x); }
static wide w_log1p_exp(wide x) { return log1pl(expl(-fabsl(x))); }

FO_INLINE double fo_minor_f64(double x) { return fo_logistic_parts_f64(x).minor; }
FO_INLINE float fo_minor_f32(float x) { return fo_logistic_parts_f32(x).minor; }
FO_INLINE double fo_log1p_exp_f64(double x) { return fo_logistic_parts_f64(x).log1p_exp; }
FO_INLINE float fo_log1p_exp_f32(float x) { return fo_logistic_parts_f32(x).log1p_exp; }

#define LOOPS(name)                                                                              \
    static void name##_f64(const double *FO_RESTRICT x, double *FO_RESTRICT y)                   \
    {                                                                                            \
        for (int i = 0; i < CHUNK; i++) y[i] = fo_##name##_f64(x[i]);                            \
    }                                                                                            \
    static void name##_f32(const float *FO_RESTRICT x, float *FO_RESTRICT y)                     \
    {                                                                                            \
        for (int i = 0; i < CHUNK; i++) y[i] = fo_##name##_f32(x[i]);                            \
    }
LOOPS(exp)
LOOPS(expm1)
LOOPS(log)
LOOPS(log1p)
LOOPS(softplus)
LOOPS(sigmoid)
LOOPS(tanh)
LOOPS(minor)
LOOPS(log1p_exp)

/* low, high: an interval of ordinary arguments; every range is also sampled over all bit patterns. */
static const struct {
    const char *name;
    void (*f64)(const double *, double *);
    void (*f32)(const float *, float *);
    wide (*reference)(wide);
    double low, high;
} functions[] = {
    {"exp", exp_f64, exp_f32, w_exp, -5, 5},
    {"expm1", expm1_f64, expm1_f32, w_expm1, -5, 5},
    {"log", log_f64, log_f32, w_log, 0.25, 4},
    {"log1p", log1p_f64, log1p_f32, w_log1p, -0.99, 4},
    {"softplus", softplus_f64, softplus_f32, w_softplus, -5, 5},
    {"sigmoid", sigmoid_f64, sigmoid_f32, w_sigmoid, -5, 5},
    {"tanh", tanh_f64, tanh_f32, w_tanh, -5, 5},
    {"minor", minor_f64, minor_f32, w_minor, -5, 5},
    {"log1p_exp", log1p_exp_f64, log1p_exp_f32, w_log1p_exp, -5, 5},
};

/* error in units of the last place of the reference, subnormal numbers included */
static double ulps(double got, wide want, int digits, int least, double largest)
{
    int e;
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : INFINITY;
    if (isinf(got)) return (got > 0) == (want > 0) && fabsl(want) > largest ? 0 : INFINITY;
    if (isinf(want)) return INFINITY;
    frexpl(want, &e);
    e = want == 0 || e - digits < least ? least : e - digits;
    return (double)ldexpl(fabsl(got - want), -e);
}

enum { BITS, INTERVAL, WIDE, RANGES };

static double sample(int range, double low, double high, int single)
{
    double x;
    if (range == INTERVAL) return low + (high - low) * random_unit();
    if (range == WIDE) return low * 150 + (high - low) * 150 * random_unit();
    if (single) {
        uint32_t u = (uint32_t)random_bits();
        float y;
        memcpy(&y, &u, sizeof y);
        return y;
    } else {
        uint64_t u = random_bits();
        memcpy(&x, &u, sizeof x);
        return x;
    }
}

int main(int argc, char **argv)
{
    long chunks = (argc > 1 ? atol(argv[1]) : 200) * 1000 / CHUNK + 1;
    int bad = 0;
    if (LDBL_MANT_DIG < 64) {
        fprintf(stderr, "long double has only %d bits here\n", LDBL_MANT_DIG);
        return 2;
    }
    printf("function   dtype    max ulp  at\n");
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        for (int single = 0; single < 2; single++) {
            static double x[CHUNK], y[CHUNK];
            static float xs[CHUNK], ys[CHUNK];
            static const double special[] = {0.0, -0.0, INFINITY, -INFINITY, NAN, 1.0, -1.0};
            double worst = 0, at = 0;
            for (int range = 0; range < RANGES; range++)
                for (long c = 0; c < chunks; c++) {
                    for (int j = 0; j < CHUNK; j++) {
                        x[j] = sample(range, functions[i].low, functions[i].high, single);
                        if (c == 0 && j < (int)(sizeof special / sizeof *special)) x[j] = special[j];
                        xs[j] = (float)x[j];
                    }
                    if (single) functions[i].f32(xs, ys);
                    else functions[i].f64(x, y);
                    for (int j = 0; j < CHUNK; j++) {
                        double a = single ? xs[j] : x[j], got = single ? ys[j] : y[j];
                        double error = single ? ulps(got, functions[i].reference(a), 24, -149, FLT_MAX)
                                              : ulps(got, functions[i].reference(a), 53, -1074, DBL_MAX);
                        if (error > worst) {
                            worst = error;
                            at = a;
                        }
                    }
                }
            printf("%-10s %-8s %7.3f  %.17g\n", functions[i].name, single ? "float32" : "float64", worst, at);
            bad |= !(worst <= LIMIT);
        }
    return bad;
}
