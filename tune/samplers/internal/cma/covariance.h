#pragma once
// The covariance of CMA-ES with its roots: full, or diagonal where there are too many parameters to
// learn how each two of them go together. The root is the symmetric one, which unlike the
// eigenvectors does not jump when eigenvalues are nearly equal.

#include <cstddef>
#include <span>
#include <vector>

namespace attune::tune::internal {

class CmaCovariance {
 public:
  CmaCovariance(size_t dimensions, bool diagonal);  // the identity

  size_t dimensions() const { return n_; }
  bool diagonal() const { return diagonal_; }
  double variance(size_t i) const { return c_[diagonal_ ? i : i * n_ + i]; }
  const std::vector<double>& matrix() const { return c_; }  // [n, n], or the diagonal [n]
  // The largest eigenvalue over the smallest.
  double condition() const { return condition_; }

  std::vector<double> root_times(std::span<const double> z) const;
  std::vector<double> inverse_root_times(std::span<const double> y) const;

  // C := keep C + c p p' + sum_i weights[i] steps[i] steps[i]'; then the roots anew.
  void update(double keep, double c, std::span<const double> p, std::span<const double> weights,
              const std::vector<std::vector<double>>& steps);
  void assign(std::vector<double> matrix);  // as matrix() gives it; then the roots anew

 private:
  std::vector<double> times(const std::vector<double>& m, std::span<const double> x) const;
  void add(double weight, std::span<const double> v);
  void find_roots();

  size_t n_;
  bool diagonal_;
  double condition_ = 1;
  std::vector<double> c_, root_, inverse_root_;
};

}  // namespace attune::tune::internal
