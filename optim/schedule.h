#pragma once
// Learning-rate schedules: functions from the number of a step, counted from 0, to a factor that
// multiplies the learning rate.
//
//   adam.set_schedule(optim::linear_warmup(100, optim::cosine(2000)));

#include <cstdint>
#include <functional>

namespace attune::optim {

// Must return a finite number that is not negative; update() throws ValueError otherwise.
using Schedule = std::function<double(int64_t step)>;

// Falls from 1 to `last` along half a cosine wave over `steps` steps, then stays at `last`.
// Loshchilov and Hutter, "SGDR" (2017), without restarts. ValueError unless steps > 0, here and
// below, or if `last` is not a finite number or is negative.
Schedule cosine(int64_t steps, double last = 0);

// Rises over the first `steps` steps: 1 / steps, 2 / steps, … 1. After them comes `next`, which
// counts its steps from 0 again, or a constant 1 by default.
Schedule linear_warmup(int64_t steps, Schedule next = {});

// Multiplies by `factor` after every `steps` steps. ValueError unless factor > 0 and finite.
Schedule step_decay(int64_t steps, double factor = 0.1);

}  // namespace attune::optim
