#pragma once
// A line search for the strong Wolfe conditions.

#include <functional>

namespace attune::optim {

// A function along a line, and its slope there.
struct LinePoint {
  double step, value, slope;
};

// A step from 0 at which the value has fallen by at least c1 times what the slope promised, and the
// slope is at most c2 times as steep as at 0: Nocedal and Wright, "Numerical optimization" (2006),
// algorithms 3.5 and 3.6, with cubic interpolation. `start` is the function at 0, whose slope must
// be below 0; `at(step)` computes it elsewhere. After `most` evaluations it is the best step found,
// and 0 if none was better.
LinePoint strong_wolfe(const LinePoint& start, double first_step,
                       const std::function<LinePoint(double)>& at, int most = 25, double c1 = 1e-4,
                       double c2 = 0.9);

}  // namespace attune::optim
