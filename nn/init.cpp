#include "attune/nn/init.h"

#include <cmath>

#include "attune/tensor/internal/check.h"

namespace attune::nn::init {
namespace {

struct Fans {
  double in, out;
};

Fans fans_of(const char* name, const Shape& shape) {
  check<ShapeError>(shape.rank() >= 2 && shape.numel() > 0,
                    "{}: needs a shape [out, in, ...] without zeros, got {}", name, shape);
  const auto n = static_cast<double>(shape.numel());
  return {n / static_cast<double>(shape[0]), n / static_cast<double>(shape[1])};
}

double kaiming_deviation(const char* name, const Shape& shape, double slope) {
  check<ValueError>(std::isfinite(slope), "{}: the slope must be finite, got {}", name, slope);
  return std::sqrt(2 / ((1 + slope * slope) * fans_of(name, shape).in));
}

double xavier_deviation(const char* name, const Shape& shape, double gain) {
  check<ValueError>(std::isfinite(gain) && gain >= 0,
                    "{}: the gain must be finite and not negative, got {}", name, gain);
  const Fans fans = fans_of(name, shape);
  return gain * std::sqrt(2 / (fans.in + fans.out));
}

Tensor uniform_with(double deviation, const Shape& shape, Rng& rng) {
  const double bound = std::sqrt(3.0) * deviation;
  return Tensor::uniform(shape, -bound, bound, rng);
}

}  // namespace

Tensor kaiming_uniform(const Shape& shape, Rng& rng, double slope) {
  return uniform_with(kaiming_deviation("kaiming_uniform", shape, slope), shape, rng);
}
Tensor kaiming_normal(const Shape& shape, Rng& rng, double slope) {
  const double deviation = kaiming_deviation("kaiming_normal", shape, slope);
  return Tensor::randn(shape, rng) * deviation;
}
Tensor xavier_uniform(const Shape& shape, Rng& rng, double gain) {
  return uniform_with(xavier_deviation("xavier_uniform", shape, gain), shape, rng);
}
Tensor xavier_normal(const Shape& shape, Rng& rng, double gain) {
  const double deviation = xavier_deviation("xavier_normal", shape, gain);
  return Tensor::randn(shape, rng) * deviation;
}

}  // namespace attune::nn::init
