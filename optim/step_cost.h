#pragma once
// What a training step takes before it is run: memory and arithmetic, from a few rows.

#include <cstdint>

#include "attune/optim/trainer.h"

namespace attune::nn {

struct StepCost {
  int64_t parameters = 0;    // elements
  int64_t weight_bytes = 0;  // of parameters and buffers
  int64_t state_bytes = 0;   // of the optimizer, once it has begun
  int64_t fixed_bytes = 0;   // beside these, whatever the batch: gradients, for the most part
  int64_t row_bytes = 0;     // what each row of a batch adds
  double row_flops = 0;      // of a step, for each row: in matrix products, forward and backward

  // All that a step with so many rows has in tensors at a time.
  int64_t bytes(int64_t rows) const {
    return weight_bytes + state_bytes + fixed_bytes + rows * row_bytes;
  }
};

// Measured on the first rows of `data`, forward and backward, in the mode the model is in. Weights
// do not move; random streams and statistics are set back. What does not grow in proportion to the
// rows, as attention between rows would, is not foreseen. OutOfMemory if even that does not fit a
// MemoryLimitScope around it. ValueError for fewer than 2 rows, or a model without parameters.
StepCost step_cost(Module& model, const optim::Optimizer& optimizer, const Dataset& data,
                   const Loss& loss = {});

}  // namespace attune::nn
