#pragma once
// RMSprop.

#include "attune/optim/formula_optimizer.h"

namespace attune::optim {

struct RMSpropOptions {
  double learning_rate = 1e-2;
  double alpha = 0.99;      // the share of the mean square that is kept from step to step
  double epsilon = 1e-8;    // added to the root of the mean square; at least 1e-38
  double momentum = 0;      // the share of the last step that is made again
  bool centered = false;    // the mean gradient's square is taken off the mean square
  double weight_decay = 0;  // times the parameter, added to its gradient
};

// Gradients over the root of their mean square. Hinton, "Lecture 6e" (2012); centered: Graves,
// "Generating sequences with recurrent neural networks" (2013). In PyTorch's form.
class RMSprop : public FormulaOptimizer {
 public:
  explicit RMSprop(const RMSpropOptions& options = {});  // ValueError for an option out of range

 private:
  void move_part(const Part& part) const override;
  RMSpropOptions options_;
};

}  // namespace attune::optim
