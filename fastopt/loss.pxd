# cython: language_level=3
"""A loss of one's own in Cython; needs the folder `fastopt.get_include()`.

Write a function of the type `loss_f64` (and, if wanted, `loss_f32`), hand `capsule_f64(function, data)` to
`fastopt.losses.from_pointer`. The types are those of fastopt.h; the formulas of `fastopt.formulas` may be called inside.
"""

from cpython.pycapsule cimport PyCapsule_New, PyCapsule_SetContext

cdef extern from "fastopt.h" nogil:
    # The loss is returned, its derivatives with respect to the raw prediction are stored.
    ctypedef double (*loss_f64 "fo_loss_f64")(
        double y_true, double raw_prediction, double* gradient, double* hessian, void* user_data) noexcept nogil
    ctypedef float (*loss_f32 "fo_loss_f32")(
        float y_true, float raw_prediction, float* gradient, float* hessian, void* user_data) noexcept nogil
    const char* FO_LOSS_SIGNATURE_F64
    const char* FO_LOSS_SIGNATURE_F32


cdef inline object _capsule(void* function, const char* signature, void* user_data):
    cdef object capsule = PyCapsule_New(function, signature, NULL)
    if user_data != NULL:
        PyCapsule_SetContext(capsule, user_data)
    return capsule


cdef inline object capsule_f64(loss_f64 function, void* user_data):
    """The first argument of from_pointer; user_data, or NULL, has to live as long as the loss."""
    return _capsule(<void*> function, FO_LOSS_SIGNATURE_F64, user_data)


cdef inline object capsule_f32(loss_f32 function, void* user_data):
    """The argument `single` of from_pointer."""
    return _capsule(<void*> function, FO_LOSS_SIGNATURE_F32, user_data)
