#pragma once
// At which reports a pruner decides.

#include <cstdint>

#include "attune/tune/history.h"

namespace attune::tune::internal {

// At the first report at or after each step warmup + k * interval.
inline bool decides_now(const TrialRecord& trial, int64_t warmup, int64_t interval) {
  if (trial.reports.empty()) return false;
  const auto& reports = trial.reports;
  const int64_t step = reports.back().step;
  if (step < warmup) return false;
  const int64_t since = (step - warmup) % interval;
  return reports.size() < 2 || reports[reports.size() - 2].step < step - since;
}

}  // namespace attune::tune::internal
