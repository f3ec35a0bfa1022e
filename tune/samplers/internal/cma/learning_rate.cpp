#include "attune/tune/samplers/internal/cma/learning_rate.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "attune/tune/internal/math/symmetric_eigen.h"

namespace attune::tune::internal {
namespace {

// Table 1 of the paper.
constexpr double kAlpha = 1.4, kBetaMean = 0.1, kBetaCovariance = 0.03, kGamma = 0.1;

double squared_norm(const std::vector<double>& v) {
  double sum = 0;
  for (const double x : v) sum += x * x;
  return sum;
}

// root * m * root, for symmetric m, by the columns of m and of the product.
std::vector<double> between_inverse_roots(const CmaCovariance& covariance,
                                          const std::vector<double>& m) {
  const size_t n = covariance.dimensions();
  std::vector<double> half(n * n), whole(n * n);
  for (size_t i = 0; i < n; ++i) {
    const std::vector<double> row = covariance.inverse_root_times(std::span(m).subspan(i * n, n));
    for (size_t k = 0; k < n; ++k) half[k * n + i] = row[k];
  }
  for (size_t i = 0; i < n; ++i) {
    const std::vector<double> row =
        covariance.inverse_root_times(std::span(half).subspan(i * n, n));
    std::copy(row.begin(), row.end(), whole.begin() + static_cast<std::ptrdiff_t>(i * n));
  }
  return whole;
}

// The logarithm of a positive definite matrix's determinant.
double log_determinant(std::vector<double> m, size_t n) {
  std::vector<double> values(n), vectors(n * n);
  symmetric_eigen(m, values, vectors);
  double sum = 0;
  for (const double v : values) sum += std::log(std::max(v, 1e-300));
  return sum;
}

}  // namespace

CmaLearningRate::CmaLearningRate(size_t dimensions)
    : mean_{.beta = kBetaMean, .average = std::vector<double>(dimensions)},
      covariance_{.beta = kBetaCovariance,
                  .average = std::vector<double>(dimensions * dimensions)} {}

void CmaLearningRate::Rate::adapt(const std::vector<double>& update) {
  for (size_t i = 0; i < average.size(); ++i) {
    average[i] = (1 - beta) * average[i] + beta * update[i];
  }
  square = (1 - beta) * square + beta * squared_norm(update);
  const double signal = squared_norm(average);
  const double ratio = (signal - beta / (2 - beta) * square) / (square - signal);
  if (std::isnan(ratio)) return;
  const double wanted = std::clamp(ratio / kAlpha / eta - 1, -1.0, 1.0);
  eta = std::min(1.0, eta * std::exp(std::min(kGamma * eta, beta) * wanted));
}

void CmaLearningRate::damp(const Before& before, std::vector<double>& mean, double& sigma,
                           CmaCovariance& covariance) {
  const size_t n = mean.size();
  const double variance = before.sigma * before.sigma;

  std::vector<double> move(n);
  for (size_t i = 0; i < n; ++i) {
    move[i] = (mean[i] - before.mean[i]) / (before.sigma * before.scale[i]);
  }
  const double old_eta = mean_.eta;
  mean_.adapt(before.covariance.inverse_root_times(move));
  for (size_t i = 0; i < n; ++i) {
    mean[i] = before.mean[i] + mean_.eta * (mean[i] - before.mean[i]);
  }

  // Below, covariances are in units of the old sigma.
  std::vector<double> change = covariance.matrix();
  const double growth = sigma * sigma / variance;
  for (size_t i = 0; i < n * n; ++i) {
    change[i] = growth * change[i] - before.covariance.matrix()[i];
  }
  std::vector<double> white = between_inverse_roots(before.covariance, change);
  for (double& w : white) w /= std::numbers::sqrt2;
  covariance_.adapt(white);

  std::vector<double> matrix = before.covariance.matrix();
  for (size_t i = 0; i < n * n; ++i) matrix[i] += covariance_.eta * change[i];
  const double spread = std::exp(log_determinant(matrix, n) / (2 * static_cast<double>(n)));
  for (double& m : matrix) m /= spread * spread;
  covariance.assign(std::move(matrix));
  sigma = before.sigma * spread * (old_eta / mean_.eta);  // a smaller rate wants a larger step
}

}  // namespace attune::tune::internal
