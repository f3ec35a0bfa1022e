#include "attune/tune/samplers/internal/gp/kernel_passes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tune/samplers/internal/gp/kernel_passes.cpp"  // compiled once per CPU
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "hwy/contrib/math/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attune::tune::internal::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// At most kPad lanes, so that a padded array has no partial vector.
using D = hn::CappedTag<double, kPad>;

void Matern52(const double* HWY_RESTRICT d, double w, size_t count, double* HWY_RESTRICT m,
              double* HWY_RESTRICT g) {
  const D tag;
  const auto scale = hn::Set(tag, 5 * w);
  const auto one = hn::Set(tag, 1.0);
  const auto third = hn::Set(tag, 1.0 / 3), slope = hn::Set(tag, 5.0 / 3);
  for (size_t i = 0; i < count; i += hn::Lanes(tag)) {
    const auto r = hn::Sqrt(hn::Mul(scale, hn::LoadU(tag, d + i)));
    const auto e = hn::Exp(tag, hn::Neg(r));
    const auto r1 = hn::Add(one, r);
    hn::StoreU(hn::Mul(hn::MulAdd(hn::Mul(r, r), third, r1), e), tag, m + i);
    if (g) hn::StoreU(hn::Mul(hn::Mul(slope, r1), e), tag, g + i);
  }
}

void AddScaled(const double* HWY_RESTRICT x, double a, size_t count, double* HWY_RESTRICT y) {
  const D tag;
  const auto scale = hn::Set(tag, a);
  for (size_t i = 0; i < count; i += hn::Lanes(tag)) {
    hn::StoreU(hn::MulAdd(scale, hn::LoadU(tag, x + i), hn::LoadU(tag, y + i)), tag, y + i);
  }
}

void MultiplyAffine(const double* HWY_RESTRICT x, double a, double b, size_t count,
                    double* HWY_RESTRICT y) {
  const D tag;
  const auto base = hn::Set(tag, a), scale = hn::Set(tag, b);
  for (size_t i = 0; i < count; i += hn::Lanes(tag)) {
    const auto factor = hn::MulAdd(scale, hn::LoadU(tag, x + i), base);
    hn::StoreU(hn::Mul(factor, hn::LoadU(tag, y + i)), tag, y + i);
  }
}

void Multiply(const double* HWY_RESTRICT x, double a, size_t count, double* HWY_RESTRICT y) {
  const D tag;
  const auto scale = hn::Set(tag, a);
  for (size_t i = 0; i < count; i += hn::Lanes(tag)) {
    const auto factor = hn::Mul(scale, hn::LoadU(tag, x + i));
    hn::StoreU(hn::Mul(factor, hn::LoadU(tag, y + i)), tag, y + i);
  }
}

double Dot(const double* HWY_RESTRICT x, const double* HWY_RESTRICT y, size_t count) {
  const D tag;
  auto sum = hn::Zero(tag);
  for (size_t i = 0; i < count; i += hn::Lanes(tag)) {
    sum = hn::MulAdd(hn::LoadU(tag, x + i), hn::LoadU(tag, y + i), sum);
  }
  return hn::GetLane(hn::SumOfLanes(tag, sum));
}

double Dot3(const double* HWY_RESTRICT x, const double* HWY_RESTRICT y,
            const double* HWY_RESTRICT z, size_t count) {
  const D tag;
  auto sum = hn::Zero(tag);
  for (size_t i = 0; i < count; i += hn::Lanes(tag)) {
    const auto xy = hn::Mul(hn::LoadU(tag, x + i), hn::LoadU(tag, y + i));
    sum = hn::MulAdd(xy, hn::LoadU(tag, z + i), sum);
  }
  return hn::GetLane(hn::SumOfLanes(tag, sum));
}

void AnovaSlope(const double* HWY_RESTRICT p, const double* HWY_RESTRICT m,
                const double* HWY_RESTRICT g, double w, double c, size_t count,
                double* HWY_RESTRICT slope) {
  const D tag;
  const auto weight = hn::Set(tag, w), scale = hn::Set(tag, c * w), one = hn::Set(tag, 1.0);
  for (size_t i = 0; i < count; i += hn::Lanes(tag)) {
    const auto factor = hn::MulAdd(weight, hn::LoadU(tag, m + i), one);
    const auto top = hn::Mul(hn::Mul(scale, hn::LoadU(tag, p + i)), hn::LoadU(tag, g + i));
    hn::StoreU(hn::Div(top, factor), tag, slope + i);
  }
}

void AnovaReduce(const double* HWY_RESTRICT p, const double* HWY_RESTRICT m,
                 const double* HWY_RESTRICT g, const double* HWY_RESTRICT d, double w, size_t count,
                 double* HWY_RESTRICT sums) {
  const D tag;
  const auto weight = hn::Set(tag, w), one = hn::Set(tag, 1.0);
  auto length_sum = hn::Zero(tag), weight_sum = hn::Zero(tag);
  for (size_t i = 0; i < count; i += hn::Lanes(tag)) {
    const auto mi = hn::LoadU(tag, m + i);
    const auto v = hn::Div(hn::Mul(weight, hn::LoadU(tag, p + i)), hn::MulAdd(weight, mi, one));
    length_sum = hn::MulAdd(hn::Mul(v, hn::LoadU(tag, g + i)), hn::LoadU(tag, d + i), length_sum);
    weight_sum = hn::MulAdd(v, mi, weight_sum);
  }
  sums[0] = hn::GetLane(hn::SumOfLanes(tag, length_sum));
  sums[1] = hn::GetLane(hn::SumOfLanes(tag, weight_sum));
}

}  // namespace attune::tune::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::tune::internal {

HWY_EXPORT(Matern52);
HWY_EXPORT(AddScaled);
HWY_EXPORT(MultiplyAffine);
HWY_EXPORT(Multiply);
HWY_EXPORT(Dot);
HWY_EXPORT(Dot3);
HWY_EXPORT(AnovaSlope);
HWY_EXPORT(AnovaReduce);

void matern52(const double* d, double w, size_t count, double* m, double* g) {
  HWY_DYNAMIC_DISPATCH(Matern52)(d, w, count, m, g);
}

void add_scaled(const double* x, double a, size_t count, double* y) {
  HWY_DYNAMIC_DISPATCH(AddScaled)(x, a, count, y);
}

void multiply_affine(const double* x, double a, double b, size_t n, double* y) {
  HWY_DYNAMIC_DISPATCH(MultiplyAffine)(x, a, b, n, y);
}

void multiply(const double* x, double a, size_t count, double* y) {
  HWY_DYNAMIC_DISPATCH(Multiply)(x, a, count, y);
}

double dot(const double* x, const double* y, size_t count) {
  return HWY_DYNAMIC_DISPATCH(Dot)(x, y, count);
}

double dot(const double* x, const double* y, const double* z, size_t count) {
  return HWY_DYNAMIC_DISPATCH(Dot3)(x, y, z, count);
}

void anova_slope(const double* p, const double* m, const double* g, double w, double c, size_t n,
                 double* slope) {
  HWY_DYNAMIC_DISPATCH(AnovaSlope)(p, m, g, w, c, n, slope);
}

AnovaSums anova_sums(const double* p, const double* m, const double* g, const double* d, double w,
                     size_t count) {
  double sums[2];
  HWY_DYNAMIC_DISPATCH(AnovaReduce)(p, m, g, d, w, count, sums);
  return {.length = sums[0], .weight = sums[1]};
}

}  // namespace attune::tune::internal
#endif  // HWY_ONCE
