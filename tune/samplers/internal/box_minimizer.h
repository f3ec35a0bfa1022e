#pragma once
// Minimising a smooth function of some tens of variables inside a box.

#include <functional>
#include <span>
#include <vector>

namespace attune::tune::internal {

// Returns f(x) and writes its gradient.
using SmoothFunction = std::function<double(std::span<const double> x, std::span<double> gradient)>;

struct BoxMinimizerOptions {
  int iterations = 40;
  double gradient_tolerance = 1e-4;  // on the projected gradient's largest entry
  double relative_decrease =
      1e-7;                 // stops at an iteration that gains less, relative to max(1, |f|)
  double largest_step = 1;  // of any variable in one iteration
};

// Projected L-BFGS: Liu and Nocedal, "On the limited memory BFGS method" (1989), on the variables
// that are not held at a bound, with Armijo's condition along the projected step (Bertsekas, 1982).
// `x` is the start and becomes the best point found; returns its value. Deterministic. Exceptions
// of `f` pass through. A value that is not finite counts as too high.
double minimize_in_box(const SmoothFunction& f, std::span<const double> low,
                       std::span<const double> high, std::vector<double>& x,
                       const BoxMinimizerOptions& options);

}  // namespace attune::tune::internal
