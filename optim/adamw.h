#pragma once
// AdamW: Adam with weight decay apart from the gradient.

#include "attune/optim/adam.h"

namespace attune::optim {

struct AdamWOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 1e-2;  // each step shrinks parameters by learning_rate times this
  bool amsgrad = false;        // the largest mean square so far counts, not the latest
};

// Loshchilov and Hutter, "Decoupled weight decay regularization" (2019).
class AdamW : public Adam {
 public:
  explicit AdamW(const AdamWOptions& options = {})
      : Adam("AdamW",
             {options.learning_rate, options.beta1, options.beta2, options.epsilon,
              options.weight_decay, options.amsgrad},
             Decay::decoupled) {}
};

}  // namespace attune::optim
