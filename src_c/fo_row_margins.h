/* Row losses of margins between classes: sparsemax, hinges, cumulative logits. See fo_rowwise.h. */
#include "fo_rowwise.h"

#if (FO_SINGLE && !defined(FO_ROW_MARGINS_F32)) || (!FO_SINGLE && !defined(FO_ROW_MARGINS_F64))
#if FO_SINGLE
#define FO_ROW_MARGINS_F32
#else
#define FO_ROW_MARGINS_F64
#endif

/* The conjugate of a class: (q^2 - v^2) / (2 sum v) */
static inline fo_real FO(squares_entropy)(fo_real q, fo_real v, fo_real inverse)
{
    return FO_K(0.5) * inverse * (q - v) * (q + v);
}

/* sum over the support of (z^2 - tau^2)/2 + sum t (t/2 - z), p = max(z - tau, 0) the projection of z on the simplex,
 * t = v / sum v, all times sum v. On the support that is (p - t)^2/2, elsewhere t (t/2 + tau - z): equal rows give 0.
 *
 * tau by Michelot's method: classes at or below the tau of those that are left go out, until none does; each lane has
 * its own tau, and one that is done stays as it is. z less its largest entry: tau is in [-1, 0). */
FO_FORMULA void FO(sparsemax)(const FO(row_tile) *r)
{
    const int64_t k = r->k;
    fo_real *d = r->scratch;
    fo_real top[FO_TILE] FO_ALIGNED, tau[FO_TILE] FO_ALIGNED, sum[FO_TILE] FO_ALIGNED, count[FO_TILE] FO_ALIGNED;
    fo_real before[FO_TILE] FO_ALIGNED, mass[FO_TILE] FO_ALIGNED, changed;
    if (r->what & FO_CONJUGATE) {
        FO(entropy_conjugate)(r, FO(squares_entropy));
        return;
    }
    FO_LANES top[l] = r->z[l];
    FO_CLASSES FO_LANES top[l] = r->z[c * FO_TILE + l] > top[l] ? r->z[c * FO_TILE + l] : top[l];
    FO_CLASSES FO_LANES d[c * FO_TILE + l] = r->z[c * FO_TILE + l] - top[l];
    /* no class below top - 1 is in the support */
    FO_LANES tau[l] = FO_K(-1.0);
    FO(zero)(before);
    do {
        changed = FO_K(0.0);
        FO(zero)(sum);
        FO(zero)(count);
        FO_CLASSES FO_LANES {
            fo_real x = d[c * FO_TILE + l];
            sum[l] += x > tau[l] ? x : FO_K(0.0);
            count[l] += x > tau[l] ? FO_K(1.0) : FO_K(0.0);
        }
        for (int l = 0; l < FO_TILE; l++) {
            fo_real next = (sum[l] - FO_K(1.0)) / count[l];
            if (next > tau[l] && count[l] != before[l]) {
                tau[l] = next;
                changed = FO_K(1.0);
            }
            before[l] = count[l];
        }
    } while (changed != FO_K(0.0));
    FO(zero)(sum);
    FO(zero)(mass);
    FO_CLASSES FO_LANES mass[l] += r->v[c * FO_TILE + l];
    FO_LANES before[l] = mass[l] > FO_K(0.0) ? FO_K(1.0) / mass[l] : FO_K(0.0);
    FO_CLASSES FO_LANES {
        fo_real x = d[c * FO_TILE + l], t = r->v[c * FO_TILE + l] * before[l];
        fo_real p = x > tau[l] ? x - tau[l] : x != x ? x : FO_K(0.0);
        sum[l] += p == FO_K(0.0) ? t * (FO_K(0.5) * t + (tau[l] - x)) : FO_K(0.5) * (p - t) * (p - t);
        if (r->what & FO_GRADIENT)
            r->gradient[c * FO_TILE + l] = mass[l] * (p - t);
    }
    FO_LANES r->value[l] = mass[l] * sum[l];
    if (r->what & FO_DIAGONAL)
        FO_CLASSES FO_LANES r->hessian[c * FO_TILE + l] =
            d[c * FO_TILE + l] > tau[l] ? mass[l] * (FO_K(1.0) - FO_K(1.0) / count[l]) : FO_K(0.0);
    if (r->what & FO_FULL_HESSIAN) {
        FO_CLASSES FO_LANES r->p[c * FO_TILE + l] = d[c * FO_TILE + l] > tau[l] ? FO_K(1.0) : FO_K(0.0);
        memset(r->b, 0, (size_t)k * FO_TILE * sizeof(fo_real));
        FO_LANES r->both[l] = -mass[l] / count[l];
    }
    if (r->what & FO_PRODUCT) {
        FO(zero)(sum);
        FO_CLASSES FO_LANES sum[l] += d[c * FO_TILE + l] > tau[l] ? r->u[c * FO_TILE + l] : FO_K(0.0);
        FO_LANES sum[l] /= count[l];
        FO_CLASSES FO_LANES r->hessian[c * FO_TILE + l] =
            d[c * FO_TILE + l] > tau[l] ? mass[l] * (r->u[c * FO_TILE + l] - sum[l]) : FO_K(0.0);
    }
}

