#include "attune/tune/samplers/internal/parzen_passes.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tune/samplers/internal/parzen_passes.cpp"  // compiled once per CPU
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "hwy/contrib/math/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attune::tune::internal::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// At most half of kParzenPad lanes, so that loops can take two vectors at a time.
using D = hn::CappedTag<float, kParzenPad / 2>;
using V = hn::Vec<D>;

// exp(x) for x <= 0, to 2e-7 of itself; 0 below -87. Two to the nearest integer of x / log 2, times
// the Taylor polynomial of the rest, |rest| <= log(2) / 2.
HWY_INLINE V ExpNegative(V x) {
  const D tag;
  const hn::RebindToSigned<D> integers;
  const auto n = hn::Round(hn::Mul(x, hn::Set(tag, 1.44269504f)));
  auto r = hn::NegMulAdd(n, hn::Set(tag, 0.693359375f), x);
  r = hn::NegMulAdd(n, hn::Set(tag, -2.12194440e-4f), r);
  auto p = hn::Set(tag, 1.0f / 720);
  p = hn::MulAdd(p, r, hn::Set(tag, 1.0f / 120));
  p = hn::MulAdd(p, r, hn::Set(tag, 1.0f / 24));
  p = hn::MulAdd(p, r, hn::Set(tag, 1.0f / 6));
  p = hn::MulAdd(p, r, hn::Set(tag, 0.5f));
  p = hn::MulAdd(p, r, hn::Set(tag, 1.0f));
  p = hn::MulAdd(p, r, hn::Set(tag, 1.0f));
  const auto exponent = hn::ShiftLeft<23>(
      hn::Add(hn::ConvertTo(integers, hn::Max(n, hn::Set(tag, -127.0f))), hn::Set(integers, 127)));
  const auto value = hn::Mul(p, hn::BitCast(tag, exponent));
  return hn::IfThenElseZero(hn::Gt(x, hn::Set(tag, -87.0f)), value);
}

// The standard normal's mass above x >= 0, to 5e-7 of itself: exp(-x^2/2) times a polynomial in
// t = 1 / (1 + 0.3 x), fitted for the least relative error on [0, 14].
HWY_INLINE V UpperTail(V x) {
  const D tag;
  const auto t = hn::Div(hn::Set(tag, 1.0f), hn::MulAdd(x, hn::Set(tag, 0.3f), hn::Set(tag, 1.0f)));
  auto p = hn::Set(tag, 0.035674967930669106f);
  p = hn::MulAdd(p, t, hn::Set(tag, -0.1572038459782019f));
  p = hn::MulAdd(p, t, hn::Set(tag, 0.20635473736825438f));
  p = hn::MulAdd(p, t, hn::Set(tag, -0.05368469401938756f));
  p = hn::MulAdd(p, t, hn::Set(tag, 0.12856213599299393f));
  p = hn::MulAdd(p, t, hn::Set(tag, 0.09991335186421223f));
  p = hn::MulAdd(p, t, hn::Set(tag, 0.12075397628946344f));
  p = hn::MulAdd(p, t, hn::Set(tag, 0.11962929764503716f));
  const auto bell = ExpNegative(hn::Mul(hn::Mul(x, x), hn::Set(tag, -0.5f)));
  return hn::Mul(hn::Mul(p, t), bell);
}

void Widths(const ParzenTable& table, float narrowest, size_t begin, size_t end) {
  const D tag;
  const auto one = hn::Set(tag, 1.0f), least = hn::Set(tag, narrowest);
  const auto root_2pi = hn::Set(tag, 2.50662827f);
  for (size_t j = begin; j < end; j += hn::Lanes(tag)) {
    auto sum = hn::Zero(tag);
    for (size_t axis = 0; axis < table.smooth + table.levels; ++axis) {
      const auto width = hn::Min(hn::Max(hn::LoadU(tag, table.gap(axis) + j), least), one);
      const auto inverse = hn::Div(one, width);
      const auto center = hn::LoadU(tag, table.center(axis) + j);
      const auto below = UpperTail(hn::Mul(center, inverse));
      const auto above = UpperTail(hn::Mul(hn::Sub(one, center), inverse));
      auto integral = hn::Sub(hn::Sub(one, below), above);
      if (axis < table.smooth) integral = hn::Mul(integral, hn::Mul(width, root_2pi));
      sum = hn::Sub(sum, hn::Log(tag, integral));
      hn::StoreU(inverse, tag, table.inverse(axis) + j);
    }
    hn::StoreU(sum, tag, table.constant() + j);
  }
}

// log of the standard normal's mass between a < b.
HWY_INLINE V LogMass(V a, V b) {
  const D tag;
  const auto mirrored = hn::Lt(hn::Add(a, b), hn::Zero(tag));  // so that the middle is >= 0
  const auto low = hn::IfThenElse(mirrored, hn::Neg(b), a);
  const auto high = hn::IfThenElse(mirrored, hn::Neg(a), b);
  const auto from_low = UpperTail(hn::Abs(low));
  const auto from_high = UpperTail(high);
  const auto kept = hn::IfThenElse(hn::Lt(low, hn::Zero(tag)),
                                   hn::Sub(hn::Set(tag, 1.0f), from_low), from_low);
  return hn::Log(tag, hn::Max(hn::Sub(kept, from_high), hn::Set(tag, 1e-37f)));
}

