#pragma once
// Adagrad and Adadelta.

#include "attune/optim/formula_optimizer.h"

namespace attune::optim {

struct AdagradOptions {
  double learning_rate = 1e-2;
  double rate_decay = 0;           // step n, from 1, has the rate over 1 + (n - 1) rate_decay
  double initial_accumulator = 0;  // the sum of squares before the first step
  double epsilon = 1e-10;          // added to the root of the sum; at least 1e-38
  double weight_decay = 0;         // times the parameter, added to its gradient
};

// Gradients over the root of the sum of all their squares. Duchi, Hazan and Singer, "Adaptive
// subgradient methods" (2011).
class Adagrad : public FormulaOptimizer {
 public:
  explicit Adagrad(const AdagradOptions& options = {});  // ValueError for an option out of range

 private:
  void begin_step(int64_t step) override { step_ = step; }
  void move_part(const Part& part) const override;
  AdagradOptions options_;
  int64_t step_ = 0;
};

struct AdadeltaOptions {
  double learning_rate = 1;
  double rho = 0.9;         // the share of the mean squares that is kept from step to step
  double epsilon = 1e-6;    // added to the mean squares; at least 1e-38
  double weight_decay = 0;  // times the parameter, added to its gradient
};

// Steps of the size of the steps before. Zeiler, "ADADELTA" (2012).
class Adadelta : public FormulaOptimizer {
 public:
  explicit Adadelta(const AdadeltaOptions& options = {});  // ValueError for an option out of range

 private:
  void move_part(const Part& part) const override;
  AdadeltaOptions options_;
};

}  // namespace attune::optim
