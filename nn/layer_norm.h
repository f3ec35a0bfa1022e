#pragma once
// Layer normalization.

#include "attune/nn/module.h"

namespace attune::nn {

struct LayerNormOptions {
  double epsilon = 1e-5;  // added to the variance
  bool affine = true;     // with weight and bias; without, both are undefined
};

// y = (x - mean) / sqrt(var + epsilon) * weight + bias over the last axis: x [..., features] ->
// same. weight [features] starts at 1, bias [features] at 0. Ba, Kiros and Hinton, "Layer
// normalization" (2016).
class LayerNorm : public Module {
 public:
  explicit LayerNorm(int64_t features, LayerNormOptions options = {});
  Tensor forward(const Tensor& x) override;
  void fields(Fields& f) override { f("weight", weight)("bias", bias); }
  std::string describe() const override;

  Tensor weight, bias;

 private:
  int64_t features_;
  double epsilon_;
};

}  // namespace attune::nn
