/* Branch-free elementary functions (placeholder until the real header is merged). */
#include "fo_real.h"
#if (FO_SINGLE && !defined(FO_MATH_F32)) || (!FO_SINGLE && !defined(FO_MATH_F64))
#if FO_SINGLE
#define FO_MATH_F32
FO_INLINE float fo_exp_f32(float x) { return expf(x); }
FO_INLINE float fo_log_f32(float x) { return logf(x); }
FO_INLINE float fo_log1p_f32(float x) { return log1pf(x); }
#else
#define FO_MATH_F64
FO_INLINE double fo_exp_f64(double x) { return exp(x); }
FO_INLINE double fo_log_f64(double x) { return log(x); }
FO_INLINE double fo_log1p_f64(double x) { return log1p(x); }
#endif
#endif
