/* A pointwise loss of somebody else's: the type of a function of one target and one raw prediction, which
 * fastopt.losses.from_pointer takes and calls inside its loops, without Python's lock and by several threads.
 *
 * Returns the loss and stores its first and second derivative with respect to the raw prediction; both pointers are
 * valid always. A function without second derivative leaves *hessian alone (from_pointer(..., hessian=False)).
 * user_data is the pointer that came with the function (the context of a capsule), or NULL. A target outside the
 * declared domain never gets here; a raw prediction may be anything, NaN and infinity included.
 *
 * The signature is also the name of a PyCapsule that holds such a function, as in scipy.LowLevelCallable.
 */
#ifndef FO_CUSTOM_H
#define FO_CUSTOM_H

typedef double (*fo_loss_f64)(double y_true, double raw_prediction, double *gradient, double *hessian, void *user_data);
typedef float (*fo_loss_f32)(float y_true, float raw_prediction, float *gradient, float *hessian, void *user_data);

#define FO_LOSS_SIGNATURE_F64 "double (double, double, double *, double *, void *)"
#define FO_LOSS_SIGNATURE_F32 "float (float, float, float *, float *, void *)"

#endif
