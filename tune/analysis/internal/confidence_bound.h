#pragma once
// How low the function may be: the posterior mean less some deviations, turned round, so that a
// search climbs to where it may be lowest. Srinivas et al., "Gaussian process optimization in the
// bandit setting" (2010).

#include <span>
#include <vector>

#include "attune/tune/samplers/internal/gp/acquisition.h"

namespace attune::tune::internal {

// -(mean - width * deviation)
class LowerConfidenceBound : public Acquisition {
 public:
  LowerConfidenceBound(const GaussianProcess& model, double width) : model_(model), width_(width) {}

  double operator()(const Point& x) const override {
    const Prediction p = model_.predict(x, false, scratch_);
    return width_ * p.deviation - p.mean;
  }
  double operator()(const Point& x, std::span<double> gradient) const override {
    const Prediction p = model_.predict(x, true, scratch_);
    model_.gradient(x, p, -1, width_, scratch_, gradient);
    return width_ * p.deviation - p.mean;
  }
  std::vector<double> operator()(std::span<const Point> x) const override {
    std::vector<double> values;
    for (const Prediction& p : model_.predict(x)) values.push_back(width_ * p.deviation - p.mean);
    return values;
  }
  double length_scale(size_t dim) const override { return model_.length_scale(dim); }

 private:
  const GaussianProcess& model_;
  double width_;
  mutable PredictionScratch scratch_;
};

}  // namespace attune::tune::internal
