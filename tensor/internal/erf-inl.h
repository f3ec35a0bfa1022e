// The error function and the normal distribution of a Pack, to a few units in the last place in f32
// and f64, out to the far tail. Compiled once per instruction set (docs/simd.md).

#if defined(ATTUNE_TENSOR_INTERNAL_ERF_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ATTUNE_TENSOR_INTERNAL_ERF_INL_H_
#undef ATTUNE_TENSOR_INTERNAL_ERF_INL_H_
#else
#define ATTUNE_TENSOR_INTERNAL_ERF_INL_H_
#endif

#include "attune/tensor/internal/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {

// x^2 - square, where square is x^2 rounded.
template <class T>
HWY_INLINE Pack<T> square_error(Pack<T> x, Pack<T> square) {
#if HWY_TARGET == HWY_SCALAR || (HWY_ARCH_X86 && HWY_TARGET > HWY_AVX2)  // no fused product
  const auto half =
      hn::Set(Layout<T>::words, ~typename Layout<T>::Word{0} << (sizeof(T) == 4 ? 12 : 27));
  const Pack<T> top =
      hn::BitCast(hn::ScalableTag<T>(), hn::And(hn::BitCast(Layout<T>::words, x.v), half));
  const Pack<T> rest = x - top;  // the squares of both are exact
  return top * top - square + 2.0 * top * rest + rest * rest;
#else
  return multiply_add(x, x, -square);
#endif
}

// exp(-rate x^2) for 0 <= x <= 40, as exact as exp: an exponent of -100 that is off by its rounding
// error would show a hundred times that error.
template <class T>
HWY_INLINE Pack<T> gaussian(Pack<T> x, double rate) {
  const Pack<T> square = x * x, y = exp_of_negative(-rate * square);
  return multiply_add(y, -rate * square_error(x, square), y);
}

// erf(x) for |x| <= 0.46875 in f64. This and the next are by W. J. Cody, "Rational Chebyshev
// approximations for the error function" (1969).
template <class T>
HWY_INLINE Pack<T> erf_near(Pack<T> x) {
  constexpr double kUp[] = {3.20937758913846947e3, 3.77485237685302021e2, 1.13864154151050156e2,
                            3.16112374387056560, 1.85777706184603153e-1};
  constexpr double kDown[] = {2.84423683343917062e3, 1.28261652607737228e3, 2.44024637934444173e2,
                              2.36012909523441209e1, 1.0};
  const Pack<T> square = x * x;
  return x * polynomial(square, kUp) / polynomial(square, kDown);
}

// erfc(x) exp(x^2) for x >= 0.46875 in f64: one rational function up to 4, one in 1 / x^2 beyond.
template <class T>
HWY_INLINE Pack<T> erfc_scaled(Pack<T> x) {
  constexpr double kMiddleUp[] = {
      1.23033935479799725e3, 2.05107837782607147e3,  1.71204761263407058e3,
      8.81952221241769090e2, 2.98635138197400131e2,  6.61191906371416295e1,
      8.88314979438837594,   5.64188496988670089e-1, 2.15311535474403846e-8};
  constexpr double kMiddleDown[] = {
      1.23033935480374942e3, 3.43936767414372164e3, 4.36261909014324716e3,
      3.29079923573345963e3, 1.62138957456669019e3, 5.37181101862009858e2,
      1.17693950891312499e2, 1.57449261107098347e1, 1.0};
  const Pack<T> middle = polynomial(x, kMiddleUp) / polynomial(x, kMiddleDown);
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
  return select(x > 4.0, tail, middle);
}

template <class T>
HWY_INLINE Pack<T> erf(Pack<T> x) {
  const Pack<T> size = abs(x);
  Pack<T> y;
  if constexpr (sizeof(T) ==
                sizeof(float)) {  // polynomials for erf(x) / x - 1 and log(erfc(x)) / x + 1
    constexpr double kNear[] = {0.128379166,   -0.376126319,    0.112836763,  -0.0268585309,
                                0.00519913947, -0.000812306418, 8.2924249e-05};
    constexpr double kFar[] = {-0.128661603,  -0.635096669,   -0.106329679,   0.0238441713,
                               -0.0036823398, 0.000332877913, -1.22645852e-05};
    const Pack<T> limit = 4.0, t = hn::Min(size.v, limit.v);  // erf(4) rounds to 1
    const Pack<T> far = 1.0 - exp_of_negative(multiply_add(polynomial(t, kFar), t, -t));
    y = select(size > 0.93, far, multiply_add(polynomial(x * x, kNear), size, size));
  } else {
    const Pack<T> t = hn::Min(hn::Max(size.v, Pack<T>(0.46875).v), Pack<T>(6.0).v);
    y = select(size > 0.46875, 1.0 - gaussian(t, 1.0) * erfc_scaled(t), erf_near(size));
  }
  return select(is_nan(x), x, copy_sign(y, x));
}

