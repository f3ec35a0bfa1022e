#pragma once
// Rows of a tensor.

#include <cstdint>
#include <span>

#include "attune/tensor/tensor.h"

namespace attune::nn::internal {

// Copies of the given rows of a contiguous x.
Tensor gather_rows(const Tensor& x, std::span<const int64_t> which);

}  // namespace attune::nn::internal
