#include "attune/tune/samplers/internal/cma/covariance.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "attune/tune/internal/math/symmetric_eigen.h"

namespace attune::tune::internal {
namespace {

// Of the largest eigenvalue; rounding and negative weights can bring one below 0.
constexpr double kSmallest = 1e-14;

}  // namespace

CmaCovariance::CmaCovariance(size_t dimensions, bool diagonal)
    : n_(dimensions), diagonal_(diagonal), c_(diagonal ? n_ : n_ * n_, diagonal ? 1.0 : 0.0) {
  if (!diagonal_) {
    for (size_t i = 0; i < n_; ++i) c_[i * n_ + i] = 1;
  }
  root_ = inverse_root_ = c_;
}

std::vector<double> CmaCovariance::times(const std::vector<double>& m,
                                         std::span<const double> x) const {
  std::vector<double> y(n_);
  for (size_t i = 0; i < n_; ++i) {
    if (diagonal_) {
      y[i] = m[i] * x[i];
      continue;
    }
    for (size_t k = 0; k < n_; ++k) y[i] += m[i * n_ + k] * x[k];
  }
  return y;
}

std::vector<double> CmaCovariance::root_times(std::span<const double> z) const {
  return times(root_, z);
}

std::vector<double> CmaCovariance::inverse_root_times(std::span<const double> y) const {
  return times(inverse_root_, y);
}

void CmaCovariance::add(double weight, std::span<const double> v) {
  for (size_t i = 0; i < n_; ++i) {
    if (diagonal_) {
      c_[i] += weight * v[i] * v[i];
      continue;
    }
    const double wv = weight * v[i];
    for (size_t k = 0; k < n_; ++k) c_[i * n_ + k] += wv * v[k];
  }
}

void CmaCovariance::update(double keep, double c, std::span<const double> p,
                           std::span<const double> weights,
                           const std::vector<std::vector<double>>& steps) {
  for (double& x : c_) x *= keep;
  add(c, p);
  for (size_t i = 0; i < steps.size(); ++i) {
    if (weights[i] != 0) add(weights[i], steps[i]);
  }
  find_roots();
}

void CmaCovariance::assign(std::vector<double> matrix) {
  c_ = std::move(matrix);
  find_roots();
}

void CmaCovariance::find_roots() {
  if (n_ == 0) return;
  std::vector<double> values(n_), vectors;
  if (diagonal_) {
    values = c_;
  } else {
    std::vector<double> a(c_);
    for (size_t i = 0; i < n_; ++i) {  // v_i (w v_k) and v_k (w v_i) may differ in the last bit
      for (size_t k = 0; k < i; ++k) a[i * n_ + k] = a[k * n_ + i];
    }
    vectors.resize(n_ * n_);
    symmetric_eigen(a, values, vectors);
  }
  const double most = *std::max_element(values.begin(), values.end());
  bool raised = false;
  for (double& v : values) {
    raised = raised || v < kSmallest * most;
    v = std::max(v, kSmallest * most);
  }
  condition_ = most / *std::min_element(values.begin(), values.end());
  if (diagonal_) {
    c_ = values;
    for (size_t i = 0; i < n_; ++i) {
      root_[i] = std::sqrt(values[i]);
      inverse_root_[i] = 1 / root_[i];
    }
    return;
  }
  std::fill(root_.begin(), root_.end(), 0.0);
  std::fill(inverse_root_.begin(), inverse_root_.end(), 0.0);
  if (raised) std::fill(c_.begin(), c_.end(), 0.0);
  for (size_t k = 0; k < n_; ++k) {
    const double* v = &vectors[k * n_];
    const double root = std::sqrt(values[k]);
    for (size_t i = 0; i < n_; ++i) {
      for (size_t j = 0; j < n_; ++j) {
        const double vv = v[i] * v[j];
        root_[i * n_ + j] += root * vv;
        inverse_root_[i * n_ + j] += vv / root;
        if (raised) c_[i * n_ + j] += values[k] * vv;
      }
    }
  }
}

}  // namespace attune::tune::internal
