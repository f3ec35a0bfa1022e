#pragma once
// Pooling layers: the largest element or the mean of each window.

#include "attune/nn/module.h"

namespace attune::nn {

// x [batch, channels, length] -> [batch, channels, places]; windows follow each other unless
// options.stride says otherwise.
struct MaxPool1d : Module {
  explicit MaxPool1d(int64_t size, const PoolOptions& how = {}) : window(size), options(how) {}
  Tensor forward(const Tensor& x) override { return x.max_pool1d(window, options); }
  int64_t window;
  PoolOptions options;
};

struct AvgPool1d : Module {
  explicit AvgPool1d(int64_t size, const PoolOptions& how = {}) : window(size), options(how) {}
  Tensor forward(const Tensor& x) override { return x.avg_pool1d(window, options); }
  int64_t window;
  PoolOptions options;
};

// x [batch, channels, height, width]
struct MaxPool2d : Module {
  explicit MaxPool2d(Extent2 size, const PoolOptions& how = {}) : window(size), options(how) {}
  Tensor forward(const Tensor& x) override { return x.max_pool2d(window, options); }
  Extent2 window;
  PoolOptions options;
};

struct AvgPool2d : Module {
  explicit AvgPool2d(Extent2 size, const PoolOptions& how = {}) : window(size), options(how) {}
  Tensor forward(const Tensor& x) override { return x.avg_pool2d(window, options); }
  Extent2 window;
  PoolOptions options;
};

}  // namespace attune::nn
