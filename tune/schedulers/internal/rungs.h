#pragma once
// Places on the way of trials at which they are compared: after so many steps.

#include <cstdint>
#include <span>
#include <vector>

#include "attune/tune/history.h"

namespace attune::tune::internal {

// The report with which the trial has done so many steps; null: it has not.
const TrialRecord::Report* report_after(const TrialRecord& trial, int64_t steps);

bool is_nan(const TrialRecord::Report& report);  // one of its losses is

// Numbers of the trials, best first, by their reports after so many steps; those that have failed
// or not come as far are left out. Feasible ones first; then the lower loss, or the better front
// and in it the more room around; then the lower number.
std::vector<int64_t> ranked_after(int64_t steps, std::span<const TrialRecord* const> trials);

// Decided by a scheduler, not because its run ended.
inline bool paused(const TrialRecord& trial) {
  return trial.state == State::paused && !trial.interrupted();
}

// How many of the places, ascending, are not beyond so many steps.
int64_t passed(std::span<const int64_t> places, int64_t steps);

// The first place at or beyond which the trial is now and was not when it was last resumed: it has
// just come to one.
bool arrives(std::span<const int64_t> places, const TrialRecord& trial);

}  // namespace attune::tune::internal
