#pragma once
// Which point promises most where there are several objectives: the expected gain of hypervolume,
// on a logarithmic scale as expected improvement is (see acquisition.h).

#include <cstdint>
#include <span>
#include <vector>

#include "attune/tune/internal/math/box_decomposition.h"
#include "attune/tune/samplers/internal/gp/acquisition.h"

namespace attune::tune::internal {

// log E[hypervolume(front and y) - hypervolume(front)] with independent normal y_i. Exact: the gain
// is the sum over the boxes that the front leaves of the part that y dominates, the expectation of
// which is a product over the objectives of differences of expected improvements over the box's
// sides. Emmerich, Deutz and Klinkenberg (2011), Yang et al. (2019); slopes by the chain rule.
class LogExpectedHypervolumeImprovement : public Acquisition {
 public:
  // One model per objective; front and reference in the models' own scales. Keeps the models.
  LogExpectedHypervolumeImprovement(std::span<const GaussianProcess> models,
                                    std::span<const Losses> front, const Losses& reference);

  double operator()(const Point& x) const override;
  double operator()(const Point& x, std::span<double> gradient) const override;
  std::vector<double> operator()(std::span<const Point> x) const override;
  double length_scale(size_t dim) const override;  // the geometric mean of the models'

 private:
  struct Slope {
    double mean, deviation;
  };
  // Fills `slopes`, one per objective, unless it is empty.
  double value(std::span<const Prediction> y, std::span<Slope> slopes) const;

  std::span<const GaussianProcess> models_;
  std::vector<std::vector<double>> edges_;  // per objective, where boxes begin or end, ascending
  // Per box and objective the edges of its sides; 0: minus infinity, else one more than the index.
  std::vector<uint32_t> low_, high_;

  // Only so that one object's calls do not allocate.
  mutable std::vector<std::vector<double>> log_psi_;
  mutable std::vector<std::vector<Slope>> psi_slopes_;
  mutable std::vector<double> box_, side_;
  mutable std::vector<PredictionScratch> scratch_;
  mutable std::vector<double> part_;
};

}  // namespace attune::tune::internal
