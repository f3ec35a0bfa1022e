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

// Multiplies by `factor` after every step. ValueError unless factor > 0 and finite.
Schedule exponential(double factor);

struct OneCycleOptions {
  double warm = 0.3;    // the share of the steps in which the rate rises
  double first = 0.04;  // the factor that it rises from, to 1
  double last = 4e-6;   // and falls to
};
// Rises to 1 and falls again, each along half a cosine wave, within `steps` steps, and stays where
// it ends. Smith and Topin, "Super-convergence" (2018). ValueError unless 0 < warm < 1 and the
// factors are finite, not negative.
Schedule one_cycle(int64_t steps, const OneCycleOptions& options = {});

struct PlateauOptions {
  double factor = 0.1;      // multiplies the rate
  int64_t patience = 10;    // reports without an improvement that are borne
  double threshold = 1e-4;  // the share of the best loss by which another has to be lower
  int64_t cooldown = 0;     // reports after a reduction that do not count
  double least = 0;         // of the factor
};

// A factor that falls when a loss has stopped falling: a value, so that a copy is its checkpoint.
//
//   auto plateau = optim::reduce_on_plateau({.patience = 5});
//   adam.set_learning_rate(1e-3 * plateau.report(validation_loss));  // after each epoch
class Plateau {
 public:
  explicit Plateau(const PlateauOptions& options);  // ValueError for an option out of range
  double report(double loss);                       // the factor; NaN is no improvement
  double factor() const { return factor_; }

 private:
  PlateauOptions options_;
  double factor_ = 1, best_;
  int64_t bad_ = 0, resting_ = 0;
};
Plateau reduce_on_plateau(const PlateauOptions& options = {});

}  // namespace attune::optim
