// Exponentials, logarithms and trigonometric functions of a Pack, in f32 and f64, right at the ends
// of their ranges. Where Highway's own functions err by less than a unit in the last place (ulp)
// they are used; the others here err by less than about 1.5, and neither sine nor cosine leaves
// [-1, 1].
//
// Compiled once per instruction set: include it only from such a file (docs/simd.md).

#if defined(ATTUNE_TENSOR_INTERNAL_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ATTUNE_TENSOR_INTERNAL_MATH_INL_H_
#undef ATTUNE_TENSOR_INTERNAL_MATH_INL_H_
#else
#define ATTUNE_TENSOR_INTERNAL_MATH_INL_H_
#endif

#include <cmath>
#include <cstdint>
#include <limits>

#include "attune/tensor/internal/pack-inl.h"
#include "hwy/contrib/math/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {

// The layout of a floating number, and the number whose sum with a small one has that one, rounded
// to an integer, in its lowest bits.
template <class T>
struct Layout {
  using Word = hwy::MakeUnsigned<T>;
  static constexpr bool kSingle = sizeof(T) == 4;
  static constexpr int kFraction = kSingle ? 23 : 52;
  static constexpr Word kBias = kSingle ? 127 : 1023;
  static constexpr double kRound = kSingle ? 12582912.0 : 6755399441055744.0;  // 1.5 * 2^kFraction
  static constexpr hn::RebindToUnsigned<hn::ScalableTag<T>> words{};
};
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

// c[0] + x (c[1] + x (c[2] + …))
template <class T, size_t kCount>
HWY_INLINE Pack<T> polynomial(Pack<T> x, const double (&c)[kCount]) {
  Pack<T> y = c[kCount - 1];
  for (size_t i = kCount - 1; i-- > 0;) y = multiply_add(y, x, Pack<T>(c[i]));
  return y;
}

// f of each lane of x and y by itself: slow, for arguments that are rare.
template <class T, class F>
HWY_NOINLINE Pack<T> lane_by_lane(Pack<T> x, Pack<T> y, F f) {
  const hn::ScalableTag<T> d;
  HWY_ALIGN T of_x[hn::MaxLanes(d)];
  HWY_ALIGN T of_y[hn::MaxLanes(d)];
  hn::Store(x.v, d, of_x);
  hn::Store(y.v, d, of_y);
  for (size_t i = 0; i < hn::Lanes(d); ++i) of_x[i] = f(of_x[i], of_y[i]);
  return hn::Load(d, of_x);
}

template <class T>
HWY_INLINE Pack<T> exp_of_negative(Pack<T> x) {  // x <= 0; anything of NaN
  return hn::Exp(hn::ScalableTag<T>(), x.v);
}

template <class T>
HWY_INLINE Pack<T> exp(Pack<T> x) {
  const Pack<T> top = Layout<T>::kSingle ? 88.72283935546875 : 709.782712893384;
  const Pack<T> y = hn::Exp(hn::ScalableTag<T>(), hn::Min(x.v, top.v));
  return select(is_nan(x), x, select(x > top, kInfinity, y));
}

