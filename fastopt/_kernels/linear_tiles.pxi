# The tile kernels of src_c/fo_tiles.h, and for the factorisations of either module those of fo_cholesky.h in double.
cdef extern from *:
    """
    #if FO_SINGLE
    #undef FO_SINGLE
    #define FO_SINGLE 0
    #include "fo_cholesky.h"
    #undef FO_SINGLE
    #define FO_SINGLE 1
    #include "fo_tiles.h"
    #else
    #include "fo_cholesky.h"
    #endif
    """
    Py_ssize_t gram_rows "FO(gram_rows)"(Py_ssize_t p, Py_ssize_t k) nogil
    Py_ssize_t pass_rows "FO(pass_rows)"(Py_ssize_t p, Py_ssize_t k) nogil
    Py_ssize_t tile_scratch "FO(tile_scratch)"(Py_ssize_t m, Py_ssize_t p) nogil
    Py_ssize_t weights_size "FO(weights_size)"(Py_ssize_t p, Py_ssize_t k) nogil
    void pack_weights "FO(pack_weights)"(const double* w, Py_ssize_t p, Py_ssize_t k, real* out) nogil
    enum:
        NARROW "FO(narrow)"  # columns up to which a tile is transposed for one output
    void tile_transpose "FO(tile_transpose)"(const real* x, Py_ssize_t ld, Py_ssize_t m, Py_ssize_t p, real* xt,
                                             const real* w, real* z) nogil
    void tile_forward "FO(tile_forward)"(const real* x, Py_ssize_t ld, Py_ssize_t m, Py_ssize_t p, Py_ssize_t k,
                                         const real* w, real* z, const real* next, int half) nogil
    void tile_backward "FO(tile_backward)"(const real* x, Py_ssize_t ld, const real* xt, Py_ssize_t m, Py_ssize_t p,
                                           Py_ssize_t k, const real* r, double* g, const real* next,
                                           real* scratch) nogil
    void tile_gram "FO(tile_gram)"(const real* x, Py_ssize_t ld, const real* xt, Py_ssize_t m, Py_ssize_t lo,
                                   Py_ssize_t hi, const real* h, double* out, Py_ssize_t ldo, real* scratch) nogil
    double tile_moments "FO(tile_moments)"(const real* x, Py_ssize_t ld, Py_ssize_t m, Py_ssize_t p, const real* w,
                                           const real* shift, double* mean, double* square) nogil
    double tile_sum "FO(tile_sum)"(const real* a, Py_ssize_t n) nogil
    double tile_dot "FO(tile_dot)"(const real* a, const real* b, Py_ssize_t n) nogil
    int tile_not_finite "FO(tile_not_finite)"(const real* x, Py_ssize_t count) nogil
    enum:
        FO_STEP
        chol_rows "fo_chol_rows_f64"
    Py_ssize_t chol_diagonal "fo_chol_diagonal_f64"(double* a, Py_ssize_t ld, Py_ssize_t n, double* inverse) nogil
    void chol_panel "fo_chol_panel_f64"(const double* l, Py_ssize_t ld, Py_ssize_t n, const double* inverse, double* a,
                                        Py_ssize_t rows, double* panel) nogil
    void chol_update "fo_chol_update_f64"(double* c, const double* a, Py_ssize_t ld, Py_ssize_t at, Py_ssize_t rows,
                                          Py_ssize_t n, const double* panel) nogil
    double dot64 "fo_dot_f64"(const double* a, const double* b, Py_ssize_t n) nogil