/* max(0, margin + max over c != y of z_c - z_y), the first largest class; par = {margin} */
FO_FORMULA void FO(crammer_singer)(const FO(row_tile) *r)
{
    const int64_t k = r->k, *y = r->y;
    const fo_real *z = r->z;
    fo_real own[FO_TILE] FO_ALIGNED, best[FO_TILE] FO_ALIGNED, which[FO_TILE] FO_ALIGNED, class_of[FO_TILE] FO_ALIGNED;
    for (int l = 0; l < FO_TILE; l++) {
        own[l] = z[y[l] * FO_TILE + l];
        class_of[l] = (fo_real)y[l];
        best[l] = -(fo_real)INFINITY;
        which[l] = FO_K(-1.0);
    }
    FO_CLASSES FO_LANES {
        fo_real x = z[c * FO_TILE + l];
        int take = (class_of[l] != (fo_real)c) & !(x <= best[l]) & (best[l] == best[l]);
        best[l] = take ? x : best[l];
        which[l] = take ? (fo_real)c : which[l];
    }
    FO_LANES {
        fo_real m = r->par[0] + (best[l] - own[l]);
        r->value[l] = m > FO_K(0.0) ? m : m != m ? m : FO_K(0.0);
    }
    if (r->what & FO_GRADIENT) {
        memset(r->gradient, 0, (size_t)k * FO_TILE * sizeof(fo_real));
        for (int l = 0; l < FO_TILE; l++)
            if (r->value[l] != FO_K(0.0)) {
                fo_real one = r->value[l] == r->value[l] ? FO_K(1.0) : r->value[l];
                if (which[l] >= FO_K(0.0))
                    r->gradient[(int64_t)which[l] * FO_TILE + l] = one;
                r->gradient[y[l] * FO_TILE + l] = -one;
            }
    }
    FO(no_curvature)(r);
}

/* sum over c != y of max(0, margin + z_c - z_y)^power; par = {margin, power: 1 or 2} */
FO_FORMULA void FO(weston_watkins)(const FO(row_tile) *r)
{
    const int64_t k = r->k, *y = r->y;
    const int squared = r->par[1] == FO_K(2.0);
    const fo_real margin = r->par[0], edge = squared ? FO_K(2.0) : FO_K(0.0); /* curvature of a class inside it */
    const fo_real *z = r->z, *u = r->u;
    fo_real *g = r->gradient, *h = r->hessian;
    fo_real own[FO_TILE] FO_ALIGNED, class_of[FO_TILE] FO_ALIGNED, sum[FO_TILE] FO_ALIGNED, slope[FO_TILE] FO_ALIGNED;
    fo_real part[FO_TILE] FO_ALIGNED, part_slope[FO_TILE] FO_ALIGNED;
    for (int l = 0; l < FO_TILE; l++) {
        own[l] = z[y[l] * FO_TILE + l];
        class_of[l] = (fo_real)y[l];
    }
    FO(zero)(sum);
    FO(zero)(slope);
    FO_CHUNKS {
        FO(zero)(part);
        FO(zero)(part_slope);
        FO_CHUNK FO_LANES {
            fo_real m = margin + (z[c * FO_TILE + l] - own[l]), s;
            m = ((class_of[l] == (fo_real)c) | (m <= FO_K(0.0))) ? FO_K(0.0) : m;
            s = squared ? m + m : m > FO_K(0.0) ? FO_K(1.0) : m;
            part[l] += squared ? m * m : m;
            part_slope[l] += s;
            g[c * FO_TILE + l] = s;
        }
        FO(add_lanes)(sum, part);
        FO(add_lanes)(slope, part_slope);
    }
    FO_LANES r->value[l] = sum[l];
    if (r->what & (FO_DIAGONAL | FO_PRODUCT)) {
        /* edges between y and the classes inside the margin */
        FO(zero)(own);
        FO(zero)(sum);
        if (r->what & FO_PRODUCT)
            for (int l = 0; l < FO_TILE; l++)
                own[l] = u[y[l] * FO_TILE + l];
        FO_CLASSES FO_LANES {
            fo_real x = g[c * FO_TILE + l] > FO_K(0.0) ? edge : FO_K(0.0);
            x = r->what & FO_PRODUCT ? x * (u[c * FO_TILE + l] - own[l]) : x;
            sum[l] += x;
            h[c * FO_TILE + l] = x;
        }
        if (r->what & FO_FULL_HESSIAN) {
            memcpy(r->p, h, (size_t)k * FO_TILE * sizeof(fo_real));
            memset(r->b, 0, (size_t)k * FO_TILE * sizeof(fo_real));
            for (int l = 0; l < FO_TILE; l++)
                r->b[y[l] * FO_TILE + l] = FO_K(1.0);
            FO(zero)(r->both);
        }
        for (int l = 0; l < FO_TILE; l++)
            h[y[l] * FO_TILE + l] = r->what & FO_PRODUCT ? -sum[l] : sum[l];
    }
    for (int l = 0; l < FO_TILE; l++)
        g[y[l] * FO_TILE + l] = -slope[l];
}

