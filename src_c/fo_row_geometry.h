/* Row losses of vectors, boxes and distributions: cosine, IoU, Gaussian. See fo_rowwise.h. */
#include "fo_rowwise.h"

#if (FO_SINGLE && !defined(FO_ROW_GEOMETRY_F32)) || (!FO_SINGLE && !defined(FO_ROW_GEOMETRY_F64))
#if FO_SINGLE
#define FO_ROW_GEOMETRY_F32
#else
#define FO_ROW_GEOMETRY_F64
#endif

#undef FO_ROOT
#if FO_SINGLE
#define FO_ROOT sqrtf
#else
#define FO_ROOT sqrt
#endif

/* (s + (y - m)^2 e^-s) / 2 + par[0] for z = (m, s) */
FO_FORMULA void FO(gaussian_nll)(const FO(row_tile) *r)
{
    const fo_real *z = r->z, *v = r->v, *u = r->u, constant = r->par[0];
    fo_real *g = r->gradient, *h = r->hessian, *value = r->value;
    fo_real precision[FO_TILE] FO_ALIGNED, half[FO_TILE] FO_ALIGNED;
    FO_LANES {
        fo_real d = z[l] - v[l], s = z[FO_TILE + l], root = FO(exp)(FO_K(-0.5) * s);
        fo_real x = d == FO_K(0.0) ? FO_K(0.0) : d * root, square = x * x;
        value[l] = FO_K(0.5) * (s + square) + constant;
        g[l] = d == FO_K(0.0) ? FO_K(0.0) : x * root;
        g[FO_TILE + l] = FO_K(0.5) * (FO_K(1.0) - square);
        precision[l] = root * root;
        half[l] = FO_K(0.5) * square;
    }
    if (r->what & FO_DIAGONAL)
        FO_LANES {
            h[l] = precision[l];
            h[FO_TILE + l] = half[l];
        }
    if (r->what & FO_FULL_HESSIAN)
        FO_LANES {
            r->p[l] = g[l];
            r->p[FO_TILE + l] = r->b[l] = r->both[l] = FO_K(0.0);
            r->b[FO_TILE + l] = FO_K(1.0);
        }
    if (r->what & FO_PRODUCT)
        FO_LANES {
            h[l] = precision[l] * u[l] - g[l] * u[FO_TILE + l];
            h[FO_TILE + l] = half[l] * u[FO_TILE + l] - g[l] * u[l];
        }
}

/* 1 / |x|, and 0 for x = 0, from x / (its largest entry): squares neither overflow nor vanish */
FO_INLINE void FO(inverse_norm)(int64_t k, const fo_real *FO_RESTRICT x, fo_real *FO_RESTRICT largest,
                                fo_real *FO_RESTRICT inverse)
{
    const fo_real least = FO_SINGLE ? FO_K(0x1p-126) : FO_K(0x1p-1022); /* 1 / x overflows below */
    fo_real sum[FO_TILE] FO_ALIGNED;
    FO(zero)(largest);
    FO(zero)(sum);
    FO_CLASSES FO_LANES {
        fo_real a = FO(abs)(x[c * FO_TILE + l]);
        largest[l] = a > largest[l] ? a : largest[l];
    }
    FO_LANES {
        fo_real safe = largest[l] > least ? largest[l] : least;
        largest[l] = largest[l] > FO_K(0.0) ? FO_K(1.0) / safe : FO_K(0.0);
    }
    FO_CLASSES FO_LANES {
        fo_real a = x[c * FO_TILE + l] * largest[l];
        sum[l] += a * a;
    }
    FO_LANES inverse[l] = sum[l] > FO_K(0.0) ? FO_K(1.0) / FO_ROOT(sum[l]) : sum[l];
}

/* 1 - z'v / (|z| |v|); 1 with derivatives 0 where a vector is 0. With unit vectors a of z and b of v, c = a'b:
 * gradient (c a - b) / |z|, product ((b'u - 3 c a'u) a + (a'u) b + c u) / |z|^2. */
