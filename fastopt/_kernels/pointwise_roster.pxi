# The pointwise losses: the declaration of formula and conjugate, a block function, a line of the table.
# Every block function calls `block` (pointwise.pxi) with constants only.

cdef extern from "fo_losses.h" nogil:
    point c_squared_error "FO(squared_error)"(real y, real z, const real* par)
    point c_squared_error_conjugate "FO(squared_error_conjugate)"(real y, real theta, const real* par)
    point c_half_squared_error "FO(half_squared_error)"(real y, real z, const real* par)
    point c_half_squared_error_conjugate "FO(half_squared_error_conjugate)"(real y, real theta, const real* par)
    point c_absolute_error "FO(absolute_error)"(real y, real z, const real* par)
    point c_absolute_error_conjugate "FO(absolute_error_conjugate)"(real y, real theta, const real* par)
    point c_huber "FO(huber)"(real y, real z, const real* par)
    point c_huber_conjugate "FO(huber_conjugate)"(real y, real theta, const real* par)
    point c_quantile "FO(quantile)"(real y, real z, const real* par)
    point c_quantile_conjugate "FO(quantile_conjugate)"(real y, real theta, const real* par)
    point c_poisson "FO(poisson)"(real y, real z, const real* par)
    point c_poisson_conjugate "FO(poisson_conjugate)"(real y, real theta, const real* par)
    point c_logistic "FO(logistic)"(real y, real z, const real* par)
    point c_logistic_conjugate "FO(logistic_conjugate)"(real y, real theta, const real* par)
    point c_binary_cross_entropy_from_probabilities "FO(binary_cross_entropy_from_probabilities)"(real y, real z, const real* par)
    point c_hinge "FO(hinge)"(real y, real z, const real* par)
    point c_hinge_conjugate "FO(hinge_conjugate)"(real y, real theta, const real* par)
    point c_squared_hinge "FO(squared_hinge)"(real y, real z, const real* par)
    point c_squared_hinge_conjugate "FO(squared_hinge_conjugate)"(real y, real theta, const real* par)
    point c_smooth_l1 "FO(smooth_l1)"(real y, real z, const real* par)
    point c_smooth_l1_conjugate "FO(smooth_l1_conjugate)"(real y, real theta, const real* par)
    point c_pseudo_huber "FO(pseudo_huber)"(real y, real z, const real* par)
    point c_pseudo_huber_conjugate "FO(pseudo_huber_conjugate)"(real y, real theta, const real* par)
    point c_log_cosh "FO(log_cosh)"(real y, real z, const real* par)
    point c_log_cosh_conjugate "FO(log_cosh_conjugate)"(real y, real theta, const real* par)
    point c_smoothed_quantile "FO(smoothed_quantile)"(real y, real z, const real* par)
    point c_smoothed_quantile_conjugate "FO(smoothed_quantile_conjugate)"(real y, real theta, const real* par)
    point c_expectile "FO(expectile)"(real y, real z, const real* par)
    point c_expectile_conjugate "FO(expectile_conjugate)"(real y, real theta, const real* par)
    point c_epsilon_insensitive "FO(epsilon_insensitive)"(real y, real z, const real* par)
    point c_epsilon_insensitive_conjugate "FO(epsilon_insensitive_conjugate)"(real y, real theta, const real* par)
    point c_squared_epsilon_insensitive "FO(squared_epsilon_insensitive)"(real y, real z, const real* par)
    point c_squared_epsilon_insensitive_conjugate "FO(squared_epsilon_insensitive_conjugate)"(real y, real theta, const real* par)
    point c_fair "FO(fair)"(real y, real z, const real* par)
    point c_fair_conjugate "FO(fair_conjugate)"(real y, real theta, const real* par)
    point c_cauchy "FO(cauchy)"(real y, real z, const real* par)
    point c_tukey_biweight "FO(tukey_biweight)"(real y, real z, const real* par)
    point c_welsch "FO(welsch)"(real y, real z, const real* par)
    point c_mean_squared_logarithmic_error "FO(mean_squared_logarithmic_error)"(real y, real z, const real* par)
    point c_mean_absolute_percentage_error "FO(mean_absolute_percentage_error)"(real y, real z, const real* par)
    point c_mean_absolute_percentage_error_conjugate "FO(mean_absolute_percentage_error_conjugate)"(real y, real theta, const real* par)
    point c_poisson_identity "FO(poisson_identity)"(real y, real z, const real* par)
    point c_poisson_identity_conjugate "FO(poisson_identity_conjugate)"(real y, real theta, const real* par)
    point c_gamma "FO(gamma)"(real y, real z, const real* par)
    point c_gamma_conjugate "FO(gamma_conjugate)"(real y, real theta, const real* par)
    point c_tweedie "FO(tweedie)"(real y, real z, const real* par)
    point c_tweedie_identity "FO(tweedie_identity)"(real y, real z, const real* par)
    point c_inverse_gaussian "FO(inverse_gaussian)"(real y, real z, const real* par)
    point c_negative_binomial "FO(negative_binomial)"(real y, real z, const real* par)
    point c_negative_binomial_conjugate "FO(negative_binomial_conjugate)"(real y, real theta, const real* par)
    point c_logistic_weighted "FO(logistic_weighted)"(real y, real z, const real* par)
    point c_logistic_weighted_conjugate "FO(logistic_weighted_conjugate)"(real y, real theta, const real* par)
    point c_complementary_log_log "FO(complementary_log_log)"(real y, real z, const real* par)
    point c_probit "FO(probit)"(real y, real z, const real* par)
    point c_smoothed_hinge "FO(smoothed_hinge)"(real y, real z, const real* par)
    point c_smoothed_hinge_conjugate "FO(smoothed_hinge_conjugate)"(real y, real theta, const real* par)
    point c_modified_huber "FO(modified_huber)"(real y, real z, const real* par)
    point c_modified_huber_conjugate "FO(modified_huber_conjugate)"(real y, real theta, const real* par)
    point c_perceptron "FO(perceptron)"(real y, real z, const real* par)
    point c_perceptron_conjugate "FO(perceptron_conjugate)"(real y, real theta, const real* par)
    point c_exponential "FO(exponential)"(real y, real z, const real* par)
    point c_exponential_conjugate "FO(exponential_conjugate)"(real y, real theta, const real* par)
    point c_binary_focal "FO(binary_focal)"(real y, real z, const real* par)
    point c_generalized_cross_entropy "FO(generalized_cross_entropy)"(real y, real z, const real* par)
    point c_absolute_error_bound "FO(absolute_error_bound)"(real y, real z, const real* par)
    point c_huber_bound "FO(huber_bound)"(real y, real z, const real* par)
    point c_quantile_bound "FO(quantile_bound)"(real y, real z, const real* par)
    point c_gamma_fisher "FO(gamma_fisher)"(real y, real z, const real* par)
    point c_tweedie_fisher "FO(tweedie_fisher)"(real y, real z, const real* par)
    point c_inverse_gaussian_fisher "FO(inverse_gaussian_fisher)"(real y, real z, const real* par)
    point c_negative_binomial_fisher "FO(negative_binomial_fisher)"(real y, real z, const real* par)
    point c_no_conjugate "FO(no_conjugate)"(real y, real theta, const real* par)

