#include "attune/tune/samplers/internal/tpe/parzen_passes.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tune/samplers/internal/tpe/parzen_passes.cpp"  // compiled once per CPU
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "hwy/contrib/math/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attune::tune::internal::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// At most kParzenBlock lanes, so that loops can take two vectors at a time.
using D = hn::CappedTag<float, kParzenBlock>;
using V = hn::Vec<D>;

// 2^x for x <= 100, to 2e-7 of itself; about 2^-125 for all below. A polynomial for 2^f, |f| <=
// 1/2, fitted for the least relative error, moved by whole powers through its exponent's bits:
// adding 1.5 * 2^23 rounds x and leaves the integer in the lowest bits.
HWY_INLINE V Exp2(V x) {
  const D tag;
  const hn::RebindToSigned<D> bits;
  const auto magic = hn::Set(tag, 12582912.0f);
  const auto bounded = hn::Max(x, hn::Set(tag, -125.0f));
  const auto shifted = hn::Add(bounded, magic);
  const auto f = hn::Sub(bounded, hn::Sub(shifted, magic));
  auto p = hn::Set(tag, 0.0013264725952743285f);
  p = hn::MulAdd(p, f, hn::Set(tag, 0.009671512848559667f));
  p = hn::MulAdd(p, f, hn::Set(tag, 0.05550733747261599f));
  p = hn::MulAdd(p, f, hn::Set(tag, 0.24022242080823786f));
  p = hn::MulAdd(p, f, hn::Set(tag, 0.6931469775966425f));
  p = hn::MulAdd(p, f, hn::Set(tag, 1.0f));
  const auto powers = hn::ShiftLeft<23>(hn::BitCast(bits, shifted));
  return hn::BitCast(tag, hn::Add(hn::BitCast(bits, p), powers));
}

// -log2(e) / 2: the logarithm of exp(-z^2 / 2) is this times z^2.
constexpr float kBell = -0.72134752f;

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
  return hn::Mul(hn::Mul(p, t), Exp2(hn::Mul(hn::Mul(x, x), hn::Set(tag, kBell))));
}

void Widths(const ParzenTable& table, float narrowest, size_t kernel) {
  const D tag;
  const auto one = hn::Set(tag, 1.0f), least = hn::Set(tag, narrowest);
  const auto root_2pi = hn::Set(tag, 2.50662827f);
  const auto root_bell = hn::Set(tag, 0.84932180f);  // of -kBell
  for (size_t j = kernel; j < kernel + kParzenBlock; j += hn::Lanes(tag)) {
    auto sum = hn::Zero(tag);
    for (size_t axis = 0; axis < table.smooth + table.levels; ++axis) {
      const auto width = hn::Min(hn::Max(hn::LoadU(tag, table.gap(axis) + j), least), one);
      auto scale = hn::Div(one, width);
      const auto center = hn::LoadU(tag, table.center(axis) + j);
      const auto below = UpperTail(hn::Mul(center, scale));
      const auto above = UpperTail(hn::Mul(hn::Sub(one, center), scale));
      auto integral = hn::Sub(hn::Sub(one, below), above);
      if (axis < table.smooth) {
        integral = hn::Mul(integral, hn::Mul(width, root_2pi));
        scale = hn::Mul(scale, root_bell);
      }
      sum = hn::Sub(sum, hn::Log2(tag, integral));
      hn::StoreU(scale, tag, table.scale(axis) + j);
      hn::StoreU(hn::Neg(hn::Mul(center, scale)), tag, table.offset(axis) + j);
    }
    hn::StoreU(sum, tag, table.constant() + j);
  }
}

// log2 of the standard normal's mass between a < b.
HWY_INLINE V LogMass(V a, V b) {
  const D tag;
  const auto mirrored = hn::Lt(hn::Add(a, b), hn::Zero(tag));  // so that the middle is >= 0
  const auto low = hn::IfThenElse(mirrored, hn::Neg(b), a);
  const auto high = hn::IfThenElse(mirrored, hn::Neg(a), b);
  const auto from_low = UpperTail(hn::Abs(low));
  const auto from_high = UpperTail(high);
  const auto kept =
      hn::IfThenElse(hn::Lt(low, hn::Zero(tag)), hn::Sub(hn::Set(tag, 1.0f), from_low), from_low);
  return hn::Log2(tag, hn::Max(hn::Sub(kept, from_high), hn::Set(tag, 1e-37f)));
}

// What an axis with levels adds to a kernel's log density.
V LogLevel(V scale, V offset, float low, float high) {
  const D tag;
  const auto a = hn::MulAdd(hn::Set(tag, low), scale, offset);
  if (high >= low) return LogMass(a, hn::MulAdd(hn::Set(tag, high), scale, offset));
  const auto log_peak = hn::Log2(tag, hn::Mul(scale, hn::Set(tag, 0.398942280f)));
  return hn::MulAdd(hn::Mul(a, a), hn::Set(tag, kBell), log_peak);
}

