#pragma once
// Ten functions to search, all to be minimised: how few trials does a tuner need? They are those of
// the figures that the peers were measured with (docs/search.md).

#include <functional>
#include <string>
#include <vector>

#include "attune/tune/space.h"

namespace attune::quality {

struct Problem {
  std::string name;
  tune::Space space;
  std::function<double(const tune::Params&)> value;  // without noise
  double optimum;
  double noise;  // deviation of the normal noise that the tuner sees
};

// branin hartmann6 ackley5 rosenbrock5 levy8 sphere10 noisy_h6 mlp_toy branches digits_mlp.
// `digits_csv`: the table of trained networks that digits_mlp looks results up in; IoError when it
// cannot be read. Empty: the other nine.
std::vector<Problem> problems(const std::string& digits_csv);

}  // namespace attune::quality