cdef int64_t squared_error(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(squared_error, c_squared_error, c_squared_error_conjugate, FINITE, j, lo, hi, v)
cdef int64_t half_squared_error(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(half_squared_error, c_half_squared_error, c_half_squared_error_conjugate, FINITE, j, lo, hi, v)
cdef int64_t absolute_error(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(absolute_error, c_absolute_error, c_absolute_error_conjugate, FINITE, j, lo, hi, v)
cdef int64_t huber(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(huber, c_huber, c_huber_conjugate, FINITE, j, lo, hi, v)
cdef int64_t quantile(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(quantile, c_quantile, c_quantile_conjugate, FINITE, j, lo, hi, v)
cdef int64_t poisson(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(poisson, c_poisson, c_poisson_conjugate, NONNEGATIVE, j, lo, hi, v)
cdef int64_t logistic(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(logistic, c_logistic, c_logistic_conjugate, UNIT, j, lo, hi, v)
cdef int64_t binary_cross_entropy_from_probabilities(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil:
    return block(binary_cross_entropy_from_probabilities, c_binary_cross_entropy_from_probabilities, c_no_conjugate, UNIT | RAW_UNIT, j, lo, hi, v)
cdef int64_t hinge(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(hinge, c_hinge, c_hinge_conjugate, SIGN, j, lo, hi, v)
cdef int64_t squared_hinge(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(squared_hinge, c_squared_hinge, c_squared_hinge_conjugate, SIGN, j, lo, hi, v)
cdef int64_t smooth_l1(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(smooth_l1, c_smooth_l1, c_smooth_l1_conjugate, FINITE, j, lo, hi, v)
cdef int64_t pseudo_huber(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(pseudo_huber, c_pseudo_huber, c_pseudo_huber_conjugate, FINITE, j, lo, hi, v)
cdef int64_t log_cosh(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(log_cosh, c_log_cosh, c_log_cosh_conjugate, FINITE, j, lo, hi, v)
cdef int64_t smoothed_quantile(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(smoothed_quantile, c_smoothed_quantile, c_smoothed_quantile_conjugate, FINITE, j, lo, hi, v)
cdef int64_t expectile(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(expectile, c_expectile, c_expectile_conjugate, FINITE, j, lo, hi, v)
cdef int64_t epsilon_insensitive(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(epsilon_insensitive, c_epsilon_insensitive, c_epsilon_insensitive_conjugate, FINITE, j, lo, hi, v)
cdef int64_t squared_epsilon_insensitive(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil:
    return block(squared_epsilon_insensitive, c_squared_epsilon_insensitive, c_squared_epsilon_insensitive_conjugate, FINITE, j, lo, hi, v)
cdef int64_t fair(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(fair, c_fair, c_fair_conjugate, FINITE, j, lo, hi, v)
cdef int64_t cauchy(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(cauchy, c_cauchy, c_no_conjugate, FINITE, j, lo, hi, v)
cdef int64_t tukey_biweight(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(tukey_biweight, c_tukey_biweight, c_no_conjugate, FINITE, j, lo, hi, v)
cdef int64_t welsch(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(welsch, c_welsch, c_no_conjugate, FINITE, j, lo, hi, v)
cdef int64_t mean_squared_logarithmic_error(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(mean_squared_logarithmic_error, c_mean_squared_logarithmic_error, c_no_conjugate, ABOVE, j, lo, hi, v)
cdef int64_t mean_absolute_percentage_error(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil:
    return block(mean_absolute_percentage_error, c_mean_absolute_percentage_error, c_mean_absolute_percentage_error_conjugate, FINITE, j, lo, hi, v)
cdef int64_t poisson_identity(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(poisson_identity, c_poisson_identity, c_poisson_identity_conjugate, NONNEGATIVE, j, lo, hi, v)
cdef int64_t gamma(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(gamma, c_gamma, c_gamma_conjugate, POSITIVE, j, lo, hi, v)
cdef int64_t tweedie(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(tweedie, c_tweedie, c_no_conjugate, RUNTIME, j, lo, hi, v)
cdef int64_t tweedie_identity(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(tweedie_identity, c_tweedie_identity, c_no_conjugate, RUNTIME, j, lo, hi, v)
cdef int64_t inverse_gaussian(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(inverse_gaussian, c_inverse_gaussian, c_no_conjugate, POSITIVE, j, lo, hi, v)
cdef int64_t negative_binomial(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(negative_binomial, c_negative_binomial, c_negative_binomial_conjugate, NONNEGATIVE, j, lo, hi, v)
cdef int64_t logistic_weighted(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(logistic_weighted, c_logistic_weighted, c_logistic_weighted_conjugate, UNIT, j, lo, hi, v)
cdef int64_t complementary_log_log(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(complementary_log_log, c_complementary_log_log, c_no_conjugate, UNIT, j, lo, hi, v)
cdef int64_t probit(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(probit, c_probit, c_no_conjugate, UNIT, j, lo, hi, v)
cdef int64_t smoothed_hinge(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(smoothed_hinge, c_smoothed_hinge, c_smoothed_hinge_conjugate, SIGN, j, lo, hi, v)
cdef int64_t modified_huber(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(modified_huber, c_modified_huber, c_modified_huber_conjugate, SIGN, j, lo, hi, v)
cdef int64_t perceptron(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(perceptron, c_perceptron, c_perceptron_conjugate, SIGN, j, lo, hi, v)
cdef int64_t exponential(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(exponential, c_exponential, c_exponential_conjugate, SIGN, j, lo, hi, v)
cdef int64_t binary_focal(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(binary_focal, c_binary_focal, c_no_conjugate, BINARY, j, lo, hi, v)
cdef int64_t generalized_cross_entropy(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(generalized_cross_entropy, c_generalized_cross_entropy, c_no_conjugate, BINARY, j, lo, hi, v)
cdef int64_t absolute_error_bound(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(absolute_error_bound, c_absolute_error_bound, c_absolute_error_conjugate, FINITE, j, lo, hi, v)
cdef int64_t huber_bound(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(huber_bound, c_huber_bound, c_huber_conjugate, FINITE, j, lo, hi, v)
cdef int64_t quantile_bound(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(quantile_bound, c_quantile_bound, c_quantile_conjugate, FINITE, j, lo, hi, v)
cdef int64_t gamma_fisher(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(gamma_fisher, c_gamma_fisher, c_gamma_conjugate, POSITIVE, j, lo, hi, v)
cdef int64_t tweedie_fisher(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(tweedie_fisher, c_tweedie_fisher, c_no_conjugate, RUNTIME, j, lo, hi, v)
cdef int64_t inverse_gaussian_fisher(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(inverse_gaussian_fisher, c_inverse_gaussian_fisher, c_no_conjugate, POSITIVE, j, lo, hi, v)
cdef int64_t negative_binomial_fisher(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(negative_binomial_fisher, c_negative_binomial_fisher, c_negative_binomial_conjugate, NONNEGATIVE, j, lo, hi, v)

cdef dict ROSTER = {
    "squared_error": <size_t> <void*> squared_error,
    "half_squared_error": <size_t> <void*> half_squared_error,
    "absolute_error": <size_t> <void*> absolute_error,
    "huber": <size_t> <void*> huber,
    "quantile": <size_t> <void*> quantile,
    "poisson": <size_t> <void*> poisson,
    "logistic": <size_t> <void*> logistic,
    "binary_cross_entropy_from_probabilities": <size_t> <void*> binary_cross_entropy_from_probabilities,
    "hinge": <size_t> <void*> hinge,
    "squared_hinge": <size_t> <void*> squared_hinge,
    "smooth_l1": <size_t> <void*> smooth_l1,
    "pseudo_huber": <size_t> <void*> pseudo_huber,
    "log_cosh": <size_t> <void*> log_cosh,
    "smoothed_quantile": <size_t> <void*> smoothed_quantile,
    "expectile": <size_t> <void*> expectile,
    "epsilon_insensitive": <size_t> <void*> epsilon_insensitive,
    "squared_epsilon_insensitive": <size_t> <void*> squared_epsilon_insensitive,
    "fair": <size_t> <void*> fair,
    "cauchy": <size_t> <void*> cauchy,
    "tukey_biweight": <size_t> <void*> tukey_biweight,
    "welsch": <size_t> <void*> welsch,
    "mean_squared_logarithmic_error": <size_t> <void*> mean_squared_logarithmic_error,
    "mean_absolute_percentage_error": <size_t> <void*> mean_absolute_percentage_error,
    "poisson_identity": <size_t> <void*> poisson_identity,
    "gamma": <size_t> <void*> gamma,
    "tweedie": <size_t> <void*> tweedie,
    "tweedie_identity": <size_t> <void*> tweedie_identity,
    "inverse_gaussian": <size_t> <void*> inverse_gaussian,
    "negative_binomial": <size_t> <void*> negative_binomial,
    "logistic_weighted": <size_t> <void*> logistic_weighted,
    "complementary_log_log": <size_t> <void*> complementary_log_log,
    "probit": <size_t> <void*> probit,
    "smoothed_hinge": <size_t> <void*> smoothed_hinge,
    "modified_huber": <size_t> <void*> modified_huber,
    "perceptron": <size_t> <void*> perceptron,
    "exponential": <size_t> <void*> exponential,
    "binary_focal": <size_t> <void*> binary_focal,
    "generalized_cross_entropy": <size_t> <void*> generalized_cross_entropy,
    "absolute_error_bound": <size_t> <void*> absolute_error_bound,
    "huber_bound": <size_t> <void*> huber_bound,
    "quantile_bound": <size_t> <void*> quantile_bound,
    "gamma_fisher": <size_t> <void*> gamma_fisher,
    "tweedie_fisher": <size_t> <void*> tweedie_fisher,
    "inverse_gaussian_fisher": <size_t> <void*> inverse_gaussian_fisher,
    "negative_binomial_fisher": <size_t> <void*> negative_binomial_fisher,
}
