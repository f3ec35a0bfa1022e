#pragma once
// Points that promise much and will probably keep all constraints. Gardner et al., "Bayesian
// optimization with inequality constraints" (2014).

#include <span>
#include <vector>

#include "attune/tune/samplers/internal/gp/acquisition.h"

namespace attune::tune::internal {

// log Phi(z), the probability that a standard normal is below z, and its derivative phi / Phi. For
// any finite z.
struct LogProbability {
  double value, slope;
};
LogProbability log_probability(double z);

// `promise` times the probability that every constraint is at most its limit, as logarithms;
// without a promise (no trial was feasible yet) that probability alone.
class FeasibleAcquisition : public Acquisition {
 public:
  // One model and one limit (in the model's own scale) per constraint. Keeps both and `promise`.
  FeasibleAcquisition(const Acquisition* promise, std::span<const GaussianProcess> constraints,
                      std::vector<double> limits);

  double operator()(const Point& x) const override;
  double operator()(const Point& x, std::span<double> gradient) const override;
  std::vector<double> operator()(std::span<const Point> x) const override;
  double length_scale(size_t dim) const override;  // the promise's, else the shortest

 private:
  const Acquisition* promise_;
  std::span<const GaussianProcess> constraints_;
  std::vector<double> limits_;
  mutable PredictionScratch scratch_;
  mutable std::vector<double> part_;
};

}  // namespace attune::tune::internal
