#pragma once
// Images changed at random, so that a model sees each differently every time (LoaderOptions::
// transform). All take x [batch, channels, height, width] or one image [channels, height, width],
// of any dtype, and return the same kind; each image of a batch has random numbers of its own.

#include <vector>

#include "attune/base/rng.h"
#include "attune/tensor/tensor.h"

namespace attune::nn {

// Each image mirrored left to right with this probability. ValueError outside [0, 1].
Tensor random_flip(const Tensor& x, Rng& rng, double probability = 0.5);

// A window of height x width at a random place of each image, which has `padding` zeros added on
// every side first. ShapeError if the window does not fit.
Tensor random_crop(const Tensor& x, Extent2 size, Rng& rng, int64_t padding = 0);

// (x - mean) / std, of one number per channel each. ShapeError for another number of them,
// ValueError for a std that is not above 0.
Tensor normalize(const Tensor& x, const std::vector<double>& mean, const std::vector<double>& std);

}  // namespace attune::nn
