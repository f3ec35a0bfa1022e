#pragma once
// Covariance functions over a mixed, partly inactive space. A kernel works on arrays of pairs of
// points, given as one row of squared differences per dimension, so that training (all pairs of
// the data) and prediction (candidates against the data) run the same vectorised passes.

#include <limits>
#include <memory>
#include <span>
#include <vector>

namespace attune::tune::internal {

// A point: one coordinate per parameter. Numbers lie on the unit interval (integers at the middle
// of their bins), a categorical parameter holds the index of its choice, and a parameter that
// does not exist under this point's conditions holds kInactive.
using Point = std::vector<double>;
inline constexpr double kInactive = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInactivePlace = 0.5;  // where among numbers it stands: see Kernel
inline bool is_active(double u) { return u == u; }

// Squared differences [dims, pairs], each row padded with zeros (see kernel_passes.h).
class SquaredDifferences {
 public:
  SquaredDifferences() = default;
  SquaredDifferences(size_t dims, size_t pairs) { reshape(dims, pairs); }

  // New sizes; the old values are lost where the sizes differ.
  void reshape(size_t dims, size_t pairs);

  double* row(size_t dim) { return values_.data() + dim * stride_; }
  const double* row(size_t dim) const { return values_.data() + dim * stride_; }
  size_t dims() const { return dims_; }
  size_t stride() const { return stride_; }  // the padded number of pairs

 private:
  size_t dims_ = 0, stride_ = 0;
  std::vector<double> values_;
};

// A normal prior on the logarithm of a hyperparameter, and the range that is searched.
struct LogPrior {
  double mean, deviation, low, high;
};

// What a kernel keeps of each pair between its value and its derivatives. One object serves for
// many calls, so that a fit allocates once.
struct KernelParts {
  std::vector<double> value;                   // k, per pair
  std::vector<std::vector<double>> m, g, sum;  // Matern terms and slopes per dimension
};

// `theta` holds logarithms of hyperparameters, in the order of priors().
class Kernel {
 public:
  Kernel(size_t dims, double mismatch) : dims_(dims), mismatch_(mismatch) {}
  virtual ~Kernel() = default;

  size_t dims() const { return dims_; }

  // (a - b)^2; 0 or 1 for categories. Inactive is one more category, and among numbers a place
  // beside the middle of the interval, sqrt(mismatch) off it: so there are points in a Euclidean
  // space with these distances, without which a kernel need not be positive definite.
  double squared_difference(double a, double b, bool categorical) const;

  virtual std::vector<LogPrior> priors() const = 0;

  // The length scale of a dimension, for scaling steps in it.
  virtual double length_scale(std::span<const double> theta, size_t dim) const = 0;

  // k(x, x), and its derivatives by theta times `weight` added to `gradient`.
  virtual double variance(std::span<const double> theta) const = 0;
  virtual void add_variance_gradient(std::span<const double> theta, double weight,
                                     std::span<double> gradient) const = 0;

  // k of each pair into parts.value; the rest of `parts` too if derivatives are to follow.
  virtual void evaluate(std::span<const double> theta, const SquaredDifferences& d,
                        bool derivatives, KernelParts& parts) const = 0;

  // Adds sum over pairs of weight * dk/dtheta to `gradient`. Overwrites `weights` and `parts`.
  virtual void add_gradient(std::span<const double> theta, const SquaredDifferences& d,
                            KernelParts& parts, std::vector<double>& weights,
                            std::span<double> gradient) const = 0;

  // dk/dD of each pair, D being the squared difference in dimension `dim`.
  virtual void slope(std::span<const double> theta, const KernelParts& parts, size_t dim,
                     std::vector<double>& slope) const = 0;

 protected:
  size_t dims_;
  double mismatch_;
};

// k = s prod_i (1 + w m(D_i / l_i^2)) / (1 + w): all orders of interaction, with one weight w that
// leads from an additive function (0) to a full product (infinity). The ANOVA decomposition of
// Stitson et al. (1999) and Duvenaud et al., "Additive Gaussian processes" (2011), with Matern-5/2
// terms m. theta = log l_1..l_d, log s, log w.
std::unique_ptr<Kernel> anova_kernel(size_t dims);

// k = s m(sum_i D_i / l_i^2) + (a / d) sum_i m(D_i / b_i^2): a joint Matern-5/2 term with a length
// scale per dimension, plus an additive one. theta = log l_1..l_d, log s, log a, log b_1..b_d.
std::unique_ptr<Kernel> ard_additive_kernel(size_t dims);

}  // namespace attune::tune::internal
