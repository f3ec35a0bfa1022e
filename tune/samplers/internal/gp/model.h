#pragma once
// The Gaussian process itself: how probable hyperparameters are given the data, and what the
// posterior says about new points. After Rasmussen and Williams, "Gaussian processes for machine
// learning" (2006), chapters 2 and 5.

#include <memory>
#include <span>
#include <vector>

#include "attune/tune/samplers/internal/gp/kernel.h"
#include "attune/tune/samplers/internal/gp/mean_function.h"

namespace attune::tune::internal {

// Observations: `values` standardised (mean 0, deviation 1). `categorical` has an entry per
// dimension of the points.
struct Observations {
  std::vector<Point> points;
  std::vector<double> values;
  std::vector<bool> categorical;
  BowlPrior bowl = {};
};

// The negative log posterior density of theta = (the kernel's, log noise variance), constants left
// out: log likelihood with the mean function at its optimum, plus the priors.
class MapObjective {
 public:
  MapObjective(const Kernel& kernel, const Observations& data);

  const std::vector<LogPrior>& priors() const { return priors_; }
  std::vector<double> prior_mean() const;

  // Value, and gradient unless that span is empty. 1e10 where the covariance matrix is not
  // positive definite, so that a line search turns back.
  double operator()(std::span<const double> theta, std::span<double> gradient);

 private:
  MeanFunction fit_mean();

  const Kernel& kernel_;
  const std::vector<double>& values_;
  BowlPrior bowl_prior_;
  std::vector<LogPrior> priors_;
  SquaredDifferences differences_;
  KernelParts parts_;
  std::vector<double> ones_, bowl_;                    // the mean function's columns,
  std::vector<double> to_ones_, to_bowl_, to_values_;  // and products with K^-1
  std::vector<double> matrix_, alpha_, weights_;
};

struct Prediction {
  double mean, deviation;  // of the latent function: without the noise
};

// What one prediction leaves behind for its gradient. One object serves for many calls.
struct PredictionScratch {
  SquaredDifferences differences;
  KernelParts parts;
  std::vector<double> whitened, slope, weights;
};

// The posterior of one set of hyperparameters.
class GaussianProcess {
 public:
  // Falls back to the prior means with much noise where theta's covariance matrix cannot be
  // factored.
  GaussianProcess(std::shared_ptr<const Kernel> kernel, Observations data,
                  std::vector<double> theta);

  // The same hyperparameters with these points added, as if they had given their predictions.
  GaussianProcess extended(std::span<const Point> points,
                           std::span<const Prediction> predictions) const;

  size_t size() const { return data_.points.size(); }
  size_t dims() const { return kernel_->dims(); }
  const Observations& data() const { return data_; }
  std::span<const double> theta() const { return theta_; }
  double length_scale(size_t dim) const { return kernel_->length_scale(theta_, dim); }

  // The posterior mean at the data: the values with the noise taken out.
  const std::vector<double>& smoothed() const { return smoothed_; }

  Prediction predict(const Point& x, bool gradient_follows, PredictionScratch& scratch) const;

  // Right after predict(x, true, scratch), and once: the gradient by x of a * mean + b * deviation;
  // 0 for categorical and inactive coordinates.
  void gradient(const Point& x, const Prediction& at, double a, double b,
                PredictionScratch& scratch, std::span<double> gradient) const;

  // Many points at once, by matrix products.
  std::vector<Prediction> predict(std::span<const Point> x) const;

  // The joint distribution of the latent function at a few hundred points: its means, and the lower
  // triangle of its covariance matrix, element (i, j) at [i + j * points].
  struct Joint {
    std::vector<double> mean, covariance;
  };
  Joint predict_jointly(std::span<const Point> x) const;

 private:
  bool factor();
  double mean_at(const Point& x) const;
  void differences(const Point& x, size_t offset, SquaredDifferences& d) const;

  std::shared_ptr<const Kernel> kernel_;
  Observations data_;
  std::vector<double> theta_;
  std::vector<std::vector<double>> columns_;  // the points, one array per dimension
  std::vector<char> plain_;                   // dimensions of numbers that every point has
  std::vector<double> inverse_;               // L^-1, [n, n]
  std::vector<double> alpha_;                 // K^-1 (values - mean)
  std::vector<double> smoothed_;
  MeanFunction mean_;
  double variance_ = 0;
};

}  // namespace attune::tune::internal
