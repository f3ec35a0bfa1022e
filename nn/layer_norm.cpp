#include "attune/nn/layer_norm.h"

#include <cmath>

#include "attune/tensor/internal/check.h"

namespace attune::nn {

LayerNorm::LayerNorm(int64_t features, LayerNormOptions options)
    : features_(features), epsilon_(options.epsilon) {
  check<ValueError>(features > 0, "LayerNorm: features must be positive, got {}", features);
  check<ValueError>(epsilon_ > 0 && std::isfinite(epsilon_),
                    "LayerNorm: epsilon must be positive and finite, got {}", epsilon_);
  if (!options.affine) return;
  weight = Tensor::ones({features});
  bias = Tensor::zeros({features});
}

Tensor LayerNorm::forward(const Tensor& x) {
  check<ShapeError>(x.rank() > 0 && x.size(-1) == features_,
                    "LayerNorm: the last axis of x must be {}, but x is {}", features_, x.shape());
  return layer_norm(x, weight, bias, epsilon_);
}

std::string LayerNorm::describe() const { return fmt::format("LayerNorm({})", features_); }

}  // namespace attune::nn