// exp(x) - 1 for |x| <= 40 and further up to infinity; anything of NaN.
// x = q ln 2 + r, so that exp(x) - 1 = 2^q (exp(r) - 1) + 2^q - 1. Half of that cannot overflow.
template <class T>
HWY_INLINE Pack<T> expm1_within(Pack<T> x) {
  using L = Layout<T>;
  const Pack<T> shifted = multiply_add(x, Pack<T>(1.4426950408889634), Pack<T>(L::kRound));
  const Pack<T> q = shifted - L::kRound;
  Pack<T> r, rest;
  if constexpr (L::kSingle) {
    constexpr double kRest[] = {0.5,           0.166666672,   0.0416664779,
                                0.00833319221, 0.00139337103, 0.000199584538};
    r = multiply_add(q, Pack<T>(-0.693145751953125), x);
    r = multiply_add(q, Pack<T>(-1.42860676533018518e-6), r);
    rest = polynomial(r, kRest);
  } else {
    constexpr double kRest[] = {0.5,
                                0.166666666666666768,
                                0.0416666666666666921,
                                0.00833333333332138271,
                                0.00138888888888718197,
                                0.000198412698867003626,
                                2.48015873502583399e-05,
                                2.75572436669465237e-06,
                                2.75572517679144397e-07,
                                2.51092170179416299e-08,
                                2.09216252766686909e-09};
    r = multiply_add(q, Pack<T>(-0.6931471805596629565), x);
    r = multiply_add(q, Pack<T>(-0.28235290563031577e-12), r);
    rest = polynomial(r, kRest);
  }
  rest = multiply_add(rest, r * r, r);
  const auto exponent = hn::ShiftLeft<L::kFraction>(hn::BitCast(L::words, shifted.v));
  const auto one_half = hn::Set(L::words, (L::kBias - 1) << L::kFraction);
  const Pack<T> scale = hn::BitCast(hn::ScalableTag<T>(), hn::Add(exponent, one_half));
  const Pack<T> half = multiply_add(scale, rest, scale - 0.5);
  return half + half;
}

template <class T>
HWY_INLINE Pack<T> expm1(Pack<T> x) {
  const Pack<T> low = -40.0, high = Layout<T>::kSingle ? 89.0 : 710.0;
  const Pack<T> y = expm1_within<T>(hn::Min(hn::Max(x.v, low.v), high.v));
  return select(is_nan(x), x, y);
}

template <class T>
HWY_INLINE Pack<T> tanh(Pack<T> x) {
  const Pack<T> size = abs(x), limit = 20.0, bounded = hn::Min(size.v, limit.v);
  const Pack<T> e = expm1_within(bounded + bounded);
  const auto is_near = size < 0.65;
  Pack<T> y;
  if constexpr (Layout<T>::kSingle) {
    constexpr double kNear[] = {-0.333333284, 0.133331224,    -0.053937085,
                                0.0216509756, -0.00806053542, 0.00204045442};
    const Pack<T> square = x * x;
    const Pack<T> near = multiply_add(polynomial(square, kNear), square * size, size);
    y = select(is_near, near, 1.0 - 2.0 / (e + 2.0));
  } else {
    const Pack<T> ratio = select(is_near, e, Pack<T>(2.0)) / (e + 2.0);
    y = select(is_near, ratio, 1.0 - ratio);
  }
  return select(is_nan(x), x, copy_sign(y, x));
}

// 1 / (1 + exp(-x)), by exp of a negative number, which never overflows.
template <class T>
HWY_INLINE Pack<T> sigmoid(Pack<T> x) {
  const Pack<T> e = exp_of_negative(-abs(x));
  return select(is_nan(x), x, select(x < 0.0, e, Pack<T>(1.0)) / (1.0 + e));
}

// log(x) or log1p(x), given y, its value away from the ends: -infinity at the pole, NaN below it.
template <class T>
HWY_INLINE Pack<T> ends_of_log(Pack<T> x, double pole, Pack<T> y) {
  y = select(x == Pack<T>(pole), -kInfinity, y);
  y = select(x < pole, std::numeric_limits<double>::quiet_NaN(), y);
  return select(is_nan(x) || x == Pack<T>(kInfinity), x, y);
}

// x = 2^k m, for a normal x > 0, with m between sqrt(1/2) and sqrt(2). Returns k.
template <class T>
HWY_INLINE Pack<T> split_exponent(Pack<T> x, Pack<T>& m) {
  using L = Layout<T>;
  using Word = typename L::Word;
  const hn::ScalableTag<T> d;
  const Word one = L::kBias << L::kFraction;
  const Word root_half = static_cast<Word>(L::kSingle ? 0x3F3504F3 : 0x3FE6A09E667F3BCD);
  const auto bits = hn::Add(hn::BitCast(L::words, x.v), hn::Set(L::words, one - root_half));
  const auto fraction = hn::And(bits, hn::Set(L::words, (Word{1} << L::kFraction) - 1));
  m = hn::BitCast(d, hn::Add(fraction, hn::Set(L::words, root_half)));
  // The exponent as a number: in the lowest bits of 2^kFraction.
  const Pack<T> base = L::kSingle ? 8388608.0 : 4503599627370496.0;
  const Pack<T> raised =
      hn::BitCast(d, hn::Or(hn::ShiftRight<L::kFraction>(bits), hn::BitCast(L::words, base.v)));
  return raised - (base + static_cast<double>(L::kBias));
}

