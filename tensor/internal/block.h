#pragma once
// What a Tensor points to: a 128-byte header followed by the elements, in one block of the pool. A
// view has no elements of its own: it holds its strides in their place, and keeps its base alive.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "attune/tensor/dtype.h"
#include "attune/tensor/shape.h"
#include "attune/tensor/tensor.h"

namespace attune::internal {

struct Account;

inline constexpr size_t kAlignment = 64;  // of the elements: a cache line, and the widest vector
inline constexpr size_t kHeader = 128;

struct Block {
  enum class Kind : uint8_t { owner, view, borrowed };

  std::atomic<uint32_t> refs{1};
  DType dtype = DType::f32;
  uint8_t rank = 0;
  uint8_t size_class = 0;  // of the pool
  Kind kind = Kind::owner;
  bool contiguous = true;
  uint32_t node = 0;  // place on the record of the thread that made it, if that record is `record`;
  uint64_t record = 0;  // both are written once, before the tensor is shared
  int64_t numel = 1;
  char* data = nullptr;
  Block* base = nullptr;       // of a view: the block that owns the elements
  int64_t sizes[kMaxRank];     // the first `rank` of them
  Account* account = nullptr;  // of the MemoryLimitScope in which it was made

  int64_t* strides() { return reinterpret_cast<int64_t*>(reinterpret_cast<char*>(this) + kHeader); }
  const int64_t* strides() const { return const_cast<Block*>(this)->strides(); }
  auto* lender() {  // of a borrowed block: whoever keeps the elements alive
    return reinterpret_cast<std::shared_ptr<void>*>(reinterpret_cast<char*>(this) + kHeader);
  }

  template <class T>
  T* as() {
    return reinterpret_cast<T*>(data);
  }
};
static_assert(sizeof(Block) <= kHeader);

// A block with room for `bytes` after the header, from this thread's pool. OutOfMemory.
Block* allocate(size_t bytes);

size_t kept_bytes();  // the most that all threads together keep free now; for tests

// unit times the sizes; nothing if unit times those other than 0 is more than 64 bits can count.
std::optional<int64_t> product(const Shape& shape, int64_t unit = 1);

int64_t numel_of(const char* op, const Shape& shape);  // shape.numel(), with errors that name `op`

// The strides of contiguous elements of this shape.
Shape row_major(const Shape& shape);

// The shape of a block and its strides in elements.
inline Shape shape_of(const Block& block) {
  return Shape(std::span<const int64_t>(block.sizes, block.rank));
}
Shape strides_of(const Block& block);

// A new tensor with uninitialized elements; the op writes them before anyone else sees it.
Tensor make(const Shape& shape, DType dtype);
Tensor make_like(const Tensor& x);  // contiguous, with the shape and dtype of x
Tensor make_broadcast(const char* op, const Tensor& a, const Tensor& b, DType dtype);
Tensor make_scalar(double value, DType dtype);                  // 0-d
Tensor make_scalar(const char* op, Scalar value, DType dtype);  // DTypeError if it does not fit

// A view of x's elements that starts `offset` elements after x's first. ShapeError, in the name of
// "view", if it would reach outside the memory that x is a part of: ops check their own arguments
// and say it better; this is what stands between a mistake of theirs and the heap.
Tensor make_view(const Tensor& x, const Shape& shape, const Shape& strides, int64_t offset);

inline Block& block(const Tensor& x) { return *x.block(); }

template <class T>
T* elements(const Tensor& x) {  // writing is for the op that made x
  return x.block()->as<T>();
}

// Whether nobody else holds x or its elements: an op that owns x may then write in place.
inline bool sole_owner(const Tensor& x) {
  const Block& b = block(x);
  return b.kind == Block::Kind::owner && b.refs.load(std::memory_order_acquire) == 1;
}

inline bool same_shape(const Tensor& x, const Tensor& y) {
  const Block &a = block(x), &b = block(y);
  if (a.rank != b.rank) return false;
  for (int i = 0; i < a.rank; ++i) {
    if (a.sizes[i] != b.sizes[i]) return false;
  }
  return true;
}

// Throws ValueError, in the name of `op`, if one of the tensors is undefined.
[[noreturn]] void fail_undefined(const char* op);
[[noreturn]] void fail_out_of_memory(const char* op);  // for a std::bad_alloc of the library
template <class... Tensors>
void require_defined(const char* op, const Tensors&... x) {
  if (!(x.defined() && ...)) [[unlikely]]
    fail_undefined(op);
}

inline const Block& defined_block(const char* op, const Tensor& x) {
  require_defined(op, x);
  return block(x);
}

// An axis from -rank to rank-1 as one from 0 to rank-1; IndexError for any other.
int normal_axis(const char* op, int axis, int rank);

}  // namespace attune::internal
