// Population based training, Jaderberg et al. (2017): truncation selection, with perturbation of
// the parameters. All members are compared after the same number of steps.

#include <algorithm>
#include <cmath>

#include "attune/base/rng.h"
#include "attune/tune/schedulers.h"
#include "attune/tune/schedulers/internal/population_scheduler.h"

namespace attune::tune {
namespace {

constexpr double kLess = 0.8, kMore = 1.2;  // a number times these
constexpr double kDrawnAnew = 0.25;         // choices, so often

double perturbed(const Param& param, double value, Rng& rng) {
  if (param.kind == Param::Kind::categorical) {
    const bool anew = rng.uniform() < kDrawnAnew;
    return anew ? param.from_unit(rng.uniform()) : value;
  }
  const double factor = rng.uniform() < 0.5 ? kLess : kMore;
  const double times = std::clamp(value * factor, param.low, param.high);
  if (param.levels() == 0) return times;
  const int64_t level = param.level_of(value), moved = param.level_of(times);
  if (moved != level || param.levels() < 2) return param.level_value(moved);
  const bool up = (factor == kMore) == (value >= 0);  // one level at least
  return param.level_value(
      std::clamp<int64_t>(level + (up ? 1 : -1), 0, static_cast<int64_t>(param.levels()) - 1));
}

class Population : public internal::PopulationScheduler {
 public:
  explicit Population(PopulationOptions options)
      : PopulationScheduler("population", options.size, options.interval) {}

 protected:
  Params explored(const Fork& fork, Rng& rng) const override {
    return changed_params(
        fork.now, record(fork.now, fork.parent),
        [&rng](const Param& param, double value) { return perturbed(param, value, rng); });
  }
};

}  // namespace

std::shared_ptr<const Scheduler> population(PopulationOptions options) {
  return std::make_shared<Population>(options);
}

}  // namespace attune::tune
