/* Losses of pairs and triplets of rows: distances and angles of vectors of k elements.
 *
 * Parameter: FO_SINGLE (fo_real.h), the type of what is read and written; the arithmetic is double for either. Vectors
 * are divided by their largest element first, so that no power overflows or vanishes.
 */
#include "fo_real.h"
#if FO_SINGLE
#define FO_PAIRS_SINGLE
#undef FO_SINGLE
#define FO_SINGLE 0
#endif
#include "fo_math.h"
#ifdef FO_PAIRS_SINGLE
#undef FO_PAIRS_SINGLE
#undef FO_SINGLE
#define FO_SINGLE 1
#include "fo_math.h"
#endif

#if (FO_SINGLE && !defined(FO_PAIRS_F32)) || (!FO_SINGLE && !defined(FO_PAIRS_F64))
#if FO_SINGLE
#define FO_PAIRS_F32
#else
#define FO_PAIRS_F64
#endif

/* x - y + eps of an element, halved: the difference of two finite numbers may overflow */
FO_INLINE double FO(half_gap)(fo_real x, fo_real y, double eps)
{
    return (0.5 * (double)x - 0.5 * (double)y) + 0.5 * eps;
}

/* Half of (sum of |x - y + eps|^p)^(1/p), p >= 1 or infinite; *largest is that of its halved elements. A NaN gives
 * NaN. */
FO_INLINE double FO(half_distance)(ptrdiff_t k, const fo_real *x, const fo_real *y, double eps, double p,
                                   double *largest)
{
    double most = 0.0, sum = 0.0, scale, nan = 0.0;
#pragma omp simd reduction(max : most) reduction(+ : nan)
    for (ptrdiff_t i = 0; i < k; i++) {
        double a = fo_abs_f64(FO(half_gap)(x[i], y[i], eps));
        most = a > most ? a : most;
        nan += a != a ? 1.0 : 0.0;
    }
    *largest = nan > 0.0 ? (double)NAN : most;
    if (!(most > 0.0 && most < (double)INFINITY) || nan > 0.0 || p == (double)INFINITY)
        return *largest;
    scale = most < 1e-300 ? 1e300 : 1.0 / most;
    if (p == 2.0) {
#pragma omp simd reduction(+ : sum)
        for (ptrdiff_t i = 0; i < k; i++) {
            double a = scale * FO(half_gap)(x[i], y[i], eps);
            sum += a * a;
        }
        return sqrt(sum) / scale;
    }
    if (p == 1.0) {
#pragma omp simd reduction(+ : sum)
        for (ptrdiff_t i = 0; i < k; i++)
            sum += fo_abs_f64(scale * FO(half_gap)(x[i], y[i], eps));
        return sum / scale;
    }
#pragma omp simd reduction(+ : sum)
    for (ptrdiff_t i = 0; i < k; i++)
        sum += fo_power_f64(fo_abs_f64(scale * FO(half_gap)(x[i], y[i], eps)), p);
    return fo_power_f64(sum, 1.0 / p) / scale;
}

/* An element of the distance's gradient by x; 0 at distance 0. With p infinite, of the first of the largest elements,
 * after which *largest is -1. */
FO_INLINE double FO(distance_slope)(fo_real x, fo_real y, double eps, double p, double distance, double *largest)
{
    double a = FO(half_gap)(x, y, eps), size = fo_abs_f64(a), g;
    if (distance == 0.0)
        return 0.0;
    if (p == 2.0)
        return a / distance;
    if (p == 1.0)
        return a > 0.0 ? 1.0 : a < 0.0 ? -1.0 : a * 0.0;
    if (p == (double)INFINITY) {
        g = size == *largest ? (a > 0.0 ? 1.0 : -1.0) : distance * 0.0;
        *largest = size == *largest ? -1.0 : *largest;
        return g;
    }
    return a == 0.0 ? 0.0 : fo_with_sign_f64(fo_power_f64(size / distance, p - 1.0), a);
}

