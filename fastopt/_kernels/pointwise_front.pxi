# What Python calls: the driver over blocks, and `evaluate`, which takes a user's arrays.
from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.math cimport sqrt

from fastopt._config import threads as _threads
from numpy import dtype as _dtype, empty as _empty, ndarray as _ndarray

cdef extern from "Python.h":
    ctypedef struct Py_buffer:
        void* buf
        void* obj
        Py_ssize_t len
        Py_ssize_t itemsize
        int ndim
        char* format
        Py_ssize_t* shape
    enum:
        PyBUF_C_CONTIGUOUS
        PyBUF_FORMAT
        PyBUF_WRITABLE
    int get_buffer "PyObject_GetBuffer"(object exporter, Py_buffer* view, int flags)
    void PyBuffer_Release(Py_buffer* view)
    void PyErr_Clear()
    const char* PyBytes_AS_STRING(object bytes)

# Fields of arrays alone, without NumPy's table of functions: buffers would cost 0.3 us an array.
cdef extern from "numpy/ndarraytypes.h" nogil:
    enum:
        NPY_DOUBLE
        NPY_FLOAT
        NPY_ARRAY_CARRAY_RO
        NPY_ARRAY_WRITEABLE
    void* PyArray_DATA(void* array)
    int PyArray_NDIM(void* array)
    Py_ssize_t* PyArray_DIMS(void* array)
    int PyArray_TYPE(void* array)
    bint PyArray_CHKFLAGS(void* array, int flags)
    bint PyArray_ISNOTSWAPPED(void* array)
    void PyArray_CLEARFLAGS(void* array, int flags)

cdef enum:
    SEGMENT = 512             # blocks between two looks at signals: at most 50 ms of work
    SMALL = 1 << 20           # below, one thread is the answer to n_threads=None
    NO_WEIGHT = 64            # status of evaluate: the weights sum to zero
    Y = 0
    RAW = 1
    WEIGHT = 2
    DIRECTION = 3
    VALUE_OUT = 4
    GRADIENT_OUT = 5
    HESSIAN_OUT = 6
    VIEWS = 7

cdef object REAL = _dtype("f4" if sizeof(real) == 4 else "f8")


