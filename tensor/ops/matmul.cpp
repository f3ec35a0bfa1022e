// Products: matmul (batched, broadcast), dot, outer. All go through the one door, internal/gemm.h.

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/gemm.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/internal/walk.h"

namespace attune {
namespace {

using namespace internal;

// x itself if a product can read its last two axes as they lie, else a copy in order.
Tensor readable(const Tensor& x) {
  const Shape strides = x.strides();
  const int last = x.rank() - 1;
  const bool rows = strides[last] == 1 && strides[last - 1] >= x.size(last);
  const bool columns = strides[last - 1] == 1 && strides[last] >= x.size(last - 1);
  return rows || columns ? x : x.clone();
}

// [m, k] x [k, n] -> [m, n] at given places, for readable operands.
template <class T>
Gemm<T> product(const Tensor& a, const Tensor& b, const Tensor& y) {
  const Shape as = a.strides(), bs = b.strides();
  const int ra = a.rank(), rb = b.rank();
  return {.m = a.size(-2),
          .n = b.size(-1),
          .k = a.size(-1),
          .a = elements<T>(a),
          .a_row = as[ra - 2],
          .a_column = as[ra - 1],
          .b = elements<T>(b),
          .b_row = bs[rb - 2],
          .b_column = bs[rb - 1],
          .c = elements<T>(y),
          .c_row = y.size(-1)};
}

Shape without_last_two(const Shape& s) {
  return Shape(std::span<const int64_t>(s.begin(), static_cast<size_t>(s.rank() - 2)));
}

// Batch axes broadcast. The door takes two of them, and neighbours that lie in order are one; only
// further ones are walked here.
template <class T>
void multiply(const Tensor& a, const Tensor& b, const Tensor& y, const Shape& batch) {
  Gemm<T> g = product<T>(a, b, y);
  if (batch.numel() == 1) return gemm(g);
  const auto batch_strides = [&](const Tensor& x) {
    const Shape sizes = x.shape(), strides = x.strides();
    Shape s = batch;
    const int shift = batch.rank() - (x.rank() - 2);
    for (int axis = 0; axis < batch.rank(); ++axis) {
      s[axis] = axis < shift || sizes[axis - shift] == 1 ? 0 : strides[axis - shift];
    }
    return s;
  };
  const auto walk = make_walk<3>(batch, {batch_strides(a), batch_strides(b), batch_strides(y)});
  for (int place = 0; place < std::min(walk.rank, 2); ++place) {
    const auto axis = static_cast<size_t>(walk.rank - 1 - place);
    g.batch[static_cast<size_t>(1 - place)] = {walk.size[axis], walk.stride[0][axis],
                                               walk.stride[1][axis], walk.stride[2][axis]};
  }
  for (int64_t row = 0; row < walk.rows(); row += g.batch[0].count) {
    const auto at = walk.offsets(row);
    Gemm<T> part = g;
    part.a += at[0], part.b += at[1], part.c += at[2];
    gemm(part);
  }
}

// Both have at least two axes, the same dtype, f32 or f64, and fit.
Tensor matrices(const Tensor& a, const Tensor& b) {
  if (b.rank() == 2 && a.rank() > 2 && block(a).contiguous) {  // one tall product
    const Shape rows = without_last_two(a.shape());
    Shape shape = a.shape();
    shape[shape.rank() - 1] = b.size(1);
    return matrices(a.reshape({rows.numel() * a.size(-2), a.size(-1)}), b).reshape(shape);
  }
  const Shape batch = broadcast("matmul", without_last_two(a.shape()), without_last_two(b.shape()));
  Shape shape = batch;
  shape.push_back(a.size(-2));
  shape.push_back(b.size(-1));
  Tensor y = make(shape, a.dtype());
  if (y.numel() > 0) {
    const Tensor ra = readable(a.detach()), rb = readable(b.detach());
    dispatch_floating("matmul", a.dtype(), [&]<class T>() { multiply<T>(ra, rb, y, batch); });
  }
  if (tracks(a, b)) {
    record("matmul", y, {&a, &b}, [a, b](const Tensor& dy, Gradients& grads) {
      if (grads.wants(0)) grads.add(0, sum_to(dy.matmul(b.t()), a.shape()));
      if (grads.wants(1)) grads.add(1, sum_to(a.t().matmul(dy), b.shape()));
    });
  }
  return y;
}

}  // namespace

Tensor Tensor::matmul(const Tensor& other) const {
  require_defined("matmul", *this);
  require_defined("matmul", other);
  check<ShapeError>(rank() >= 1 && other.rank() >= 1,
                    "matmul: a 0-d tensor has no axis to sum over: {} x {}", shape(),
                    other.shape());
  const DType dtype = promote(block_->dtype, other.block_->dtype);
  check<DTypeError>(is_floating(dtype), "matmul: needs a floating dtype, got {} x {}; cast one",
                    block_->dtype, other.block_->dtype);
  const int64_t inner = size(-1), inner_other = other.rank() == 1 ? other.size(0) : other.size(-2);
  check<ShapeError>(inner == inner_other, "matmul: inner sizes differ: {} x {}; {} is not {}",
                    shape(), other.shape(), inner, inner_other);
  return through("matmul", Takes::floating, *this, other, [](const Tensor& a, const Tensor& b) {
    if (a.rank() == 1 && b.rank() == 1) return matrices(a.unsqueeze(0), b.unsqueeze(1)).reshape({});
    if (a.rank() == 1) return matrices(a.unsqueeze(0), b).squeeze(-2);
    if (b.rank() == 1) return matrices(a, b.unsqueeze(1)).squeeze(-1);
    return matrices(a, b);
  });
}

Tensor Tensor::dot(const Tensor& other) const {
  require_defined("dot", *this);
  require_defined("dot", other);
  check<ShapeError>(rank() == 1 && other.rank() == 1 && size(0) == other.size(0),
                    "dot: needs two vectors of one length, got {} and {}", shape(), other.shape());
  return matmul(other);
}

Tensor Tensor::outer(const Tensor& other) const {
  require_defined("outer", *this);
  require_defined("outer", other);
  check<ShapeError>(rank() == 1 && other.rank() == 1, "outer: needs two vectors, got {} and {}",
                    shape(), other.shape());
  return unsqueeze(1) * other.unsqueeze(0);
}

}  // namespace attune
