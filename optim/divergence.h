#pragma once
// Why a training diverged: the first NaN or Inf, found by running the steps again under Tape's
// trap.

#include <cstdint>
#include <optional>
#include <string>

#include "attune/nn/forward.h"

namespace attune::optim {
class Optimizer;
}

namespace attune::nn {

struct TrainOptions;

struct Divergence {
  int64_t epoch = 0, step = 0;  // where it happened; the step within its epoch, from 0
  std::string op = {};          // that made it, or "update" for the optimizer's
  std::string layer = {};       // whose op that is, by its dotted name; empty: in none
  std::string what = {};        // "exp made Inf of finite inputs"
  double learning_rate = 0;     // of this step
  double gradient_norm = 0;     // of this step; of the one before if it has none that is finite
  double largest_weight = 0;    // in magnitude, before this step

  // "diverged in step 3 of epoch 0: the gradient of log is Inf (in layer 0); learning rate 0.1,
  // gradient norm 12, largest weight 0.3"
  std::string to_string() const;
};

// Trains one epoch again, from the model and the optimizer as they were at its start, and stops at
// the step in which the first NaN or Inf appears: in an op, a gradient, or a weight that the
// optimizer has moved. What an epoch computes depends on nothing else, so this is the same step as
// in the first run. Nothing: all steps are finite. The model and optimizer are left where that was.
std::optional<Divergence> find_divergence(Module& model, optim::Optimizer& optimizer,
                                          const Dataset& data, const TrainOptions& options,
                                          int64_t epoch);

}  // namespace attune::nn
