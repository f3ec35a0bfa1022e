// cat, stack: several tensors joined into one. The gradient of each part is its piece of dy.

#include <cstring>

#include "attune/tensor/internal/axes.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/op.h"
#include "attune/base/internal/parallel.h"
#include "attune/tensor/internal/record.h"

namespace attune {
namespace {

using namespace internal;

// The parts in the dtype that holds them all. Casting is recorded by itself, so that each part's
// gradient comes back in its own dtype.
std::vector<Tensor> in_one_dtype(const char* op, const std::vector<Tensor>& parts) {
  check<ValueError>(!parts.empty(), "{}: needs at least one tensor", op);
  for (const Tensor& part : parts) require_defined(op, part);
  DType dtype = parts[0].dtype();
  for (const Tensor& part : parts) dtype = promote(dtype, part.dtype());
  std::vector<Tensor> same;
  same.reserve(parts.size());
  for (const Tensor& part : parts) same.push_back(part.cast(dtype));
  return same;
}

// Fills y with the parts, which follow each other in each of its `rows` rows.
void fill(const std::vector<Tensor>& parts, const Tensor& y, int64_t rows) {
  if (y.numel() == 0) return;
  const auto bytes_of_row = [&](const Tensor& x) {
    return static_cast<size_t>(x.numel() / rows) * byte_size(y.dtype());
  };
  const size_t apart = bytes_of_row(y);
  char* to = block(y).data;
  for (const Tensor& part : parts) {
    if (part.numel() == 0) continue;
    const Tensor source = dense(part);
    const char* from = block(source).data;
    const size_t piece = bytes_of_row(part);
    parallel_for(rows, static_cast<int64_t>(piece / 4), [=](int64_t begin, int64_t end) {
      for (auto row = static_cast<size_t>(begin); row < static_cast<size_t>(end); ++row) {
        std::memcpy(to + row * apart, from + row * piece, piece);
      }
    });
    to += piece;
  }
}

constexpr int64_t kNothing = -1;

// PyTorch's empty vector, which may be joined to a tensor of any shape.
bool is_nothing(const Tensor& x) { return x.shape() == Shape{0}; }

}  // namespace

Tensor cat(const std::vector<Tensor>& inputs, int axis) {
  const std::vector<Tensor> parts = in_one_dtype("cat", inputs);
  size_t model = 0;  // the part that says what shape all have
  while (model + 1 < parts.size() && is_nothing(parts[model])) ++model;
  const Shape first = parts[model].shape();
  check<ShapeError>(first.rank() > 0, "cat: a 0-d tensor has no axis to join along; use stack");
  axis = normal_axis("cat", axis, first.rank());
  std::vector<int64_t> lengths;  // along `axis`; kNothing for an empty vector
  Shape shape = first;
  shape[axis] = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    Shape other = parts[i].shape();
    if (first.rank() != 1 && is_nothing(parts[i])) {
      lengths.push_back(kNothing);
      continue;
    }
    lengths.push_back(other.rank() > axis ? std::exchange(other[axis], first[axis]) : 0);
    check<ShapeError>(other == first,
                      "cat: tensor {} is {}, tensor {} is {}; they may differ along axis {} only",
                      i, parts[i].shape(), model, first, axis);
    check<OutOfMemory>(!__builtin_add_overflow(shape[axis], lengths.back(), &shape[axis]),
                       "cat: no memory for so many elements along axis {}", axis);
  }
  Tensor y = make(shape, parts[0].dtype());
  fill(parts, y, extents(shape, axis).outer);
  if (is_floating(y.dtype()) && tracks_any(parts)) {
    record("cat", y, parts,
           [lengths = std::move(lengths), axis](const Tensor& dy, Gradients& grads) {
             int64_t begin = 0;
             for (uint32_t i = 0; i < lengths.size(); ++i) {
               if (lengths[i] == kNothing) continue;
               if (grads.wants(i)) grads.add(i, dy.narrow(axis, begin, lengths[i]));
               begin += lengths[i];
             }
           });
  }
  return y;
}

Tensor stack(const std::vector<Tensor>& inputs, int axis) {
  const std::vector<Tensor> parts = in_one_dtype("stack", inputs);
  const Shape each = parts[0].shape();
  axis = normal_axis("stack", axis, each.rank() + 1);
  Shape shape;
  for (int i = 0; i <= each.rank(); ++i) {
    if (i == axis) shape.push_back(static_cast<int64_t>(parts.size()));
    if (i < each.rank()) shape.push_back(each[i]);
  }
  for (size_t i = 1; i < parts.size(); ++i) {
    check<ShapeError>(parts[i].shape() == each,
                      "stack: tensor {} is {}, tensor 0 is {}; all must have one shape", i,
                      parts[i].shape(), each);
  }
  Tensor y = make(shape, parts[0].dtype());
  fill(parts, y, extents(shape, axis).outer);
  if (is_floating(y.dtype()) && tracks_any(parts)) {
    record("stack", y, parts, [count = parts.size(), axis](const Tensor& dy, Gradients& grads) {
      for (uint32_t i = 0; i < count; ++i) {
        if (grads.wants(i)) grads.add(i, dy.narrow(axis, i, 1).squeeze(axis));
      }
    });
  }
  return y;
}

}  // namespace attune
