# cython: language_level=3
"""The C formulas of fastopt for other people's Cython code; needs the folder `fastopt.get_include()`.

Pointwise losses are functions of one target y and one raw prediction z with their parameters in
`par` (NULL where a loss has none) and return value, gradient and curvature with respect to z.
Losses over rows are functions of one row, or of a tile of rows side by side.
Update rules are functions of one element (parameter and slots), its gradient and the scalars of
the step. Names end in f64 (double) and f32 (float). See fo_losses.h, fo_softmax.h,
fo_probabilities.h, fo_rowwise.h and fo_updates.h.
"""

from libc.stdint cimport int64_t

cdef extern from "fastopt.h" nogil:
    ctypedef struct point_f64 "fo_point_f64":
        double value
        double gradient
        double hessian
    ctypedef struct point_f32 "fo_point_f32":
        float value
        float gradient
        float hessian

    # (z - y)^2; (z - y)^2 / 2; |z - y|
    point_f64 squared_error_f64 "fo_squared_error_f64"(double y, double z, const double* par)
    point_f32 squared_error_f32 "fo_squared_error_f32"(float y, float z, const float* par)
    point_f64 half_squared_error_f64 "fo_half_squared_error_f64"(double y, double z, const double* par)
    point_f32 half_squared_error_f32 "fo_half_squared_error_f32"(float y, float z, const float* par)
    point_f64 absolute_error_f64 "fo_absolute_error_f64"(double y, double z, const double* par)
    point_f32 absolute_error_f32 "fo_absolute_error_f32"(float y, float z, const float* par)
    # par = {delta}; par = {quantile}
    point_f64 huber_f64 "fo_huber_f64"(double y, double z, const double* par)
    point_f32 huber_f32 "fo_huber_f32"(float y, float z, const float* par)
    point_f64 quantile_f64 "fo_quantile_f64"(double y, double z, const double* par)
    point_f32 quantile_f32 "fo_quantile_f32"(float y, float z, const float* par)
    # log link; logit link with y in [0, 1]; y in [0, 1] and z a probability
    point_f64 poisson_f64 "fo_poisson_f64"(double y, double z, const double* par)
    point_f32 poisson_f32 "fo_poisson_f32"(float y, float z, const float* par)
    point_f64 logistic_f64 "fo_logistic_f64"(double y, double z, const double* par)
    point_f32 logistic_f32 "fo_logistic_f32"(float y, float z, const float* par)
    point_f64 binary_cross_entropy_from_probabilities_f64 "fo_binary_cross_entropy_from_probabilities_f64"(
        double y, double z, const double* par)
    point_f32 binary_cross_entropy_from_probabilities_f32 "fo_binary_cross_entropy_from_probabilities_f32"(
        float y, float z, const float* par)
    # y is -1 or +1
    point_f64 hinge_f64 "fo_hinge_f64"(double y, double z, const double* par)
    point_f32 hinge_f32 "fo_hinge_f32"(float y, float z, const float* par)
    point_f64 squared_hinge_f64 "fo_squared_hinge_f64"(double y, double z, const double* par)
    point_f32 squared_hinge_f32 "fo_squared_hinge_f32"(float y, float z, const float* par)
    # par = {beta}; par = {delta}; no parameters; par = {quantile, delta}; par = {expectile}
    point_f64 smooth_l1_f64 "fo_smooth_l1_f64"(double y, double z, const double* par)
    point_f32 smooth_l1_f32 "fo_smooth_l1_f32"(float y, float z, const float* par)
    point_f64 pseudo_huber_f64 "fo_pseudo_huber_f64"(double y, double z, const double* par)
    point_f32 pseudo_huber_f32 "fo_pseudo_huber_f32"(float y, float z, const float* par)
    point_f64 log_cosh_f64 "fo_log_cosh_f64"(double y, double z, const double* par)
    point_f32 log_cosh_f32 "fo_log_cosh_f32"(float y, float z, const float* par)
    point_f64 smoothed_quantile_f64 "fo_smoothed_quantile_f64"(double y, double z, const double* par)
    point_f32 smoothed_quantile_f32 "fo_smoothed_quantile_f32"(float y, float z, const float* par)
    point_f64 expectile_f64 "fo_expectile_f64"(double y, double z, const double* par)
    point_f32 expectile_f32 "fo_expectile_f32"(float y, float z, const float* par)
    # par = {epsilon}
    point_f64 epsilon_insensitive_f64 "fo_epsilon_insensitive_f64"(double y, double z, const double* par)
    point_f32 epsilon_insensitive_f32 "fo_epsilon_insensitive_f32"(float y, float z, const float* par)
    point_f64 squared_epsilon_insensitive_f64 "fo_squared_epsilon_insensitive_f64"(
        double y, double z, const double* par)
    point_f32 squared_epsilon_insensitive_f32 "fo_squared_epsilon_insensitive_f32"(float y, float z, const float* par)
    point_f64 mean_absolute_percentage_error_f64 "fo_mean_absolute_percentage_error_f64"(
        double y, double z, const double* par)
    point_f32 mean_absolute_percentage_error_f32 "fo_mean_absolute_percentage_error_f32"(
        float y, float z, const float* par)
    # par = {c}; par = {delta}; par = {c}
    point_f64 fair_f64 "fo_fair_f64"(double y, double z, const double* par)
    point_f32 fair_f32 "fo_fair_f32"(float y, float z, const float* par)
    point_f64 cauchy_f64 "fo_cauchy_f64"(double y, double z, const double* par)
    point_f32 cauchy_f32 "fo_cauchy_f32"(float y, float z, const float* par)
    point_f64 tukey_biweight_f64 "fo_tukey_biweight_f64"(double y, double z, const double* par)
    point_f32 tukey_biweight_f32 "fo_tukey_biweight_f32"(float y, float z, const float* par)
    point_f64 welsch_f64 "fo_welsch_f64"(double y, double z, const double* par)
    point_f32 welsch_f32 "fo_welsch_f32"(float y, float z, const float* par)
    # y and z above -1
    point_f64 mean_squared_logarithmic_error_f64 "fo_mean_squared_logarithmic_error_f64"(
        double y, double z, const double* par)
    point_f32 mean_squared_logarithmic_error_f32 "fo_mean_squared_logarithmic_error_f32"(
        float y, float z, const float* par)
    # identity link, par = {epsilon}; log link
    point_f64 poisson_identity_f64 "fo_poisson_identity_f64"(double y, double z, const double* par)
    point_f32 poisson_identity_f32 "fo_poisson_identity_f32"(float y, float z, const float* par)
    point_f64 gamma_f64 "fo_gamma_f64"(double y, double z, const double* par)
    point_f32 gamma_f32 "fo_gamma_f32"(float y, float z, const float* par)
    point_f64 inverse_gaussian_f64 "fo_inverse_gaussian_f64"(double y, double z, const double* par)
    point_f32 inverse_gaussian_f32 "fo_inverse_gaussian_f32"(float y, float z, const float* par)
    # log link, par = {theta}; log link, par = {power}, not 1 nor 2; identity link, par = {power, 1 for power 2, else 0}
    point_f64 negative_binomial_f64 "fo_negative_binomial_f64"(double y, double z, const double* par)
    point_f32 negative_binomial_f32 "fo_negative_binomial_f32"(float y, float z, const float* par)
    point_f64 tweedie_f64 "fo_tweedie_f64"(double y, double z, const double* par)
    point_f32 tweedie_f32 "fo_tweedie_f32"(float y, float z, const float* par)
    point_f64 tweedie_identity_f64 "fo_tweedie_identity_f64"(double y, double z, const double* par)
    point_f32 tweedie_identity_f32 "fo_tweedie_identity_f32"(float y, float z, const float* par)
    # par = {pos_weight, label_smoothing}; y in [0, 1]
    point_f64 logistic_weighted_f64 "fo_logistic_weighted_f64"(double y, double z, const double* par)
    point_f32 logistic_weighted_f32 "fo_logistic_weighted_f32"(float y, float z, const float* par)
    point_f64 complementary_log_log_f64 "fo_complementary_log_log_f64"(double y, double z, const double* par)
    point_f32 complementary_log_log_f32 "fo_complementary_log_log_f32"(float y, float z, const float* par)
    point_f64 probit_f64 "fo_probit_f64"(double y, double z, const double* par)
    point_f32 probit_f32 "fo_probit_f32"(float y, float z, const float* par)
    # y is -1 or +1; par = {gamma} of the smoothed hinge, with 2 binary sparsemax
    point_f64 smoothed_hinge_f64 "fo_smoothed_hinge_f64"(double y, double z, const double* par)
    point_f32 smoothed_hinge_f32 "fo_smoothed_hinge_f32"(float y, float z, const float* par)
    point_f64 modified_huber_f64 "fo_modified_huber_f64"(double y, double z, const double* par)
    point_f32 modified_huber_f32 "fo_modified_huber_f32"(float y, float z, const float* par)
    point_f64 perceptron_f64 "fo_perceptron_f64"(double y, double z, const double* par)
    point_f32 perceptron_f32 "fo_perceptron_f32"(float y, float z, const float* par)
    point_f64 exponential_f64 "fo_exponential_f64"(double y, double z, const double* par)
    point_f32 exponential_f32 "fo_exponential_f32"(float y, float z, const float* par)
    # y is 0 or 1; par = {gamma, weight of 1, weight of 0}; par = {q}
    point_f64 binary_focal_f64 "fo_binary_focal_f64"(double y, double z, const double* par)
    point_f32 binary_focal_f32 "fo_binary_focal_f32"(float y, float z, const float* par)
    point_f64 generalized_cross_entropy_f64 "fo_generalized_cross_entropy_f64"(double y, double z, const double* par)
    point_f32 generalized_cross_entropy_f32 "fo_generalized_cross_entropy_f32"(float y, float z, const float* par)

    # With a surrogate in place of the Hessian: its bound 1, or its expectation; parameters are those of the loss.
    point_f64 absolute_error_bound_f64 "fo_absolute_error_bound_f64"(double y, double z, const double* par)
    point_f32 absolute_error_bound_f32 "fo_absolute_error_bound_f32"(float y, float z, const float* par)
    point_f64 huber_bound_f64 "fo_huber_bound_f64"(double y, double z, const double* par)
    point_f32 huber_bound_f32 "fo_huber_bound_f32"(float y, float z, const float* par)
    point_f64 quantile_bound_f64 "fo_quantile_bound_f64"(double y, double z, const double* par)
    point_f32 quantile_bound_f32 "fo_quantile_bound_f32"(float y, float z, const float* par)
    point_f64 gamma_fisher_f64 "fo_gamma_fisher_f64"(double y, double z, const double* par)
    point_f32 gamma_fisher_f32 "fo_gamma_fisher_f32"(float y, float z, const float* par)
    point_f64 tweedie_fisher_f64 "fo_tweedie_fisher_f64"(double y, double z, const double* par)
    point_f32 tweedie_fisher_f32 "fo_tweedie_fisher_f32"(float y, float z, const float* par)
    point_f64 inverse_gaussian_fisher_f64 "fo_inverse_gaussian_fisher_f64"(double y, double z, const double* par)
    point_f32 inverse_gaussian_fisher_f32 "fo_inverse_gaussian_fisher_f32"(float y, float z, const float* par)
    point_f64 negative_binomial_fisher_f64 "fo_negative_binomial_fisher_f64"(double y, double z, const double* par)
    point_f32 negative_binomial_fisher_f32 "fo_negative_binomial_fisher_f32"(float y, float z, const float* par)

    # Losses over rows: one target and k raw predictions. What outputs are wanted, as a sum; how the target is given.
    enum:
        FO_VALUE
        FO_GRADIENT
        FO_HESSIAN
        FO_FULL_HESSIAN
        FO_CONJUGATE
        FO_PRODUCT
        FO_PREDICT
        FO_V_INDEX
        FO_V_ROWS
        FO_V_INDEX_MIXED
        FO_V_ROWS_MIXED
        FO_TILE_F64
        FO_TILE_F32

    # One row, by fo_softmax.h and fo_probabilities.h: raw, target (or index), direction, gradient, hessian and product
    # are of k numbers, hessian of k k with FO_FULL_HESSIAN; weight and value are one number; keep and spread, 1 - s and s / k with label smoothing s,
    # and class_weight (or NULL) are read in the modes of MIXED; scale multiplies derivatives.
    ctypedef struct rows_f64 "fo_rows_f64":
        const double* raw
        const double* target
        const double* direction
        const int64_t* index
        const double* weight
        double* value
        double* gradient
        double* hessian
        double* product
        const double* class_weight
        double scale
        double keep
        double spread
    ctypedef struct rows_f32 "fo_rows_f32":
        const float* raw
        const float* target
        const float* direction
        const int64_t* index
        const float* weight
        float* value
        float* gradient
        float* hessian
        float* product
        const double* class_weight
        float scale
        float keep
        float spread
    void softmax_row_f64 "fo_softmax_row_f64"(int mode, int64_t k, int what, const rows_f64* rows)
    void softmax_row_f32 "fo_softmax_row_f32"(int mode, int64_t k, int what, const rows_f32* rows)
    void probability_row_f64 "fo_probability_row_f64"(int mode, int64_t k, int what, const rows_f64* rows)
    void probability_row_f32 "fo_probability_row_f32"(int mode, int64_t k, int what, const rows_f32* rows)

    # FO_TILE_F64 or FO_TILE_F32 rows at once, class-major: x[c * FO_TILE_F64 + row]. fo_rowwise.h says what is read and
    # written: v holds target rows, or one number a row, or is NULL where y holds class indices; p, b and both are for
    # FO_FULL_HESSIAN; par holds the loss's parameters in the order of its class. A gradient is always written.
    ctypedef struct row_tile_f64 "fo_row_tile_f64":
        int what
        int64_t k
        const double* z
        const double* v
        const int64_t* y
        const double* u
        double* value
        double* gradient
        double* hessian
        double* scratch
        double* p
        double* b
        double* both
        double[4] par
    ctypedef struct row_tile_f32 "fo_row_tile_f32":
        int what
        int64_t k
        const float* z
        const float* v
        const int64_t* y
        const float* u
        float* value
        float* gradient
        float* hessian
        float* scratch
        float* p
        float* b
        float* both
        float[4] par
    void categorical_focal_f64 "fo_categorical_focal_f64"(const row_tile_f64* r)
    void categorical_focal_f32 "fo_categorical_focal_f32"(const row_tile_f32* r)
    void poly1_cross_entropy_f64 "fo_poly1_cross_entropy_f64"(const row_tile_f64* r)
    void poly1_cross_entropy_f32 "fo_poly1_cross_entropy_f32"(const row_tile_f32* r)
    void categorical_generalized_cross_entropy_f64 "fo_categorical_generalized_cross_entropy_f64"(const row_tile_f64* r)
    void categorical_generalized_cross_entropy_f32 "fo_categorical_generalized_cross_entropy_f32"(const row_tile_f32* r)
    void softmax_kl_divergence_f64 "fo_softmax_kl_divergence_f64"(const row_tile_f64* r)
    void softmax_kl_divergence_f32 "fo_softmax_kl_divergence_f32"(const row_tile_f32* r)
    void kl_divergence_from_log_probabilities_f64 "fo_kl_divergence_from_log_probabilities_f64"(const row_tile_f64* r)
    void kl_divergence_from_log_probabilities_f32 "fo_kl_divergence_from_log_probabilities_f32"(const row_tile_f32* r)
    void kl_divergence_from_probabilities_f64 "fo_kl_divergence_from_probabilities_f64"(const row_tile_f64* r)
    void kl_divergence_from_probabilities_f32 "fo_kl_divergence_from_probabilities_f32"(const row_tile_f32* r)
    void jensen_shannon_f64 "fo_jensen_shannon_f64"(const row_tile_f64* r)
    void jensen_shannon_f32 "fo_jensen_shannon_f32"(const row_tile_f32* r)
    void listwise_softmax_f64 "fo_listwise_softmax_f64"(const row_tile_f64* r)
    void listwise_softmax_f32 "fo_listwise_softmax_f32"(const row_tile_f32* r)
    void multilabel_logistic_f64 "fo_multilabel_logistic_f64"(const row_tile_f64* r)
    void multilabel_logistic_f32 "fo_multilabel_logistic_f32"(const row_tile_f32* r)
    void sparsemax_f64 "fo_sparsemax_f64"(const row_tile_f64* r)
    void sparsemax_f32 "fo_sparsemax_f32"(const row_tile_f32* r)
    void crammer_singer_f64 "fo_crammer_singer_f64"(const row_tile_f64* r)
    void crammer_singer_f32 "fo_crammer_singer_f32"(const row_tile_f32* r)
    void weston_watkins_f64 "fo_weston_watkins_f64"(const row_tile_f64* r)
    void weston_watkins_f32 "fo_weston_watkins_f32"(const row_tile_f32* r)
    void multilabel_margin_f64 "fo_multilabel_margin_f64"(const row_tile_f64* r)
    void multilabel_margin_f32 "fo_multilabel_margin_f32"(const row_tile_f32* r)
    void cumulative_logit_f64 "fo_cumulative_logit_f64"(const row_tile_f64* r)
    void cumulative_logit_f32 "fo_cumulative_logit_f32"(const row_tile_f32* r)
    void cosine_distance_f64 "fo_cosine_distance_f64"(const row_tile_f64* r)
    void cosine_distance_f32 "fo_cosine_distance_f32"(const row_tile_f32* r)
    void gaussian_nll_f64 "fo_gaussian_nll_f64"(const row_tile_f64* r)
    void gaussian_nll_f32 "fo_gaussian_nll_f32"(const row_tile_f32* r)
    void iou_f64 "fo_iou_f64"(const row_tile_f64* r)
    void iou_f32 "fo_iou_f32"(const row_tile_f32* r)
    void generalized_iou_f64 "fo_generalized_iou_f64"(const row_tile_f64* r)
    void generalized_iou_f32 "fo_generalized_iou_f32"(const row_tile_f32* r)
    void complete_iou_f64 "fo_complete_iou_f64"(const row_tile_f64* r)
    void complete_iou_f32 "fo_complete_iou_f32"(const row_tile_f32* r)

    ctypedef struct scalars_f64 "fo_scalars_f64":
        double sign, l2, decay, alpha, beta, keep1, gain1, keep2, gain2, eps, lift, eps_root, keep3, gain3
    ctypedef struct scalars_f32 "fo_scalars_f32":
        float sign, l2, decay, alpha, beta, keep1, gain1, keep2, gain2, eps, lift, eps_root, keep3, gain3
    # A parameter w and the slots of its rule.
    ctypedef struct element_f64 "fo_element_f64":
        double w, a, b, c, d
    ctypedef struct element_f32 "fo_element_f32":
        float w, a, b, c, d

    # h is sign * gradient + l2 * w.
    element_f64 sgd_f64 "fo_sgd_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 sgd_f32 "fo_sgd_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 momentum_f64 "fo_momentum_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 momentum_f32 "fo_momentum_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 nesterov_f64 "fo_nesterov_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 nesterov_f32 "fo_nesterov_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 adam_f64 "fo_adam_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 adam_f32 "fo_adam_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 amsgrad_f64 "fo_amsgrad_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 amsgrad_f32 "fo_amsgrad_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 adagrad_f64 "fo_adagrad_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 adagrad_f32 "fo_adagrad_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 adadelta_f64 "fo_adadelta_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 adadelta_f32 "fo_adadelta_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 rmsprop_f64 "fo_rmsprop_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 rmsprop_f32 "fo_rmsprop_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 rmsprop_momentum_f64 "fo_rmsprop_momentum_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 rmsprop_momentum_f32 "fo_rmsprop_momentum_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 rmsprop_centered_f64 "fo_rmsprop_centered_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 rmsprop_centered_f32 "fo_rmsprop_centered_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 rmsprop_centered_momentum_f64 "fo_rmsprop_centered_momentum_f64"(
        element_f64 e, double h, const scalars_f64* s)
    element_f32 rmsprop_centered_momentum_f32 "fo_rmsprop_centered_momentum_f32"(
        element_f32 e, float h, const scalars_f32* s)
    element_f64 adamax_f64 "fo_adamax_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 adamax_f32 "fo_adamax_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 nadam_f64 "fo_nadam_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 nadam_f32 "fo_nadam_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 radam_f64 "fo_radam_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 radam_f32 "fo_radam_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 adabelief_f64 "fo_adabelief_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 adabelief_f32 "fo_adabelief_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 yogi_f64 "fo_yogi_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 yogi_f32 "fo_yogi_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 adan_f64 "fo_adan_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 adan_f32 "fo_adan_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 lion_f64 "fo_lion_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 lion_f32 "fo_lion_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 signum_f64 "fo_signum_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 signum_f32 "fo_signum_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 rprop_f64 "fo_rprop_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 rprop_f32 "fo_rprop_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 ftrl_f64 "fo_ftrl_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 ftrl_f32 "fo_ftrl_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 asgd_f64 "fo_asgd_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 asgd_f32 "fo_asgd_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 schedule_free_f64 "fo_schedule_free_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 schedule_free_f32 "fo_schedule_free_f32"(element_f32 e, float h, const scalars_f32* s)
    element_f64 schedule_free_adam_f64 "fo_schedule_free_adam_f64"(element_f64 e, double h, const scalars_f64* s)
    element_f32 schedule_free_adam_f32 "fo_schedule_free_adam_f32"(element_f32 e, float h, const scalars_f32* s)
