#pragma once
// Learning-rate schedules: from the number of a step, counted from 0, to a factor on the rate.
//
//   adam.set_schedule(optim::linear_warmup(100, optim::cosine(2000)));

#include <cstdint>
#include <functional>

namespace attune::optim {

using Schedule = std::function<double(int64_t step)>;

// From 1 down half a cosine wave to `last` at `steps`, and on at that. Loshchilov and Hutter,
// "SGDR" (2017), without restarts. ValueError unless steps > 0, as in all three.
Schedule cosine(int64_t steps, double last = 0);

// 1 / steps, 2 / steps, … 1 in the first `steps` steps; then `next`, counted from its own start. By
// default on at 1.
Schedule linear_warmup(int64_t steps, Schedule next = {});

// Times `factor` after every `steps` steps.
Schedule step_decay(int64_t steps, double factor = 0.1);

}  // namespace attune::optim