cdef int64_t drive(block_t f, const job_t* job, Py_ssize_t n, int n_threads, double* total) except? -1:
    """Run f over all n elements. Borders and the order of additions depend on n alone."""
    cdef double[SEGMENT] part
    cdef int64_t[SEGMENT] bad
    cdef int64_t status = 0
    cdef Py_ssize_t first, b, blocks, j
    if n <= BLOCK:
        return f(job, 0, n, total)
    total[0] = 0.0
    for j in range((n + SEGMENT * BLOCK - 1) // (SEGMENT * BLOCK)):
        first = j * SEGMENT * BLOCK
        blocks = min((n - first + BLOCK - 1) // BLOCK, SEGMENT)
        for b in prange(blocks, nogil=True, schedule="dynamic", chunksize=1, num_threads=n_threads,
                        use_threads_if=n_threads > 1):
            part[b] = 0.0
            bad[b] = f(job, first + b * BLOCK, min(first + (b + 1) * BLOCK, n), &part[b])
        for b in range(blocks):
            total[0] += part[b]
            status |= bad[b]
        PyErr_CheckSignals()
    return status


cdef inline bint right(void* array, int flags):
    """Whether an ndarray is C-contiguous, aligned, of `real`, and writable where flags ask for it."""
    return (PyArray_TYPE(array) == (NPY_FLOAT if sizeof(real) == 4 else NPY_DOUBLE) and PyArray_ISNOTSWAPPED(array)
            and PyArray_CHKFLAGS(array, NPY_ARRAY_CARRAY_RO)
            and (not flags & PyBUF_WRITABLE or PyArray_CHKFLAGS(array, NPY_ARRAY_WRITEABLE)))


cdef bint take(object array, Py_buffer* view, int flags):
    """A view of a C-contiguous aligned array of `real`; False, without an exception, for anything else.

    An ndarray is read directly (view.itemsize is 0), everything else by the buffer protocol.
    """
    cdef int k
    if type(array) is _ndarray:
        view.obj = NULL
        if not right(<void*> array, flags):
            return False
        view.buf, view.ndim, view.shape = PyArray_DATA(<void*> array), PyArray_NDIM(<void*> array), PyArray_DIMS(<void*> array)
        view.len = sizeof(real)
        for k in range(view.ndim):
            view.len *= view.shape[k]
        view.itemsize = 0
        view.obj = <void*> array
        Py_INCREF(array)
        return True
    if get_buffer(array, view, flags | PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) != 0:
        PyErr_Clear()
        view.obj = NULL
        return False
    return (view.format != NULL and view.format[0] == (c"f" if sizeof(real) == 4 else c"d")
            and view.format[1] == 0 and (<size_t> view.buf) % sizeof(real) == 0)


cdef void release(Py_buffer* view):
    if view.obj != NULL and view.itemsize == 0:
        Py_DECREF(<object> view.obj)
        view.obj = NULL
    elif view.obj != NULL:
        PyBuffer_Release(view)


cdef bint same_shape(const Py_buffer* a, const Py_buffer* b):
    cdef int k
    if a.ndim != b.ndim:
        return False
    for k in range(a.ndim):
        if a.shape[k] != b.shape[k]:
            return False
    return True


cdef bint apart(const Py_buffer* views, int out):
    """Whether the output shares no memory with any other array of the call."""
    cdef int k
    for k in range(VIEWS):
        if (k != out and views[k].obj != NULL and <char*> views[k].buf < <char*> views[out].buf + views[out].len
                and <char*> views[out].buf < <char*> views[k].buf + views[k].len):
            return False
    return True


cdef object output(object given, int slot, Py_buffer* views, object shape):
    """The array to write to: given, if it fits, or a new one; None if it does not fit."""
    if given is None:
        given = _empty(shape, REAL)
        return given if take(given, &views[slot], PyBUF_WRITABLE) else None
    if (take(given, &views[slot], PyBUF_WRITABLE) and same_shape(&views[slot], &views[RAW])
            and apart(views, slot)):
        return given
    return None


include "pointwise_custom.pxi"


def evaluate(tuple plan, int what, object reduction, object y, object raw, object weight, object n_threads,
             object value_out, object gradient_out, object hessian_out, object direction):
    """One loss over arrays. plan: (name, the parameters as bytes, nanoseconds an element, factor of
    gradient and Hessian, whether the value wanted is the root of twice the reduced loss); without a
    name, what `drive_python` takes follows.

    Returns the outputs; an int, the status word, where data are outside the loss's domain or the
    weights of a mean sum to zero; None where an argument is not exactly what the loops take (the
    caller then converts it or names the error).
    """
    cdef Py_buffer[VIEWS] views
    cdef job_t job
    cdef Py_ssize_t n
    cdef int k, threads = 1
    cdef int64_t status
    cdef double total = 0.0, mass = 0.0, square, unused
    cdef bint mean = reduction == "mean", none = False, root = plan[4]
    cdef object value = None, gradient = None, hessian = None, product = None, shape
    cdef block_t f = NULL
    if not mean:
        none = reduction == "none"
        if root if none else reduction != "sum":
            return None
    for k in range(VIEWS):
        views[k].obj = NULL
    try:
        if not take(raw, &views[RAW], 0) or not take(y, &views[Y], 0) or not same_shape(&views[Y], &views[RAW]):
            return None
        if weight is not None and not (take(weight, &views[WEIGHT], 0)
                                       and same_shape(&views[WEIGHT], &views[RAW])):
            return None
        n = views[RAW].len // <Py_ssize_t> sizeof(real)
        shape = n if views[RAW].ndim == 1 else raw.shape
        job.target = <const real*> views[Y].buf
        job.raw = <const real*> views[RAW].buf
        job.weight = <const real*> views[WEIGHT].buf if weight is not None else NULL
        job.index = NULL
        job.class_weight = NULL
        job.value = job.gradient = job.hessian = job.product = NULL
        job.direction = NULL
        job.par = <const double*> PyBytes_AS_STRING(plan[1])
        job.k = 1
        job.what = what
        if what == FO_PRODUCT:
            if not (take(direction, &views[DIRECTION], 0) and same_shape(&views[DIRECTION], &views[RAW])):
                return None
            job.direction = <const real*> views[DIRECTION].buf
            product = output(gradient_out, GRADIENT_OUT, views, shape)
            if product is None:
                return None
            job.product = <real*> views[GRADIENT_OUT].buf
        if what & (FO_VALUE | FO_CONJUGATE) and none:
            value = output(value_out, VALUE_OUT, views, shape)
            if value is None:
                return None
            job.value = <real*> views[VALUE_OUT].buf
        elif value_out is not None:
            return None
        if what & FO_GRADIENT:
            gradient = output(gradient_out, GRADIENT_OUT, views, shape)
            if gradient is None:
                return None
            job.gradient = <real*> views[GRADIENT_OUT].buf
        if what & FO_HESSIAN:
            hessian = output(hessian_out, HESSIAN_OUT, views, shape)
            if hessian is None:
                return None
            job.hessian = <real*> views[HESSIAN_OUT].buf
        if n_threads is None:
            if n >= SMALL:
                threads = _threads(None, n * <double> plan[2] * 1e-6)
        elif type(n_threads) is not int or n_threads != 1:
            threads = _threads(n_threads, n * <double> plan[2] * 1e-6)
        job.scale = plan[3]
        if mean:
            mass = n
            if weight is not None:
                status = drive(weight_sum, &job, n, threads, &mass)
                if status:
                    return status
            if mass == 0.0:
                return NO_WEIGHT
            job.scale /= mass
        if plan[0] is None:
            status = drive_python(plan, &job, y, raw, views[RAW].ndim, n, &total)
        else:
            f = combination if plan[0] == "combination" else <block_t> <void*> <size_t> ROSTER[plan[0]]
            if root:
                # The gradient needs the root first: two passes. Squares that overflow or vanish: None.
                job.what = FO_VALUE
            status = drive(f, &job, n, threads, &total)
        if root and not status:
            square = 2.0 * (total / mass if mean else total)
            if not (square > (1e-30 if sizeof(real) == 4 else 1e-280) and square < 1e300):
                return None
            total = sqrt(square)
            if what & FO_GRADIENT:
                job.what = FO_GRADIENT
                job.scale /= total
                status = drive(f, &job, n, threads, &unused)
    finally:
        for k in range(VIEWS):
            release(&views[k])
    if status:
        return status
    if not none:
        value = total / mass if mean and not root else total
    if what == FO_VALUE | FO_GRADIENT:
        return value, gradient
    if what == FO_GRADIENT:
        return gradient
    if what == FO_GRADIENT | FO_HESSIAN:
        return gradient, hessian
    if what == FO_PRODUCT:
        return product
    if what == FO_VALUE | FO_GRADIENT | FO_HESSIAN:
        return value, gradient, hessian
    return value


def address(str name):
    """Address of a loss's block function (src_c/fo_job.h), for the passes over data."""
    return <size_t> <void*> combination if name == "combination" else ROSTER[name]


def roster():
    """Names of the losses of this family."""
    return tuple(name for name in ROSTER if name != "pointer")
