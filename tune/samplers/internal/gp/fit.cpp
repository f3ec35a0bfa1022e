#include "attune/tune/samplers/internal/gp/fit.h"

#include <limits>
#include <utility>

#include "attune/tune/samplers/internal/gp/box_minimizer.h"
#include "attune/tune/samplers/internal/gp/evidence.h"

namespace attune::tune::internal {

GaussianProcess fit_gaussian_process(std::shared_ptr<const Kernel> kernel, Observations data,
                                     std::span<const double> ranks) {
  Observations some{{}, {}, data.categorical, data.bowl};
  for (const size_t i : representative(ranks, kFitLimit)) {
    some.points.push_back(data.points[i]);
    some.values.push_back(data.values[i]);
  }
  MapObjective objective(*kernel, some);
  std::vector<double> theta = fit_hyperparameters(objective);
  return GaussianProcess(std::move(kernel), std::move(data), std::move(theta));
}

std::vector<double> fit_hyperparameters(MapObjective& objective,
                                        std::span<const std::vector<double>> starts) {
  std::vector<double> low, high;
  for (const LogPrior& p : objective.priors()) low.push_back(p.low), high.push_back(p.high);
  const std::vector<double> prior = objective.prior_mean();
  if (starts.empty()) starts = {&prior, 1};

  // Loose tolerances: a mode found to two digits suggests as well as one found to six.
  const BoxMinimizerOptions options{.evaluations = 40, .tolerance = 1e-4};
  double best_value = std::numeric_limits<double>::infinity();
  std::vector<double> best = prior;
  for (std::vector<double> theta : starts) {
    const auto f = [&](std::span<const double> x, std::span<double> gradient) {
      return objective(x, gradient);
    };
    const double value = minimize_in_box(f, low, high, theta, options);
    if (value < best_value) best_value = value, best = theta;
  }
  return best;
}

}  // namespace attune::tune::internal
