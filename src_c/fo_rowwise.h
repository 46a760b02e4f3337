/* Losses over rows, a tile of FO_TILE rows at once: lanes are rows, arrays are class-major, x[c * FO_TILE + lane].
 *
 * Parameter: FO_SINGLE (fo_real.h). Softmax cross-entropy, which everybody needs, has its own loops in fo_softmax.h.
 *
 * A formula writes value (a number for each lane) and, as `what` asks, the gradient, the diagonal of the Hessian, what
 * makes the whole of it, or its product with a direction. It knows nothing of weights and means. `gradient` and the
 * four arrays of `scratch` may be used for intermediate results. Only the formulas of one class (a term, an entry) are
 * compiled for each loss: they are called for the lanes of one class through a pointer.
 *
 * Every Hessian here is a diagonal plus a matrix of rank two: for i != j its entry is
 *     both p_i p_j - b_i p_j - p_i b_j.
 */
#include "fo_rows.h"

#if (FO_SINGLE && !defined(FO_ROWWISE_F32)) || (!FO_SINGLE && !defined(FO_ROWWISE_F64))
#if FO_SINGLE
#define FO_ROWWISE_F32
#else
#define FO_ROWWISE_F64
#endif

#ifndef FO_ROWWISE_H
#define FO_ROWWISE_H
#if defined(FO_FORMULA) /* by fastopt.h */
#elif defined(__GNUC__)
#define FO_FORMULA static __attribute__((unused, noinline))
#else
#define FO_FORMULA static
#endif
/* Classes and lanes; sums over many classes run over chunks, so that float sums keep their digits. */
#define FO_LANES FO_SIMD for (int l = 0; l < FO_TILE; l++)
#define FO_CLASSES for (int64_t c = 0; c < k; c++)
enum { FO_SOME = 32 };
#define FO_CHUNKS for (int64_t first = 0, last; last = first + FO_SOME < k ? first + FO_SOME : k, first < k; first = last)
#define FO_CHUNK for (int64_t c = first; c < last; c++)
/* Whether the diagonal of the Hessian is wanted, alone or in the whole. */
#define FO_DIAGONAL (FO_HESSIAN | FO_FULL_HESSIAN)
#endif

typedef struct {
    int what;
    int64_t k;
    const fo_real *z;            /* (k, FO_TILE): raw predictions; theta for FO_CONJUGATE */
    const fo_real *v;            /* (k, FO_TILE): target rows; (FO_TILE,) where a target is one number; or NULL: */
    const int64_t *y;            /* (FO_TILE,): class indices; the target row is e_y */
    const fo_real *u;            /* (k, FO_TILE): direction */
    fo_real *value;              /* (FO_TILE,) */
    fo_real *gradient, *hessian; /* (k, FO_TILE); hessian: the diagonal or the product */
    fo_real *scratch;            /* (4, k, FO_TILE) */
    fo_real *p, *b, *both;       /* (k, FO_TILE) twice, (FO_TILE,): with FO_FULL_HESSIAN */
    fo_real par[4];
} FO(row_tile);

FO_INLINE void FO(zero)(fo_real *a)
{
    FO_LANES a[l] = FO_K(0.0);
}

FO_INLINE void FO(add_lanes)(fo_real *FO_RESTRICT a, const fo_real *FO_RESTRICT b)
{
    FO_LANES a[l] += b[l];
}

FO_FORMULA void FO(no_curvature)(const FO(row_tile) *r)
{
    const size_t size = (size_t)r->k * FO_TILE * sizeof(fo_real);
    if (r->what & (FO_DIAGONAL | FO_PRODUCT))
        memset(r->hessian, 0, size);
    if (r->what & FO_FULL_HESSIAN) {
        memset(r->p, 0, size);
        memset(r->b, 0, size);
        FO(zero)(r->both);
    }
}

