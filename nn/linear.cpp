#include "attune/nn/linear.h"

#include <cmath>

#include "attune/tensor/internal/check.h"

namespace attune::nn {

Linear::Linear(int64_t in, int64_t out, Rng& rng, LinearOptions options) {
  check<ValueError>(in > 0 && out > 0, "Linear: sizes must be positive, got in={}, out={}", in,
                    out);
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  weight = Tensor::uniform({out, in}, -bound, bound, rng);
  if (options.bias) bias = Tensor::uniform({out}, -bound, bound, rng);
}

Tensor Linear::forward(const Tensor& x) { return linear(x, weight, bias); }

Tensor Linear::forward(const Tensor& x, Activation activation) {
  return linear(x, weight, bias, activation);
}

void Linear::fields(Fields& f) { f("weight", weight)("bias", bias); }

std::string Linear::describe() const {
  return fmt::format("Linear({} -> {}{})", weight.size(1), weight.size(0),
                     bias.defined() ? "" : ", no bias");
}

}  // namespace attune::nn
