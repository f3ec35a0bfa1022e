#include "attune/tune/schedulers/internal/curve_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "attune/tune/internal/math/dense.h"

namespace attune::tune::internal {
namespace {

constexpr size_t kFitted = 72;  // points that the settings are fitted to
constexpr double kDrawnIn = 2;  // losses above the median by so often its distance from the best
constexpr double kLengths[] = {0.15, 0.3, 0.6, 1.2, 2.5};
constexpr double kParts[] = {0.01, 0.1, 0.4, 1.5};
constexpr double kNoises[] = {1e-4, 1e-3, 1e-2, 0.1};
constexpr double kDecays[] = {0.03, 0.1, 0.3};  // of the longest
constexpr int kRounds = 2;

double matern(double distance2) {
  const double r = std::sqrt(5 * distance2);
  return (1 + r + r * r / 3) * std::exp(-r);
}

}  // namespace

CurveModel::CurveModel(std::vector<Point> points, std::vector<bool> categorical, double longest)
    : points_(std::move(points)), categorical_(std::move(categorical)), longest_(longest) {
  std::vector<double> losses;
  for (const Point& p : points_) losses.push_back(p.loss);
  if (losses.empty()) return;
  const auto half = losses.begin() + static_cast<std::ptrdiff_t>(losses.size() / 2);
  std::nth_element(losses.begin(), half, losses.end());
  best_ = *std::min_element(losses.begin(), losses.end());
  const double highest = *half + kDrawnIn * (*half - best_);
  double sum = 0, squares = 0;
  for (const Point& p : points_) {
    targets_.push_back(std::min(p.loss, highest));
    sum += targets_.back();
  }
  center_ = sum / static_cast<double>(targets_.size());
  for (const double t : targets_) squares += (t - center_) * (t - center_);
  scale_ = std::sqrt(squares / static_cast<double>(targets_.size()));
  if (!(scale_ > 0)) scale_ = 1;
  for (double& t : targets_) t = (t - center_) / scale_;
  fit();
  solve();
}

double CurveModel::covariance(const Settings& s, const Point& a, const Point& b) const {
  double distance2 = 0;
  for (size_t i = 0; i < a.place.size(); ++i) {
    double d = a.place[i] - b.place[i];
    if (categorical_[i]) d = d != 0 ? 1 : 0;
    distance2 += d * d / (s.lengths[i] * s.lengths[i]);
  }
  const double near = matern(distance2);
  const double decaying = s.decay / (a.steps + b.steps + s.decay);
  double k = near * (1 + s.by_place * decaying) + s.common * decaying;
  if (a.curve == b.curve && a.curve >= 0) k += s.own * decaying + s.offset;
  return k;
}

std::vector<double> CurveModel::covariances(const Settings& s, std::span<const size_t> some) const {
  const size_t n = some.size();
  std::vector<double> k(n * n, 0.0);
  for (size_t j = 0; j < n; ++j) {
    for (size_t i = j; i < n; ++i) {
      k[i + j * n] = covariance(s, points_[some[i]], points_[some[j]]);
    }
    k[j + j * n] += s.noise;
  }
  return k;
}

double CurveModel::likelihood(const Settings& s, std::span<const size_t> some) const {
  const size_t n = some.size();
  std::vector<double> k = covariances(s, some), y(n);
  if (!cholesky(k.data(), n)) return -std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < n; ++i) y[i] = targets_[some[i]];
  double sum = 0;
  for (size_t j = 0; j < n; ++j) {  // y := L^-1 y
    y[j] /= k[j + j * n];
    for (size_t i = j + 1; i < n; ++i) y[i] -= k[i + j * n] * y[j];
    sum -= y[j] * y[j] / 2 + std::log(k[j + j * n]);
  }
  for (const double length : s.lengths) {  // rather a long one than a short one
    const double off = std::log(length / 0.6);
    sum -= off * off / 4;
  }
  return sum;
}

// One setting after the other, each to the likeliest of a few values.
void CurveModel::fit() {
  settings_.lengths.assign(categorical_.size(), 0.6);
  settings_.decay = 0.1 * longest_;
  std::vector<size_t> some;
  const size_t n = points_.size(), count = std::min(n, kFitted);
  for (size_t i = 0; i < count; ++i) some.push_back(n - 1 - i * n / count);
  double best = likelihood(settings_, some);
  const auto try_all = [&](double& setting, std::span<const double> values, double unit) {
    double kept = setting;
    for (const double value : values) {
      setting = value * unit;
      if (setting == kept) continue;
      const double now = likelihood(settings_, some);
      if (now > best) best = now, kept = setting;
    }
    setting = kept;
  };
  for (int round = 0; round < kRounds; ++round) {
    for (double& length : settings_.lengths) try_all(length, kLengths, 1);
    try_all(settings_.decay, kDecays, longest_);
    try_all(settings_.noise, kNoises, 1);
    try_all(settings_.by_place, kParts, 4);
    try_all(settings_.common, kParts, 4);
    try_all(settings_.own, kParts, 1);
    try_all(settings_.offset, kParts, 0.5);
  }
}

void CurveModel::solve() {
  const size_t n = points_.size();
  std::vector<size_t> all(n);
  std::iota(all.begin(), all.end(), 0);
  for (;;) {
    factor_ = covariances(settings_, all);
    if (cholesky(factor_.data(), n)) break;
    settings_.noise = 10 * settings_.noise + 1e-6;
  }
  invert_lower(factor_.data(), n);
  weights_ = targets_;
  lower_times(factor_.data(), n, weights_.data());
  lower_transposed_times(factor_.data(), n, weights_.data());
}

CurveModel::Estimate CurveModel::at(const Point& point) const {
  const size_t n = points_.size();
  std::vector<double> k(n);
  double mean = 0;
  for (size_t i = 0; i < n; ++i) {
    k[i] = covariance(settings_, point, points_[i]);
    mean += k[i] * weights_[i];
  }
  double variance = covariance(settings_, point, point);
  lower_times(factor_.data(), n, k.data());
  for (const double v : k) variance -= v * v;
  return {center_ + scale_ * mean, scale_ * std::sqrt(std::max(variance, 1e-10))};
}

}  // namespace attune::tune::internal
