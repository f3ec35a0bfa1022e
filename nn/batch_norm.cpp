#include "attune/nn/batch_norm.h"

#include <cmath>
#include <utility>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/dispatch.h"

namespace attune::nn {

using attune::internal::is_half;
using attune::internal::require_defined;

BatchNorm::BatchNorm(const char* kind, int64_t channels, int least, int most,
                     const BatchNormOptions& o)
    : kind_(kind), least_(least), most_(most), epsilon_(o.epsilon), momentum_(o.momentum) {
  check<ValueError>(channels > 0, "{}: channels must be positive, got {}", kind, channels);
  check<ValueError>(o.epsilon > 0 && std::isfinite(o.epsilon),
                    "{}: epsilon must be positive and finite, got {}", kind, o.epsilon);
  check<ValueError>(o.momentum >= 0 && o.momentum <= 1, "{}: momentum must be in [0, 1], got {}",
                    kind, o.momentum);
  running_mean = Tensor::zeros({channels});
  running_var = Tensor::ones({channels});
  num_batches_tracked = Tensor(int64_t{0});
  if (!o.affine) return;
  weight = Tensor::ones({channels});
  bias = Tensor::zeros({channels});
}

Tensor BatchNorm::forward(const Tensor& input) {
  const int64_t channels = running_mean.size(0);
  require_defined(kind_, input);
  // Squares of f16 would overflow.
  const Tensor x = is_half(input.dtype()) ? input.cast(DType::f32) : input;
  check<ShapeError>(x.rank() >= least_ && x.rank() <= most_ && x.size(1) == channels,
                    "{}: takes {} axes, the second of {}, got {}", kind_, most_, channels,
                    x.shape());
  Axes others = Axes::none();
  Shape along;  // statistics as they broadcast to x
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (axis != 1) others.push_back(axis);
    along.push_back(axis == 1 ? channels : 1);
  }
  Tensor apart, variance;
  if (training()) {
    const auto n = static_cast<double>(x.numel() / channels);
    check<ValueError>(n > 1, "{}: needs more than one element per channel in training, got {}",
                      kind_, x.shape());
    const Tensor mean = x.mean(others, keep_dims);
    apart = x - mean;
    variance = apart.square().mean(others, keep_dims);
    const auto moved = [&](const Tensor& old, const Tensor& now) {
      return (old * (1 - momentum_) +
              now.detach().reshape({channels}).cast(old.dtype()) * momentum_)
          .detach();
    };
    // All three or, should one fail, none.
    Tensor means = moved(running_mean, mean);
    Tensor variances = moved(running_var, variance * (n / (n - 1)));
    num_batches_tracked = num_batches_tracked + 1;
    running_mean = std::move(means);
    running_var = std::move(variances);
  } else {
    apart = x - running_mean.reshape(along);
    variance = running_var.reshape(along);
  }
  const Tensor scale = (variance + epsilon_).rsqrt();
  const DType result = promote(input.dtype(), running_mean.dtype());
  if (!weight.defined()) return (apart * scale).cast(result);
  return (apart * (scale * weight.reshape(along)) + bias.reshape(along)).cast(result);
}

std::string BatchNorm::describe() const {
  return fmt::format("{}({})", kind_, running_mean.size(0));
}

}  // namespace attune::nn
