/* Softmax cross-entropy of a row, and of a tile of rows (fo_rows.h).
 *
 * Parameter: FO_SINGLE (fo_real.h).
 *
 * Two methods give the same outputs. A tile takes FO_TILE rows at once with one row to a lane,
 * which needs the rows transposed but no sum across lanes: best for small k. A row runs its lanes
 * along the classes. Which is used depends on k and the precision alone.
 *
 * Numerics. M = max z, d = z - M <= 0, e_c = exp(d_c). The sum S = 1 + rest is kept as
 * rest = sum of all e_c but one with d_c = 0, so that a dominant class loses no digits:
 *   value     W log1p(rest) - sum v_c d_c
 *   gradient  ((W e_c - v_c) - v_c rest) / S        (= W p_c - v_c)
 *   diagonal  W e_c ((1 - e_c) + rest) / S^2        (= W p_c (1 - p_c))
 */
#include "fo_rows.h"
#include "fo_transpose.h"

#ifndef FO_SOFTMAX_H
#define FO_SOFTMAX_H
#define FO_TILE_CLASSES ((int64_t)(256 / sizeof(fo_real))) /* the largest k that goes by tiles */
#endif

#if (FO_SINGLE && !defined(FO_SOFTMAX_F32)) || (!FO_SINGLE && !defined(FO_SOFTMAX_F64))
#if FO_SINGLE
#define FO_SOFTMAX_F32
#else
#define FO_SOFTMAX_F64
#endif

