#include "attune/tune/samplers/internal/cma/distribution.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace attune::tune::internal {
namespace {

constexpr int kDraws = 10;  // before a point is cut off at the cube's faces
constexpr double kSmallestSigma = 1e-15, kLargestSigma = 1;  // the cube's coordinates are doubles

double norm(std::span<const double> v) {
  return std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
}

bool in_cube(std::span<const double> x) {
  return std::all_of(x.begin(), x.end(), [](double v) { return v >= 0 && v <= 1; });
}

}  // namespace

std::vector<double> weights_of(std::span<const double> by_rank, std::span<const CmaRanked> ranked) {
  std::vector<double> weights(by_rank.begin(), by_rank.end());
  for (size_t from = 0, to = 0; from < ranked.size(); from = to) {
    to = from + 1;
    while (to < ranked.size() && ranked[to].tied) ++to;
    const auto first = weights.begin() + static_cast<std::ptrdiff_t>(from);
    const auto last = weights.begin() + static_cast<std::ptrdiff_t>(to);
    std::fill(first, last, std::accumulate(first, last, 0.0) / static_cast<double>(to - from));
  }
  return weights;
}

CmaDistribution::CmaDistribution(std::shared_ptr<const CmaRates> rates, std::vector<double> mean,
                                 double sigma, bool diagonal, bool adapt_learning_rate)
    : rates_(std::move(rates)),
      mean_(std::move(mean)),
      scale_(mean_.size(), 1.0),
      sigma_(sigma),
      covariance_(mean_.size(), diagonal),
      path_sigma_(mean_.size()),
      path_(mean_.size()) {
  if (adapt_learning_rate && !mean_.empty()) learning_rate_.emplace(mean_.size());
}

double CmaDistribution::deviation(size_t i) const {
  return sigma_ * scale_[i] * std::sqrt(covariance_.variance(i));
}

std::vector<double> CmaDistribution::sample(std::vector<double> normals, Rng& rng) const {
  std::vector<double> x(dimensions());
  bool given = !normals.empty();
  normals.resize(dimensions());
  for (int draw = 0; draw < kDraws; ++draw, given = false) {
    if (!given) {
      for (double& z : normals) z = rng.normal();
    }
    const std::vector<double> step = covariance_.root_times(normals);
    for (size_t i = 0; i < x.size(); ++i) x[i] = mean_[i] + sigma_ * scale_[i] * step[i];
    if (in_cube(x)) return x;
  }
  for (double& v : x) v = std::clamp(v, 0.0, 1.0);
  return x;
}

std::vector<double> CmaDistribution::step_to(std::span<const double> x) const {
  std::vector<double> step(dimensions());
  for (size_t i = 0; i < step.size(); ++i) step[i] = (x[i] - mean_[i]) / (sigma_ * scale_[i]);
  return step;
}

void CmaDistribution::update(std::span<const CmaRanked> ranked) {
  if (dimensions() == 0) return;
  ++generation_;
  const CmaRates& r = *rates_;
  const double n = static_cast<double>(dimensions());
  const std::vector<double> old_mean = mean_;
  const double old_sigma = sigma_;

  std::vector<double> better(r.weights);
  for (double& w : better) w = std::max(w, 0.0);
  better = weights_of(better, ranked);
  std::vector<double> weights = weights_of(r.weights, ranked);

  const double likely = std::sqrt(n) + 2 * n / (n + 2);  // Hansen, "Injecting external solutions
                                                         // into CMA-ES", 2011
  std::vector<std::vector<double>> steps;
  std::vector<double> move(dimensions());
  double keep = 1 - r.rank_one;
  for (size_t k = 0; k < ranked.size(); ++k) {
    std::vector<double> step = step_to(ranked[k].x);
    keep -= r.rank_mu * weights[k];
    if (ranked[k].foreign || weights[k] < 0) {
      double length = norm(covariance_.inverse_root_times(step));
      if (ranked[k].foreign && length > likely) {
        for (double& s : step) s *= likely / length;
        length = likely;
      }
      // A long step among the worse ones must not take more variance than there is.
      if (weights[k] < 0) weights[k] *= n / std::max(length * length, 1e-8);
    }
    weights[k] *= r.rank_mu;
    for (size_t i = 0; i < step.size(); ++i) move[i] += better[k] * step[i];
    steps.push_back(std::move(step));
  }
  for (size_t i = 0; i < mean_.size(); ++i) mean_[i] += sigma_ * scale_[i] * move[i];

  const std::vector<double> white = covariance_.inverse_root_times(move);
  const double gain = std::sqrt(r.path_sigma * (2 - r.path_sigma) * r.effective);
  for (size_t i = 0; i < white.size(); ++i) {
    path_sigma_[i] = (1 - r.path_sigma) * path_sigma_[i] + gain * white[i];
  }
  const double length = norm(path_sigma_);
  sigma_ *= std::exp(std::min(1.0, r.path_sigma / r.damping * (length / r.expected_norm - 1)));

  const double settled =
      std::sqrt(1 - std::pow(1 - r.path_sigma, 2.0 * static_cast<double>(generation_ + 1)));
  const bool stall = length / settled >= (1.4 + 2 / (n + 1)) * r.expected_norm;
  for (size_t i = 0; i < path_.size(); ++i) {
    path_[i] *= 1 - r.path;
    if (!stall) path_[i] += std::sqrt(r.path * (2 - r.path) * r.effective) * move[i];
  }
  if (stall) keep += r.rank_one * r.path * (2 - r.path);
  const CmaCovariance old_covariance = covariance_;
  covariance_.update(keep, r.rank_one, path_, weights, steps);

  if (learning_rate_) {
    learning_rate_->damp({old_mean, scale_, old_sigma, old_covariance}, mean_, sigma_, covariance_);
  }
  sigma_ = std::clamp(sigma_, kSmallestSigma, kLargestSigma);
  for (double& m : mean_) m = std::clamp(m, 0.0, 1.0);
}

void CmaDistribution::set_marginal(size_t i, double mean, double deviation) {
  mean_[i] = mean;
  scale_[i] = deviation / (sigma_ * std::sqrt(covariance_.variance(i)));
}

}  // namespace attune::tune::internal
