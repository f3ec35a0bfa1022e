#include "attune/tune/samplers/internal/gp/expected_hypervolume.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attune::tune::internal {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// log(1 - exp(d)) for d <= 0.
double log_one_minus_exp(double d) {
  return d > -0.6931471805599453 ? std::log(-std::expm1(d)) : std::log1p(-std::exp(d));
}

}  // namespace

LogExpectedHypervolumeImprovement::LogExpectedHypervolumeImprovement(
    std::span<const GaussianProcess> models, std::span<const Losses> front, const Losses& reference)
    : models_(models),
      edges_(models.size()),
      log_psi_(models.size()),
      psi_slopes_(models.size()),
      scratch_(models.size()) {
  const std::vector<LossBox> boxes = nondominated_boxes(front, reference);
  const size_t m = models.size();
  for (size_t i = 0; i < m; ++i) {
    std::vector<double>& edges = edges_[i];
    for (const LossBox& box : boxes) {
      if (box.low[i] > -kInfinity) edges.push_back(box.low[i]);
      edges.push_back(box.high[i]);
    }
    std::sort(edges.begin(), edges.end());
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    log_psi_[i].resize(edges.size() + 1);
    psi_slopes_[i].resize(edges.size() + 1);
  }
  const auto place = [&](size_t i, double edge) {
    const auto at = std::lower_bound(edges_[i].begin(), edges_[i].end(), edge);
    return edge == -kInfinity ? 0 : static_cast<uint32_t>(at - edges_[i].begin()) + 1;
  };
  for (const LossBox& box : boxes) {
    for (size_t i = 0; i < m; ++i) {
      low_.push_back(place(i, box.low[i]));
      high_.push_back(place(i, box.high[i]));
    }
  }
  box_.resize(boxes.size());
  side_.resize(boxes.size() * m);
}

double LogExpectedHypervolumeImprovement::value(std::span<const Prediction> y,
                                                std::span<Slope> slopes) const {
  const size_t m = models_.size();
  // psi(b) = E max(b - y, 0) = s h((b - mean) / s) at each edge b.
  for (size_t i = 0; i < m; ++i) {
    const double s = y[i].deviation, log_s = std::log(s);
    log_psi_[i][0] = -kInfinity;
    psi_slopes_[i][0] = {0, 0};
    for (size_t e = 0; e < edges_[i].size(); ++e) {
      const double z = (edges_[i][e] - y[i].mean) / s;
      const LogImprovement h = log_improvement(z);
      log_psi_[i][e + 1] = log_s + h.value;
      psi_slopes_[i][e + 1] = {-h.slope / s, (1 - z * h.slope) / s};
    }
  }
  double top = -kInfinity;
  for (size_t b = 0; b < box_.size(); ++b) {
    box_[b] = 0;
    for (size_t i = 0; i < m; ++i) {
      const double upper = log_psi_[i][high_[b * m + i]];
      side_[b * m + i] = log_psi_[i][low_[b * m + i]] - upper;  // log(psi(low) / psi(high))
      box_[b] += upper;
      if (low_[b * m + i] > 0) box_[b] += log_one_minus_exp(std::min(side_[b * m + i], 0.0));
    }
    top = std::max(top, box_[b]);
  }
  double sum = 0;
  for (const double log_box : box_) sum += std::exp(log_box - top);
  const double value = top + std::log(sum);
  if (slopes.empty()) return value;

  std::fill(slopes.begin(), slopes.end(), Slope{0, 0});
  for (size_t b = 0; b < box_.size(); ++b) {
    const double weight = std::exp(box_[b] - value);
    if (!(weight > 1e-30)) continue;
    for (size_t i = 0; i < m; ++i) {
      const Slope high = psi_slopes_[i][high_[b * m + i]], low = psi_slopes_[i][low_[b * m + i]];
      const double share = std::exp(side_[b * m + i]), scale = weight / (1 - share);
      slopes[i].mean += scale * (high.mean - share * low.mean);
      slopes[i].deviation += scale * (high.deviation - share * low.deviation);
    }
  }
  return value;
}

double LogExpectedHypervolumeImprovement::operator()(const Point& x) const {
  std::vector<Prediction> y;
  for (size_t i = 0; i < models_.size(); ++i) {
    y.push_back(models_[i].predict(x, false, scratch_[i]));
  }
  return value(y, {});
}

double LogExpectedHypervolumeImprovement::operator()(const Point& x,
                                                     std::span<double> gradient) const {
  std::vector<Prediction> y;
  for (size_t i = 0; i < models_.size(); ++i) {
    y.push_back(models_[i].predict(x, true, scratch_[i]));
  }
  std::vector<Slope> slopes(models_.size());
  const double height = value(y, slopes);
  std::fill(gradient.begin(), gradient.end(), 0.0);
  part_.resize(gradient.size());
  for (size_t i = 0; i < models_.size(); ++i) {
    models_[i].gradient(x, y[i], slopes[i].mean, slopes[i].deviation, scratch_[i], part_);
    for (size_t k = 0; k < gradient.size(); ++k) gradient[k] += part_[k];
  }
  return height;
}

std::vector<double> LogExpectedHypervolumeImprovement::operator()(std::span<const Point> x) const {
  std::vector<std::vector<Prediction>> all;
  for (const GaussianProcess& model : models_) all.push_back(model.predict(x));
  std::vector<double> values;
  std::vector<Prediction> y(models_.size());
  for (size_t k = 0; k < x.size(); ++k) {
    for (size_t i = 0; i < models_.size(); ++i) y[i] = all[i][k];
    values.push_back(value(y, {}));
  }
  return values;
}

double LogExpectedHypervolumeImprovement::length_scale(size_t dim) const {
  double log_sum = 0;
  for (const GaussianProcess& model : models_) log_sum += std::log(model.length_scale(dim));
  return std::exp(log_sum / static_cast<double>(models_.size()));
}

}  // namespace attune::tune::internal
