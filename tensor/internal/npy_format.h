#pragma once
// An array in NumPy's format, in memory: a magic number, a version, the length of a header, the
// header (a Python dictionary: type, order, shape), padding, the elements. NEP 1 and its revisions.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "attune/tensor/tensor.h"

namespace attune::internal {

inline constexpr std::string_view kNpyMagic = "\x93NUMPY";

struct NpyHeader {
  std::string type;  // "<f4", or the text of a structure
  bool fortran = false;
  std::vector<int64_t> shape;
  size_t data = 0;  // where the elements begin
};

// IoError, after `where`, for anything that is not such a header.
NpyHeader npy_header(std::string_view bytes, const std::string& where);

// The elements behind the header. DTypeError for types that attune does not have, IoError for too
// few or too many bytes.
Tensor npy_tensor(const NpyHeader& header, std::string_view bytes, const std::string& where);

// The header for x, elements following row-major. DTypeError for bf16.
std::string npy_header_of(const char* op, const Tensor& x);

}  // namespace attune::internal
