# The row losses by tiles: declaration, block function with the kind of its targets, a line of the table.

cdef extern from "fo_rowwise.h" nogil:
    void c_categorical_focal "FO(categorical_focal)"(const tile_t* r) noexcept
    void c_poly1_cross_entropy "FO(poly1_cross_entropy)"(const tile_t* r) noexcept
    void c_categorical_generalized_cross_entropy "FO(categorical_generalized_cross_entropy)"(const tile_t* r) noexcept
    void c_softmax_kl_divergence "FO(softmax_kl_divergence)"(const tile_t* r) noexcept
    void c_kl_divergence_from_log_probabilities "FO(kl_divergence_from_log_probabilities)"(const tile_t* r) noexcept
    void c_kl_divergence_from_probabilities "FO(kl_divergence_from_probabilities)"(const tile_t* r) noexcept
    void c_jensen_shannon "FO(jensen_shannon)"(const tile_t* r) noexcept
    void c_listwise_softmax "FO(listwise_softmax)"(const tile_t* r) noexcept
    void c_multilabel_logistic "FO(multilabel_logistic)"(const tile_t* r) noexcept

cdef extern from "fo_row_margins.h" nogil:
    void c_sparsemax "FO(sparsemax)"(const tile_t* r) noexcept
    void c_crammer_singer "FO(crammer_singer)"(const tile_t* r) noexcept
    void c_weston_watkins "FO(weston_watkins)"(const tile_t* r) noexcept
    void c_multilabel_margin "FO(multilabel_margin)"(const tile_t* r) noexcept
    void c_cumulative_logit "FO(cumulative_logit)"(const tile_t* r) noexcept

cdef extern from "fo_row_geometry.h" nogil:
    void c_cosine_distance "FO(cosine_distance)"(const tile_t* r) noexcept
    void c_gaussian_nll "FO(gaussian_nll)"(const tile_t* r) noexcept
    void c_iou "FO(iou)"(const tile_t* r) noexcept
    void c_generalized_iou "FO(generalized_iou)"(const tile_t* r) noexcept
    void c_complete_iou "FO(complete_iou)"(const tile_t* r) noexcept


cdef int64_t categorical_focal(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return by_tiles(c_categorical_focal, CLASSES, j, lo, hi, v)
cdef int64_t poly1_cross_entropy(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return by_tiles(c_poly1_cross_entropy, CLASSES, j, lo, hi, v)
cdef int64_t categorical_generalized_cross_entropy(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return by_tiles(c_categorical_generalized_cross_entropy, CLASSES, j, lo, hi, v)
cdef int64_t sparsemax(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return by_tiles(c_sparsemax, CLASSES | DENSE | CONJUGATE, j, lo, hi, v)
cdef int64_t softmax_kl_divergence(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return by_tiles(c_softmax_kl_divergence, DISTRIBUTION | CONJUGATE, j, lo, hi, v)
cdef int64_t kl_divergence_from_log_probabilities(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return by_tiles(c_kl_divergence_from_log_probabilities, DISTRIBUTION, j, lo, hi, v)
cdef int64_t kl_divergence_from_probabilities(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return by_tiles(c_kl_divergence_from_probabilities, DISTRIBUTION | PROBABILITIES, j, lo, hi, v)
cdef int64_t jensen_shannon(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return by_tiles(c_jensen_shannon, DISTRIBUTION, j, lo, hi, v)
cdef int64_t listwise_softmax(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return by_tiles(c_listwise_softmax, LIST, j, lo, hi, v)
cdef int64_t crammer_singer(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return by_tiles(c_crammer_singer, INDEX, j, lo, hi, v)
cdef int64_t weston_watkins(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return by_tiles(c_weston_watkins, INDEX, j, lo, hi, v)
cdef int64_t multilabel_margin(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return by_tiles(c_multilabel_margin, LABELS, j, lo, hi, v)
cdef int64_t multilabel_logistic(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return by_tiles(c_multilabel_logistic, UNIT, j, lo, hi, v)
cdef int64_t cumulative_logit(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return by_tiles(c_cumulative_logit, NUMBER, j, lo, hi, v)
cdef int64_t cosine_distance(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return by_tiles(c_cosine_distance, FINITE, j, lo, hi, v)
cdef int64_t gaussian_nll(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return by_tiles(c_gaussian_nll, NUMBER, j, lo, hi, v)
cdef int64_t iou(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return by_tiles(c_iou, FINITE | FLAT, j, lo, hi, v)
cdef int64_t generalized_iou(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return by_tiles(c_generalized_iou, FINITE | FLAT, j, lo, hi, v)
cdef int64_t complete_iou(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return by_tiles(c_complete_iou, FINITE | FLAT, j, lo, hi, v)

cdef dict ROSTER = {
    "categorical_focal": <size_t> <void*> categorical_focal,
    "poly1_cross_entropy": <size_t> <void*> poly1_cross_entropy,
    "categorical_generalized_cross_entropy": <size_t> <void*> categorical_generalized_cross_entropy,
    "sparsemax": <size_t> <void*> sparsemax,
    "softmax_kl_divergence": <size_t> <void*> softmax_kl_divergence,
    "kl_divergence_from_log_probabilities": <size_t> <void*> kl_divergence_from_log_probabilities,
    "kl_divergence_from_probabilities": <size_t> <void*> kl_divergence_from_probabilities,
    "jensen_shannon": <size_t> <void*> jensen_shannon,
    "listwise_softmax": <size_t> <void*> listwise_softmax,
    "crammer_singer": <size_t> <void*> crammer_singer,
    "weston_watkins": <size_t> <void*> weston_watkins,
    "multilabel_margin": <size_t> <void*> multilabel_margin,
    "multilabel_logistic": <size_t> <void*> multilabel_logistic,
    "cumulative_logit": <size_t> <void*> cumulative_logit,
    "cosine_distance": <size_t> <void*> cosine_distance,
    "gaussian_nll": <size_t> <void*> gaussian_nll,
    "iou": <size_t> <void*> iou,
    "generalized_iou": <size_t> <void*> generalized_iou,
    "complete_iou": <size_t> <void*> complete_iou,
}