// f(x) computed in f64.
template <class F>
HWY_INLINE Pack<float> in_double(Pack<float> x, F f) {
  const hn::ScalableTag<double> wide;
  const hn::Rebind<float, decltype(wide)> narrow;
  HWY_ALIGN float lanes[hn::MaxLanes(hn::ScalableTag<float>())];
  hn::Store(x.v, hn::ScalableTag<float>(), lanes);
  for (size_t i = 0; i < hn::Lanes(hn::ScalableTag<float>()); i += hn::Lanes(wide)) {
    const Pack<double> y = f(Pack<double>(hn::PromoteTo(wide, hn::LoadU(narrow, lanes + i))));
    hn::StoreU(hn::DemoteTo(narrow, y.v), narrow, lanes + i);
  }
  return hn::Load(hn::ScalableTag<float>(), lanes);
}

// 1 - erf(x), exact in the far tail.
template <class T>
HWY_INLINE Pack<T> erfc(Pack<T> x) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return in_double(x, [](Pack<double> wide) HWY_ATTR { return erfc(wide); });
  } else {
    const Pack<T> size = hn::Min(hn::Abs(x.v), Pack<T>(28.0).v), decay = gaussian(size, 1.0);
    const Pack<T> far = decay * erfc_scaled<T>(hn::Max(size.v, Pack<T>(0.46875).v));
    const Pack<T> tail = select(size > 0.46875, far, 1.0 - erf_near(size));
    return select(is_nan(x), x, select(x < 0.0, 2.0 - tail, tail));
  }
}

// The inverse of erf, by M. J. Wichura's rational functions for the normal distribution, "Algorithm
// AS 241" (1988): near 0 in x^2, further out in the root of a logarithm of the tail.
template <class T>
HWY_INLINE Pack<T> erfinv(Pack<T> x) {
  constexpr double kNearUp[] = {3.3871328727963666080e0, 1.3314166789178437745e2,
                                1.9715909503065514427e3, 1.3731693765509461125e4,
                                4.5921953931549871457e4, 6.7265770927008700853e4,
                                3.3430575583588128105e4, 2.5090809287301226727e3};
  constexpr double kNearDown[] = {1.0,
                                  4.2313330701600911252e1,
                                  6.8718700749205790830e2,
                                  5.3941960214247511077e3,
                                  2.1213794301586595867e4,
                                  3.9307895800092710610e4,
                                  2.8729085735721942674e4,
                                  5.2264952788528545610e3};
  constexpr double kMiddleUp[] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                  5.76949722146069140550e0,  3.64784832476320460504e0,
                                  1.27045825245236838258e0,  2.41780725177450611770e-1,
                                  2.27238449892691845833e-2, 7.74545014278341407640e-4};
  constexpr double kMiddleDown[] = {1.0,
                                    2.05319162663775882187e0,
                                    1.67638483018380384940e0,
                                    6.89767334985100004550e-1,
                                    1.48103976427480074590e-1,
                                    1.51986665636164571966e-2,
                                    5.47593808499534494600e-4,
                                    1.05075007164441684324e-9};
  constexpr double kFarUp[] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                               1.78482653991729133580e0,  2.96560571828504891230e-1,
                               2.65321895265761230930e-2, 1.24266094738807843860e-3,
                               2.71155556874348757815e-5, 2.01033439929228813265e-7};
  constexpr double kFarDown[] = {1.0,
                                 5.99832206555887937690e-1,
                                 1.36929880922735805310e-1,
                                 1.48753612908506148525e-2,
                                 7.86869131745613259100e-4,
                                 1.84631831751005468180e-5,
                                 1.42151175831644588870e-7,
                                 2.04426310338993978564e-15};
  const Pack<T> size = abs(x), half = 0.5 * size, inner = 0.180625 - half * half;
  const Pack<T> near = half * polynomial(inner, kNearUp) / polynomial(inner, kNearDown);
  const Pack<T> tail = 0.5 * (1.0 - size), least = sizeof(T) == 4 ? 1e-9 : 1e-18;
  const Pack<T> root = sqrt(-log(Pack<T>(hn::Min(hn::Max(tail.v, least.v), Pack<T>(0.5).v))));
  const Pack<T> middle = root - 1.6, far = root - 5.0;
  const Pack<T> beyond = select(far > 0.0, polynomial(far, kFarUp) / polynomial(far, kFarDown),
                                polynomial(middle, kMiddleUp) / polynomial(middle, kMiddleDown));
  Pack<T> y = 0.7071067811865476 * select(half > 0.425, beyond, near);
  y = select(size == Pack<T>(1.0), kInfinity, y);
  y = select(size > 1.0, std::numeric_limits<double>::quiet_NaN(), y);
  return select(is_nan(x), x, copy_sign(y, x));
}

