#pragma once
// Class labels, checked once for all losses that take them.

#include <optional>

#include "attune/tensor/tensor.h"

namespace attune::internal {

// labels [batch] as contiguous i64, for scores [batch, classes]. ShapeError, DTypeError, or
// ValueError for the first label that is neither in 0 … classes-1 nor equal to `ignore`.
Tensor checked_labels(const char* op, const Tensor& scores, const Tensor& labels,
                      std::optional<int64_t> ignore = {});

}  // namespace attune::internal