/* e_c = e^(z_c - top), and rest: the sum of all e_c but one with e_c = 1 (fo_softmax.h); e may be z */
FO_FORMULA void FO(exponentials)(int64_t k, const fo_real *z, fo_real *e, fo_real *top, fo_real *rest)
{
    fo_real part[FO_TILE] FO_ALIGNED, ones[FO_TILE] FO_ALIGNED, most[FO_TILE] FO_ALIGNED, sum[FO_TILE] FO_ALIGNED;
    FO_LANES most[l] = z[l];
    FO_CLASSES FO_LANES most[l] = z[c * FO_TILE + l] > most[l] ? z[c * FO_TILE + l] : most[l];
    FO(zero)(sum);
    FO_LANES ones[l] = FO_K(-1.0);
    FO_CHUNKS {
        FO(zero)(part);
        FO_CHUNK FO_LANES {
            fo_real d = z[c * FO_TILE + l] - most[l], p = FO(exp_nonpositive)(d);
            e[c * FO_TILE + l] = p;
            part[l] += d == FO_K(0.0) ? FO_K(0.0) : p;
            ones[l] += d == FO_K(0.0) ? FO_K(1.0) : FO_K(0.0);
        }
        FO(add_lanes)(sum, part);
    }
    FO_LANES {
        top[l] = most[l];
        rest[l] = sum[l] + ones[l];
    }
}

/* ---- sums over classes of f(t_c, p_c) with p the softmax of z ----
 *
 * A term gives f, a = df/dlog p and b = da/dlog p from p, q = 1 - p, log p and t. With A = sum a, B = sum b and
 * m_c = u_c - p'u:
 *   gradient   a_j q_j - p_j (A - a_j)
 *   Hessian    q_j (b_j q_j - p_j A) + p_j^2 (B - b_j), and (A + B) p_i p_j - b_i p_j - p_i b_j
 *   product    (b_j - p_j A) m_j - p_j sum b_c m_c
 * p'u is taken of u less its entry at the largest class, which keeps the digits of m there.
 */
typedef struct {
    fo_real value, a, b;
} FO(term);

/* The terms of FO_TILE lanes. */
typedef void (*FO(class_terms))(const fo_real *t, const fo_real *p, const fo_real *q, const fo_real *log_p,
                                const fo_real *par, fo_real *value, fo_real *a, fo_real *b);