/* FO_TILE rows; k <= FO_TILE_CLASSES. What is not asked for by `what` is not touched. */
FO_INLINE void FO(softmax_tile)(int mode, int64_t k, int what, const FO(rows) *rows)
{
    enum { T = FO_TILE };
    const int indexed = mode == FO_V_INDEX || mode == FO_V_INDEX_MIXED;
    const int mixed = mode == FO_V_INDEX_MIXED || mode == FO_V_ROWS_MIXED;
    const fo_real scale = rows->scale, keep = rows->keep, spread = rows->spread;
    fo_real e[FO_TILE_CLASSES * T] FO_ALIGNED, v[FO_TILE_CLASSES * T] FO_ALIGNED, x[FO_TILE_CLASSES * T] FO_ALIGNED;
    fo_real top[T] FO_ALIGNED, rest[T] FO_ALIGNED, total[T] FO_ALIGNED, dot[T] FO_ALIGNED;
    fo_real r[T] FO_ALIGNED, a[T] FO_ALIGNED, b[T] FO_ALIGNED;
    fo_word y[T] FO_ALIGNED;

    if (k < 1) /* a row has a class: without this gcc warns of e, which would have none */
        return;
    FO(tile_load)(rows->raw, k, e);
    FO_SIMD
    for (int l = 0; l < T; l++)
        top[l] = e[l];
    for (int64_t c = 1; c < k; c++)
        FO_SIMD
        for (int l = 0; l < T; l++)
            top[l] = e[c * T + l] > top[l] ? e[c * T + l] : top[l];
    if (indexed)
        FO_SIMD
        for (int l = 0; l < T; l++)
            y[l] = (fo_word)rows->index[l];
    if (mode == FO_V_INDEX) {
        /* One class of each row: in float comparing with all of them is faster than T single loads. */
#if FO_SINGLE
        FO_SIMD
        for (int l = 0; l < T; l++)
            dot[l] = e[l];
        for (int64_t c = 1; c < k; c++)
            FO_SIMD
            for (int l = 0; l < T; l++)
                dot[l] = y[l] == (fo_word)c ? e[c * T + l] : dot[l];
#else
        FO_EACH
        for (int l = 0; l < T; l++)
            dot[l] = rows->raw[l * k + (int64_t)y[l]];
#endif
        FO_SIMD
        for (int l = 0; l < T; l++) {
            dot[l] -= top[l];
            total[l] = FO_K(1.0);
        }
    } else {
        if (!indexed)
            FO(tile_load)(rows->target, k, v);
        for (int64_t c = 0; c < k; c++) {
            if (indexed)
                FO_SIMD
                for (int l = 0; l < T; l++)
                    v[c * T + l] = y[l] == (fo_word)c ? FO_K(1.0) : FO_K(0.0);
            if (mixed) {
                const fo_real u = rows->class_weight ? (fo_real)rows->class_weight[c] : FO_K(1.0);
                FO_SIMD
                for (int l = 0; l < T; l++)
                    v[c * T + l] = u * (keep * v[c * T + l] + spread);
            }
        }
        FO_SIMD
        for (int l = 0; l < T; l++)
            total[l] = dot[l] = FO_K(0.0);
        for (int64_t c = 0; c < k; c++)
            FO_SIMD
            for (int l = 0; l < T; l++) {
                fo_real t = v[c * T + l];
                total[l] += t;
                dot[l] += t == FO_K(0.0) ? FO_K(0.0) : t * (e[c * T + l] - top[l]);
            }
    }
    FO_SIMD
    for (int l = 0; l < T; l++) {
        rest[l] = FO_K(0.0);
        a[l] = FO_K(-1.0);
    }
#if FO_SINGLE
    FO_TWICE /* 5 % in float, nothing in double */
#endif
    for (int64_t c = 0; c < k; c++)
        FO_SIMD
        for (int l = 0; l < T; l++) {
            fo_real d = e[c * T + l] - top[l], p = FO(exp_nonpositive)(d);
            e[c * T + l] = p;
            rest[l] += d == FO_K(0.0) ? FO_K(0.0) : p;
            a[l] += d == FO_K(0.0) ? FO_K(1.0) : FO_K(0.0);
        }
    FO_SIMD
    for (int l = 0; l < T; l++) {
        rest[l] += a[l];
        r[l] = FO_K(1.0) / (FO_K(1.0) + rest[l]);
        a[l] = rows->weight[l] * scale;
    }
    if (what & FO_VALUE)
        FO_SIMD
        for (int l = 0; l < T; l++)
            rows->value[l] = rows->weight[l] * (total[l] * FO(log1p)(rest[l]) - dot[l]);
    if (what & FO_PREDICT) {
        for (int64_t c = 0; c < k; c++)
            FO_SIMD
            for (int l = 0; l < T; l++)
                x[c * T + l] = e[c * T + l] * r[l];
        FO(tile_store)(x, k, rows->product);
    }
    if (what & FO_HESSIAN) {
        for (int64_t c = 0; c < k; c++)
            FO_SIMD
            for (int l = 0; l < T; l++) {
                fo_real p = e[c * T + l];
                x[c * T + l] = total[l] * (p * r[l]) * (((FO_K(1.0) - p) + rest[l]) * r[l]) * a[l];
            }
        FO(tile_store)(x, k, rows->hessian);
    }
    if (what & FO_PRODUCT) {
        /* H (u + constant) = H u: shifted by u at a largest class, the sum below cancels nothing */
        fo_real shift[T] FO_ALIGNED;
        FO(tile_load)(rows->direction, k, x);
        FO_SIMD
        for (int l = 0; l < T; l++)
            shift[l] = b[l] = FO_K(0.0);
        for (int64_t c = 0; c < k; c++)
            FO_SIMD
            for (int l = 0; l < T; l++)
                shift[l] = e[c * T + l] == FO_K(1.0) ? x[c * T + l] : shift[l];
        for (int64_t c = 0; c < k; c++)
            FO_SIMD
            for (int l = 0; l < T; l++) {
                x[c * T + l] -= shift[l];
                b[l] += e[c * T + l] * r[l] * x[c * T + l];
            }
        for (int64_t c = 0; c < k; c++)
            FO_SIMD
            for (int l = 0; l < T; l++)
                x[c * T + l] = total[l] * (e[c * T + l] * r[l]) * (x[c * T + l] - b[l]) * a[l];
        FO(tile_store)(x, k, rows->product);
    }
    if (what & FO_GRADIENT) {
        if (mode == FO_V_INDEX) {
            /* computed again, which takes less than T loads of single elements */
            FO_SIMD
            for (int l = 0; l < T; l++)
                b[l] = ((FO(exp_nonpositive)(dot[l]) - FO_K(1.0)) - rest[l]) * (r[l] * a[l]);
#if FO_SINGLE
            for (int64_t c = 0; c < k; c++)
                FO_SIMD
                for (int l = 0; l < T; l++) {
                    fo_real p = e[c * T + l] * (r[l] * a[l]);
                    e[c * T + l] = y[l] == (fo_word)c ? b[l] : p;
                }
            FO(tile_store)(e, k, rows->gradient);
#else
            for (int64_t c = 0; c < k; c++)
                FO_SIMD
                for (int l = 0; l < T; l++)
                    e[c * T + l] *= r[l] * a[l];
            FO(tile_store)(e, k, rows->gradient);
            FO_EACH
            for (int l = 0; l < T; l++)
                rows->gradient[l * k + (int64_t)y[l]] = b[l];
#endif
        } else {
            for (int64_t c = 0; c < k; c++)
                FO_SIMD
                for (int l = 0; l < T; l++) {
                    fo_real t = v[c * T + l];
                    e[c * T + l] = ((total[l] * e[c * T + l] - t) - t * rest[l]) * (r[l] * a[l]);
                }
            FO(tile_store)(e, k, rows->gradient);
        }
    }
}