FO_FORMULA void FO(cosine_distance)(const FO(row_tile) *r)
{
    const int64_t k = r->k;
    fo_real *a = r->scratch, *b = r->scratch + k * FO_TILE;
    fo_real large_z[FO_TILE] FO_ALIGNED, large_v[FO_TILE] FO_ALIGNED, norm_z[FO_TILE] FO_ALIGNED;
    fo_real norm_v[FO_TILE] FO_ALIGNED, cosine[FO_TILE] FO_ALIGNED, distance[FO_TILE] FO_ALIGNED;
    FO(inverse_norm)(k, r->z, large_z, norm_z);
    FO(inverse_norm)(k, r->v, large_v, norm_v);
    FO(zero)(cosine);
    FO(zero)(distance);
    FO_CLASSES FO_LANES {
        fo_real x = r->z[c * FO_TILE + l] * large_z[l] * norm_z[l], y = r->v[c * FO_TILE + l] * large_v[l] * norm_v[l];
        a[c * FO_TILE + l] = x;
        b[c * FO_TILE + l] = y;
        cosine[l] += x * y;
        distance[l] += (x - y) * (x - y);
    }
    FO_LANES {
        int both = (norm_z[l] != FO_K(0.0)) & (norm_v[l] != FO_K(0.0));
        r->value[l] = both ? FO_K(0.5) * distance[l] : FO_K(1.0);
        norm_z[l] = both ? norm_z[l] * large_z[l] : FO_K(0.0);
    }
    if (r->what & FO_GRADIENT)
        FO_CLASSES FO_LANES r->gradient[c * FO_TILE + l] =
            (cosine[l] * a[c * FO_TILE + l] - b[c * FO_TILE + l]) * norm_z[l];
    if (r->what & FO_DIAGONAL)
        FO_CLASSES FO_LANES {
            fo_real x = a[c * FO_TILE + l], y = b[c * FO_TILE + l];
            r->hessian[c * FO_TILE + l] =
                (x * (FO_K(2.0) * y - FO_K(3.0) * cosine[l] * x) + cosine[l]) * norm_z[l] * norm_z[l];
        }
    if (r->what & FO_FULL_HESSIAN) {
        FO_CLASSES FO_LANES {
            r->p[c * FO_TILE + l] = a[c * FO_TILE + l] * norm_z[l];
            r->b[c * FO_TILE + l] = -b[c * FO_TILE + l] * norm_z[l];
        }
        FO_LANES r->both[l] = FO_K(-3.0) * cosine[l];
    }
    if (r->what & FO_PRODUCT) {
        fo_real *au = large_z, *bu = large_v;
        FO(zero)(au);
        FO(zero)(bu);
        FO_CLASSES FO_LANES {
            au[l] += a[c * FO_TILE + l] * r->u[c * FO_TILE + l];
            bu[l] += b[c * FO_TILE + l] * r->u[c * FO_TILE + l];
        }
        FO_CLASSES FO_LANES r->hessian[c * FO_TILE + l] =
            ((bu[l] - FO_K(3.0) * cosine[l] * au[l]) * a[c * FO_TILE + l] + au[l] * b[c * FO_TILE + l] +
             cosine[l] * r->u[c * FO_TILE + l]) * norm_z[l] * norm_z[l];
    }
}

/* arctan x: reciprocal above 1, two halvings, Taylor to x^25 at most 0.2^27 / 27 off */
FO_INLINE fo_real FO(arctan)(fo_real x)
{
    fo_real size = FO(abs)(x), y = size > FO_K(1.0) ? FO_K(1.0) / size : size, s, sum = FO_K(0.0);
    y = y / (FO_K(1.0) + FO_ROOT(FO_K(1.0) + y * y));
    y = y / (FO_K(1.0) + FO_ROOT(FO_K(1.0) + y * y));
    s = -y * y;
    FO_EACH
    for (int i = 12; i >= 0; i--)
        sum = sum * s + FO_K(1.0) / (fo_real)(2 * i + 1);
    y = FO_K(4.0) * y * sum;
    y = size > FO_K(1.0) ? FO_K(1.57079632679489661923) - y : y;
    return x < FO_K(0.0) ? -y : y;
}

/* The angle of a box w wide and h high; 0 for a point */
FO_INLINE fo_real FO(angle)(fo_real w, fo_real h)
{
    return FO(arctan)(((w == FO_K(0.0)) & (h == FO_K(0.0))) ? FO_K(0.0) : w / h);
}

/* Boxes z and v as x1, y1, x2, y2. I, U: areas of intersection and union; C: of the box around both.
 *   kind 0, IoU: 1 - I / U     kind 1, GIoU: 1 - I / U + (C - U) / C
 *   kind 2, CIoU: 1 - I / U + d^2 / (diagonal of C)^2 + a^2 / (1 - I / U + a),
 *                 d between centres, a = 4 / pi^2 (arctan(w / h of v) - arctan(w / h of z))^2
 * I / U is 0 where U is 0. */
