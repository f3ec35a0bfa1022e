#include "attune/tune/samplers/internal/gp/kernel.h"

#include <algorithm>
#include <cmath>

#include "attune/tune/samplers/internal/gp/kernel_passes.h"

namespace attune::tune::internal {
namespace {

// Length scales are in units of the box. The medians are those of the prototype's ablations.
LogPrior length_prior(double median) {
  return {std::log(median), 0.8, std::log(0.01), std::log(50.0)};
}

void resize(std::vector<std::vector<double>>& rows, size_t count, size_t length) {
  rows.resize(count);
  for (auto& row : rows) row.resize(length);
}

class AnovaKernel : public Kernel {
 public:
  // A mismatch of 1e4 takes the factor of a parameter that one point lacks to zero correlation.
  explicit AnovaKernel(size_t dims) : Kernel(dims, 1e4) {}

  std::vector<LogPrior> priors() const override {
    std::vector<LogPrior> priors(dims_, length_prior(0.5));
    priors.push_back({0, 1, std::log(1e-2), std::log(1e3)});
    priors.push_back({std::log(0.3), 1, std::log(1e-3), std::log(30.0)});
    return priors;
  }

  double length_scale(std::span<const double> theta, size_t dim) const override {
    return std::exp(theta[dim]);
  }

  double variance(std::span<const double> theta) const override { return std::exp(theta[dims_]); }

  void add_variance_gradient(std::span<const double> theta, double weight,
                             std::span<double> gradient) const override {
    gradient[dims_] += weight * variance(theta);
  }

  void evaluate(std::span<const double> theta, const SquaredDifferences& d, bool derivatives,
                KernelParts& parts) const override {
    const size_t count = d.stride();
    const double w = std::exp(theta[dims_ + 1]);
    resize(parts.m, derivatives ? dims_ : 1, count);
    resize(parts.g, derivatives ? dims_ : 0, count);
    parts.value.assign(count, variance(theta));
    for (size_t i = 0; i < dims_; ++i) {
      auto& m = parts.m[derivatives ? i : 0];
      matern52(d.row(i), std::exp(-2 * theta[i]), count, m.data(),
               derivatives ? parts.g[i].data() : nullptr);
      multiply_affine(m.data(), 1 / (1 + w), w / (1 + w), count, parts.value.data());
    }
  }

  void add_gradient(std::span<const double> theta, const SquaredDifferences& d, KernelParts& parts,
                    std::vector<double>& weights, std::span<double> gradient) const override {
    const size_t count = d.stride();
    const double w = std::exp(theta[dims_ + 1]);
    const double total = dot(weights.data(), parts.value.data(), count);
    multiply(parts.value.data(), 1, count, weights.data());  // now weight * k
    for (size_t i = 0; i < dims_; ++i) {
      const AnovaSums sums =
          anova_sums(weights.data(), parts.m[i].data(), parts.g[i].data(), d.row(i), w, count);
      gradient[i] += std::exp(-2 * theta[i]) * sums.length;
      gradient[dims_ + 1] += sums.weight - total * w / (1 + w);
    }
    gradient[dims_] += total;
  }

  void slope(std::span<const double> theta, const KernelParts& parts, size_t dim,
             std::vector<double>& slope) const override {
    const double w = std::exp(theta[dims_ + 1]);
    slope.resize(parts.value.size());
    anova_slope(parts.value.data(), parts.m[dim].data(), parts.g[dim].data(), w,
                -0.5 * std::exp(-2 * theta[dim]), slope.size(), slope.data());
  }
};

class ArdAdditiveKernel : public Kernel {
 public:
  explicit ArdAdditiveKernel(size_t dims) : Kernel(dims, 0.25) {}

  std::vector<LogPrior> priors() const override {
    const double root = std::sqrt(static_cast<double>(dims_));
    std::vector<LogPrior> priors(dims_, length_prior(0.4 * root));
    priors.push_back({0, 1, std::log(1e-2), std::log(1e3)});
    priors.push_back({0, 1, std::log(1e-3), std::log(1e3)});
    priors.insert(priors.end(), dims_, length_prior(0.4));
    return priors;
  }

  double length_scale(std::span<const double> theta, size_t dim) const override {
    return std::exp(theta[dim]);
  }

  double variance(std::span<const double> theta) const override {
    return joint(theta) + additive(theta);
  }

