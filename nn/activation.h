#pragma once
// The activations of tensor.h as modules, for Sequential, with PyTorch's names. x [...] -> same
// shape.

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

struct ReLU6 : Module {
  Tensor forward(const Tensor& x) override { return x.relu6(); }
};

struct ReLU2 : Module {
  Tensor forward(const Tensor& x) override { return x.relu2(); }
};

struct ELU : Module {
  explicit ELU(double negative_limit = 1) : alpha(negative_limit) {}
  Tensor forward(const Tensor& x) override { return x.elu(alpha); }
  double alpha;
};

struct CELU : Module {
  explicit CELU(double negative_limit = 1) : alpha(negative_limit) {}
  Tensor forward(const Tensor& x) override { return x.celu(alpha); }
  double alpha;
};

struct SELU : Module {
  Tensor forward(const Tensor& x) override { return x.selu(); }
};

struct QuickGELU : Module {
  Tensor forward(const Tensor& x) override { return x.quick_gelu(); }
};

struct Hardsigmoid : Module {
  Tensor forward(const Tensor& x) override { return x.hard_sigmoid(); }
};

struct LogSigmoid : Module {
  Tensor forward(const Tensor& x) override { return x.log_sigmoid(); }
};

struct Hardswish : Module {
  Tensor forward(const Tensor& x) override { return x.hard_silu(); }
};

struct Softsign : Module {
  Tensor forward(const Tensor& x) override { return x.softsign(); }
};

struct Mish : Module {
  Tensor forward(const Tensor& x) override { return x.mish(); }
};

struct Tanhshrink : Module {
  Tensor forward(const Tensor& x) override { return x.tanh_shrink(); }
};

struct Identity : Module {
  Tensor forward(const Tensor& x) override { return x; }
};

}  // namespace attune::nn