template <class T>
HWY_INLINE Pack<T> log(Pack<T> x) {
  return ends_of_log<T>(x, 0.0, hn::Log(hn::ScalableTag<T>(), x.v));
}

// log(x) / log(base), given 1 / ln base and log(2) / log(base) as the sum of a high part, of so few
// digits that its products with exponents are exact, and a low one. Powers of 2 have exact log2.
template <class T>
HWY_INLINE Pack<T> log_to(Pack<T> x, double factor, double high, double low) {
  using L = Layout<T>;
  // What is subnormal is made normal first.
  const double raise = L::kSingle ? 0x1p32 : 0x1p64, least = L::kSingle ? 0x1p-126 : 0x1p-1022;
  const Mask<T> tiny = x < Pack<T>(least);
  Pack<T> m;
  Pack<T> k = split_exponent(select(tiny, x * raise, x), m);
  k = select(tiny, k - (L::kSingle ? 32.0 : 64.0), k);
  const Pack<T> rest = Pack<T>(hn::Log(hn::ScalableTag<T>(), m.v)) * factor;
  return ends_of_log<T>(x, 0.0,
                        multiply_add(k, Pack<T>(high), multiply_add(k, Pack<T>(low), rest)));
}
template <class T>
HWY_INLINE Pack<T> log2(Pack<T> x) {
  return log_to(x, 1.4426950408889634, 1.0, 0.0);
}
template <class T>
HWY_INLINE Pack<T> log10(Pack<T> x) {
  // fdlibm's halves of log10(2)
  return Layout<T>::kSingle ? log_to(x, 0.4342944819032518, 3.0102920532e-01, 7.9034151668e-07)
                            : log_to(x, 0.4342944819032518, 3.01029995663611771306e-01,
                                     3.69423907715893078616e-13);
}

// 2^x = 2^q exp(r ln 2), q an integer and |r| <= 1/2. 2^q in two factors, either of them normal.
template <class T>
HWY_INLINE Pack<T> exp2(Pack<T> input) {
  using L = Layout<T>;
  const Pack<T> most = L::kSingle ? 129.0 : 1025.0, least = L::kSingle ? -151.0 : -1076.0;
  const Pack<T> x = hn::Min(hn::Max(input.v, least.v), most.v);
  const auto power = [](Pack<T> shifted) HWY_ATTR {  // an integer plus kRound
    const auto exponent = hn::Add(hn::BitCast(L::words, shifted.v), hn::Set(L::words, L::kBias));
    return Pack<T>(hn::BitCast(hn::ScalableTag<T>(), hn::ShiftLeft<L::kFraction>(exponent)));
  };
  const Pack<T> q = (x + L::kRound) - L::kRound;
  const Pack<T> half = multiply_add(q, Pack<T>(0.5), Pack<T>(L::kRound));
  const Pack<T> other = (q - (half - L::kRound)) + L::kRound;
  const Pack<T> y = hn::Exp(hn::ScalableTag<T>(), ((x - q) * 0.6931471805599453).v);
  return select(is_nan(input), input, y * power(half) * power(other));
}

