# The update rules: a declaration, a block function and a line of the tables for each.

cdef extern from "fo_updates.h" nogil:
    ctypedef struct element "FO(element)":
        real w
        real a
        real b
        real c
        real d
    ctypedef struct scalars_t "FO(scalars)":
        real sign
        real l2
        real alpha
        real decay
    ctypedef struct ratio "FO(ratio)":
        element e
        real up
        real down
    element c_sgd "FO(sgd)"(element e, real h, const scalars_t* s)
    element c_momentum "FO(momentum)"(element e, real h, const scalars_t* s)
    element c_nesterov "FO(nesterov)"(element e, real h, const scalars_t* s)
    element c_adam "FO(adam)"(element e, real h, const scalars_t* s)
    ratio r_adam "FO(adam_ratio)"(element e, real h, const scalars_t* s)
    element c_amsgrad "FO(amsgrad)"(element e, real h, const scalars_t* s)
    ratio r_amsgrad "FO(amsgrad_ratio)"(element e, real h, const scalars_t* s)
    element c_adagrad "FO(adagrad)"(element e, real h, const scalars_t* s)
    ratio r_adagrad "FO(adagrad_ratio)"(element e, real h, const scalars_t* s)
    element c_adadelta "FO(adadelta)"(element e, real h, const scalars_t* s)
    element c_rmsprop "FO(rmsprop)"(element e, real h, const scalars_t* s)
    ratio r_rmsprop "FO(rmsprop_ratio)"(element e, real h, const scalars_t* s)
    element c_rmsprop_momentum "FO(rmsprop_momentum)"(element e, real h, const scalars_t* s)
    element c_rmsprop_centered "FO(rmsprop_centered)"(element e, real h, const scalars_t* s)
    ratio r_rmsprop_centered "FO(rmsprop_centered_ratio)"(element e, real h, const scalars_t* s)
    element c_rmsprop_centered_momentum "FO(rmsprop_centered_momentum)"(element e, real h, const scalars_t* s)
    element c_adamax "FO(adamax)"(element e, real h, const scalars_t* s)
    element c_nadam "FO(nadam)"(element e, real h, const scalars_t* s)
    ratio r_nadam "FO(nadam_ratio)"(element e, real h, const scalars_t* s)
    element c_radam "FO(radam)"(element e, real h, const scalars_t* s)
    ratio r_radam "FO(radam_ratio)"(element e, real h, const scalars_t* s)
    element c_adabelief "FO(adabelief)"(element e, real h, const scalars_t* s)
    ratio r_adabelief "FO(adabelief_ratio)"(element e, real h, const scalars_t* s)
    element c_yogi "FO(yogi)"(element e, real h, const scalars_t* s)
    ratio r_yogi "FO(yogi_ratio)"(element e, real h, const scalars_t* s)
    element c_adan "FO(adan)"(element e, real h, const scalars_t* s)
    element c_lion "FO(lion)"(element e, real h, const scalars_t* s)
    element c_signum "FO(signum)"(element e, real h, const scalars_t* s)
    element c_rprop "FO(rprop)"(element e, real h, const scalars_t* s)
    element c_ftrl "FO(ftrl)"(element e, real h, const scalars_t* s)
    element c_asgd "FO(asgd)"(element e, real h, const scalars_t* s)
    element c_schedule_free "FO(schedule_free)"(element e, real h, const scalars_t* s)
    element c_schedule_free_adam "FO(schedule_free_adam)"(element e, real h, const scalars_t* s)
    element c_moments "FO(moments)"(element e, real h, const scalars_t* s)
    element c_scaled "FO(scaled)"(element e, real h, const scalars_t* s)
    element c_muon_before "FO(muon_before)"(element e, real h, const scalars_t* s)
    real c_root_first "FO(root_first)"(const element* e, const scalars_t* s)
    real c_root_second "FO(root_second)"(const element* e, const scalars_t* s)
    real c_root_spread "FO(root_spread)"(const element* e, const scalars_t* s)
    real c_root_third "FO(root_third)"(const element* e, const scalars_t* s)
    real c_lifted_second "FO(lifted_second)"(const element* e, const scalars_t* s)
    real c_plain_second "FO(plain_second)"(const element* e, const scalars_t* s)
    real c_root_variance "FO(root_variance)"(const element* e, const scalars_t* s)

