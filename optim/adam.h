#pragma once
// Adam.

#include "attune/optim/formula_optimizer.h"

namespace attune::optim {

struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;       // the share of the mean gradient that is kept from step to step
  double beta2 = 0.999;     // the same for the mean square
  double epsilon = 1e-8;    // added to the root of the mean square; at least 1e-38
  double weight_decay = 0;  // times the parameter, added to its gradient
  bool amsgrad = false;     // the largest mean square so far counts, not the latest
};

// Kingma and Ba, "Adam: a method for stochastic optimization" (2015), bias corrected. amsgrad:
// Reddi, Kale and Kumar, "On the convergence of Adam and beyond" (2018).
class Adam : public FormulaOptimizer {
 public:
  explicit Adam(const AdamOptions& options = {});  // ValueError for an option out of range

 protected:
  Adam(const char* kind, const AdamOptions& options, Decay decay);
  void begin_step(int64_t step) override;
  void move_part(const Part& part) const override;

 private:
  AdamOptions options_;
  double correction1_ = 0, correction2_ = 0;  // 1 / (1 - beta^step)
};

}  // namespace attune::optim