FO_INLINE void FO(box_loss)(const FO(row_tile) *r, const int kind)
{
    FO_LANES {
        fo_real x1 = r->z[l], y1 = r->z[FO_TILE + l], x2 = r->z[2 * FO_TILE + l], y2 = r->z[3 * FO_TILE + l];
        fo_real s1 = r->v[l], t1 = r->v[FO_TILE + l], s2 = r->v[2 * FO_TILE + l], t2 = r->v[3 * FO_TILE + l];
        fo_real w = x2 - x1, h = y2 - y1;
        fo_real iw = (x2 < s2 ? x2 : s2) - (x1 > s1 ? x1 : s1), ih = (y2 < t2 ? y2 : t2) - (y1 > t1 ? y1 : t1);
        int meet = (iw > FO_K(0.0)) & (ih > FO_K(0.0));
        fo_real inter = meet ? iw * ih : FO_K(0.0), both = (w * h + (s2 - s1) * (t2 - t1)) - inter;
        fo_real per = both == FO_K(0.0) ? FO_K(0.0) : FO_K(1.0) / both;
        fo_real iou = inter * per, value = FO_K(1.0) - iou, g[4], dI[4], dU[4];
        dI[0] = (meet & (x1 > s1)) ? -ih : FO_K(0.0);
        dI[1] = (meet & (y1 > t1)) ? -iw : FO_K(0.0);
        dI[2] = (meet & (x2 < s2)) ? ih : FO_K(0.0);
        dI[3] = (meet & (y2 < t2)) ? iw : FO_K(0.0);
        dU[0] = -h - dI[0];
        dU[1] = -w - dI[1];
        dU[2] = h - dI[2];
        dU[3] = w - dI[3];
        for (int i = 0; i < 4; i++)
            g[i] = (iou * dU[i] - dI[i]) * per;
        if (kind) {
            fo_real cw = (x2 > s2 ? x2 : s2) - (x1 < s1 ? x1 : s1), ch = (y2 > t2 ? y2 : t2) - (y1 < t1 ? y1 : t1);
            fo_real dw[4] = {x1 < s1 ? FO_K(-1.0) : FO_K(0.0), FO_K(0.0), x2 > s2 ? FO_K(1.0) : FO_K(0.0), FO_K(0.0)};
            fo_real dh[4] = {FO_K(0.0), y1 < t1 ? FO_K(-1.0) : FO_K(0.0), FO_K(0.0), y2 > t2 ? FO_K(1.0) : FO_K(0.0)};
            if (kind == 1) {
                fo_real around = cw * ch, inverse = around == FO_K(0.0) ? FO_K(0.0) : FO_K(1.0) / around;
                value += (around - both) * inverse;
                for (int i = 0; i < 4; i++)
                    g[i] += (both * (dw[i] * ch + dh[i] * cw) * inverse - dU[i]) * inverse;
            } else {
                const fo_real turn = FO_K(0.40528473456935108578); /* 4 / pi^2 */
                fo_real dx = (x1 + x2) - (s1 + s2), dy = (y1 + y2) - (t1 + t2), square = cw * cw + ch * ch;
                fo_real inverse = square == FO_K(0.0) ? FO_K(0.0) : FO_K(1.0) / square;
                fo_real far = FO_K(0.25) * (dx * dx + dy * dy) * inverse;
                fo_real angle = FO(angle)(s2 - s1, t2 - t1) - FO(angle)(w, h), a = turn * angle * angle;
                fo_real safe = value + a, share = safe > FO_K(0.0) ? a / safe : safe;
                fo_real norm = w * w + h * h, per_norm = norm == FO_K(0.0) ? FO_K(0.0) : FO_K(1.0) / norm;
                fo_real bend = (FO_K(2.0) - share) * share * FO_K(-2.0) * turn * angle * per_norm;
                fo_real da[4] = {-h, w, h, -w};
                fo_real distance[4] = {dx, dy, dx, dy};
                for (int i = 0; i < 4; i++) {
                    fo_real side = dw[i] * cw + dh[i] * ch;
                    /* a^2 / (value + a) also falls with IoU: -share^2 d(1 - IoU) */
                    g[i] = g[i] - share * share * g[i] + (FO_K(0.5) * distance[i] - FO_K(2.0) * far * side) * inverse +
                           bend * da[i];
                }
                value += far + share * a;
            }
        }
        r->value[l] = value;
        for (int i = 0; i < 4; i++)
            r->gradient[i * FO_TILE + l] = g[i];
    }
}

FO_FORMULA void FO(iou)(const FO(row_tile) *r)
{
    FO(box_loss)(r, 0);
}

FO_FORMULA void FO(generalized_iou)(const FO(row_tile) *r)
{
    FO(box_loss)(r, 1);
}

FO_FORMULA void FO(complete_iou)(const FO(row_tile) *r)
{
    FO(box_loss)(r, 2);
}
#endif
