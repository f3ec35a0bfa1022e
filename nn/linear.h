#pragma once
// The fully connected layer.

#include "attune/nn/module.h"

namespace attune::nn {

struct LinearOptions {
  bool bias = true;
};

// y = x W^T + b:  x [..., in] -> [..., out].
// weight [out, in] and bias [out] start uniform within +-1/sqrt(in), as PyTorch's. Without a bias,
// `bias` is undefined.
class Linear : public Module {
 public:
  Linear(int64_t in, int64_t out, Rng& rng, LinearOptions options = {});
  Tensor forward(const Tensor& x) override;
  Tensor forward(const Tensor& x, Activation activation);  // activation(x W^T + b), in one pass
  void fields(Fields& f) override;
  std::string describe() const override;

  Tensor weight, bias;
};

}  // namespace attune::nn
