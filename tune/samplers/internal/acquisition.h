#pragma once
// Which point promises most: expected improvement, on a logarithmic scale so that it keeps its
// slope where it is too small for a double. Ament et al., "Unexpected improvements to expected
// improvement for Bayesian optimization" (2023).

#include <span>
#include <vector>

#include "attune/tune/samplers/internal/gp_model.h"

namespace attune::tune::internal {

// log h(z) with h(z) = phi(z) + z Phi(z), the expected improvement of a standard normal over z; and
// its derivative h'(z) / h(z). Relative error of h below 1e-12 for any finite z.
struct LogImprovement {
  double value, slope;
};
LogImprovement log_improvement(double z);

// log EI(x) = log s + log h((best - mean) / s) against the best posterior mean at the data, so that
// one lucky noisy value does not stop the search around the others.
class LogExpectedImprovement {
 public:
  explicit LogExpectedImprovement(const GaussianProcess& model);

  const GaussianProcess& model() const { return model_; }

  double operator()(const Point& x) const;
  double operator()(const Point& x, std::span<double> gradient) const;
  std::vector<double> operator()(std::span<const Point> x) const;

 private:
  const GaussianProcess& model_;
  double best_;
  mutable PredictionScratch scratch_;
};

}  // namespace attune::tune::internal
