#include "attune/tune/samplers/internal/cma/history_ledger.h"

#include <algorithm>
#include <bit>

namespace attune::tune::internal {
namespace {

constexpr size_t kHistories = 1024;  // remembered; those that are gone must not pile up

uint64_t digest(const History& history, size_t place) {
  const auto number = static_cast<size_t>(history.finished()[place]);
  const TrialRecord& trial = history.trials()[number];
  uint64_t h = 0x9E3779B97F4A7C15;
  const auto mix = [&h](uint64_t bits) {
    h = (h ^ bits) * 0xD6E8FEB86659FD93;
    h ^= h >> 32;
  };
  mix(number);
  mix(static_cast<uint64_t>(trial.state));
  mix(std::bit_cast<uint64_t>(trial.loss()));
  for (const TrialRecord::Use& use : trial.params) mix(std::bit_cast<uint64_t>(use.value));
  return h;
}

}  // namespace

size_t HistoryLedger::agreement(const History& history) {
  const size_t common = std::min(digests_.size(), history.finished().size());
  if (compared_.size() >= kHistories && !compared_.contains(&history)) compared_.clear();
  size_t& compared = compared_[&history];
  compared = std::min(compared, common);
  // Another history may have come to lie at the same address.
  if (compared > 0 && digest(history, compared - 1) != digests_[compared - 1]) compared = 0;
  while (compared < common && digest(history, compared) == digests_[compared]) ++compared;
  return compared;
}

void HistoryLedger::add(const History& history) {
  digests_.push_back(digest(history, digests_.size()));
  compared_[&history] = digests_.size();
}

void HistoryLedger::cut(size_t size) {
  digests_.resize(std::min(size, digests_.size()));
  for (auto& [history, compared] : compared_) compared = std::min(compared, digests_.size());
}

}  // namespace attune::tune::internal
