#pragma once
// Training a trial again, to see that it gives the same numbers.

#include <cstdint>
#include <string>
#include <vector>

#include "attune/tune/study.h"
#include "attune/tune/tabular/recipe.h"

namespace attune::tune {

struct Replay {
  int64_t number = 0;
  State state = State::complete;
  int64_t reports = 0;                  // compared
  std::vector<int64_t> different = {};  // the steps whose reports are not equal bit for bit
  std::string weights_then = {}, weights_now = {};  // hashes; then: empty if the trial kept none

  bool same() const {
    return different.empty() && (weights_then.empty() || weights_then == weights_now);
  }
};

// Trains the trial's configuration from the trial's own random streams for as many epochs as it
// reported, and compares. ValueError for a trial that never ran or has reported nothing.
Replay replay(const Study& study, const Recipe& recipe, int64_t number);

}  // namespace attune::tune