/* sum over labels a with v_a = 1 and b with v_b = 0 of max(0, 1 - (z_a - z_b)), divided by k. Each lane goes through
 * its own labels: one costs a walk over the classes, which also finds the next. */
FO_FORMULA void FO(multilabel_margin)(const FO(row_tile) *r)
{
    const int64_t k = r->k;
    const fo_real factor = FO_K(1.0) / (fo_real)k;
    const fo_real *v = r->v, *z = r->z;
    fo_real *g = r->gradient, left;
    fo_real sum[FO_TILE] FO_ALIGNED, part[FO_TILE] FO_ALIGNED, slope[FO_TILE] FO_ALIGNED;
    fo_real label[FO_TILE] FO_ALIGNED, next[FO_TILE] FO_ALIGNED, own[FO_TILE] FO_ALIGNED;
    FO(zero)(sum);
    FO_LANES label[l] = next[l] = (fo_real)k;
    FO_CLASSES FO_LANES {
        g[c * FO_TILE + l] = z[c * FO_TILE + l] != z[c * FO_TILE + l] ? z[c * FO_TILE + l] : FO_K(0.0);
        sum[l] += g[c * FO_TILE + l];
        label[l] = ((v[c * FO_TILE + l] > FO_K(0.0)) & ((fo_real)c < label[l])) ? (fo_real)c : label[l];
    }
    for (;;) {
        left = FO_K(0.0);
        for (int l = 0; l < FO_TILE; l++) {
            int there = label[l] < (fo_real)k;
            left += there ? FO_K(1.0) : FO_K(0.0);
            own[l] = there ? z[(int64_t)label[l] * FO_TILE + l] : (fo_real)INFINITY; /* no class comes near */
        }
        if (left == FO_K(0.0))
            break;
        FO(zero)(part);
        FO(zero)(slope);
        FO_LANES next[l] = (fo_real)k;
        FO_CLASSES FO_LANES {
            fo_real m = FO_K(1.0) - (own[l] - z[c * FO_TILE + l]);
            int holds = v[c * FO_TILE + l] > FO_K(0.0), counts = !holds & (m > FO_K(0.0));
            fo_real s = counts ? factor : FO_K(0.0);
            part[l] += counts ? m : FO_K(0.0);
            slope[l] += s;
            g[c * FO_TILE + l] += s;
            next[l] = (holds & ((fo_real)c > label[l]) & ((fo_real)c < next[l])) ? (fo_real)c : next[l];
        }
        FO(add_lanes)(sum, part);
        for (int l = 0; l < FO_TILE; l++)
            if (label[l] < (fo_real)k)
                g[(int64_t)label[l] * FO_TILE + l] -= slope[l];
        FO_LANES label[l] = next[l];
    }
    FO_LANES r->value[l] = factor * sum[l];
    FO(no_curvature)(r);
}

