#pragma once
// A history of one's own, fed by the ledger: whoever computes on it at length holds up nobody else.
// Runs of confirm(), which the search does not know, are not in it.

#include <cstddef>

#include "attune/tune/internal/ledger.h"

namespace attune::tune {

// Not safe for several threads at once.
class FedHistory {
 public:
  FedHistory(Ledger& ledger, size_t feed)
      : ledger_(ledger), feed_(feed), history_(ledger.signs()) {}

  // As of now.
  const History& read() {
    for (const Event& event : ledger_.drain(feed_)) {
      history_.apply(event);
      if (const int64_t repeat = repeat_in(event); repeat >= 0) history_.hide(repeat);
    }
    return history_;
  }

 private:
  Ledger& ledger_;
  size_t feed_;
  History history_;
};

}  // namespace attune::tune
