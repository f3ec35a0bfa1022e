#pragma once
// Which point promises most: expected improvement, on a logarithmic scale so that it keeps its
// slope where it is too small for a double. Ament et al., "Unexpected improvements to expected
// improvement for Bayesian optimization" (2023).

#include <span>
#include <vector>

#include "attune/tune/samplers/internal/gp/model.h"

namespace attune::tune::internal {

// log h(z) with h(z) = phi(z) + z Phi(z), the expected improvement of a standard normal over z; and
// its derivative h'(z) / h(z). Relative error of h below 1e-12 for any finite z.
struct LogImprovement {
  double value, slope;
};
LogImprovement log_improvement(double z);

// What a search over the space climbs: the higher, the more a trial there promises.
class Acquisition {
 public:
  virtual ~Acquisition() = default;

  virtual double operator()(const Point& x) const = 0;
  virtual double operator()(const Point& x, std::span<double> gradient) const = 0;
  virtual std::vector<double> operator()(std::span<const Point> x) const = 0;

  // How far a step in that dimension goes before the function is another.
  virtual double length_scale(size_t dim) const = 0;
};

// log EI(x) = log s + log h((best - mean) / s) against the best posterior mean at the data, so that
// one lucky noisy value does not stop the search around the others.
class LogExpectedImprovement : public Acquisition {
 public:
  explicit LogExpectedImprovement(const GaussianProcess& model);
  // Against `best`, in the model's own scale.
  LogExpectedImprovement(const GaussianProcess& model, double best) : model_(model), best_(best) {}

  double operator()(const Point& x) const override;
  double operator()(const Point& x, std::span<double> gradient) const override;
  std::vector<double> operator()(std::span<const Point> x) const override;
  double length_scale(size_t dim) const override { return model_.length_scale(dim); }

 private:
  const GaussianProcess& model_;
  double best_;
  mutable PredictionScratch scratch_;
};

}  // namespace attune::tune::internal
