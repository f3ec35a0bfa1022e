#pragma once
// DLPack: tensors shared with NumPy, PyTorch, JAX and others without copying. The structs have the
// layout of DLPack 1.1 (https://dmlc.github.io/dlpack), under names of attune's own, so that
// <dlpack/dlpack.h> may be included beside this: a pointer to its DLManagedTensor is a pointer to a
// dlpack::ManagedTensor, by reinterpret_cast.

#include <cstdint>

#include "attune/tensor/tensor.h"

namespace attune {

namespace dlpack {

inline constexpr int32_t kCpu = 1;  // the only device that attune has
enum Code : uint8_t { kInt = 0, kUInt = 1, kFloat = 2, kBfloat = 4, kBool = 6 };
inline constexpr uint64_t kReadOnly = 1;  // a flag

struct Device {
  int32_t type, id;
};
struct DataType {
  uint8_t code, bits;
  uint16_t lanes;
};
struct Array {  // DLTensor
  void* data;
  Device device;
  int32_t ndim;
  DataType dtype;
  int64_t* shape;
  int64_t* strides;  // in elements; null: row-major
  uint64_t byte_offset;
};
struct ManagedTensor {  // DLManagedTensor, before DLPack 1.0
  Array array;
  void* context;
  void (*deleter)(ManagedTensor*);
};
struct Version {
  uint32_t major, minor;
};
struct ManagedTensorVersioned {  // DLManagedTensorVersioned
  Version version;
  void* context;
  void (*deleter)(ManagedTensorVersioned*);
  uint64_t flags;
  Array array;
};

}  // namespace dlpack

// A tensor of the same elements, whatever their strides. It takes `managed` over: the deleter is
// called when the last tensor that uses the elements is gone, on whatever thread. They must not
// change. If it throws, the caller still owns `managed`: DTypeError for a type that attune does not
// have, ValueError for another device or version, ShapeError for what no tensor can be.
Tensor from_dlpack(dlpack::ManagedTensor* managed);
Tensor from_dlpack(dlpack::ManagedTensorVersioned* managed);

// The elements of x, with its strides, which live until the consumer calls the deleter. Tensors do
// not change: the versioned form says so by its flag. The other cannot, so it is of a copy that is
// the consumer's own.
dlpack::ManagedTensorVersioned* to_dlpack(const Tensor& x);
dlpack::ManagedTensor* to_dlpack_unversioned(const Tensor& x);

}  // namespace attune
