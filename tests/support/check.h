#pragma once
// What the tensor tests share: comparing with doubles, inputs of every layout, every CPU target.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "attune/tensor/tape.h"
#include "attune/tensor/tensor.h"
#include "hwy/targets.h"

namespace attune::support {

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInf = std::numeric_limits<double>::infinity();
inline constexpr DType kAllDTypes[] = {DType::f32, DType::f64, DType::f16, DType::bf16,   DType::i8,
                                       DType::i32, DType::i64, DType::u8,  DType::boolean};

// How far apart values of this type may be that a good kernel computes. The halves are computed in
// f32 and rounded once.
inline double tolerance(DType dtype) {
  return dtype == DType::f64    ? 1e-14
         : dtype == DType::f16  ? 1e-3
         : dtype == DType::bf16 ? 8e-3
                                : 2e-6;
}

inline std::vector<double> values(const Tensor& x) {
  return x.cast(DType::f64).to_vector<double>();
}

// The larger of two errors, and NaN if either is, which std::max would lose.
inline double worse(double a, double b) { return std::isnan(a) || a >= b ? a : b; }

// |a - b| / max(1, |b|); equal infinities and two NaN do not differ, else infinity.
inline double difference(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
  if (!std::isfinite(a) || !std::isfinite(b)) return kInf;
  return std::abs(a - b) / std::max(1.0, std::abs(b));
}

// The largest difference; infinity where the numbers of elements differ.
inline double max_error(const Tensor& got, const std::vector<double>& want) {
  const std::vector<double> have = values(got);
  if (have.size() != want.size()) return kInf;
  double worst = 0;
  for (size_t i = 0; i < want.size(); ++i) worst = worse(worst, difference(have[i], want[i]));
  return worst;
}
template <std::same_as<Tensor> T>  // not for a list in braces
double max_error(const Tensor& got, const T& want) {
  return got.shape() == want.shape() ? max_error(got, values(want)) : kInf;
}

// Evenly random elements of any dtype.
inline Tensor random(const Shape& shape, DType dtype, double low, double high, int64_t seed = 0) {
  Rng rng = Rng(1).fork(seed);
  return Tensor::uniform(shape, low, high, rng, DType::f64).cast(dtype);
}

// The same values where they do not lie in order: every second element, and back to front.
inline Tensor spaced(const Tensor& x) {
  Shape twice = x.shape();
  twice.push_back(2);
  const Tensor y = x.unsqueeze(-1).expand(twice).contiguous()[{ellipsis, 0}];
  return y.rank() == 0 ? y : y.flip({}).contiguous().flip({});
}

// body() once for each instruction set that this machine has and the kernels were compiled for.
inline void on_all_targets(const std::function<void()>& body) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    CAPTURE(hwy::TargetName(target));
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
}

// The error of f's gradients against central differences; f64 inputs.
inline double gradient_error(const TensorFunction& f, const std::vector<Tensor>& inputs) {
  return gradcheck(f, inputs);
}

// The same for the gradient of the gradient: of f squared and summed, so that it is not constant.
inline double second_gradient_error(const TensorFunction& f, const std::vector<Tensor>& inputs) {
  double worst = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto slope = [&](std::span<const Tensor> at) {
      Tape inner(at);
      return inner.gradient(f(at).square().sum(), at)[i];
    };
    worst = worse(worst, gradcheck(slope, inputs));
  }
  return worst;
}

// The largest difference between f's gradients in f32 and in f64, at the same f32 numbers: kernels
// of a gradient in f32 have nothing else to be compared with.
inline double single_gradient_error(const TensorFunction& f, const std::vector<Tensor>& inputs) {
  const auto gradients = [&](DType dtype) {
    std::vector<Tensor> at;
    for (const Tensor& x : inputs) at.push_back(x.cast(DType::f32).cast(dtype));
    Tape tape(at);
    const Tensor y = f(at);
    return tape.gradient((y * random(y.shape(), DType::f32, 0.5, 1.5, 7).cast(dtype)).sum(), at);
  };
  const std::vector<Tensor> single = gradients(DType::f32), wide = gradients(DType::f64);
  double worst = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (single[i].dtype() != DType::f32) return kInf;
    worst = worse(worst, max_error(single[i], wide[i]));
  }
  return worst;
}

}  // namespace attune::support
