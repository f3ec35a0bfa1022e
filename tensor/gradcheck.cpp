// gradcheck: gradients against central differences.

#include <algorithm>
#include <cmath>

#include "attune/tensor/internal/check.h"
#include "attune/base/rng.h"
#include "attune/tensor/tape.h"

namespace attune {

double gradcheck(const TensorFunction& f, std::span<const Tensor> inputs, double step) {
  for (const Tensor& x : inputs) {
    check<DTypeError>(x.dtype() == DType::f64, "gradcheck: needs f64 inputs, got {}", x.dtype());
  }
  std::vector<Tensor> points(inputs.begin(), inputs.end());
  Rng rng(0x67726164);
  const Tensor weights = Tensor::rand(f(points).shape(), rng, DType::f64) + 0.5;
  const auto weighted = [&](std::span<const Tensor> at) { return (f(at) * weights).sum(); };
  const std::vector<Tensor> gradients = value_and_grad(weighted, points).second;

  double worst = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    const std::vector<double> centre = inputs[i].to_vector<double>();
    const std::vector<double> gradient = gradients[i].to_vector<double>();
    const auto value_at = [&](size_t j, double shift) {
      std::vector<double> moved = centre;
      moved[j] += shift;
      points[i] = Tensor::from(moved, inputs[i].shape());
      return weighted(points).item<double>();
    };
    for (size_t j = 0; j < centre.size(); ++j) {
      const double h = step * std::max(1.0, std::abs(centre[j]));
      const double numeric = (value_at(j, h) - value_at(j, -h)) / (2 * h);
      const double scale = std::max({1.0, std::abs(numeric), std::abs(gradient[j])});
      const double error = std::abs(gradient[j] - numeric) / scale;
      if (std::isnan(error)) return error;
      worst = std::max(worst, error);
    }
    points[i] = inputs[i];
  }
  return worst;
}

}  // namespace attune
