/* What a loss block reads and writes: one struct of raw pointers, so that the drivers over
 * losses and the passes over data call every loss in the same way.
 *
 * Parameter: FO_SINGLE (fo_real.h).
 *
 * A block function has the type
 *     int64_t block(const FO(job) *job, ptrdiff_t lo, ptrdiff_t hi, double *value)
 * It is serial, works on rows lo..hi-1 of the arrays in the job, adds nothing outside them,
 * stores the sum of the weighted losses in *value where `what` asks for values, and returns a
 * status word: 0 or the or of FO_BAD_*.
 */
#include "fo_real.h"

#ifndef FO_JOB_H
#define FO_JOB_H
enum {
    FO_VALUE = 1,    /* the sum in *value and, where job->value is set, the losses by row */
    FO_GRADIENT = 2, /* job->gradient */
    FO_HESSIAN = 4,  /* job->hessian: pointwise, or the diagonal (n, k) for row losses */
    FO_FULL_HESSIAN = 8, /* job->hessian: (n, k, k), row losses only */
    FO_CONJUGATE = 16, /* raw holds theta; the sum of the conjugates in *value, and by row */
    FO_PRODUCT = 32, /* job->product: scale * w_i * (Hessian of row i) times job->direction */
    FO_PREDICT = 64 /* job->product: predictions of row losses; target and weight are not read */
};
enum {
    FO_BAD_TARGET = 1, /* a target outside the loss's domain, NaN included */
    FO_BAD_WEIGHT = 2, /* a weight that is negative, infinite or NaN */
    FO_BAD_RAW = 4,    /* a raw prediction outside the domain of a loss on probabilities */
    FO_BAD_REQUEST = 8 /* outputs that this block does not offer */
};
enum { FO_TARGET_REAL = 0, FO_TARGET_INDEX = 1 };
#endif

#if (FO_SINGLE && !defined(FO_JOB_F32)) || (!FO_SINGLE && !defined(FO_JOB_F64))
#if FO_SINGLE
#define FO_JOB_F32
#else
#define FO_JOB_F64
#endif
typedef struct {
    const fo_real *target;  /* (n,) or, for row losses with FO_TARGET_REAL, (n, k) */
    const int64_t *index;   /* (n,): class indices of row losses with FO_TARGET_INDEX, else NULL */
    const fo_real *raw;     /* (n,) or (n, k) */
    const fo_real *weight;  /* (n,) or NULL for ones */
    fo_real *value;         /* (n,) or NULL: w_i l_i by row */
    fo_real *gradient;      /* shape of raw, or NULL */
    fo_real *hessian;       /* shape of raw, (n, k, k) with FO_FULL_HESSIAN, or NULL */
    const fo_real *direction; /* shape of raw, with FO_PRODUCT */
    fo_real *product;       /* shape of raw, with FO_PRODUCT */
    const double *par;      /* the loss's parameters */
    const double *class_weight; /* (k,) or NULL, row losses */
    double scale;           /* multiplies gradient and Hessian, not values */
    int64_t k;              /* row length of row losses; 1 for pointwise ones */
    int what;               /* or of FO_VALUE, FO_GRADIENT, ... */
} FO(job);
#endif
