#pragma once
// Group and root-mean-square normalization.

#include <optional>

#include "attune/nn/module.h"

namespace attune::nn {

struct GroupNormOptions {
  double epsilon = 1e-5;  // added to the variance
  bool affine = true;     // with weight and bias; without, both are undefined
};

// Groups of channels of each row of the batch to mean 0 and variance 1, times weight plus bias
// [channels]: x [batch, channels, ...] -> same. Wu and He, "Group normalization" (2018).
class GroupNorm : public Module {
 public:
  // ValueError unless `groups` divides `channels`.
  GroupNorm(int64_t groups, int64_t channels, const GroupNormOptions& options = {});
  Tensor forward(const Tensor& x) override;
  void fields(Fields& f) override { f("weight", weight)("bias", bias); }
  std::string describe() const override;

  Tensor weight, bias;

 private:
  int64_t groups_, channels_;
  double epsilon_;
};

struct RMSNormOptions {
  std::optional<double> epsilon{};  // added to the mean square; by default the dtype's precision
  bool affine = true;
};

// y = x / sqrt(mean(x^2) + epsilon) * weight over the last axis: x [..., features] -> same. Zhang
// and Sennrich, "Root mean square layer normalization" (2019).
class RMSNorm : public Module {
 public:
  explicit RMSNorm(int64_t features, const RMSNormOptions& options = {});
  Tensor forward(const Tensor& x) override;
  void fields(Fields& f) override { f("weight", weight); }
  std::string describe() const override;

  Tensor weight;

 private:
  int64_t features_;
  std::optional<double> epsilon_;
};

}  // namespace attune::nn
