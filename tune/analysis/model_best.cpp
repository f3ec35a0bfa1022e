#include "attune/tune/analysis/model_best.h"

#include <algorithm>
#include <cmath>

#include "attune/base/error.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {
namespace {

constexpr size_t kFewest = 10;  // trials; of fewer the model cannot tell noise from shape
constexpr double kNoise = 0.1;  // of the values' spread; below, a fit shows it without any

// Half of the range in which the middle two thirds of the values lie: a deviation that a few
// terrible trials do not change.
double spread(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t sixth = values.size() / 6;
  return values[values.size() - 1 - sixth] / 2 - values[sixth] / 2;
}

}  // namespace

std::optional<ModelBest> model_best(const Study& study) {
  if (study.directions().size() != 1) return std::nullopt;
  const Space space = study.space();
  std::vector<TrialResult> trials;
  std::vector<double> values;
  for (TrialResult& trial : study.trials()) {
    const bool counts = trial.state == State::complete && trial.feasible() &&
                        std::isfinite(trial.value) && !trial.system.contains(kRepeats);
    if (!counts || !space.flaw(trial.params).empty()) continue;
    values.push_back(trial.value);
    trials.push_back(std::move(trial));
  }
  if (trials.size() < kFewest) return std::nullopt;
  std::vector<Params> params;
  for (const TrialResult& trial : trials) params.push_back(trial.params);
  std::vector<Estimate> estimates;
  try {
    estimates = study.predict(params);
  } catch (const ValueError&) {  // no parameters that all had, or no losses to believe
    return std::nullopt;
  }
  if (!(estimates.front().noise > kNoise * spread(values))) return std::nullopt;
  const double sign = study.directions().front() == Direction::maximize ? -1 : 1;
  const auto best = std::min_element(
      estimates.begin(), estimates.end(),
      [sign](const Estimate& a, const Estimate& b) { return sign * a.mean < sign * b.mean; });
  return ModelBest{trials[static_cast<size_t>(best - estimates.begin())], *best};
}

}  // namespace attune::tune
