#pragma once
// Functions to search, all to be minimised: how few trials does a tuner need? Ten are those of the
// figures that the peers were measured with (docs/search.md); a second set, of the same kinds, is
// there so that nobody tunes to the ten.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "attune/tune/space.h"

namespace attune::quality {

struct Problem {
  std::string name;
  tune::Space space;
  std::function<double(const tune::Params&)> value;  // without noise
  double optimum;
  double noise;            // deviation of the normal noise that the tuner sees
  tune::Params best = {};  // where the optimum is, when noted
};

// branin hartmann6 ackley5 rosenbrock5 levy8 sphere10 noisy_h6 mlp_toy branches digits_mlp.
// `digits_csv`: the table of trained networks that digits_mlp looks results up in; IoError when it
// cannot be read. Empty: the other nine.
std::vector<Problem> problems(const std::string& digits_csv);

// griewank5 rastrigin4 michalewicz5 schwefel3 styblinski5 dixon6 zakharov4 camel goldstein shekel4
// ellipsoid8 noisy_branin noisy_h3 few12 few20, and those of more_spaces().
std::vector<Problem> more_problems();

// Other kinds of parameters: models optimizers table mixed10 cliff cliff_nan.
std::vector<Problem> more_spaces();

using Bounds = std::vector<std::pair<double, double>>;
Bounds box(size_t dims, double low, double high);

// A problem over floats x0, x1, ...
Problem continuous(std::string name, const Bounds& bounds,
                   std::function<double(const std::vector<double>&)> f, double optimum,
                   double noise = 0, const std::vector<double>& best = {});

double branin(const std::vector<double>& x);  // two floats; minimum 0.39788735772973816

}  // namespace attune::quality