/* The sums of a row, in FO_STRIP independent lanes. */
typedef struct {
    fo_real rest[FO_STRIP], ties[FO_STRIP], total[FO_STRIP], dot[FO_STRIP];
} FO(sums);

/* e = exp(x - top) of FO_STRIP numbers, added to the sums; without `store`, e is not written. */
FO_INLINE void FO(strip_exp)(int mode, int store, const fo_real *x, const fo_real *v, fo_real top, FO(sums) *s, fo_real *e)
{
    enum { L = FO_STRIP };
    FO_SIMD
    for (int l = 0; l < L; l++) {
        fo_real d = x[l] - top, p = FO(exp_nonpositive)(d);
        fo_real q = d == FO_K(0.0) ? FO_K(0.0) : p, one = d == FO_K(0.0) ? FO_K(1.0) : FO_K(0.0);
        if (store)
            e[l] = p;
        s->rest[l] += q;
        s->ties[l] += one;
        if (mode != FO_V_INDEX) {
            fo_real t = v[l], product = t * d;
            s->total[l] += t;
            s->dot[l] += t == FO_K(0.0) ? FO_K(0.0) : product;
        }
    }
}

/* The largest of x; NaN if the first one is NaN, other NaN are passed over. */
FO_INLINE fo_real FO(row_top)(const fo_real *x, int64_t k)
{
    enum { L = FO_STRIP };
    fo_real top[L] FO_ALIGNED, last[L] FO_ALIGNED;
    int64_t c = 0;
    FO_SIMD
    for (int l = 0; l < L; l++)
        top[l] = last[l] = x[0];
    for (; c + L <= k; c += L)
        FO_SIMD
        for (int l = 0; l < L; l++)
            top[l] = x[c + l] > top[l] ? x[c + l] : top[l];
    memcpy(last, x + c, (size_t)(k - c) * sizeof(fo_real));
    FO_SIMD
    for (int l = 0; l < L; l++)
        top[l] = last[l] > top[l] ? last[l] : top[l];
    for (int h = L / 2; h; h /= 2)
        FO_SIMD
        for (int l = 0; l < h; l++)
            top[l] = top[l + h] > top[l] ? top[l + h] : top[l];
    return top[0];
}

