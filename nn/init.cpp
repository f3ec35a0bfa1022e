#include "attune/nn/init.h"

namespace attune::nn::init {

Tensor kaiming_uniform(const Shape& shape, Rng& rng, double slope) {
  return Tensor::kaiming_uniform(shape, rng, slope);
}
Tensor kaiming_normal(const Shape& shape, Rng& rng, double slope) {
  return Tensor::kaiming_normal(shape, rng, slope);
}
Tensor xavier_uniform(const Shape& shape, Rng& rng, double gain) {
  return Tensor::xavier_uniform(shape, rng, gain);
}
Tensor xavier_normal(const Shape& shape, Rng& rng, double gain) {
  return Tensor::xavier_normal(shape, rng, gain);
}

}  // namespace attune::nn::init