  void add_variance_gradient(std::span<const double> theta, double weight,
                             std::span<double> gradient) const override {
    gradient[dims_] += weight * joint(theta);
    gradient[dims_ + 1] += weight * additive(theta);
  }

  // parts.m[i], parts.g[i]: the additive term of dimension i. m[dims], g[dims]: the joint term.
  void evaluate(std::span<const double> theta, const SquaredDifferences& d, bool derivatives,
                KernelParts& parts) const override {
    const size_t count = d.stride();
    resize(parts.sum, 1, count);
    resize(parts.m, dims_ + 1, count);
    resize(parts.g, derivatives ? dims_ + 1 : 0, count);

    auto& distance = parts.sum[0];
    std::fill(distance.begin(), distance.end(), 0.0);
    for (size_t i = 0; i < dims_; ++i) {
      add_scaled(d.row(i), std::exp(-2 * theta[i]), count, distance.data());
    }
    parts.value.assign(count, 0);
    term(distance.data(), 1, joint(theta), dims_, derivatives, parts);
    const double share = additive(theta) / static_cast<double>(dims_);
    for (size_t i = 0; i < dims_; ++i) {
      term(d.row(i), std::exp(-2 * theta[dims_ + 2 + i]), share, i, derivatives, parts);
    }
  }

  void add_gradient(std::span<const double> theta, const SquaredDifferences& d, KernelParts& parts,
                    std::vector<double>& weights, std::span<double> gradient) const override {
    const size_t count = d.stride();
    const double s = joint(theta), share = additive(theta) / static_cast<double>(dims_);
    for (size_t i = 0; i < dims_; ++i) {
      const double* m = parts.m[i].data();
      gradient[dims_ + 1] += share * dot(weights.data(), m, count);
      gradient[dims_ + 2 + i] += share * std::exp(-2 * theta[dims_ + 2 + i]) *
                                 dot(weights.data(), parts.g[i].data(), d.row(i), count);
    }
    gradient[dims_] += s * dot(weights.data(), parts.m[dims_].data(), count);
    multiply(parts.g[dims_].data(), s, count, weights.data());
    for (size_t i = 0; i < dims_; ++i) {
      gradient[i] += std::exp(-2 * theta[i]) * dot(weights.data(), d.row(i), count);
    }
  }

  void slope(std::span<const double> theta, const KernelParts& parts, size_t dim,
             std::vector<double>& slope) const override {
    const double share = additive(theta) / static_cast<double>(dims_);
    slope.assign(parts.value.size(), 0);
    add_scaled(parts.g[dims_].data(), -0.5 * joint(theta) * std::exp(-2 * theta[dim]), slope.size(),
               slope.data());
    add_scaled(parts.g[dim].data(), -0.5 * share * std::exp(-2 * theta[dims_ + 2 + dim]),
               slope.size(), slope.data());
  }

 private:
  double joint(std::span<const double> theta) const { return std::exp(theta[dims_]); }
  double additive(std::span<const double> theta) const { return std::exp(theta[dims_ + 1]); }

  static void term(const double* d, double scale, double weight, size_t slot, bool derivatives,
                   KernelParts& parts) {
    const size_t count = parts.value.size();
    matern52(d, scale, count, parts.m[slot].data(), derivatives ? parts.g[slot].data() : nullptr);
    add_scaled(parts.m[slot].data(), weight, count, parts.value.data());
  }
};

}  // namespace

void SquaredDifferences::reshape(size_t dims, size_t pairs) {
  if (dims == dims_ && padded(pairs) == stride_) return;
  dims_ = dims, stride_ = padded(pairs);
  values_.assign(dims_ * stride_, 0);
}

double Kernel::squared_difference(double a, double b, bool categorical) const {
  if (is_active(a) && is_active(b)) return categorical ? (a == b ? 0 : 1) : (a - b) * (a - b);
  if (is_active(a) == is_active(b)) return 0;
  if (categorical) return std::max(1.0, mismatch_);
  const double u = (is_active(a) ? a : b) - kInactivePlace;
  return mismatch_ + u * u;
}

std::unique_ptr<Kernel> anova_kernel(size_t dims) { return std::make_unique<AnovaKernel>(dims); }

std::unique_ptr<Kernel> ard_additive_kernel(size_t dims) {
  return std::make_unique<ArdAdditiveKernel>(dims);
}

}  // namespace attune::tune::internal