cdef extern from "fo_measures.h" nogil:
    ctypedef struct measured "FO(measured)":
        element e
        real p
        real q
        real r
    measured c_measure_gradient "FO(measure_gradient)"(element e, real h, const scalars_t* s)
    measured c_measure_distance "FO(measure_distance)"(element e, real h, const scalars_t* s)
    measured c_measure_differences "FO(measure_differences)"(element e, real h, const scalars_t* s)
    measured c_measure_moments "FO(measure_moments)"(element e, real h, const scalars_t* s)
    measured c_measure_prodigy "FO(measure_prodigy)"(element e, real h, const scalars_t* s)
    measured c_measure_scaled "FO(measure_scaled)"(element e, real h, const scalars_t* s)

cdef void sgd(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_sgd, 0, u, lo, hi)
cdef void momentum(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_momentum, 1, u, lo, hi)
cdef void nesterov(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_nesterov, 1, u, lo, hi)
cdef void adam(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: ratio_block(c_adam, r_adam, 2, u, lo, hi)
cdef void amsgrad(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: ratio_block(c_amsgrad, r_amsgrad, 3, u, lo, hi)
cdef void adagrad(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: ratio_block(c_adagrad, r_adagrad, 1, u, lo, hi)
cdef void adadelta(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_adadelta, 2, u, lo, hi)
cdef void rmsprop(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: ratio_block(c_rmsprop, r_rmsprop, 1, u, lo, hi)
cdef void rmsprop_momentum(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_rmsprop_momentum, 2, u, lo, hi)
cdef void rmsprop_centered(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: ratio_block(c_rmsprop_centered, r_rmsprop_centered, 2, u, lo, hi)
cdef void rmsprop_centered_momentum(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_rmsprop_centered_momentum, 3, u, lo, hi)
cdef void adamax(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_adamax, 2, u, lo, hi)
cdef void nadam(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: ratio_block(c_nadam, r_nadam, 2, u, lo, hi)
cdef void radam(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: ratio_block(c_radam, r_radam, 2, u, lo, hi)
cdef void adabelief(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: ratio_block(c_adabelief, r_adabelief, 2, u, lo, hi)
cdef void yogi(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: ratio_block(c_yogi, r_yogi, 2, u, lo, hi)
cdef void adan(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_adan, 4, u, lo, hi)
cdef void lion(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_lion, 1, u, lo, hi)
cdef void signum(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_signum, 1, u, lo, hi)
cdef void rprop(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_rprop, 2, u, lo, hi)
cdef void ftrl(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_ftrl, 2, u, lo, hi)
cdef void asgd(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_asgd, 1, u, lo, hi)
cdef void schedule_free(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_schedule_free, 1, u, lo, hi)
cdef void schedule_free_adam(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_schedule_free_adam, 2, u, lo, hi)
cdef void moments(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_moments, 2, u, lo, hi)
cdef void scaled(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_scaled, 1, u, lo, hi)

# Their number of slots and of terms.
cdef void measure_gradient(const update_t* u, Py_ssize_t lo, Py_ssize_t hi, double* sums) noexcept nogil: measure(c_measure_gradient, 0, 1, u, lo, hi, sums)
cdef void measure_distance(const update_t* u, Py_ssize_t lo, Py_ssize_t hi, double* sums) noexcept nogil: measure(c_measure_distance, 1, 2, u, lo, hi, sums)
cdef void measure_differences(const update_t* u, Py_ssize_t lo, Py_ssize_t hi, double* sums) noexcept nogil: measure(c_measure_differences, 2, 3, u, lo, hi, sums)
cdef void measure_moments(const update_t* u, Py_ssize_t lo, Py_ssize_t hi, double* sums) noexcept nogil: measure(c_measure_moments, 2, 2, u, lo, hi, sums)
cdef void measure_prodigy(const update_t* u, Py_ssize_t lo, Py_ssize_t hi, double* sums) noexcept nogil: measure(c_measure_prodigy, 4, 2, u, lo, hi, sums)
cdef void measure_scaled(const update_t* u, Py_ssize_t lo, Py_ssize_t hi, double* sums) noexcept nogil: measure(c_measure_scaled, 1, 2, u, lo, hi, sums)

cdef enum:
    FIRST = 1            # slots, as bits
    SECOND = 2
    THIRD = 4

ctypedef real (*denominator)(const element*, const scalars_t*) noexcept nogil

# What the rules divide by, and the slots in it.
cdef void length_root_first(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: length_block(c_root_first, FIRST, u, lo, hi)
cdef void length_root_second(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: length_block(c_root_second, SECOND, u, lo, hi)
cdef void length_root_spread(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: length_block(c_root_spread, SECOND, u, lo, hi)
cdef void length_root_third(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: length_block(c_root_third, THIRD, u, lo, hi)
cdef void length_lifted_second(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: length_block(c_lifted_second, SECOND, u, lo, hi)
cdef void length_plain_second(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: length_block(c_plain_second, SECOND, u, lo, hi)
cdef void length_root_variance(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: length_block(c_root_variance, FIRST | SECOND, u, lo, hi)

cdef dict ROSTER = {
    "sgd": <size_t> <void*> sgd,
    "momentum": <size_t> <void*> momentum,
    "nesterov": <size_t> <void*> nesterov,
    "adam": <size_t> <void*> adam,
    "amsgrad": <size_t> <void*> amsgrad,
    "adagrad": <size_t> <void*> adagrad,
    "adadelta": <size_t> <void*> adadelta,
    "rmsprop": <size_t> <void*> rmsprop,
    "rmsprop_momentum": <size_t> <void*> rmsprop_momentum,
    "rmsprop_centered": <size_t> <void*> rmsprop_centered,
    "rmsprop_centered_momentum": <size_t> <void*> rmsprop_centered_momentum,
    "adamax": <size_t> <void*> adamax,
    "nadam": <size_t> <void*> nadam,
    "radam": <size_t> <void*> radam,
    "adabelief": <size_t> <void*> adabelief,
    "yogi": <size_t> <void*> yogi,
    "adan": <size_t> <void*> adan,
    "lion": <size_t> <void*> lion,
    "signum": <size_t> <void*> signum,
    "rprop": <size_t> <void*> rprop,
    "ftrl": <size_t> <void*> ftrl,
    "asgd": <size_t> <void*> asgd,
    "schedule_free": <size_t> <void*> schedule_free,
    "schedule_free_adam": <size_t> <void*> schedule_free_adam,
    "moments": <size_t> <void*> moments,
    "scaled": <size_t> <void*> scaled,
}

cdef dict MEASURES = {
    "measure_gradient": <size_t> <void*> measure_gradient,
    "measure_distance": <size_t> <void*> measure_distance,
    "measure_differences": <size_t> <void*> measure_differences,
    "measure_moments": <size_t> <void*> measure_moments,
    "measure_prodigy": <size_t> <void*> measure_prodigy,
    "measure_scaled": <size_t> <void*> measure_scaled,
}

# By rule: the lengths after its step.
cdef dict LENGTHS = {
    "adam": <size_t> <void*> length_root_second,
    "amsgrad": <size_t> <void*> length_root_third,
    "adagrad": <size_t> <void*> length_root_first,
    "rmsprop": <size_t> <void*> length_root_first,
    "rmsprop_momentum": <size_t> <void*> length_root_first,
    "rmsprop_centered": <size_t> <void*> length_root_variance,
    "rmsprop_centered_momentum": <size_t> <void*> length_root_variance,
    "adamax": <size_t> <void*> length_plain_second,
    "nadam": <size_t> <void*> length_root_second,
    "radam": <size_t> <void*> length_lifted_second,
    "adabelief": <size_t> <void*> length_root_spread,
    "yogi": <size_t> <void*> length_root_second,
    "adan": <size_t> <void*> length_root_third,
}


def address(str rule):
    """Address of a rule's block function, `void (const FO(update)*, ptrdiff_t lo, ptrdiff_t hi)` of fo_updates.h.

    It is serial and needs no GIL; an engine lets update.scalars point to the row of its table for the coming step.
    """
    return ROSTER[rule]


def n_scalars():
    """FO_SCALARS of fo_updates.h."""
    return FO_SCALARS


def rules():
    """Names of the rules."""
    return tuple(ROSTER)