#define FO_TERMS(name)                                                                                       \
    FO_FORMULA void FO(name##_terms)(const fo_real *FO_RESTRICT t, const fo_real *FO_RESTRICT p,             \
                                     const fo_real *FO_RESTRICT q, const fo_real *FO_RESTRICT log_p,         \
                                     const fo_real *FO_RESTRICT par, fo_real *FO_RESTRICT value,             \
                                     fo_real *FO_RESTRICT a, fo_real *FO_RESTRICT b)                         \
    {                                                                                                        \
        const fo_real own[4] = {par[0], par[1], par[2], par[3]};                                             \
        FO_LANES {                                                                                           \
            FO(term) o = FO(name##_term)(t[l], p[l], q[l], log_p[l], own);                                   \
            value[l] = o.value;                                                                              \
            a[l] = o.a;                                                                                      \
            b[l] = o.b;                                                                                      \
        }                                                                                                    \
    }

/* m = p'(u - u_top), and u_top */
FO_FORMULA void FO(mean_direction)(const FO(row_tile) *r, const fo_real *z, const fo_real *e, const fo_real *top,
                                   const fo_real *inverse, fo_real *mean, fo_real *at_top)
{
    const int64_t k = r->k;
    const fo_real *u = r->u;
    fo_real sum[FO_TILE] FO_ALIGNED, part[FO_TILE] FO_ALIGNED, shift[FO_TILE] FO_ALIGNED;
    FO(zero)(sum);
    FO(zero)(shift);
    FO_CLASSES FO_LANES shift[l] = z[c * FO_TILE + l] == top[l] ? u[c * FO_TILE + l] : shift[l];
    FO_CHUNKS {
        FO(zero)(part);
        FO_CHUNK FO_LANES part[l] += e[c * FO_TILE + l] * (u[c * FO_TILE + l] - shift[l]);
        FO(add_lanes)(sum, part);
    }
    FO_LANES {
        mean[l] = sum[l] * inverse[l];
        at_top[l] = shift[l];
    }
}

/* Target rows. z may be other than r->z (masked); e: gradient, a and b: scratch of a class each. */
FO_FORMULA void FO(of_softmax)(const FO(row_tile) *r, const fo_real *z, const fo_real *v, fo_real *a, fo_real *b,
                               FO(class_terms) terms)
{
    const int64_t k = r->k;
    const int second = (r->what & (FO_DIAGONAL | FO_PRODUCT)) != 0; /* otherwise b is not kept */
    fo_real *e = r->gradient, spare[FO_TILE] FO_ALIGNED;
    fo_real top[FO_TILE] FO_ALIGNED, rest[FO_TILE] FO_ALIGNED, inverse[FO_TILE] FO_ALIGNED, log_total[FO_TILE] FO_ALIGNED;
    fo_real sum[FO_TILE] FO_ALIGNED, sum_a[FO_TILE] FO_ALIGNED, sum_b[FO_TILE] FO_ALIGNED;
    fo_real part[FO_TILE] FO_ALIGNED, part_a[FO_TILE] FO_ALIGNED, part_b[FO_TILE] FO_ALIGNED;
    fo_real p[FO_TILE] FO_ALIGNED, q[FO_TILE] FO_ALIGNED, log_p[FO_TILE] FO_ALIGNED, value[FO_TILE] FO_ALIGNED;
    FO(exponentials)(k, z, e, top, rest);
    FO_LANES {
        inverse[l] = FO_K(1.0) / (FO_K(1.0) + rest[l]);
        log_total[l] = FO(log1p)(rest[l]);
    }
    FO(zero)(sum);
    FO(zero)(sum_a);
    FO(zero)(sum_b);
    FO_CHUNKS {
        FO(zero)(part);
        FO(zero)(part_a);
        FO(zero)(part_b);
        FO_CHUNK {
            fo_real *ac = a + c * FO_TILE, *bc = second ? b + c * FO_TILE : spare;
            FO_LANES {
                p[l] = e[c * FO_TILE + l] * inverse[l];
                q[l] = ((FO_K(1.0) - e[c * FO_TILE + l]) + rest[l]) * inverse[l];
                log_p[l] = (z[c * FO_TILE + l] - top[l]) - log_total[l];
            }
            terms(v + c * FO_TILE, p, q, log_p, r->par, value, ac, bc);
            FO_LANES {
                part[l] += value[l];
                part_a[l] += ac[l];
                part_b[l] += bc[l];
            }
        }
        FO(add_lanes)(sum, part);
        FO(add_lanes)(sum_a, part_a);
        FO(add_lanes)(sum_b, part_b);
    }
    FO_LANES r->value[l] = sum[l];
    if (r->what & FO_DIAGONAL) {
        fo_real *h = r->hessian;
        FO_CLASSES FO_LANES {
            fo_real x = e[c * FO_TILE + l] * inverse[l], y = ((FO_K(1.0) - e[c * FO_TILE + l]) + rest[l]) * inverse[l];
            fo_real s = b[c * FO_TILE + l];
            h[c * FO_TILE + l] = y * (s * y - x * sum_a[l]) + x * x * (sum_b[l] - s);
        }
    }
    if (r->what & FO_FULL_HESSIAN) {
        FO_CLASSES FO_LANES r->p[c * FO_TILE + l] = e[c * FO_TILE + l] * inverse[l];
        memcpy(r->b, b, (size_t)k * FO_TILE * sizeof(fo_real));
        FO_LANES r->both[l] = sum_a[l] + sum_b[l];
    }
    if (r->what & FO_PRODUCT) {
        const fo_real *u = r->u;
        fo_real *h = r->hessian;
        FO(mean_direction)(r, z, e, top, inverse, part, part_a);
        FO(zero)(sum_b);
        FO_CLASSES FO_LANES sum_b[l] += b[c * FO_TILE + l] * ((u[c * FO_TILE + l] - part_a[l]) - part[l]);
        FO_CLASSES FO_LANES {
            fo_real x = e[c * FO_TILE + l] * inverse[l], m = (u[c * FO_TILE + l] - part_a[l]) - part[l];
            h[c * FO_TILE + l] = (b[c * FO_TILE + l] - x * sum_a[l]) * m - x * sum_b[l];
        }
    }
    if (r->what & FO_GRADIENT)
        FO_CLASSES FO_LANES {
            fo_real x = e[c * FO_TILE + l] * inverse[l], y = ((FO_K(1.0) - e[c * FO_TILE + l]) + rest[l]) * inverse[l];
            e[c * FO_TILE + l] = a[c * FO_TILE + l] * y - x * (sum_a[l] - a[c * FO_TILE + l]);
        }
}

/* Class indices: one term a lane. */
FO_FORMULA void FO(of_class)(const FO(row_tile) *r, FO(class_terms) terms)
{
    const int64_t k = r->k;
    const int64_t *y = r->y;
    const fo_real *z = r->z;
    fo_real *e = r->gradient;
    fo_real top[FO_TILE] FO_ALIGNED, rest[FO_TILE] FO_ALIGNED, inverse[FO_TILE] FO_ALIGNED, factor[FO_TILE] FO_ALIGNED;
    fo_real p[FO_TILE] FO_ALIGNED, q[FO_TILE] FO_ALIGNED, log_p[FO_TILE] FO_ALIGNED;
    fo_real a[FO_TILE] FO_ALIGNED, b[FO_TILE] FO_ALIGNED, own[FO_TILE] FO_ALIGNED;
    FO(exponentials)(k, z, e, top, rest);
    for (int l = 0; l < FO_TILE; l++) {
        p[l] = e[y[l] * FO_TILE + l];
        log_p[l] = z[y[l] * FO_TILE + l];
    }
    FO_LANES {
        inverse[l] = FO_K(1.0) / (FO_K(1.0) + rest[l]);
        q[l] = ((FO_K(1.0) - p[l]) + rest[l]) * inverse[l];
        p[l] *= inverse[l];
        log_p[l] = (log_p[l] - top[l]) - FO(log1p)(rest[l]);
    }
    FO_LANES own[l] = FO_K(1.0);
    terms(own, p, q, log_p, r->par, r->value, a, b);
    if (r->what & FO_DIAGONAL) {
        fo_real *h = r->hessian;
        FO_CLASSES FO_LANES {
            fo_real x = e[c * FO_TILE + l] * inverse[l];
            h[c * FO_TILE + l] = x * (x * b[l] - (((FO_K(1.0) - e[c * FO_TILE + l]) + rest[l]) * inverse[l]) * a[l]);
        }
        for (int l = 0; l < FO_TILE; l++)
            h[y[l] * FO_TILE + l] = q[l] * (b[l] * q[l] - p[l] * a[l]);
    }
    if (r->what & FO_FULL_HESSIAN) {
        FO_CLASSES FO_LANES r->p[c * FO_TILE + l] = e[c * FO_TILE + l] * inverse[l];
        memset(r->b, 0, (size_t)k * FO_TILE * sizeof(fo_real));
        for (int l = 0; l < FO_TILE; l++)
            r->b[y[l] * FO_TILE + l] = b[l];
        FO_LANES r->both[l] = a[l] + b[l];
    }
    if (r->what & FO_PRODUCT) {
        const fo_real *u = r->u;
        fo_real *h = r->hessian;
        fo_real mean[FO_TILE] FO_ALIGNED, shift[FO_TILE] FO_ALIGNED;
        FO(mean_direction)(r, z, e, top, inverse, mean, shift);
        for (int l = 0; l < FO_TILE; l++)
            own[l] = u[y[l] * FO_TILE + l];
        FO_LANES own[l] = (own[l] - shift[l]) - mean[l];
        FO_CLASSES FO_LANES {
            fo_real m = (u[c * FO_TILE + l] - shift[l]) - mean[l];
            h[c * FO_TILE + l] = -(e[c * FO_TILE + l] * inverse[l]) * (a[l] * m + b[l] * own[l]);
        }
        for (int l = 0; l < FO_TILE; l++)
            h[y[l] * FO_TILE + l] = (b[l] * q[l] - p[l] * a[l]) * own[l];
    }
    if (r->what & FO_GRADIENT) {
        FO_LANES factor[l] = -inverse[l] * a[l];
        FO_CLASSES FO_LANES e[c * FO_TILE + l] *= factor[l];
        for (int l = 0; l < FO_TILE; l++)
            e[y[l] * FO_TILE + l] = a[l] * q[l];
    }
}

#define FO_OF_SOFTMAX(name)                                                                                  \
    FO_TERMS(name)                                                                                           \
    FO_FORMULA void FO(name)(const FO(row_tile) *r)                                                          \
    {                                                                                                        \
        if (r->v == NULL)                                                                                    \
            FO(of_class)(r, FO(name##_terms));                                                               \
        else                                                                                                 \
            FO(of_softmax)(r, r->z, r->v, r->scratch, r->scratch + r->k * FO_TILE, FO(name##_terms));        \
    }

/* t (1 - p)^gamma (-log p); par = {gamma}. With h = p log p / (1 - p), which tends to -1, and f = (1 - p)^gamma:
 * a = f (gamma h - 1), b = gamma f (2 p + p log p - (gamma - 1) p h) / (1 - p). */
FO_INLINE FO(term) FO(categorical_focal_term)(fo_real t, fo_real p, fo_real q, fo_real log_p, const fo_real *par)
{
    const fo_real gamma = par[0], smallest = FO_SINGLE ? FO_K(1e-37) : FO_K(1e-300);
    FO(term) o;
    fo_real safe = q > smallest ? q : q != q ? q : smallest, f = FO(power)(safe, gamma);
    fo_real plog = p == FO_K(0.0) ? FO_K(0.0) : p * log_p;
    fo_real h = q > smallest ? plog / safe : q != q ? q : FO_K(-1.0);
    f = q <= smallest && gamma != FO_K(0.0) ? FO_K(0.0) : f;
    o.value = f == FO_K(0.0) ? FO_K(0.0) : -t * f * log_p;
    o.a = t * f * (gamma * h - FO_K(1.0));
    o.b = t * gamma * (f / safe) * ((p + p) + plog - (gamma - FO_K(1.0)) * p * h);
    o.value = t == FO_K(0.0) ? FO_K(0.0) : o.value;
    o.a = t == FO_K(0.0) ? FO_K(0.0) : o.a;
    o.b = t == FO_K(0.0) ? FO_K(0.0) : o.b;
    return o;
}
FO_OF_SOFTMAX(categorical_focal)

/* t (-log p + epsilon (1 - p)); par = {epsilon} */
FO_INLINE FO(term) FO(poly1_cross_entropy_term)(fo_real t, fo_real p, fo_real q, fo_real log_p, const fo_real *par)
{
    FO(term) o;
    o.value = t == FO_K(0.0) ? FO_K(0.0) : t * (par[0] * q - log_p);
    o.b = -t * par[0] * p;
    o.a = o.b - t;
    return o;
}
FO_OF_SOFTMAX(poly1_cross_entropy)

/* t (1 - p^q) / q; par = {q} */
FO_INLINE FO(term)
FO(categorical_generalized_cross_entropy_term)(fo_real t, fo_real p, fo_real q, fo_real log_p, const fo_real *par)
{
    FO(term) o;
    fo_real x = par[0] * log_p, power = FO(exp_nonpositive)(x > FO_K(0.0) ? FO_K(0.0) : x);
    (void)p;
    (void)q;
    o.value = t == FO_K(0.0) ? FO_K(0.0) : -t * FO(expm1)(x) / par[0];
    o.a = -t * power;
    o.b = -t * par[0] * power;
    return o;
}
FO_OF_SOFTMAX(categorical_generalized_cross_entropy)

/* t log(t / p) */
FO_INLINE FO(term) FO(softmax_kl_divergence_term)(fo_real t, fo_real p, fo_real q, fo_real log_p, const fo_real *par)
{
    FO(term) o;
    fo_real positive = t > FO_K(0.0) ? t : FO_K(1.0);
    (void)p;
    (void)q;
    (void)par;
    o.value = t == FO_K(0.0) ? FO_K(0.0) : t * (FO(log)(positive) - log_p);
    o.a = -t;
    o.b = FO_K(0.0);
    return o;
}
FO_TERMS(softmax_kl_divergence)

/* The conjugate of W log(sum of e^z) - v'z: sum of q log(q / W), q = theta + v >= 0, up to rounding. Adds, for each
 * lane, scale f(q, W) - f(v, 1) of a class; +inf where theta leaves the domain. */
FO_INLINE fo_real FO(x_log)(fo_real x)
{
    return x > FO_K(0.0) ? x * FO(log)(x) : FO_K(0.0);
}

/* Not FO_INLINE: they are called through a pointer where the compiler does not optimise. */
typedef fo_real (*FO(entropy_of))(fo_real q, fo_real v, fo_real inverse);

FO_INLINE void FO(entropy_conjugate)(const FO(row_tile) *r, const FO(entropy_of) entropy)
{
    const int64_t k = r->k;
    const fo_real eps = FO_SINGLE ? FO_K(1.1920929e-7) : FO_K(2.220446049250313e-16);
    const fo_real *v = r->v, *theta = r->z;
    fo_real sum[FO_TILE] FO_ALIGNED, size[FO_TILE] FO_ALIGNED, total[FO_TILE] FO_ALIGNED, low[FO_TILE] FO_ALIGNED;
    fo_real inverse[FO_TILE] FO_ALIGNED;
    FO(zero)(sum);
    FO(zero)(size);
    FO(zero)(total);
    FO(zero)(low);
    FO_CLASSES FO_LANES {
        fo_real x = theta[c * FO_TILE + l], q = x + v[c * FO_TILE + l];
        sum[l] += x;
        size[l] += FO(abs)(x);
        total[l] += v[c * FO_TILE + l];
        low[l] = q < low[l] ? q : low[l];
    }
    FO_LANES {
        fo_real slack = FO_K(8.0) * eps * (size[l] + total[l]);
        int inside = (FO(abs)(sum[l]) <= (fo_real)k * slack) & (low[l] >= -slack);
        low[l] = sum[l] != sum[l] ? sum[l] : inside ? FO_K(0.0) : (fo_real)INFINITY;
        inverse[l] = total[l] > FO_K(0.0) ? FO_K(1.0) / total[l] : FO_K(0.0);
    }
    FO(zero)(sum);
    FO_CHUNKS {
        FO(zero)(size);
        FO_CHUNK FO_LANES {
            fo_real q = theta[c * FO_TILE + l] + v[c * FO_TILE + l];
            size[l] += entropy(q > FO_K(0.0) ? q : FO_K(0.0), v[c * FO_TILE + l], inverse[l]);
        }
        FO(add_lanes)(sum, size);
    }
    FO_LANES r->value[l] = low[l] == FO_K(0.0) ? sum[l] : low[l];
}

static inline fo_real FO(kl_entropy)(fo_real q, fo_real v, fo_real inverse)
{
    return (q > FO_K(0.0) ? q * FO(log)(q * inverse) : FO_K(0.0)) - FO(x_log)(v);
}

FO_FORMULA void FO(softmax_kl_divergence)(const FO(row_tile) *r)
{
    if (r->what & FO_CONJUGATE)
        FO(entropy_conjugate)(r, FO(kl_entropy));
    else
        FO(of_softmax)(r, r->z, r->v, r->scratch, r->scratch + r->k * FO_TILE, FO(softmax_kl_divergence_terms));
}

/* (t log(t / m) + p log(p / m)) / 2 with m = (t + p) / 2; log(p / m) = -log(1 + (t - p) / (2 p)) */
FO_INLINE FO(term) FO(jensen_shannon_term)(fo_real t, fo_real p, fo_real q, fo_real log_p, const fo_real *par)
{
    const fo_real least = FO_SINGLE ? FO_K(0x1p-125) : FO_K(0x1p-1020); /* less counts as 0 */
    FO(term) o;
    fo_real sum = t + p, safe = sum > FO_K(0.0) ? sum : FO_K(1.0);
    fo_real up = p < least ? FO_K(0.0) : -p * FO(log1p)(FO_K(0.5) * (t - p) / p);
    fo_real ut = t < least ? FO_K(0.0) : -t * FO(log1p)(FO_K(0.5) * (p - t) / t);
    (void)q;
    (void)log_p;
    (void)par;
    o.value = FO_K(0.5) * (up + ut);
    o.a = FO_K(0.5) * up;
    o.b = o.a + FO_K(0.5) * p * (t / safe);
    return o;
}
FO_OF_SOFTMAX(jensen_shannon)

/* -t log p */
FO_INLINE FO(term) FO(cross_entropy_term)(fo_real t, fo_real p, fo_real q, fo_real log_p, const fo_real *par)
{
    FO(term) o;
    (void)p;
    (void)q;
    (void)par;
    o.value = t == FO_K(0.0) ? FO_K(0.0) : -t * log_p;
    o.a = -t;
    o.b = FO_K(0.0);
    return o;
}
FO_TERMS(cross_entropy)

/* Cross-entropy of the softmax of z against t = v (par[0] = 0) or the softmax of v / par[0], of the items of a list:
 * one whose v is NaN is not there. */
FO_FORMULA void FO(listwise_softmax)(const FO(row_tile) *r)
{
    const int64_t k = r->k;
    const fo_real *v = r->v, inverse = r->par[0] > FO_K(0.0) ? FO_K(1.0) / r->par[0] : FO_K(1.0);
    fo_real *t = r->scratch, *z = t + k * FO_TILE, *a = z + k * FO_TILE, *h = r->hessian;
    fo_real top[FO_TILE] FO_ALIGNED, rest[FO_TILE] FO_ALIGNED, items[FO_TILE] FO_ALIGNED;
    fo_real none = r->par[0] > FO_K(0.0) ? -(fo_real)INFINITY : FO_K(0.0);
    FO(zero)(items);
    FO_CLASSES FO_LANES {
        int absent = v[c * FO_TILE + l] != v[c * FO_TILE + l];
        t[c * FO_TILE + l] = absent ? none : v[c * FO_TILE + l] * inverse;
        z[c * FO_TILE + l] = absent ? -(fo_real)INFINITY : r->z[c * FO_TILE + l];
        items[l] += absent ? FO_K(0.0) : FO_K(1.0);
    }
    if (r->par[0] > FO_K(0.0)) {
        FO(exponentials)(k, t, t, top, rest);
        FO_LANES top[l] = FO_K(1.0) / (FO_K(1.0) + rest[l]);
        FO_CLASSES FO_LANES t[c * FO_TILE + l] *= top[l];
    }
    FO(of_softmax)(r, z, t, a, a + k * FO_TILE, FO(cross_entropy_terms));
    /* an empty list */
    FO_LANES r->value[l] = items[l] > FO_K(0.0) ? r->value[l] : FO_K(0.0);
    FO_CLASSES FO_LANES r->gradient[c * FO_TILE + l] = items[l] > FO_K(0.0) ? r->gradient[c * FO_TILE + l] : FO_K(0.0);
    if (r->what & (FO_DIAGONAL | FO_PRODUCT))
        FO_CLASSES FO_LANES h[c * FO_TILE + l] = items[l] > FO_K(0.0) ? h[c * FO_TILE + l] : FO_K(0.0);
    if (r->what & FO_FULL_HESSIAN) {
        FO_CLASSES FO_LANES r->p[c * FO_TILE + l] = items[l] > FO_K(0.0) ? r->p[c * FO_TILE + l] : FO_K(0.0);
        FO_LANES r->both[l] = items[l] > FO_K(0.0) ? r->both[l] : FO_K(0.0);
    }
}

/* ---- sums, or means, over classes of f(t_c, z_c) ---- */
typedef struct {
    fo_real value, gradient, hessian;
} FO(class_entry);

typedef void (*FO(entries))(const fo_real *t, const fo_real *z, fo_real *value, fo_real *gradient, fo_real *hessian);

FO_FORMULA void FO(of_entries)(const FO(row_tile) *r, int mean, FO(entries) entries)
{
    const int64_t k = r->k;
    const fo_real factor = mean ? FO_K(1.0) / (fo_real)k : FO_K(1.0);
    fo_real sum[FO_TILE] FO_ALIGNED, part[FO_TILE] FO_ALIGNED, value[FO_TILE] FO_ALIGNED, h[FO_TILE] FO_ALIGNED;
    FO(no_curvature)(r);
    FO(zero)(sum);
    FO_CHUNKS {
        FO(zero)(part);
        FO_CHUNK {
            fo_real *g = r->gradient + c * FO_TILE;
            entries(r->v + c * FO_TILE, r->z + c * FO_TILE, value, g, h);
            FO_LANES {
                part[l] += value[l];
                g[l] *= factor;
            }
            if (r->what & FO_DIAGONAL)
                FO_LANES r->hessian[c * FO_TILE + l] = factor * h[l];
            if (r->what & FO_PRODUCT)
                FO_LANES r->hessian[c * FO_TILE + l] = factor * h[l] * r->u[c * FO_TILE + l];
        }
        FO(add_lanes)(sum, part);
    }
    FO_LANES r->value[l] = factor * sum[l];
}

#define FO_OF_ENTRIES(name, mean)                                                                            \
    FO_FORMULA void FO(name##_entries)(const fo_real *FO_RESTRICT t, const fo_real *FO_RESTRICT z,           \
                                       fo_real *FO_RESTRICT value, fo_real *FO_RESTRICT gradient,            \
                                       fo_real *FO_RESTRICT hessian)                                         \
    {                                                                                                        \
        FO_LANES {                                                                                           \
            FO(class_entry) o = FO(name##_entry)(t[l], z[l]);                                                \
            value[l] = o.value;                                                                              \
            gradient[l] = o.gradient;                                                                        \
            hessian[l] = o.hessian;                                                                          \
        }                                                                                                    \
    }                                                                                                        \
    FO_FORMULA void FO(name)(const FO(row_tile) *r)                                                          \
    {                                                                                                        \
        FO(of_entries)(r, mean, FO(name##_entries));                                                         \
    }

/* t (log t - z) */
FO_INLINE FO(class_entry) FO(kl_divergence_from_log_probabilities_entry)(fo_real t, fo_real z)
{
    FO(class_entry) o;
    fo_real positive = t > FO_K(0.0) ? t : FO_K(1.0);
    o.value = t == FO_K(0.0) ? FO_K(0.0) : t * (FO(log)(positive) - z);
    o.gradient = -t;
    o.hessian = FO_K(0.0);
    return o;
}
FO_OF_ENTRIES(kl_divergence_from_log_probabilities, 0)

/* t log(t / q) */
FO_INLINE FO(class_entry) FO(kl_divergence_from_probabilities_entry)(fo_real t, fo_real q)
{
    FO(class_entry) o;
    fo_real positive = t > FO_K(0.0) ? t : FO_K(1.0), ratio = t == FO_K(0.0) ? FO_K(0.0) : t / q;
    o.value = t == FO_K(0.0) ? FO_K(0.0) : t * (FO(log)(positive) - FO(log)(q));
    o.gradient = -ratio;
    o.hessian = t == FO_K(0.0) ? FO_K(0.0) : ratio / q;
    return o;
}
FO_OF_ENTRIES(kl_divergence_from_probabilities, 0)

/* log(1 + e^z) - t z */
FO_INLINE FO(class_entry) FO(multilabel_logistic_entry)(fo_real t, fo_real z)
{
    FO(class_entry) o;
    FO(logistic_pair) parts = FO(logistic_parts)(z);
    fo_real slope = parts.step - t;
    o.value = slope * z + parts.log1p_exp;
    o.gradient = slope + parts.signed_minor;
    o.hessian = parts.minor * (FO_K(1.0) - parts.minor);
    return o;
}
FO_OF_ENTRIES(multilabel_logistic, 1)
#endif
