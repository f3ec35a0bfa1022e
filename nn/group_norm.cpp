#include "attune/nn/group_norm.h"

#include <cmath>
#include <limits>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"

namespace attune::nn {

using attune::internal::require_defined;

GroupNorm::GroupNorm(int64_t groups, int64_t channels, const GroupNormOptions& o)
    : groups_(groups), channels_(channels), epsilon_(o.epsilon) {
  check<ValueError>(groups > 0 && channels > 0 && channels % groups == 0,
                    "GroupNorm: {} groups do not divide {} channels", groups, channels);
  check<ValueError>(o.epsilon > 0 && std::isfinite(o.epsilon),
                    "GroupNorm: epsilon must be positive and finite, got {}", o.epsilon);
  if (!o.affine) return;
  weight = Tensor::ones({channels});
  bias = Tensor::zeros({channels});
}

Tensor GroupNorm::forward(const Tensor& x) {
  check<ShapeError>(x.rank() >= 2 && x.size(1) == channels_,
                    "GroupNorm: takes [batch, {}, ...], got {}", channels_, x.shape());
  const int64_t rows = x.size(0) * groups_;
  const int64_t each = rows == 0 ? 0 : x.numel() / rows;
  const Tensor y = layer_norm(x.reshape({rows, each}), {}, {}, epsilon_).reshape(x.shape());
  if (!weight.defined()) return y;
  Shape along;
  for (int axis = 0; axis < x.rank(); ++axis) along.push_back(axis == 1 ? channels_ : 1);
  return y * weight.reshape(along) + bias.reshape(along);
}

std::string GroupNorm::describe() const {
  return fmt::format("GroupNorm({}, {})", groups_, channels_);
}

RMSNorm::RMSNorm(int64_t features, const RMSNormOptions& o)
    : features_(features), epsilon_(o.epsilon) {
  check<ValueError>(features > 0, "RMSNorm: features must be positive, got {}", features);
  check<ValueError>(!epsilon_ || (*epsilon_ >= 0 && std::isfinite(*epsilon_)),
                    "RMSNorm: epsilon must be finite, not negative, got {}", epsilon_.value_or(0));
  if (o.affine) weight = Tensor::ones({features});
}

Tensor RMSNorm::forward(const Tensor& input) {
  require_defined("RMSNorm", input);
  check<ShapeError>(input.rank() > 0 && input.size(-1) == features_,
                    "RMSNorm: the last axis of x must be {}, but x is {}", features_,
                    input.shape());
  // Squares of f16 would overflow, and those of integers wrap around.
  const Tensor x = input.dtype() == DType::f64 ? input : input.cast(DType::f32);
  const DType given = is_floating(input.dtype()) ? input.dtype() : DType::f32;
  const double precision = x.dtype() == DType::f64 ? std::numeric_limits<double>::epsilon()
                                                   : std::numeric_limits<float>::epsilon();
  const Tensor scale = (x.square().mean(-1, keep_dims) + epsilon_.value_or(precision)).rsqrt();
  if (!weight.defined()) return (x * scale).cast(given);
  return (x * scale * weight).cast(promote(given, weight.dtype()));
}

std::string RMSNorm::describe() const { return fmt::format("RMSNorm({})", features_); }

}  // namespace attune::nn
