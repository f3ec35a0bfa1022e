#include "attune/tune/samplers/internal/genetic/outcomes.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attune::tune::internal {
namespace {

std::vector<size_t> feasible_of(const std::vector<double>& violations) {
  std::vector<size_t> feasible;
  for (size_t i = 0; i < violations.size(); ++i) {
    if (violations[i] == 0) feasible.push_back(i);
  }
  return feasible;
}

std::vector<Losses> chosen(const std::vector<Losses>& losses, const std::vector<size_t>& which) {
  std::vector<Losses> some;
  for (const size_t i : which) some.push_back(losses[i]);
  return some;
}

}  // namespace

std::vector<size_t> Outcomes::front() const {
  const std::vector<size_t> feasible = feasible_of(violations);
  std::vector<size_t> front;
  for (const size_t k : nondominated(chosen(losses, feasible))) front.push_back(feasible[k]);
  return front;
}

Outcomes collect_outcomes(const Question& question, const Evidence& evidence) {
  const size_t objectives = question.history.objectives();
  std::vector<std::string> names;
  std::vector<const TrialRecord*> trials;
  Outcomes outcomes;
  for (size_t k = 0; k < evidence.points.size(); ++k) {
    const TrialRecord& trial = question.history.trials()[static_cast<size_t>(evidence.numbers[k])];
    Losses losses = trial.losses;
    if (losses.size() != objectives) continue;
    losses[0] = evidence.losses[k];  // what of it is believed
    if (!std::all_of(losses.begin(), losses.end(), [](double v) { return std::isfinite(v); })) {
      continue;
    }
    outcomes.points.push_back(evidence.points[k]);
    outcomes.losses.push_back(std::move(losses));
    outcomes.violations.push_back(trial.violation());
    trials.push_back(&trial);
    for (const TrialRecord::Constraint& c : trial.constraints) {
      if (std::find(names.begin(), names.end(), c.name) == names.end()) names.push_back(c.name);
    }
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    std::vector<double>& values = outcomes.constraints.emplace_back();
    for (const TrialRecord* trial : trials) {
      values.push_back(std::numeric_limits<double>::quiet_NaN());
      for (const TrialRecord::Constraint& c : trial->constraints) {
        if (c.name == name) values.back() = c.value;
      }
    }
  }
  return outcomes;
}

std::vector<double> constrained_ranks(const std::vector<Losses>& losses,
                                      const std::vector<double>& violations) {
  std::vector<double> ranks(losses.size(), 0.0);
  const std::vector<size_t> feasible = feasible_of(violations);
  const std::vector<size_t> fronts = nondominated_ranks(chosen(losses, feasible));
  double next = 0;
  for (size_t k = 0; k < feasible.size(); ++k) {
    ranks[feasible[k]] = static_cast<double>(fronts[k]);
    next = std::max(next, static_cast<double>(fronts[k]) + 1);
  }
  std::vector<double> worse;
  for (const double v : violations) {
    if (v > 0) worse.push_back(v);
  }
  std::sort(worse.begin(), worse.end());
  worse.erase(std::unique(worse.begin(), worse.end()), worse.end());
  for (size_t i = 0; i < losses.size(); ++i) {
    if (!(violations[i] > 0)) continue;
    const auto place = std::lower_bound(worse.begin(), worse.end(), violations[i]);
    ranks[i] = next + static_cast<double>(place - worse.begin());
  }
  return ranks;
}

}  // namespace attune::tune::internal
