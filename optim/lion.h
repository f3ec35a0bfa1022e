#pragma once
// Lion.

#include "attune/optim/formula_optimizer.h"

namespace attune::optim {

struct LionOptions {
  double learning_rate = 1e-4;  // a tenth of what Adam would take
  double beta1 = 0.9;           // the share of the mean gradient in the step's direction
  double beta2 = 0.99;          // the share of it that is kept from step to step
  double weight_decay = 0;      // each step shrinks parameters by learning_rate times this
};

// Every element moves by the learning rate, against the sign of a mean gradient. Chen et al.,
// "Symbolic discovery of optimization algorithms" (2023).
class Lion : public FormulaOptimizer {
 public:
  explicit Lion(const LionOptions& options = {});  // ValueError for an option out of range

 private:
  void move_part(const Part& part) const override;
  LionOptions options_;
};

}  // namespace attune::optim