/* max(0, margin + d(a, p) - d(a, n)), with swap of d(p, n) where that is the smaller; gradients are set */
FO_INLINE double FO(triplet)(ptrdiff_t k, const fo_real *a, const fo_real *p, const fo_real *n, double margin,
                             double power, double eps, int swap, double scale, fo_real *ga, fo_real *gp, fo_real *gn)
{
    double most[3] = {0.0, 0.0, 0.0}, near, far, other, loss;
    int swapped = 0;
    near = FO(half_distance)(k, a, p, eps, power, most);
    far = FO(half_distance)(k, a, n, eps, power, most + 1);
    if (swap) {
        other = FO(half_distance)(k, p, n, eps, power, most + 2);
        swapped = other < far;
        far = other < far || other != other ? other : far;
    }
    loss = (near - far) + 0.5 * margin;
    loss = loss < 0.0 ? 0.0 : 2.0 * loss;
    if (!ga)
        return loss;
    for (ptrdiff_t i = 0; i < k; i++) {
        double by_a = 0.0, by_p = 0.0, by_n = 0.0, g;
        if (loss > 0.0) {
            by_a = FO(distance_slope)(a[i], p[i], eps, power, near, most);
            by_p = -by_a;
            if (swapped) {
                g = FO(distance_slope)(p[i], n[i], eps, power, far, most + 2);
                by_p -= g;
            } else {
                g = FO(distance_slope)(a[i], n[i], eps, power, far, most + 1);
                by_a -= g;
            }
            by_n = g;
        }
        ga[i] = (fo_real)(loss != loss ? loss : scale * by_a);
        gp[i] = (fo_real)(loss != loss ? loss : scale * by_p);
        gn[i] = (fo_real)(loss != loss ? loss : scale * by_n);
    }
    return loss;
}

/* d^2 / 2 of a pair that belongs together, max(0, margin - d)^2 / 2 of another, d the Euclidean distance */
FO_INLINE double FO(contrast)(ptrdiff_t k, const fo_real *x, const fo_real *y, int same, double margin, double scale,
                              fo_real *gx, fo_real *gy)
{
    double most, half = FO(half_distance)(k, x, y, 0.0, 2.0, &most), d = 2.0 * half, t;
    t = same ? d : margin - d;
    t = t < 0.0 ? 0.0 : t;
    if (gx)
        for (ptrdiff_t i = 0; i < k; i++) {
            double g = (same ? scale : -scale) * t;
            g = t != t ? t : t > 0.0 ? g * FO(distance_slope)(x[i], y[i], 0.0, 2.0, half, &most) : 0.0;
            gx[i] = (fo_real)g;
            gy[i] = (fo_real)-g;
        }
    return 0.5 * t * t;
}

/* 1 / the length of x as a factor and, in *lift, what elements are multiplied by before it; 0 of a vector of zeros */
FO_INLINE double FO(unit_factor)(ptrdiff_t k, const fo_real *x, double *lift)
{
    double most = 0.0, sum = 0.0;
#pragma omp simd reduction(max : most)
    for (ptrdiff_t i = 0; i < k; i++)
        most = fo_abs_f64((double)x[i]) > most ? fo_abs_f64((double)x[i]) : most;
    /* a power of two: no digit of x is lost */
    *lift = most > 1e150 ? 0x1p-600 : most < 1e-150 ? 0x1p+600 : 1.0;
#pragma omp simd reduction(+ : sum)
    for (ptrdiff_t i = 0; i < k; i++)
        sum += (*lift * (double)x[i]) * (*lift * (double)x[i]);
    return sum == 0.0 ? 0.0 : 1.0 / sqrt(sum);
}

/* With c the cosine of the angle: 1 - c of a pair that belongs together, max(0, c - margin) of another; c = 0 and no
 * gradient where a vector is 0. 1 - c is half the squared distance of the unit vectors, which does not cancel. */
FO_INLINE double FO(cosine)(ptrdiff_t k, const fo_real *x, const fo_real *y, int same, double margin, double scale,
                            fo_real *gx, fo_real *gy)
{
    double lift_x, lift_y, ux = FO(unit_factor)(k, x, &lift_x), uy = FO(unit_factor)(k, y, &lift_y);
    double c = 0.0, apart = 0.0, loss, s;
#pragma omp simd reduction(+ : c, apart)
    for (ptrdiff_t i = 0; i < k; i++) {
        double a = lift_x * (double)x[i] * ux, b = lift_y * (double)y[i] * uy;
        c += a * b;
        apart += (a - b) * (a - b);
    }
    if (ux == 0.0 || uy == 0.0)
        apart = 2.0;
    loss = same ? 0.5 * apart : c - margin;
    loss = loss < 0.0 ? 0.0 : loss;
    if (!gx)
        return loss;
    s = same ? -scale : loss > 0.0 ? scale : loss * 0.0;
    if (ux == 0.0 || uy == 0.0)
        s = 0.0;
#pragma omp simd
    for (ptrdiff_t i = 0; i < k; i++) {
        double a = lift_x * (double)x[i] * ux, b = lift_y * (double)y[i] * uy;
        gx[i] = (fo_real)(s * ((b - c * a) * ux * lift_x));
        gy[i] = (fo_real)(s * ((a - c * b) * uy * lift_y));
    }
    return loss;
}
#endif
