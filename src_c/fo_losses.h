/* Pointwise losses: one function for each loss, of one target and one raw prediction, and its
 * convex conjugate f*(theta) = sup_z (theta z - f(z)) for the same target.
 *
 * Parameter: FO_SINGLE (fo_real.h).
 *
 * A function returns value, gradient and curvature with respect to the raw prediction (a
 * conjugate: its value); where the caller ignores one, inlining removes it. Functions are
 * branch-free (ternaries on values already computed), call no libm and take no decision on data
 * that the compiler could not turn into a blend, so that the loops over them vectorise.
 * Comparisons are written so that a NaN in the raw prediction reaches value and gradient.
 *
 * The losses are in the four headers included below, by kind.
 */
#include "fo_real.h"
#include "fo_math.h"

#if (FO_SINGLE && !defined(FO_LOSSES_F32)) || (!FO_SINGLE && !defined(FO_LOSSES_F64))
#if FO_SINGLE
#define FO_LOSSES_F32
#define fo_largest FLT_MAX
#define fo_smallest 0x1p-149f
#define fo_sqrt sqrtf
#else
#define FO_LOSSES_F64
#define fo_largest DBL_MAX
#define fo_smallest 0x1p-1074
#define fo_sqrt sqrt
#endif
#include <float.h>

typedef struct {
    fo_real value, gradient, hessian;
} FO(point);

/* Arrays that no other array of a loop overlaps. */
typedef const fo_real *FO_RESTRICT FO(input);
typedef fo_real *FO_RESTRICT FO(output);

/* A conjugate's value alone; +inf where it is outside its domain, NaN where theta is NaN. */
FO_INLINE FO(point) FO(conjugate_value)(fo_real theta, int inside, fo_real value)
{
    FO(point) o;
    fo_real outside = theta != theta ? theta : (fo_real)INFINITY;
    o.value = inside ? value : outside;
    o.gradient = FO_K(0.0);
    o.hessian = FO_K(0.0);
    return o;
}

/* u log u, 0 at 0 */
FO_INLINE fo_real FO(xlogx)(fo_real u)
{
    fo_real positive = u > FO_K(0.0) ? u : FO_K(1.0);
    return positive * FO(log)(positive);
}

#include "fo_losses_regression.h"
#include "fo_losses_robust.h"
#include "fo_losses_glm.h"
#include "fo_losses_binary.h"

/* No closed form is offered: NaN. */
FO_INLINE FO(point) FO(no_conjugate)(fo_real y, fo_real theta, const fo_real *par)
{
    FO(point) o = {(fo_real)NAN, (fo_real)NAN, (fo_real)NAN};
    (void)y;
    (void)theta;
    (void)par;
    return o;
}

/* What a target or a raw prediction may be. */
#ifndef FO_DOMAINS
#define FO_DOMAINS
enum {
    FO_DOMAIN_FINITE = 0,      /* any finite number */
    FO_DOMAIN_UNIT = 1,        /* [0, 1] */
    FO_DOMAIN_SIGN = 2,        /* -1 or +1 */
    FO_DOMAIN_NONNEGATIVE = 3, /* [0, inf) */
    FO_DOMAIN_POSITIVE = 4,    /* (0, inf) */
    FO_DOMAIN_ABOVE = 5,       /* (-1, inf) */
    FO_DOMAIN_BINARY = 6,      /* 0 or 1 */
    FO_DOMAIN_RUNTIME = 7,     /* par[2] = -1: any finite number; 0: [0, inf), and (0, inf) where par[3] = 1 */
    FO_DOMAIN_RAW_UNIT = 16    /* or-ed: the raw prediction is in [0, 1] or NaN */
};
#endif

/* Flags are integers of the element's width whose sign bit counts; a loop ors them and takes the
 * status word from the result. They are found without comparisons: SSE2 can blend no 64-bit integers
 * by a comparison, and the whole loop would be scalar in double. Bits of nonnegative numbers are in
 * the order of the numbers, NaN above all, so that a difference of bits has a sign. */
#if FO_SINGLE
typedef int32_t FO(flag);
#else
typedef int64_t FO(flag);
#endif

/* Whether u, the bits of a number, are outside [0, bits of most], sign included. */
FO_INLINE FO(flag) FO(outside)(fo_word u, fo_real most)
{
    return (FO(flag))(u | (FO(to_bits)(most) - u));
}

/* Whether u, the bits of a number, are outside (0, inf), sign included. */
FO_INLINE FO(flag) FO(outside_positive)(fo_word u)
{
    return (FO(flag))((u - 1) | (FO(to_bits)((fo_real)fo_largest) - u));
}

/* FO_BAD_* (fo_job.h) of what was ored for targets, weights and raw predictions */
FO_INLINE int64_t FO(status)(FO(flag) target, FO(flag) weight, FO(flag) raw)
{
    return (target < 0 ? 1 : 0) | (weight < 0 ? 2 : 0) | (raw < 0 ? 4 : 0);
}

FO_INLINE FO(flag) FO(bad_target)(int domain, fo_real y, const fo_real *par)
{
    fo_word magnitude = FO(to_bits)(FO(abs)(y)), u = FO(to_bits)(y + FO_K(0.0)); /* -0 is 0 */
    if ((domain & 15) == FO_DOMAIN_UNIT)
        return FO(outside)(u, FO_K(1.0));
    if ((domain & 15) == FO_DOMAIN_SIGN)
        return FO(outside)(magnitude - FO(to_bits)(FO_K(1.0)), FO_K(0.0));
    if ((domain & 15) == FO_DOMAIN_NONNEGATIVE)
        return FO(outside)(u, (fo_real)fo_largest);
    if ((domain & 15) == FO_DOMAIN_POSITIVE)
        return FO(outside_positive)(FO(to_bits)(y));
    if ((domain & 15) == FO_DOMAIN_ABOVE)
        return FO(outside_positive)(FO(to_bits)(y + FO_K(1.0)));
    if ((domain & 15) == FO_DOMAIN_BINARY)
        return FO(outside)(FO(to_bits)(FO(abs)(y * (FO_K(1.0) - y))), FO_K(0.0));
    if ((domain & 15) == FO_DOMAIN_RUNTIME) { /* halves: the difference of two numbers may overflow */
        fo_real low = FO_K(0.5) * (fo_real)fo_largest * par[2] + (fo_real)fo_smallest * par[3];
        return FO(outside)(FO(to_bits)((FO_K(0.5) * y - low) + FO_K(0.0)), (fo_real)fo_largest);
    }
    return FO(outside)(magnitude, (fo_real)fo_largest);
}

/* NaN is not an error: it reaches value and gradient. */
FO_INLINE FO(flag) FO(bad_raw)(int domain, fo_real z)
{
    fo_word magnitude = FO(to_bits)(FO(abs)(z)), u = FO(to_bits)(z + FO_K(0.0));
    FO(flag) missing = FO(outside)(magnitude, (fo_real)INFINITY);
    return domain & FO_DOMAIN_RAW_UNIT ? FO(outside)(u, FO_K(1.0)) & ~missing : 0;
}

FO_INLINE FO(flag) FO(bad_weight)(fo_real w)
{
    return FO(outside)(FO(to_bits)(w + FO_K(0.0)), (fo_real)fo_largest);
}
#undef fo_largest
#undef fo_smallest
#undef fo_sqrt
#undef fo_far
#endif
