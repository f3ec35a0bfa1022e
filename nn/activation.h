#pragma once
// The activations of tensor.h as modules, for Sequential. x [...] -> same shape.

#include "attune/nn/module.h"

namespace attune::nn {

struct ReLU : Module {
  Tensor forward(const Tensor& x) override { return x.relu(); }
};

struct LeakyReLU : Module {
  explicit LeakyReLU(double negative_slope = 0.01) : slope(negative_slope) {}
  Tensor forward(const Tensor& x) override { return x.leaky_relu(slope); }
  double slope;
};

struct GELU : Module {
  explicit GELU(Gelu gelu_form = Gelu::exact) : form(gelu_form) {}
  Tensor forward(const Tensor& x) override { return x.gelu(form); }
  Gelu form;
};

struct Sigmoid : Module {
  Tensor forward(const Tensor& x) override { return x.sigmoid(); }
};

struct SiLU : Module {
  Tensor forward(const Tensor& x) override { return x.silu(); }
};

struct Softplus : Module {
  Tensor forward(const Tensor& x) override { return x.softplus(); }
};

struct Tanh : Module {
  Tensor forward(const Tensor& x) override { return x.tanh(); }
};

struct Softmax : Module {
  explicit Softmax(int along = -1) : axis(along) {}
  Tensor forward(const Tensor& x) override { return x.softmax(axis); }
  int axis;
};

struct LogSoftmax : Module {
  explicit LogSoftmax(int along = -1) : axis(along) {}
  Tensor forward(const Tensor& x) override { return x.log_softmax(axis); }
  int axis;
};

}  // namespace attune::nn
