// erf and erfc of a Pack, to a few units in the last place in f32 and f64.
// W. J. Cody, "Rational Chebyshev approximations for the error function" (1969): one rational
// function for small x, two for the complement further out, chosen lane by lane. Compiled once per
// instruction set (docs/simd.md).

#if defined(ATTUNE_TENSOR_INTERNAL_ERF_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ATTUNE_TENSOR_INTERNAL_ERF_INL_H_
#undef ATTUNE_TENSOR_INTERNAL_ERF_INL_H_
#else
#define ATTUNE_TENSOR_INTERNAL_ERF_INL_H_
#endif

#include "attune/tensor/internal/pack-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {

// c0 + x (c1 + x (c2 + …))
template <class T, size_t kCount>
HWY_INLINE Pack<T> polynomial(Pack<T> x, const double (&c)[kCount]) {
  Pack<T> y = c[kCount - 1];
  for (size_t i = kCount - 1; i-- > 0;) y = multiply_add(y, x, Pack<T>(c[i]));
  return y;
}

// erf(x) for |x| <= 0.46875.
template <class T>
HWY_INLINE Pack<T> erf_near(Pack<T> x) {
  constexpr double kUp[] = {3.20937758913846947e3, 3.77485237685302021e2, 1.13864154151050156e2,
                            3.16112374387056560, 1.85777706184603153e-1};
  constexpr double kDown[] = {2.84423683343917062e3, 1.28261652607737228e3, 2.44024637934444173e2,
                              2.36012909523441209e1, 1.0};
  const Pack<T> square = x * x;
  return x * polynomial(square, kUp) / polynomial(square, kDown);
}

// erfc(x) for x >= 0.46875.
template <class T>
HWY_INLINE Pack<T> erfc_far(Pack<T> x) {
  // exp(-x^2) without the rounding error of x^2: x = top + rest, with few digits in top.
  const Pack<T> top = floor(x * 16.0) * 0.0625;
  const Pack<T> decay = exp(-(top * top)) * exp(-((x - top) * (x + top)));
  // up to 4
  constexpr double kMiddleUp[] = {
      1.23033935479799725e3, 2.05107837782607147e3,  1.71204761263407058e3,
      8.81952221241769090e2, 2.98635138197400131e2,  6.61191906371416295e1,
      8.88314979438837594,   5.64188496988670089e-1, 2.15311535474403846e-8};
  constexpr double kMiddleDown[] = {
      1.23033935480374942e3, 3.43936767414372164e3, 4.36261909014324716e3,
      3.29079923573345963e3, 1.62138957456669019e3, 5.37181101862009858e2,
      1.17693950891312499e2, 1.57449261107098347e1, 1.0};
  const Pack<T> middle = polynomial(x, kMiddleUp) / polynomial(x, kMiddleDown);
  // beyond 4, in 1 / x^2
  constexpr double kTailUp[] = {6.58749161529837803e-4, 1.60837851487422766e-2,
                                1.25781726111229246e-1, 3.60344899949804439e-1,
                                3.05326634961232344e-1, 1.63153871373020978e-2};
  constexpr double kTailDown[] = {2.33520497626869185e-3, 6.05183413124413191e-2,
                                  5.27905102951428412e-1, 1.87295284992346725,
                                  2.56852019228982242,    1.0};
  const Pack<T> inverse = 1.0 / (x * x);
  const Pack<T> tail = (0.56418958354775628695 -
                        inverse * polynomial(inverse, kTailUp) / polynomial(inverse, kTailDown)) /
                       x;
  // Beyond 28 all is below the smallest number, and the products above would be inf times 0.
  return select(x > 28.0, Pack<T>(0.0), decay * select(x > 4.0, tail, middle));
}

// erfc(x) for x >= 0 in f32: one exponential of a polynomial, relative error below 4e-7.
// Press, Teukolsky, Vetterling and Flannery, "Numerical Recipes" (1992), section 6.2. Far out the
// exponent is large, and its rounding error would show: it is kept and put back as a factor.
HWY_INLINE Pack<float> erfc_single(Pack<float> x) {
  constexpr double kExponent[] = {-1.26551223, 1.00002368,  0.37409196, 0.09678418,  -0.18628806,
                                  0.27886807,  -1.13520398, 1.48851587, -0.82215223, 0.17087277};
  using P = Pack<float>;
  x = minimum(x, P(28.0));  // where erfc is 0 in f32
  const P t = 1.0 / multiply_add(x, P(0.5), P(1.0)), p = polynomial(t, kExponent);
  const P square = x * x, square_error = multiply_add(x, x, -square);
  const P exponent = p - square, sum_error = p - (exponent + square);
  const P y = exp_of_negative(exponent);
  return t * multiply_add(y, sum_error - square_error, y);
}

template <class T>
HWY_INLINE Pack<T> erf(Pack<T> x) {
  const Pack<T> far = copy_sign(1.0 - erfc_far(maximum(abs(x), Pack<T>(0.46875))), x);
  return select(is_nan(x), x, select(abs(x) > 0.46875, far, erf_near(x)));
}

template <class T>
HWY_INLINE Pack<T> erfc(Pack<T> x) {
  if constexpr (sizeof(T) == sizeof(float)) {
    const Pack<T> y = erfc_single(abs(x));
    return select(is_nan(x), x, select(x < 0.0, 2.0 - y, y));
  }
  const Pack<T> far = erfc_far(maximum(abs(x), Pack<T>(0.46875)));
  const Pack<T> outer = select(x < 0.0, 2.0 - far, far);
  return select(is_nan(x), x, select(abs(x) > 0.46875, outer, 1.0 - erf_near(x)));
}

}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
