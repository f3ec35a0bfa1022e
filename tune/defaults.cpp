// Common starting ranges for the hyperparameters of a neural network.

#include "attune/tune/space.h"

namespace attune::tune::defaults {

Param learning_rate() { return log_range(1e-4, 1e-1).starting_at(1e-3); }
Param batch_size() { return powers_of_two(16, 256).starting_at(64); }
Param layers() { return int_range(1, 10).starting_at(2); }
Param regularization() { return log_range(1e-4, 1e-1).starting_at(1e-3); }
Param dropout() { return range(0, 0.5).starting_at(0.1); }
Param epochs() { return log_int_range(5, 100).starting_at(20); }

}  // namespace attune::tune::defaults
