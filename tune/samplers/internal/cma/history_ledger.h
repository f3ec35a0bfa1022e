#pragma once
// Tells a sampler that keeps what it has computed from the finished trials whether a history that
// it is shown begins with the very same trials. A deterministic study shows several histories by
// turns, and a sampler may come to serve another study.

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "attune/tune/history.h"

namespace attune::tune::internal {

class HistoryLedger {
 public:
  size_t size() const { return digests_.size(); }

  // How many of the history's finished trials, from the first to finish on, are those written down.
  // Each trial of each history is compared once; after that, only that its last one is still there.
  size_t agreement(const History& history);

  void add(const History& history);  // its finished trial number size()
  void cut(size_t size);             // forgets all after the first `size`

 private:
  std::vector<uint64_t> digests_;
  std::unordered_map<const History*, size_t> compared_;  // trials found equal
};

}  // namespace attune::tune::internal
