// Initial values of weights: random numbers whose spread fits the number of inputs and outputs.

#include <cmath>

#include "attune/tensor/internal/check.h"
#include "attune/tensor/tensor.h"

namespace attune {
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

Tensor Tensor::kaiming_uniform(const Shape& shape, Rng& rng, double slope) {
  return uniform_with(kaiming_deviation("kaiming_uniform", shape, slope), shape, rng);
}
Tensor Tensor::kaiming_normal(const Shape& shape, Rng& rng, double slope) {
  const double deviation = kaiming_deviation("kaiming_normal", shape, slope);
  return randn(shape, rng) * deviation;
}
Tensor Tensor::xavier_uniform(const Shape& shape, Rng& rng, double gain) {
  return uniform_with(xavier_deviation("xavier_uniform", shape, gain), shape, rng);
}
Tensor Tensor::xavier_normal(const Shape& shape, Rng& rng, double gain) {
  const double deviation = xavier_deviation("xavier_normal", shape, gain);
  return randn(shape, rng) * deviation;
}

// The q of a random matrix, its columns' signs taken from r, so that all such are equally likely.
Tensor Tensor::orthogonal(const Shape& shape, Rng& rng, double gain) {
  check<ValueError>(std::isfinite(gain), "orthogonal: the gain must be finite, got {}", gain);
  check<ShapeError>(shape.rank() >= 2 && shape.numel() > 0,
                    "orthogonal: needs a shape [out, in, ...] without zeros, got {}", shape);
  const int64_t rows = shape[0], columns = shape.numel() / rows;
  const bool wide = rows < columns;
  const Qr made = randn({wide ? columns : rows, wide ? rows : columns}, rng).qr();
  const Tensor sign = where(made.r.diagonal().lt(0), Tensor(-1.f), Tensor(1.f));
  const Tensor q = made.q * sign;
  return ((wide ? q.t() : q) * gain).reshape(shape);
}

}  // namespace attune