// log(1 + x) = k ln 2 + log(m) + what 1 + x lost by rounding, m between sqrt(1/2) and sqrt(2);
// log(m) as in fdlibm (Sun Microsystems, 1993).
template <class T>
HWY_INLINE Pack<T> log1p(Pack<T> x) {
  using L = Layout<T>;
  const Pack<T> y = x + 1.0;
  const Pack<T> lost = select(x > 1.0, 1.0 - (y - x), x - (y - 1.0)) / y;

  Pack<T> m;
  const Pack<T> k = split_exponent(y, m);
  const Pack<T> f = m - 1.0, s = f / (f + 2.0), z = s * s, half_square = 0.5 * f * f;
  Pack<T> rest;
  double high, low;  // ln 2, the high part with so few digits that its products with k are exact
  if constexpr (L::kSingle) {
    constexpr double kRest[] = {0.66666662693, 0.40000972152, 0.28498786688, 0.24279078841};
    rest = z * polynomial(z, kRest);
    high = 0.693138122558593750, low = 9.0580006144591607e-06;
  } else {
    constexpr double kRest[] = {0.6666666666666735130, 0.3999999999940941908, 0.2857142874366239149,
                                0.2222219843214978396, 0.1818357216161805012, 0.1531383769920937332,
                                0.1479819860511658591};
    rest = z * polynomial(z, kRest);
    high = 6.93147180369123816490e-01, low = 1.90821492927058770002e-10;
  }
  const Pack<T> small = multiply_add(s, half_square + rest, multiply_add(k, Pack<T>(low), lost));
  return ends_of_log<T>(x, -1.0, multiply_add(k, Pack<T>(high), f - (half_square - small)));
}

// sin(x + turns pi / 2) for 0 <= x <= 39000: x = q pi / 2 + r with |r| <= pi / 4, which takes the
// sine or the cosine of r.
template <class T>
HWY_INLINE Pack<T> sine(Pack<T> x, hwy::MakeUnsigned<T> turns) {
  using L = Layout<T>;
  const hn::ScalableTag<T> d;
  const Pack<T> shifted = multiply_add(x, Pack<T>(0.63661977236758134308), Pack<T>(L::kRound));
  const Pack<T> q = -(shifted - L::kRound);
  // pi / 2 in parts; the products of all but the last with q are exact.
  Pack<T> r, sine_rest, cosine;
  if constexpr (L::kSingle) {
    constexpr double kSine[] = {-0.166666538, 0.00833211653, -0.00019509955};
    constexpr double kCosine[] = {-0.5, 0.0416666456, -0.00138873048, 2.44314251e-05};
    r = multiply_add(q, Pack<T>(0.5 * 3.140625), x);
    r = multiply_add(q, Pack<T>(0.5 * 0.0009670257568359375), r);
    r = multiply_add(q, Pack<T>(0.5 * 6.2771141529083251953e-7), r);
    r = multiply_add(q, Pack<T>(0.5 * 1.2154201256553420762e-10), r);
    const Pack<T> z = r * r;
    sine_rest = z * polynomial(z, kSine);
    cosine = multiply_add(z, polynomial(z, kCosine), Pack<T>(1.0));
  } else {
    // fdlibm's
    constexpr double kSine[] = {-1.66666666666666324348e-01, 8.33333333332248946124e-03,
                                -1.98412698298579493134e-04, 2.75573137070700676789e-06,
                                -2.50507602534068634195e-08, 1.58969099521155010221e-10};
    constexpr double kCosine[] = {-0.5,
                                  4.16666666666666019037e-02,
                                  -1.38888888888741095749e-03,
                                  2.48015872894767294178e-05,
                                  -2.75573143513906633035e-07,
                                  2.08757232129817482790e-09,
                                  -1.13596475577881948265e-11};
    r = multiply_add(q, Pack<T>(0.5 * 3.1415926218032836914), x);
    r = multiply_add(q, Pack<T>(0.5 * 3.1786509424591713469e-8), r);
    r = multiply_add(q, Pack<T>(0.5 * 1.2246467864107188502e-16), r);
    r = multiply_add(q, Pack<T>(0.5 * 1.2736634327021899816e-24), r);
    const Pack<T> z = r * r;
    sine_rest = z * polynomial(z, kSine);
    cosine = multiply_add(z, polynomial(z, kCosine), Pack<T>(1.0));
  }
  const auto quarter = hn::Add(hn::BitCast(L::words, shifted.v), hn::Set(L::words, turns));
  const auto one = hn::Set(L::words, 1), two = hn::Set(L::words, 2);
  const Mask<T> is_odd{hn::RebindMask(d, hn::TestBit(quarter, one))};
  const auto sign = hn::ShiftLeft<8 * sizeof(T) - 2>(hn::And(quarter, two));
  const Pack<T> y = select(is_odd, cosine, multiply_add(r, sine_rest, r));
  return hn::Xor(y.v, hn::BitCast(d, sign));
}

