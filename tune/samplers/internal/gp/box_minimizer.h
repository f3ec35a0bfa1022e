#pragma once
// Minimising a smooth function of some tens of variables inside a box.

#include <functional>
#include <span>
#include <vector>

namespace attune::tune::internal {

// Returns f(x) and writes its gradient.
using SmoothFunction = std::function<double(std::span<const double> x, std::span<double> gradient)>;

struct BoxMinimizerOptions {
  int evaluations = 50;     // at most
  double tolerance = 1e-7;  // stops where an iteration gains less, absolutely or relatively
};

// Low-storage BFGS: Liu and Nocedal (1989), as NLopt has it from Luksan. `x` is the start, becomes
// the best point seen, and its value is returned. Deterministic. Values that are not finite count
// as very high; exceptions of `f` pass through.
double minimize_in_box(const SmoothFunction& f, std::span<const double> low,
                       std::span<const double> high, std::vector<double>& x,
                       const BoxMinimizerOptions& options);

}  // namespace attune::tune::internal
