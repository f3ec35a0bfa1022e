#pragma once
// IDX, the format of MNIST and its family (Yann LeCun's page, 1998).

#include <string>

#include "attune/tensor/tensor.h"

namespace attune {

// The array of an IDX file, plain or compressed by gzip (which needs zlib). Bytes stay u8 or i8, 16
// and 32 bits become i32, floating numbers f32 and f64. IoError, with the path, for a file that is
// cut off, goes on, or is something else; for more than 2 GiB when decompressed too.
Tensor read_idx(const std::string& path);

}  // namespace attune