// ---- The standard normal distribution ----

template <class T>
HWY_INLINE Pack<T> normal_size(Pack<T> x) {  // the density is 0 beyond 40, even in f64
  return hn::Min(hn::Abs(x.v), Pack<T>(40.0).v);
}

template <class T>
HWY_INLINE Pack<T> normal_density(Pack<T> x) {
  return 0.3989422804014327 * gaussian(normal_size(x), 0.5);
}

// The probability of less than x. The exponential is taken of x itself: of x / sqrt(2), rounded, it
// would be off in the tail.
template <class T>
HWY_INLINE Pack<T> normal_probability(Pack<T> x) {
  const Pack<T> size = normal_size(x), decay = gaussian(size, 0.5);
  Pack<T> tail;
  if constexpr (sizeof(T) == sizeof(float)) {
    constexpr double kTail[] = {0.0997450873,  0.0995455533, 0.0950877741, 0.0739469081,
                                0.0811462849,  0.0227810796, 0.0165342502, 0.0604429133,
                                -0.0664805323, 0.0172506869};
    const Pack<T> t = 1.0 / multiply_add(size, Pack<T>(0.25), Pack<T>(1.0));
    tail = decay * (t * polynomial(t, kTail));
  } else {
    const Pack<T> u = 0.7071067811865476 * size;
    const Pack<T> far = 0.5 * decay * erfc_scaled<T>(hn::Max(u.v, Pack<T>(0.46875).v));
    tail = select(u > 0.46875, far, 0.5 - 0.5 * erf_near(u));
  }
  return select(x < 0.0, tail, 1.0 - tail);
}

// sigmoid(z) for z = sqrt(8 / pi) (x + 0.044715 x^3), the rounding error of z put back: it stands
// in an exponent.
template <class T>
HWY_INLINE Pack<T> gelu_sigmoid(Pack<T> input) {
  constexpr bool kSingle = sizeof(T) == 4;
  constexpr double kOne = 1.5957691216057308, kThree = 0.071354816272600248;
  constexpr double kOneRest = kSingle ? kOne - static_cast<float>(kOne) : -9.9693088091109140e-17;
  constexpr double kThreeRest =
      kSingle ? kThree - static_cast<float>(kThree) : -6.1751499181552071e-19;
  const Pack<T> x = within(input, 40.0);
  const Pack<T> one = kOne, three = kThree;
  const Pack<T> square = x * x, p = multiply_add(square, three, one), z = x * p;
  const Pack<T> rest_p = multiply_add(square, three, one - p) + three * square_error(x, square) +
                         multiply_add(square, Pack<T>(kThreeRest), Pack<T>(kOneRest));
  const Pack<T> rest_z = multiply_add(x, rest_p, multiply_add(x, p, -z));
  const Pack<T> size = abs(z), y = exp_of_negative(-size);
  const Pack<T> e = multiply_add(y, -(rest_z * copy_sign(Pack<T>(1.0), z)), y);
  return select(z < 0.0, e, Pack<T>(1.0)) / (1.0 + e);
}

}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
