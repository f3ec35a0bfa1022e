#pragma once
// NumPy's files: .npy holds one array, .npz several by name.

#include <string>

#include "attune/tensor/io/tensor_file.h"
#include "attune/tensor/tensor.h"

namespace attune {

// Writes what numpy.load reads, in format 1.0. Files appear complete or not at all. DTypeError for
// bf16, which NumPy does not have; IoError says why it cannot be written.
void save_npy(const std::string& path, const Tensor& x);

// Reads formats 1 to 3, of either byte order, and arrays in Fortran's order, which become
// row-major. int16 and uint16 become i32, uint32 becomes i64. DTypeError, with NumPy's name, for
// any other type: structures, texts, dates, complex numbers, and objects, which are pickles and
// never read. IoError, with the path and the byte, for a file that is cut off, goes on, or is not
// in this format.
Tensor load_npy(const std::string& path);

struct NpzOptions {
  bool deflate = false;  // as numpy.savez_compressed; needs zlib
};
// ValueError for a name used twice.
void save_npz(const std::string& path, const NamedTensors& tensors, const NpzOptions& options = {});

// The arrays of an archive, without the ".npy" of their names. One of a type that load_npy() does
// not take hinders none of the others: at() throws its DTypeError. IoError for a damaged archive.
TensorFile load_npz(const std::string& path);

}  // namespace attune
