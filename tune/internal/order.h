#pragma once
// Which of two trials is better: the one order that results, schedulers, analyses and samplers use.
// Feasible trials come before the others, of which less violation is better (Deb, 2000); then the
// lower loss, or the one that is as low in all objectives and lower in one.

#include <cstdint>
#include <functional>
#include <vector>

#include "attune/tune/history.h"

namespace attune::tune {

// Both are complete. NaN is worse than any number.
bool better(const TrialRecord& a, const TrialRecord& b);

// Of the complete trials that count, those that none is better than, by number. With one objective:
// the first of the best.
std::vector<int64_t> best_numbers(const History& history,
                                  const std::function<bool(const TrialRecord&)>& counts);

}  // namespace attune::tune
