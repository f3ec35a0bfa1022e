// Making tensors and querying them: the parts of Tensor that compute nothing.

#include "attune/tensor/tensor.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/scalar.h"

namespace attune {
namespace internal {
namespace {

// The number of elements of a tensor of this shape. The sizes other than 0 must multiply to bytes
// that 64 bits can count, so that no op has to fear for a product of some of a tensor's sizes.
int64_t checked_numel(const Shape& shape, DType dtype) {
  auto bytes = static_cast<int64_t>(byte_size(dtype));
  int64_t n = 1;
  bool negative = false, huge = false, empty = false;
  for (const int64_t size : shape) {
    negative |= size < 0;
    empty |= size == 0;
    if (size == 0) continue;
    huge |= __builtin_mul_overflow(bytes, size, &bytes);
    n = static_cast<int64_t>(static_cast<uint64_t>(n) * static_cast<uint64_t>(size));
  }
  if (negative) fail<ShapeError>("tensor: sizes must not be negative, got {}", shape);
  if (huge) fail<OutOfMemory>("tensor: no memory for {} elements of {}", shape, dtype);
  return empty ? 0 : n;
}

void set_shape(Block& block, const Shape& shape) {
  block.rank = static_cast<uint8_t>(shape.rank());
  for (int i = 0; i < shape.rank(); ++i) block.sizes[i] = shape[i];
}

}  // namespace

Shape row_major(const Shape& shape) {
  Shape strides = shape;
  int64_t stride = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

Shape strides_of(const Block& block) {
  return block.kind == Block::Kind::view
             ? Shape(std::span<const int64_t>(block.strides(), block.rank))
             : row_major(shape_of(block));
}

Tensor make(const Shape& shape, DType dtype) {
  const int64_t numel = checked_numel(shape, dtype);
  Block* block = allocate(static_cast<size_t>(numel) * byte_size(dtype));
  block->dtype = dtype;
  block->numel = numel;
  set_shape(*block, shape);
  return Tensor(block);
}

Tensor make_like(const Tensor& x) {
  const Block& from = block(x);
  if (!from.contiguous) return make(shape_of(from), from.dtype);  // it may be larger than memory
  Block* to = allocate(static_cast<size_t>(from.numel) * byte_size(from.dtype));
  to->dtype = from.dtype;
  to->numel = from.numel;
  to->rank = from.rank;
  std::memcpy(to->sizes, from.sizes, sizeof to->sizes);  // inlined, as std::copy_n is not
  return Tensor(to);
}

Tensor make_broadcast(const char* op, const Tensor& a, const Tensor& b, DType dtype) {
  const bool as_a = same_shape(a, b) || block(b).rank == 0;
  return make(as_a ? shape_of(block(a)) : broadcast(op, a.shape(), b.shape()), dtype);
}

Tensor make_scalar(double value, DType dtype) { return make_scalar("full", value, dtype); }

Tensor make_scalar(const char* op, Scalar value, DType dtype) {
  Tensor y = make({}, dtype);
  dispatch_stored(dtype, [&]<class T>() { *elements<T>(y) = element_of<T>(op, value); });
  return y;
}

Tensor make_view(const Tensor& x, const Shape& shape, const Shape& strides, int64_t offset) {
  Block& from = block(x);
  Block* view = allocate(sizeof(int64_t) * kMaxRank);
  view->kind = Block::Kind::view;
  view->dtype = from.dtype;
  view->base = from.kind == Block::Kind::view ? from.base : &from;
  view->data = from.data;
  retain(view->base);
  Tensor y(view);
  set_shape(*view, shape);
  // The first and the last element shown, counted from x's first.
  int64_t first = offset, last = offset, numel = 1;
  bool contiguous = true, empty = false, uncountable = false, outside = false;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    const int64_t size = shape[i], stride = strides[i];
    int64_t reach = 0;
    view->strides()[i] = stride;
    contiguous &= size == 1 || stride == numel;
    empty |= size == 0;
    uncountable |= __builtin_mul_overflow(numel, size == 0 ? 1 : size, &numel);
    outside |= __builtin_mul_overflow(size - 1, stride, &reach);
    int64_t& end = reach < 0 ? first : last;
    outside |= __builtin_add_overflow(end, reach, &end);
  }
  if (uncountable) [[unlikely]]
    numel_of("view", shape);  // throws
  view->numel = empty ? 0 : numel;
  view->contiguous = contiguous || empty;
  if (empty) return y;  // shows nothing, wherever it would start
  const auto width = static_cast<int64_t>(byte_size(from.dtype));
  const int64_t start = from.data - view->base->data;
  outside |= __builtin_mul_overflow(first, width, &first);
  outside |= __builtin_mul_overflow(last, width, &last);
  if (outside || first < -start || last >= view->base->numel * width - start) [[unlikely]] {
    fail<ShapeError>("view: {} with strides {} from element {} of {} reaches outside it", shape,
                     strides, offset, x.shape());
  }
  view->data += offset * width;
  return y;
}

void fail_undefined(const char* op) {
  fail<ValueError>("{}: the tensor is undefined (made by Tensor())", op);
}

void fail_out_of_memory(const char* op) {
  fail<OutOfMemory>("{}: the system has no memory left", op);
}

int normal_axis(const char* op, int axis, int rank) {
  check<IndexError>(axis >= -rank && axis < rank, "{}: axis {} is out of range for {} axes", op,
                    axis, rank);
  return axis < 0 ? axis + rank : axis;
}

}  // namespace internal

Tensor::Tensor(float value) : Tensor(from(std::span<const float>(&value, 1), {})) {}
Tensor::Tensor(double value) : Tensor(from(std::span<const double>(&value, 1), {})) {}
Tensor::Tensor(int32_t value) : Tensor(from(std::span<const int32_t>(&value, 1), {})) {}
Tensor::Tensor(int64_t value) : Tensor(from(std::span<const int64_t>(&value, 1), {})) {}
Tensor::Tensor(bool value) : Tensor(from(std::span<const bool>(&value, 1), {})) {}

Tensor Tensor::from_bytes(const void* values, size_t count, DType dtype, const Shape& shape) {
  const int64_t numel = internal::checked_numel(shape, dtype);
  check<ShapeError>(static_cast<size_t>(numel) == count,
                    "from: got {} values for the shape {}, which has {}", count, shape, numel);
  Tensor x = internal::make(shape, dtype);
  if (count > 0) std::memcpy(internal::block(x).data, values, count * byte_size(dtype));
  return x;
}

Tensor Tensor::borrow_bytes(const void* elements, DType dtype, const Shape& shape,
                            std::shared_ptr<void> owner) {
  const int64_t numel = internal::checked_numel(shape, dtype);
  check<ValueError>(elements != nullptr || numel == 0, "borrow: the pointer is null");
  internal::Block* borrowed = internal::allocate(sizeof(std::shared_ptr<void>));
  borrowed->kind = internal::Block::Kind::borrowed;
  std::construct_at(borrowed->lender(), std::move(owner));
  Tensor x(borrowed);
  borrowed->dtype = dtype;
  borrowed->numel = numel;
  internal::set_shape(*borrowed, shape);
  borrowed->data = const_cast<char*>(static_cast<const char*>(elements));
  return x;
}

Shape Tensor::shape() const { return internal::shape_of(internal::defined_block("shape", *this)); }

int64_t Tensor::size(int axis) const {
  const internal::Block& b = internal::defined_block("size", *this);
  return b.sizes[internal::normal_axis("size", axis, b.rank)];
}

int Tensor::rank() const { return internal::defined_block("rank", *this).rank; }
int64_t Tensor::numel() const { return internal::defined_block("numel", *this).numel; }
DType Tensor::dtype() const { return internal::defined_block("dtype", *this).dtype; }
bool Tensor::is_contiguous() const {
  return internal::defined_block("is_contiguous", *this).contiguous;
}
Shape Tensor::strides() const {
  return internal::strides_of(internal::defined_block("strides", *this));
}

const void* Tensor::item_bytes(DType wanted) const {
  internal::require_defined("item", *this);
  check<ShapeError>(block_->numel == 1, "item: needs a tensor of one element, got {}", shape());
  check<DTypeError>(block_->dtype == wanted, "item: the tensor holds {}, not {}; cast it first",
                    block_->dtype, wanted);
  return block_->data;
}

const void* Tensor::data_bytes(DType wanted) const {
  internal::require_defined("data", *this);
  check<DTypeError>(block_->dtype == wanted, "data: the tensor holds {}, not {}; cast it first",
                    block_->dtype, wanted);
  check<ShapeError>(block_->contiguous,
                    "data: the tensor {} is a view with strides {}; call contiguous() first",
                    shape(), strides());
  return block_->data;
}

}  // namespace attune
