#pragma once
// What importance evaluators work on: the complete trials as a table of coordinates.

#include <cstdint>
#include <limits>
#include <vector>

namespace attune::tune::internal {

// One parameter. Values are units (see Param), or indices where there are choices; NaN where a
// trial did not have the parameter.
struct Column {
  std::vector<double> values;
  int64_t choices = 0;         // 0: a number
  int64_t levels = 0;          // of a number; 0: a continuum
  bool log = false;            // and then its levels are not evenly spread
  double first = 0, last = 1;  // the units of the ends of its range
};

struct EffectsTable {
  std::vector<Column> columns;
  std::vector<double> losses;  // finite, one per row
};

}  // namespace attune::tune::internal
