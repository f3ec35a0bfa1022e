#include "attune/tune/samplers/internal/gp/model.h"

#include <algorithm>
#include <cmath>

#include "attune/tune/samplers/internal/gp/kernel_passes.h"
#include "attune/tune/internal/math/dense.h"

namespace attune::tune::internal {
namespace {

constexpr double kJitter = 1e-9;             // of the prior variance, added to the diagonal
constexpr double kSmallestVariance = 1e-12;  // below this rounding rules
constexpr LogPrior kNoisePrior = {-6.907755278982137, 2, -13.815510557964274, 0};  // 1e-3, 1e-6, 1

// Pairs (i, j) with i > j, column by column: the order of a lower triangle in memory.
SquaredDifferences all_pairs(const Kernel& kernel, const Observations& data) {
  const size_t n = data.points.size();
  SquaredDifferences d(kernel.dims(), n * (n - 1) / 2);
  for (size_t k = 0; k < kernel.dims(); ++k) {
    double* out = d.row(k);
    for (size_t j = 0; j < n; ++j) {
      for (size_t i = j + 1; i < n; ++i) {
        *out++ =
            kernel.squared_difference(data.points[i][k], data.points[j][k], data.categorical[k]);
      }
    }
  }
  return d;
}

void fill_matrix(const KernelParts& pairs, double diagonal, size_t n, std::vector<double>& matrix) {
  matrix.resize(n * n);
  const double* k = pairs.value.data();
  for (size_t j = 0; j < n; ++j) {
    matrix[j + j * n] = diagonal;
    for (size_t i = j + 1; i < n; ++i) matrix[i + j * n] = *k++;
  }
}

std::vector<double> bowls(const Observations& data) {
  std::vector<double> heights;
  for (const Point& p : data.points) heights.push_back(bowl(p, data.categorical));
  return heights;
}

double half_log_determinant(const std::vector<double>& cholesky_factor, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += std::log(cholesky_factor[i + i * n]);
  return sum;
}

}  // namespace

MapObjective::MapObjective(const Kernel& kernel, const Observations& data)
    : kernel_(kernel),
      values_(data.values),
      bowl_prior_(data.bowl),
      priors_(kernel.priors()),
      differences_(all_pairs(kernel, data)),
      ones_(data.values.size(), 1.0),
      bowl_(bowls(data)),
      to_ones_(ones_.size()),
      to_bowl_(ones_.size()),
      to_values_(ones_.size()),
      alpha_(ones_.size()),
      weights_(differences_.stride()) {
  priors_.push_back(kNoisePrior);
}

std::vector<double> MapObjective::prior_mean() const {
  std::vector<double> mean;
  for (const LogPrior& p : priors_) mean.push_back(p.mean);
  return mean;
}

// With K^-1 in matrix_.
MeanFunction MapObjective::fit_mean() {
  const size_t n = values_.size();
  symmetric_times(matrix_.data(), n, ones_.data(), to_ones_.data());
  symmetric_times(matrix_.data(), n, values_.data(), to_values_.data());
  if (bowl_prior_.deviation > 0) {
    symmetric_times(matrix_.data(), n, bowl_.data(), to_bowl_.data());
  }
  return MeanFunction::fit({ones_, bowl_, values_}, {to_ones_, to_bowl_, to_values_}, bowl_prior_);
}

double MapObjective::operator()(std::span<const double> theta, std::span<double> gradient) {
  const size_t n = values_.size();
  const double noise = std::exp(theta.back());
  const double variance = kernel_.variance(theta);
  kernel_.evaluate(theta, differences_, !gradient.empty(), parts_);
  fill_matrix(parts_, (1 + kJitter) * variance + noise, n, matrix_);
  if (!cholesky(matrix_.data(), n)) {
    std::fill(gradient.begin(), gradient.end(), 0.0);
    return 1e10;
  }
  double value = half_log_determinant(matrix_, n);

  invert_from_cholesky(matrix_.data(), n);
  const MeanFunction mean = fit_mean();
  for (size_t i = 0; i < n; ++i) {
    alpha_[i] = to_values_[i] - mean.level * to_ones_[i] - mean.bowl * to_bowl_[i];
    value += 0.5 * (values_[i] - mean.level - mean.bowl * bowl_[i]) * alpha_[i];
  }
  value += mean.penalty(bowl_prior_);
  for (size_t i = 0; i < priors_.size(); ++i) {
    const double z = (theta[i] - priors_[i].mean) / priors_[i].deviation;
    value += 0.5 * z * z;
  }
  if (gradient.empty()) return value;

  // d value / d theta = -1/2 tr((alpha alpha' - K^-1) dK / d theta); pairs count twice. The mean
  // is at its optimum, so its own change does not matter.
  double on_diagonal = 0;
  double* weight = weights_.data();
  for (size_t j = 0; j < n; ++j) {
    on_diagonal += alpha_[j] * alpha_[j] - matrix_[j + j * n];
    for (size_t i = j + 1; i < n; ++i) *weight++ = matrix_[i + j * n] - alpha_[i] * alpha_[j];
  }
  std::fill(weight, weights_.data() + weights_.size(), 0.0);
  std::fill(gradient.begin(), gradient.end(), 0.0);
  kernel_.add_gradient(theta, differences_, parts_, weights_, gradient);
  kernel_.add_variance_gradient(theta, -0.5 * on_diagonal * (1 + kJitter), gradient);
  gradient.back() -= 0.5 * on_diagonal * noise;
  for (size_t i = 0; i < priors_.size(); ++i) {
    const LogPrior& p = priors_[i];
    gradient[i] += (theta[i] - p.mean) / (p.deviation * p.deviation);
  }
  return value;
}

GaussianProcess::GaussianProcess(std::shared_ptr<const Kernel> kernel, Observations data,
                                 std::vector<double> theta)
    : kernel_(std::move(kernel)), data_(std::move(data)), theta_(std::move(theta)) {
  const size_t n = size();
  columns_.resize(dims());
  plain_.assign(dims(), 1);
  for (size_t k = 0; k < dims(); ++k) {
    if (data_.categorical[k]) plain_[k] = 0;
    for (const Point& p : data_.points) {
      if (!is_active(p[k])) plain_[k] = 0;
      columns_[k].push_back(p[k]);
    }
  }
  if (!factor()) {
    theta_.clear();
    for (const LogPrior& p : kernel_->priors()) theta_.push_back(p.mean);
    theta_.push_back(std::log(1e-2));
    factor();
  }

  std::vector<double> ones(n, 1.0), heights = bowls(data_), values = data_.values;
  for (auto* column : {&ones, &heights, &values}) lower_times(inverse_.data(), n, column->data());
  const MeanFunction::Columns columns = {ones, heights, values};
  mean_ = MeanFunction::fit(columns, columns, data_.bowl);
  for (size_t i = 0; i < n; ++i) values[i] -= mean_.level * ones[i] + mean_.bowl * heights[i];
  lower_transposed_times(inverse_.data(), n, values.data());
  alpha_ = std::move(values);
  const double noise = std::exp(theta_.back());
  for (size_t i = 0; i < n; ++i) smoothed_.push_back(data_.values[i] - noise * alpha_[i]);
}

GaussianProcess GaussianProcess::extended(std::span<const Point> points,
                                          std::span<const Prediction> predictions) const {
  Observations data = data_;
  data.points.insert(data.points.end(), points.begin(), points.end());
  for (const Prediction& p : predictions) data.values.push_back(p.mean);
  return GaussianProcess(kernel_, std::move(data), theta_);
}

double GaussianProcess::mean_at(const Point& x) const {
  return mean_.level + (mean_.bowl == 0 ? 0 : mean_.bowl * bowl(x, data_.categorical));
}

// Leaves L^-1 in inverse_.
bool GaussianProcess::factor() {
  variance_ = kernel_->variance(theta_);
  KernelParts parts;
  kernel_->evaluate(theta_, all_pairs(*kernel_, data_), false, parts);
  fill_matrix(parts, (1 + kJitter) * variance_ + std::exp(theta_.back()), size(), inverse_);
  if (!cholesky(inverse_.data(), size())) return false;
  invert_lower(inverse_.data(), size());
  return true;
}

void GaussianProcess::differences(const Point& x, size_t offset, SquaredDifferences& d) const {
  for (size_t k = 0; k < dims(); ++k) {
    const double* column = columns_[k].data();
    double* out = d.row(k) + offset;
    const double u = x[k];
    if (plain_[k] && is_active(u)) {
      for (size_t j = 0; j < size(); ++j) out[j] = (u - column[j]) * (u - column[j]);
    } else {
      for (size_t j = 0; j < size(); ++j) {
        out[j] = kernel_->squared_difference(u, column[j], data_.categorical[k]);
      }
    }
  }
}

Prediction GaussianProcess::predict(const Point& x, bool gradient_follows,
                                    PredictionScratch& scratch) const {
  const size_t n = size();
  scratch.differences.reshape(dims(), n);
  differences(x, 0, scratch.differences);
  kernel_->evaluate(theta_, scratch.differences, gradient_follows, scratch.parts);
  const auto& k = scratch.parts.value;

  double mean = mean_at(x), explained = 0;
  for (size_t i = 0; i < n; ++i) mean += k[i] * alpha_[i];
  scratch.whitened.assign(k.begin(), k.begin() + static_cast<std::ptrdiff_t>(n));
  lower_times(inverse_.data(), n, scratch.whitened.data());
  for (const double v : scratch.whitened) explained += v * v;
  return {mean, std::sqrt(std::max(variance_ - explained, kSmallestVariance))};
}

void GaussianProcess::gradient(const Point& x, const Prediction& at, double a, double b,
                               PredictionScratch& scratch, std::span<double> gradient) const {
  const size_t n = size();
  // d mean = alpha' dk, and d deviation = -(K^-1 k)' dk / deviation.
  lower_transposed_times(inverse_.data(), n, scratch.whitened.data());
  scratch.weights.resize(n);
  for (size_t i = 0; i < n; ++i) {
    scratch.weights[i] = a * alpha_[i] - b / at.deviation * scratch.whitened[i];
  }
  for (size_t k = 0; k < dims(); ++k) {
    gradient[k] = 0;
    if (data_.categorical[k] || !is_active(x[k])) continue;
    gradient[k] = a * mean_.bowl * bowl_slope(x[k], dims());
    kernel_->slope(theta_, scratch.parts, k, scratch.slope);
    for (size_t i = 0; i < n; ++i) {
      const double other = is_active(columns_[k][i]) ? columns_[k][i] : kInactivePlace;
      const double difference = x[k] - other;
      gradient[k] += 2 * scratch.weights[i] * scratch.slope[i] * difference;
    }
  }
}

std::vector<Prediction> GaussianProcess::predict(std::span<const Point> x) const {
  constexpr size_t kBlock = 32;  // candidates whose rows stay in the cache together
  const size_t n = size();
  std::vector<Prediction> predictions;
  predictions.reserve(x.size());
  SquaredDifferences d(dims(), kBlock * n);
  KernelParts parts;
  for (size_t begin = 0; begin < x.size(); begin += kBlock) {
    const size_t block = std::min(kBlock, x.size() - begin);
    for (size_t c = 0; c < block; ++c) differences(x[begin + c], c * n, d);
    kernel_->evaluate(theta_, d, false, parts);
    std::vector<double>& k = parts.value;
    for (size_t c = 0; c < block; ++c) {
      double mean = mean_at(x[begin + c]);
      for (size_t i = 0; i < n; ++i) mean += k[c * n + i] * alpha_[i];
      predictions.push_back({mean, 0});
    }
    lower_times(inverse_.data(), n, k.data(), block);
    for (size_t c = 0; c < block; ++c) {
      double explained = 0;
      for (size_t i = 0; i < n; ++i) explained += k[c * n + i] * k[c * n + i];
      predictions[begin + c].deviation =
          std::sqrt(std::max(variance_ - explained, kSmallestVariance));
    }
  }
  return predictions;
}

GaussianProcess::Joint GaussianProcess::predict_jointly(std::span<const Point> x) const {
  const size_t n = size(), m = x.size();
  Joint joint{{}, std::vector<double>(m * m)};
  KernelParts parts;
  SquaredDifferences to_data(dims(), n * m), to_each_other(dims(), m * (m + 1) / 2);
  for (size_t j = 0; j < m; ++j) differences(x[j], j * n, to_data);
  kernel_->evaluate(theta_, to_data, false, parts);
  std::vector<double> k = parts.value;  // column j: the covariances of x[j] with the data
  for (size_t j = 0; j < m; ++j) {
    double mean = mean_at(x[j]);
    for (size_t i = 0; i < n; ++i) mean += k[j * n + i] * alpha_[i];
    joint.mean.push_back(mean);
  }
  lower_times(inverse_.data(), n, k.data(), m);

  for (size_t d = 0; d < dims(); ++d) {
    double* out = to_each_other.row(d);
    for (size_t j = 0; j < m; ++j) {
      for (size_t i = j; i < m; ++i) {
        *out++ = kernel_->squared_difference(x[i][d], x[j][d], data_.categorical[d]);
      }
    }
  }
  kernel_->evaluate(theta_, to_each_other, false, parts);
  const double* prior = parts.value.data();
  for (size_t j = 0; j < m; ++j) {
    for (size_t i = j; i < m; ++i) {
      double explained = 0;
      for (size_t p = 0; p < n; ++p) explained += k[i * n + p] * k[j * n + p];
      joint.covariance[i + j * m] = *prior++ - explained;
    }
  }
  return joint;
}

}  // namespace attune::tune::internal