/* -log P(y), P(y <= c) = sigmoid(z_c) for c < k, P(y <= k) = 1; v = one number, y in 0..k. With b = z_y, a = z_(y-1):
 * log(1 + e^-b) + log(1 + e^a) - log(1 - e^(a - b)); the terms of an end that is not there are 0. */
FO_FORMULA void FO(cumulative_logit)(const FO(row_tile) *r)
{
    const int64_t k = r->k;
    const fo_real *y = r->v;
    fo_real a[FO_TILE] FO_ALIGNED, b[FO_TILE] FO_ALIGNED, low[FO_TILE] FO_ALIGNED, high[FO_TILE] FO_ALIGNED;
    fo_real ga[FO_TILE] FO_ALIGNED, gb[FO_TILE] FO_ALIGNED, ha[FO_TILE] FO_ALIGNED, hb[FO_TILE] FO_ALIGNED;
    fo_real cross[FO_TILE] FO_ALIGNED;
    FO(zero)(a);
    FO(zero)(b);
    FO_CLASSES FO_LANES {
        b[l] = y[l] == (fo_real)c ? r->z[c * FO_TILE + l] : b[l];
        a[l] = y[l] - FO_K(1.0) == (fo_real)c ? r->z[c * FO_TILE + l] : a[l];
    }
    FO_LANES {
        int has_low = y[l] > FO_K(0.0), has_high = y[l] < (fo_real)k;
        fo_real d = has_low & has_high ? b[l] - a[l] : (fo_real)INFINITY;
        FO(logistic_pair) s = FO(logistic_parts)(a[l]), t = FO(logistic_parts)(-b[l]);
        fo_real odds;
        d = d < FO_K(0.0) ? FO_K(0.0) : d;
        odds = FO_K(1.0) / FO(expm1)(d); /* 1 / (e^d - 1) */
        low[l] = has_low ? (a[l] > FO_K(0.0) ? a[l] : FO_K(0.0)) + s.log1p_exp : FO_K(0.0);
        high[l] = has_high ? (b[l] < FO_K(0.0) ? -b[l] : FO_K(0.0)) + t.log1p_exp : FO_K(0.0);
        r->value[l] = (low[l] + high[l]) - FO(log)(-FO(expm1)(-d));
        ga[l] = has_low ? (s.step + s.signed_minor) + odds : FO_K(0.0);
        gb[l] = has_high ? -((t.step + t.signed_minor) + odds) : FO_K(0.0);
        cross[l] = odds * (FO_K(1.0) + odds);
        ha[l] = has_low ? s.minor * (FO_K(1.0) - s.minor) + cross[l] : FO_K(0.0);
        hb[l] = has_high ? t.minor * (FO_K(1.0) - t.minor) + cross[l] : FO_K(0.0);
        cross[l] = has_low & has_high ? -cross[l] : FO_K(0.0);
    }
    if (r->what & FO_PRODUCT) {
        fo_real *ua = low, *ub = high;
        FO(zero)(ua);
        FO(zero)(ub);
        FO_CLASSES FO_LANES {
            ub[l] = y[l] == (fo_real)c ? r->u[c * FO_TILE + l] : ub[l];
            ua[l] = y[l] - FO_K(1.0) == (fo_real)c ? r->u[c * FO_TILE + l] : ua[l];
        }
        FO_LANES {
            fo_real pa = ha[l] * ua[l] + cross[l] * ub[l];
            hb[l] = hb[l] * ub[l] + cross[l] * ua[l];
            ha[l] = pa;
        }
    }
    FO_CLASSES FO_LANES {
        int is_b = y[l] == (fo_real)c, is_a = y[l] - FO_K(1.0) == (fo_real)c;
        if (r->what & FO_GRADIENT)
            r->gradient[c * FO_TILE + l] = is_b ? gb[l] : is_a ? ga[l] : FO_K(0.0);
        if (r->what & (FO_DIAGONAL | FO_PRODUCT))
            r->hessian[c * FO_TILE + l] = is_b ? hb[l] : is_a ? ha[l] : FO_K(0.0);
        if (r->what & FO_FULL_HESSIAN) {
            r->p[c * FO_TILE + l] = is_a ? -cross[l] : FO_K(0.0);
            r->b[c * FO_TILE + l] = is_b ? FO_K(1.0) : FO_K(0.0);
            r->both[l] = FO_K(0.0);
        }
    }
}
#endif
