#pragma once
// One parameter as a Parzen estimator sees it: a coordinate on the unit interval, or a choice.

#include <cstdint>

#include "attune/tune/param.h"

namespace attune::tune::internal {

class ParzenAxis {
 public:
  // smooth: a density; levels: masses of slices of the interval; choices: masses of indices.
  enum class Kind : uint8_t { smooth, levels, choices };

  explicit ParzenAxis(const Param& param);

  Kind kind() const { return kind_; }
  int64_t count() const { return count_; }  // of levels or choices; 0: a continuum

  // A unit (see Param) -> a coordinate: choices: the index; else the unit of the nearest value.
  double coordinate(double unit) const;
  double unit(double coordinate) const;

  // The slice of [0, 1] that a level stands for.
  struct Slice {
    double low, high;
  };
  Slice slice(double coordinate) const;

 private:
  Param param_;
  Kind kind_;
  int64_t count_;
  double log_low_ = 0, log_width_ = 0;  // of log integers, half a step beyond their ends
};

}  // namespace attune::tune::internal
