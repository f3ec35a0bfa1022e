#pragma once
// Stochastic gradient descent.

#include "attune/optim/formula_optimizer.h"

namespace attune::optim {

struct SGDOptions {
  double learning_rate = 1e-2;
  double momentum = 0;      // the share of the velocity that is kept from step to step
  double dampening = 0;     // fraction of the gradient withheld from the velocity
  bool nesterov = false;    // looks ahead along the velocity; needs momentum and no dampening
  double weight_decay = 0;  // times the parameter, added to its gradient
};

// v = momentum v + (1 - dampening) g (v = g at the first step), p = p - rate v; with Nesterov
// p = p - rate (g + momentum v). Sutskever et al., "On the importance of initialization and
// momentum in deep learning" (2013), in PyTorch's form.
class SGD : public FormulaOptimizer {
 public:
  explicit SGD(const SGDOptions& options = {});  // ValueError for options that do not go together

 protected:
  void begin_step(int64_t step) override { first_ = step == 1; }
  void move_part(const Part& part) const override;

 private:
  SGDOptions options_;
  bool first_ = false;  // the step under way is the first
};

}  // namespace attune::optim
