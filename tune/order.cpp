#include "attune/tune/internal/order.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "attune/tune/internal/math/nondominated.h"

namespace attune::tune {
namespace {

bool lower(double a, double b) { return a < b || (std::isnan(b) && !std::isnan(a)); }

}  // namespace

bool better(const TrialRecord& a, const TrialRecord& b) {
  const double over_a = a.violation(), over_b = b.violation();
  if (over_a != over_b) return over_a < over_b;
  bool any = false;
  for (size_t i = 0; i < std::min(a.losses.size(), b.losses.size()); ++i) {
    if (lower(b.losses[i], a.losses[i])) return false;
    any = any || lower(a.losses[i], b.losses[i]);
  }
  return any;
}

std::vector<int64_t> best_numbers(const History& history,
                                  const std::function<bool(const TrialRecord&)>& counts) {
  std::vector<const TrialRecord*> trials;
  double least = std::numeric_limits<double>::infinity();
  for (const TrialRecord& trial : history.trials()) {
    if (trial.state != State::complete || !counts(trial)) continue;
    trials.push_back(&trial);
    least = std::min(least, trial.violation());
  }
  std::vector<int64_t> numbers;
  std::vector<std::vector<double>> losses;
  for (const TrialRecord* trial : trials) {
    if (trial->violation() > least) continue;
    numbers.push_back(trial->number);
    losses.push_back(trial->losses);
  }
  std::vector<int64_t> best;
  for (const size_t i : internal::nondominated(losses)) best.push_back(numbers[i]);
  return best;
}

}  // namespace attune::tune