HWY_INLINE V Recall(const ParzenMemo& memo, const float* scales, const float* offsets, size_t j,
                    float low, float high) {
  const D tag;
  const auto scale = hn::LoadU(tag, scales + j), offset = hn::LoadU(tag, offsets + j);
  const auto known = hn::And(hn::Eq(scale, hn::LoadU(tag, memo.scale + j)),
                             hn::Eq(offset, hn::LoadU(tag, memo.offset + j)));
  if (HWY_LIKELY(hn::AllTrue(tag, known))) return hn::LoadU(tag, memo.value + j);
  const auto value = LogLevel(scale, offset, low, high);
  hn::StoreU(scale, tag, memo.scale + j);
  hn::StoreU(offset, tag, memo.offset + j);
  hn::StoreU(value, tag, memo.value + j);
  return value;
}

HWY_INLINE V LogChoice(const ParzenTable& table, size_t axis, size_t j, float index, float hit) {
  const D tag;
  const auto own = hn::Eq(hn::LoadU(tag, table.center(axis) + j), hn::Set(tag, index));
  return hn::IfThenElse(own, hn::Set(tag, hit), hn::LoadU(tag, table.scale(axis) + j));
}

float LogSum(const ParzenTable& table, const float* HWY_RESTRICT weights, const float* log_hit,
             const ParzenMemo* memos, size_t kernels, const ParzenPoint& point,
             float* HWY_RESTRICT work) {
  const D tag;
  const size_t lanes = hn::Lanes(tag), smooth = table.smooth, stride = table.stride;
  const float *scales = table.scale(0), *offsets = table.offset(0), *constants = table.constant();
  auto highest = hn::Set(tag, -1e30f);
  for (size_t j = 0; j < kernels; j += 2 * lanes) {
    auto e0 = hn::LoadU(tag, constants + j), e1 = hn::LoadU(tag, constants + j + lanes);
    const float *scale = scales + j, *offset = offsets + j, *x = point.low;
    for (size_t axis = 0; axis < smooth; ++axis) {
      const auto at = hn::Set(tag, *x);
      const auto z0 = hn::MulAdd(at, hn::LoadU(tag, scale), hn::LoadU(tag, offset));
      const auto z1 = hn::MulAdd(at, hn::LoadU(tag, scale + lanes), hn::LoadU(tag, offset + lanes));
      e0 = hn::NegMulAdd(z0, z0, e0);
      e1 = hn::NegMulAdd(z1, z1, e1);
      scale += stride, offset += stride, x += point.stride;
    }
    for (size_t axis = smooth; axis < table.axes(); ++axis) {
      const float low = point.low[axis * point.stride], high = point.high[axis * point.stride];
      if (axis < smooth + table.levels) {
        const float *own_scales = table.scale(axis), *own_offsets = table.offset(axis);
        const ParzenMemo& memo = memos[axis - smooth];
        e0 = hn::Add(e0, Recall(memo, own_scales, own_offsets, j, low, high));
        e1 = hn::Add(e1, Recall(memo, own_scales, own_offsets, j + lanes, low, high));
      } else {
        const float hit = log_hit[axis - smooth - table.levels];
        e0 = hn::Add(e0, LogChoice(table, axis, j, low, hit));
        e1 = hn::Add(e1, LogChoice(table, axis, j + lanes, low, hit));
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
    const auto e0 = Exp2(hn::Sub(hn::LoadU(tag, work + j), shifts));
    const auto e1 = Exp2(hn::Sub(hn::LoadU(tag, work + j + lanes), shifts));
    sum0 = hn::MulAdd(e0, hn::LoadU(tag, weights + j), sum0);
    sum1 = hn::MulAdd(e1, hn::LoadU(tag, weights + j + lanes), sum1);
  }
  return shift + std::log2(hn::GetLane(hn::SumOfLanes(tag, hn::Add(sum0, sum1))));
}

}  // namespace attune::tune::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::tune::internal {

HWY_EXPORT(Widths);
HWY_EXPORT(LogSum);

void parzen_widths(const ParzenTable& table, float narrowest, size_t kernel) {
  HWY_DYNAMIC_DISPATCH(Widths)(table, narrowest, kernel);
}

float parzen_log_sum(const ParzenTable& table, const float* weights, const float* log_hit,
                     const ParzenMemo* memos, size_t kernels, const ParzenPoint& point,
                     float* work) {
  return HWY_DYNAMIC_DISPATCH(LogSum)(table, weights, log_hit, memos, kernels, point, work);
}

}  // namespace attune::tune::internal
#endif  // HWY_ONCE
