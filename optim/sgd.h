#pragma once
// Stochastic gradient descent.

#include <span>

#include "attune/optim/optimizer.h"

namespace attune::optim {

struct SGDOptions {
  double learning_rate = 1e-2;
  double momentum = 0;      // how much of the velocity stays from step to step
  double dampening = 0;     // takes so much off the gradient that joins the velocity
  bool nesterov = false;    // looks ahead along the velocity; needs momentum, and no dampening
  double weight_decay = 0;  // times the parameter, added to its gradient
};

// v = momentum v + (1 - dampening) g (v = g at the first step), p = p - rate v; with Nesterov
// p = p - rate (g + momentum v). Sutskever et al., "On the importance of initialization and
// momentum in deep learning" (2013), in PyTorch's form.
class SGD : public Optimizer {
 public:
  explicit SGD(const SGDOptions& options = {});  // ValueError for options that do not go together

 protected:
  void apply(Tensor& parameter, const Tensor& grad, std::span<Tensor> state,
             const Rates& rates) override;

 private:
  double momentum_, dampening_;
  bool nesterov_;
};

}  // namespace attune::optim
