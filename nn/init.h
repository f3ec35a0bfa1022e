#pragma once
// Initial values of parameters. fan_in and fan_out are read from the shape as PyTorch does: for
// [out, in, kernel...] they are in and out times the number of the kernel's elements.

#include "attune/base/rng.h"
#include "attune/tensor/tensor.h"

namespace attune::nn::init {

// He et al., "Delving deep into rectifiers" (2015): variance 2 / ((1 + slope^2) fan_in), for layers
// followed by leaky_relu(slope); 0 is relu. All four throw ShapeError for fewer than two axes, and
// ValueError unless slope or gain is finite (and the gain not negative).
Tensor kaiming_uniform(const Shape& shape, Rng& rng, double slope = 0);
Tensor kaiming_normal(const Shape& shape, Rng& rng, double slope = 0);

// Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks"
// (2010): variance 2 gain^2 / (fan_in + fan_out).
Tensor xavier_uniform(const Shape& shape, Rng& rng, double gain = 1);
Tensor xavier_normal(const Shape& shape, Rng& rng, double gain = 1);

}  // namespace attune::nn::init