// What an axis with levels adds to a kernel's log density.
HWY_INLINE V LogLevel(V center, V inverse, float low, float high) {
  const D tag;
  const auto a = hn::Mul(hn::Sub(hn::Set(tag, low), center), inverse);
  if (high >= low) return LogMass(a, hn::Mul(hn::Sub(hn::Set(tag, high), center), inverse));
  const auto log_peak = hn::Log(tag, hn::Mul(inverse, hn::Set(tag, 0.398942280f)));
  return hn::MulAdd(hn::Mul(a, a), hn::Set(tag, -0.5f), log_peak);
}

float LogSum(const ParzenTable& table, const float* HWY_RESTRICT weights, const float* log_hit,
             size_t kernels, const ParzenPoint& point, float* HWY_RESTRICT work) {
  const D tag;
  const size_t lanes = hn::Lanes(tag), smooth = table.smooth, stride = table.stride;
  const auto minus_half = hn::Set(tag, -0.5f);
  const float* centers = table.center(0);
  const float* inverses = table.inverse(0);
  auto highest = hn::Set(tag, -1e30f);
  for (size_t j = 0; j < kernels; j += 2 * lanes) {
    auto s0 = hn::Zero(tag), s1 = hn::Zero(tag);
    const float *center = centers + j, *inverse = inverses + j, *x = point.low;
    for (size_t axis = 0; axis < smooth; ++axis) {
      const auto at = hn::Set(tag, *x);
      const auto z0 = hn::Mul(hn::Sub(at, hn::LoadU(tag, center)), hn::LoadU(tag, inverse));
      const auto z1 =
          hn::Mul(hn::Sub(at, hn::LoadU(tag, center + lanes)), hn::LoadU(tag, inverse + lanes));
      s0 = hn::MulAdd(z0, z0, s0);
      s1 = hn::MulAdd(z1, z1, s1);
      center += stride, inverse += stride, x += point.stride;
    }
    auto e0 = hn::MulAdd(s0, minus_half, hn::LoadU(tag, table.constant() + j));
    auto e1 = hn::MulAdd(s1, minus_half, hn::LoadU(tag, table.constant() + j + lanes));
    for (size_t axis = smooth; axis < table.axes(); ++axis) {
      const auto c0 = hn::LoadU(tag, table.center(axis) + j);
      const auto c1 = hn::LoadU(tag, table.center(axis) + j + lanes);
      const auto i0 = hn::LoadU(tag, table.inverse(axis) + j);
      const auto i1 = hn::LoadU(tag, table.inverse(axis) + j + lanes);
      const float low = point.low[axis * point.stride], high = point.high[axis * point.stride];
      if (axis < smooth + table.levels) {
        e0 = hn::Add(e0, LogLevel(c0, i0, low, high));
        e1 = hn::Add(e1, LogLevel(c1, i1, low, high));
      } else {
        const auto index = hn::Set(tag, low);
        const auto hit = hn::Set(tag, log_hit[axis - smooth - table.levels]);
        e0 = hn::Add(e0, hn::IfThenElse(hn::Eq(c0, index), hit, i0));
        e1 = hn::Add(e1, hn::IfThenElse(hn::Eq(c1, index), hit, i1));
      }
    }
    hn::StoreU(e0, tag, work + j);
    hn::StoreU(e1, tag, work + j + lanes);
    highest = hn::Max(highest, hn::Max(e0, e1));
  }
  const float shift = hn::GetLane(hn::MaxOfLanes(tag, highest));
  const auto shifts = hn::Set(tag, shift);
  auto sum0 = hn::Zero(tag), sum1 = hn::Zero(tag);
  for (size_t j = 0; j < kernels; j += 2 * lanes) {
    const auto e0 = ExpNegative(hn::Sub(hn::LoadU(tag, work + j), shifts));
    const auto e1 = ExpNegative(hn::Sub(hn::LoadU(tag, work + j + lanes), shifts));
    sum0 = hn::MulAdd(e0, hn::LoadU(tag, weights + j), sum0);
    sum1 = hn::MulAdd(e1, hn::LoadU(tag, weights + j + lanes), sum1);
  }
  return shift + std::log(hn::GetLane(hn::SumOfLanes(tag, hn::Add(sum0, sum1))));
}

}  // namespace attune::tune::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::tune::internal {

HWY_EXPORT(Widths);
HWY_EXPORT(LogSum);

void parzen_widths(const ParzenTable& table, float narrowest, size_t begin, size_t end) {
  HWY_DYNAMIC_DISPATCH(Widths)(table, narrowest, begin, end);
}

float parzen_log_sum(const ParzenTable& table, const float* weights, const float* log_hit,
                     size_t kernels, const ParzenPoint& point, float* work) {
  return HWY_DYNAMIC_DISPATCH(LogSum)(table, weights, log_hit, kernels, point, work);
}

}  // namespace attune::tune::internal
#endif  // HWY_ONCE
