#pragma once
// Batch normalization.

#include "attune/nn/module.h"

namespace attune::nn {

struct BatchNormOptions {
  double epsilon = 1e-5;  // added to the variance
  double momentum = 0.1;  // the share of a batch in the running statistics
  bool affine = true;     // with weight and bias; without, both are undefined
};

// Each channel to mean 0 and variance 1, times weight plus bias [channels]: in training by the
// statistics of the batch, which also move running_mean and running_var (unbiased), in evaluation
// by these. Ioffe and Szegedy, "Batch normalization" (2015). In training it throws ValueError for
// one element per channel, which has no variance.
class BatchNorm : public Module {
 public:
  Tensor forward(const Tensor& x) override;
  void fields(Fields& f) override {
    f("weight", weight)("bias", bias);
    f.buffer("running_mean", running_mean)
        .buffer("running_var", running_var)
        .buffer("num_batches_tracked", num_batches_tracked);
  }
  std::string describe() const override;

  Tensor weight, bias;
  Tensor running_mean, running_var, num_batches_tracked;

 protected:
  // Takes tensors of `least` to `most` axes, the channels second.
  BatchNorm(const char* kind, int64_t channels, int least, int most,
            const BatchNormOptions& options);

 private:
  const char* kind_;
  int least_, most_;
  double epsilon_, momentum_;
};

// x [batch, channels] or [batch, channels, length]
class BatchNorm1d : public BatchNorm {
 public:
  explicit BatchNorm1d(int64_t channels, const BatchNormOptions& options = {})
      : BatchNorm("BatchNorm1d", channels, 2, 3, options) {}
};

// x [batch, channels, height, width]
class BatchNorm2d : public BatchNorm {
 public:
  explicit BatchNorm2d(int64_t channels, const BatchNormOptions& options = {})
      : BatchNorm("BatchNorm2d", channels, 4, 4, options) {}
};

}  // namespace attune::nn
