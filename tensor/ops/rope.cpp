// rope: positions as rotations. Su et al., "RoFormer: enhanced transformer with rotary position
// embedding" (2021), with the pairs of Llama: element i and element i + width / 2.

#include <cmath>

#include "attune/tensor/internal/op.h"

namespace attune {

using namespace internal;

Tensor Tensor::rope(const Tensor& sines, const Tensor& cosines) const {
  require_defined("rope", *this, sines, cosines);
  check<ShapeError>(rank() >= 2 && size(-1) % 2 == 0,
                    "rope: needs [..., length, width] with an even width, got {}", shape());
  const int64_t half = size(-1) / 2;
  const Shape angles{size(-2), half};
  for (const Tensor* given : {&sines, &cosines}) {
    check<ShapeError>(broadcast("rope", given->shape(), angles) == angles,
                      "rope: sines and cosines must be {}, got {} and {}", angles, sines.shape(),
                      cosines.shape());
  }
  return through("rope", Takes::floating, *this, [&](const Tensor& x) {
    const Tensor s = sines.cast(x.dtype()), c = cosines.cast(x.dtype());
    const Tensor a = x.narrow(-1, 0, half), b = x.narrow(-1, half, half);
    return cat({a * c - b * s, b * c + a * s}, -1);
  });
}

Tensor Tensor::rope(double base, int64_t first) const {
  require_defined("rope", *this);
  check<ValueError>(base > 0 && std::isfinite(base), "rope: the base must be above 0, got {}",
                    base);
  check<ShapeError>(rank() >= 2 && size(-1) % 2 == 0,
                    "rope: needs [..., length, width] with an even width, got {}", shape());
  const int64_t half = size(-1) / 2;
  const Tensor place = arange(first, first + size(-2), 1, DType::f64).unsqueeze(1);
  const Tensor rate = (arange(0, half, 1, DType::f64) *
                       (-std::log(base) / static_cast<double>(std::max<int64_t>(half, 1))))
                          .exp();
  const Tensor angles = place * rate;
  return rope(angles.sin(), angles.cos());
}

}  // namespace attune