/* One row, any k >= 2; also the full Hessian (k, k). e is kept in the first output asked for. */
FO_INLINE void FO(softmax_row)(int mode, int64_t k, int what, const FO(rows) *rows)
{
    enum { L = FO_STRIP };
    const fo_real *x = rows->raw, *t = rows->target;
    const fo_real top = FO(row_top)(x, k), a = rows->weight[0] * rows->scale;
    const int64_t y = mode == FO_V_INDEX ? rows->index[0] : 0, strips = k / L, left = k - strips * L;
    fo_real *e = what & FO_GRADIENT                        ? rows->gradient
                 : what & (FO_HESSIAN | FO_FULL_HESSIAN) ? rows->hessian
                                                          : rows->product;
    const int store = (what & ~FO_VALUE) != 0;
    fo_real v[L] FO_ALIGNED, last[L] FO_ALIGNED, last_e[L] FO_ALIGNED;
    FO(sums) s FO_ALIGNED;
    memset(&s, 0, sizeof s);
    for (int64_t i = 0; i < strips; i++) {
        FO(strip_target)(mode, rows, t ? t + i * L : NULL, i * L, L, v);
        if (store)
            FO(strip_exp)(mode, 1, x + i * L, v, top, &s, e + i * L);
        else
            FO(strip_exp)(mode, 0, x + i * L, v, top, &s, NULL);
    }
    if (left) {
        FO_SIMD
        for (int l = 0; l < L; l++)
            last[l] = -FO_K(INFINITY);
        memcpy(last, x + strips * L, (size_t)left * sizeof(fo_real));
        FO(strip_target)(mode, rows, t ? t + strips * L : NULL, strips * L, (int)left, v);
        FO(strip_exp)(mode, 1, last, v, top, &s, last_e);
        if (store)
            memcpy(e + strips * L, last_e, (size_t)left * sizeof(fo_real));
    }
    const fo_real rest = FO(strip_sum)(s.rest) + (FO(strip_sum)(s.ties) - FO_K(1.0));
    const fo_real r = FO_K(1.0) / (FO_K(1.0) + rest);
    const fo_real total = mode == FO_V_INDEX ? FO_K(1.0) : FO(strip_sum)(s.total);
    const fo_real dot = mode == FO_V_INDEX ? x[y] - top : FO(strip_sum)(s.dot);
    if (what & FO_VALUE)
        rows->value[0] = rows->weight[0] * (total * FO(log1p)(rest) - dot);
    if (what & FO_HESSIAN)
        for (int64_t c = 0; c < k; c++) {
            fo_real p = e[c];
            rows->hessian[c] = total * (p * r) * (((FO_K(1.0) - p) + rest) * r) * a;
        }
    if (what & FO_PRODUCT) {
        /* as in the tile: shifted by u at a largest class */
        const fo_real *u = rows->direction;
        fo_real sum[L] FO_ALIGNED, shift = FO_K(0.0);
        for (int64_t c = 0; c < k; c++)
            shift = e[c] == FO_K(1.0) ? u[c] : shift;
        FO_SIMD
        for (int l = 0; l < L; l++)
            sum[l] = FO_K(0.0);
        for (int64_t i = 0; i < strips; i++)
            FO_SIMD
            for (int l = 0; l < L; l++)
                sum[l] += e[i * L + l] * r * (u[i * L + l] - shift);
        for (int64_t c = strips * L; c < k; c++)
            sum[c - strips * L] += e[c] * r * (u[c] - shift);
        const fo_real b = FO(strip_sum)(sum);
        for (int64_t c = 0; c < k; c++)
            rows->product[c] = total * (e[c] * r) * ((u[c] - shift) - b) * a;
    }
    if (what & FO_PREDICT)
        for (int64_t c = 0; c < k; c++)
            rows->product[c] = e[c] * r;
    if (what & FO_FULL_HESSIAN) {
        /* last row first: e may be kept in row 0 */
        for (int64_t i = k - 1; i >= 0; i--) {
            fo_real *h = rows->hessian + i * k;
            const fo_real q = e[i], m = total * (q * r) * a;
            for (int64_t c = 0; c < k; c++)
                h[c] = -(m * (e[c] * r));
            h[i] = m * (((FO_K(1.0) - q) + rest) * r);
        }
    }
    if (what & FO_GRADIENT) {
        const fo_real m = r * a;
        if (mode == FO_V_INDEX) {
            const fo_real at = ((e[y] - FO_K(1.0)) - rest) * m;
            for (int64_t c = 0; c < k; c++)
                e[c] *= m;
            e[y] = at;
        } else {
            for (int64_t i = 0; i <= strips; i++) {
                const int n = i < strips ? L : (int)left;
                FO(strip_target)(mode, rows, t ? t + i * L : NULL, i * L, n, v);
                FO_SIMD
                for (int l = 0; l < n; l++)
                    e[i * L + l] = ((total * e[i * L + l] - v[l]) - v[l] * rest) * m;
            }
        }
    }
}

/* Conjugate of one row at theta = rows->raw: with q = theta + v,
 * sum q log(q / W) if q >= 0 and sum theta = 0, else infinity. Rounding is allowed for: sums within
 * 8 k eps, entries within 8 eps of the border, relative to W + sum |theta|. */
FO_INLINE fo_real FO(softmax_conjugate)(int mode, int64_t k, const FO(rows) *rows)
{
    const fo_real eps = FO_SINGLE ? FO_K(1.1920929e-7) : FO_K(2.220446049250313e-16);
    double sum = 0.0, size = 0.0, total = 0.0, s = 0.0;
    fo_real low = FO_K(0.0), v[FO_STRIP];
    for (int pass = 0; pass < 2; pass++)
        for (int64_t c = 0; c < k; c += FO_STRIP) {
            const int n = k - c < FO_STRIP ? (int)(k - c) : FO_STRIP;
            if (mode == FO_V_INDEX)
                FO_SIMD
                for (int l = 0; l < n; l++)
                    v[l] = rows->index[0] == c + l ? FO_K(1.0) : FO_K(0.0);
            else
                FO(strip_target)(mode, rows, rows->target ? rows->target + c : NULL, c, n, v);
            if (pass == 0) {
                for (int l = 0; l < n; l++) {
                    fo_real theta = rows->raw[c + l], q = theta + v[l];
                    sum += theta;
                    size += theta < FO_K(0.0) ? -theta : theta;
                    total += v[l];
                    low = q < low ? q : low;
                }
            } else {
                FO_SIMD
                for (int l = 0; l < n; l++) {
                    fo_real q = rows->raw[c + l] + v[l], part = q / (fo_real)total;
                    v[l] = q > FO_K(0.0) ? q * FO(log)(part) : FO_K(0.0);
                }
                for (int l = 0; l < n; l++)
                    s += v[l];
            }
        }
    size += total;
    if (sum != sum)
        return (fo_real)sum;
    if (!((sum < 0 ? -sum : sum) <= 8.0 * (double)k * eps * size) || !(low >= -8.0 * eps * size))
        return FO_K(INFINITY);
    return (fo_real)s;
}
#endif