// Whether sine() is exact enough for all lanes.
template <class T>
HWY_INLINE bool are_moderate(Pack<T> size) {
  return hn::AllTrue(hn::ScalableTag<T>(), (size <= Pack<T>(39000.0)).m);
}

template <class T>
HWY_INLINE Pack<T> sin(Pack<T> x) {
  const Pack<T> size = abs(x);
  if (!are_moderate(size)) return lane_by_lane(x, x, [](T e, T) { return std::sin(e); });
  return hn::Xor(sine(size, 0).v, hn::Xor(x.v, size.v));
}
template <class T>
HWY_INLINE Pack<T> cos(Pack<T> x) {
  const Pack<T> size = abs(x);
  if (!are_moderate(size)) return lane_by_lane(x, x, [](T e, T) { return std::cos(e); });
  return sine(size, 1);
}

template <class T>
HWY_INLINE Pack<T> tan(Pack<T> x) {
  const Pack<T> size = abs(x);
  if (!are_moderate(size)) return lane_by_lane(x, x, [](T e, T) { return std::tan(e); });
  return hn::Xor((Pack<T>(sine(size, 0)) / Pack<T>(sine(size, 1))).v, hn::Xor(x.v, size.v));
}

template <class T>
HWY_INLINE Pack<T> asin(Pack<T> x) {
  return select(is_nan(x), x, Pack<T>(hn::Asin(hn::ScalableTag<T>(), x.v)));
}
template <class T>
HWY_INLINE Pack<T> acos(Pack<T> x) {
  return select(is_nan(x), x, Pack<T>(hn::Acos(hn::ScalableTag<T>(), x.v)));
}
template <class T>
HWY_INLINE Pack<T> atan(Pack<T> x) {
  const Pack<T> y = hn::Atan(hn::ScalableTag<T>(), x.v);
  const Pack<T> end = copy_sign(Pack<T>(1.5707963267948966), x);
  return select(is_nan(x), x, select(abs(x) == Pack<T>(kInfinity), end, y));
}

// exp(x) / 2 for x >= 0, in two factors: it is finite where exp(x) is not.
template <class T>
HWY_INLINE Pack<T> half_exp(Pack<T> x) {
  const Pack<T> root = exp(0.5 * x);
  return 0.5 * root * root;
}
template <class T>
HWY_INLINE Pack<T> sinh(Pack<T> x) {
  const Pack<T> size = abs(x), limit = 40.0, e = expm1_within<T>(hn::Min(size.v, limit.v));
  const Pack<T> y = select(size > limit, half_exp(size), 0.5 * (e + e / (e + 1.0)));
  return select(is_nan(x), x, copy_sign(y, x));
}
template <class T>
HWY_INLINE Pack<T> cosh(Pack<T> x) {
  const Pack<T> size = abs(x), e = exp_of_negative(-size);
  const Pack<T> near = 0.5 / Pack<T>(hn::Max(e.v, Pack<T>(1e-20).v)) + 0.5 * e;
  return select(is_nan(x), x, select(size > 40.0, half_exp(size), near));
}

template <class T>
HWY_INLINE Pack<T> atan2(Pack<T> a, Pack<T> b) {
  return lane_by_lane(a, b, [](T y, T x) { return std::atan2(y, x); });
}

// What a division rounded down leaves, exactly: it has the sign of b.
template <class T>
HWY_INLINE Pack<T> remainder(Pack<T> a, Pack<T> b) {
  return lane_by_lane(a, b, [](T x, T y) {
    const T rest = std::fmod(x, y);
    return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
  });
}

template <class T>
HWY_INLINE Pack<T> pow(Pack<T> a, Pack<T> b) {
  return lane_by_lane(a, b, [](T base, T exponent) { return std::pow(base, exponent); });
}

}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
