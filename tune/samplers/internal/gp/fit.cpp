#include "attune/tune/samplers/internal/gp/fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "attune/tune/samplers/internal/gp/box_minimizer.h"
#include "attune/tune/samplers/internal/gp/evidence.h"

namespace attune::tune::internal {
namespace {

// The representative of `data` by `ranks`.
Observations sample_of(const Observations& data, std::span<const double> ranks) {
  Observations some{{}, {}, data.categorical, data.bowl};
  for (const size_t i : representative(ranks, kFitLimit)) {
    some.points.push_back(data.points[i]);
    some.values.push_back(data.values[i]);
  }
  return some;
}

// Loose tolerances: a mode found to two digits suggests as well as one found to six.
constexpr BoxMinimizerOptions kLoose{.evaluations = 40, .tolerance = 1e-4};

// Variances of the noise beside a variance of 1 of all values.
constexpr double kNoiseLevels[] = {1e-6, 1e-4, 1e-3, 1e-2, 0.05, 0.15, 0.35, 0.7};
constexpr double kNoAccount = 0.01;

}  // namespace

GaussianProcess fit_gaussian_process(std::shared_ptr<const Kernel> kernel, Observations data,
                                     std::span<const double> ranks) {
  const Observations some = sample_of(data, ranks);
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

  double best_value = std::numeric_limits<double>::infinity();
  std::vector<double> best = prior;
  for (std::vector<double> theta : starts) {
    const auto f = [&](std::span<const double> x, std::span<double> gradient) {
      return objective(x, gradient);
    };
    const double value = minimize_in_box(f, low, high, theta, kLoose);
    if (value < best_value) best_value = value, best = theta;
  }
  return best;
}

std::vector<WeightedProcess> fit_at_noise_levels(std::shared_ptr<const Kernel> kernel,
                                                 Observations data, std::span<const double> ranks) {
  const Observations some = sample_of(data, ranks);
  MapObjective objective(*kernel, some);
  std::vector<double> low, high, start = objective.prior_mean();
  for (const LogPrior& p : objective.priors()) low.push_back(p.low), high.push_back(p.high);
  const LogPrior& noise = objective.priors().back();
  const auto f = [&](std::span<const double> x, std::span<double> gradient) {
    return objective(x, gradient);
  };

  std::vector<std::vector<double>> modes;
  std::vector<double> values;
  for (const double level : kNoiseLevels) {
    start.back() = low.back() = high.back() = std::log(level);
    const double z = (std::log(level) - noise.mean) / noise.deviation;
    values.push_back(minimize_in_box(f, low, high, start, kLoose) - 0.5 * z * z);
    modes.push_back(start);  // the next level's search begins here
  }
  const double best = *std::min_element(values.begin(), values.end());
  double sum = 0;
  for (double& v : values) {
    v = std::exp(best - v);
    if (v < kNoAccount) v = 0;
    sum += v;
  }
  std::vector<WeightedProcess> processes;
  for (size_t i = 0; i < modes.size(); ++i) {
    if (values[i] > 0) processes.push_back({values[i] / sum, {kernel, data, modes[i]}});
  }
  return processes;
}

}  // namespace attune::tune::internal
