// scatter, index_add, take_along_axis, nonzero: made of the ops of index.cpp, or beside them.

#include <algorithm>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/positions.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/internal/scalar.h"

namespace attune {
namespace {

using namespace internal;

// x with source[i][j] at [at[i][j]][j] for axis 0; both of one dtype.
Tensor replaced(const Tensor& x, int axis, const Tensor& at, const Tensor& source) {
  Tensor y = x.detach().clone();
  const Tensor from = dense(source);
  dispatch_bytes(x.dtype(), [&]<class T>() {
    each_pair(
        at.shape(), elements<int64_t>(at), x.shape(), axis,
        [in = elements<T>(from), out = elements<T>(y)](int64_t i, int64_t j) { out[j] = in[i]; });
  });
  return y;
}

// Of each element of an index, whether it is the one whose source stays.
Tensor stays(const Shape& shape, int axis, const Tensor& at) {
  const Tensor number = Tensor::arange(0, at.numel()).reshape(at.shape());
  const Tensor last = replaced(Tensor::full(shape, -1, DType::i64), axis, at, number);
  return last.gather(axis, at).eq(number);
}

Tensor scattered(const Tensor& x, int axis, const Tensor& at, const Tensor& source) {
  Tensor y = replaced(x, axis, at, source);
  if (is_floating(x.dtype()) && tracks(x, source)) {
    record("scatter", y, {&x, &source},
           [axis, at, shape = x.shape()](const Tensor& dy, Gradients& grads) {
             if (grads.wants(0)) {
               grads.add(0, dy.scatter(axis, at, Tensor::zeros(at.shape(), dy.dtype())));
             }
             if (!grads.wants(1)) return;
             grads.add(1, dy.gather(axis, at).masked_fill(stays(shape, axis, at).logical_not(), 0));
           });
  }
  return y;
}

}  // namespace

Tensor Tensor::scatter(int axis, const Tensor& index, const Tensor& source) const {
  axis = check_index("scatter", *this, axis, index);
  require_defined("scatter", source);
  check<ShapeError>(source.shape() == index.shape(),
                    "scatter: the source {} must have the shape of the index, {}", source.shape(),
                    index.shape());
  check<DTypeError>(source.dtype() == dtype(),
                    "scatter: the source holds {}, the tensor {}; cast one of them", source.dtype(),
                    dtype());
  return scattered(*this, axis, positions("scatter", index, size(axis), axis, shape()), source);
}

Tensor Tensor::scatter(int axis, const Tensor& index, Scalar value) const {
  require_defined("scatter", *this, index);
  return scatter(axis, index, make_scalar("scatter", value, dtype()).expand(index.shape()));
}

Tensor Tensor::take_along_axis(int axis, const Tensor& index) const {
  require_defined("take_along_axis", *this, index);
  check<ShapeError>(rank() == index.rank() && rank() > 0,
                    "take_along_axis: the index {} must have as many axes as the tensor {}, at "
                    "least one",
                    index.shape(), shape());
  axis = normal_axis("take_along_axis", axis, rank());
  Shape of_x = shape(), of_index = index.shape();
  of_index[axis] = of_x[axis] = 1;
  Shape wide = broadcast("take_along_axis", of_x, of_index), to = wide;
  wide[axis] = size(axis);
  to[axis] = index.size(axis);
  return expand(wide).gather(axis, index.expand(to));
}

Tensor Tensor::index_add(int axis, const Tensor& index, const Tensor& source) const {
  require_defined("index_add", *this, index, source);
  axis = normal_axis("index_add", axis, rank());
  Shape wanted = shape();
  check<ShapeError>(index.rank() == 1, "index_add: the index must have one axis, got {}",
                    index.shape());
  wanted[axis] = index.size(0);
  check<ShapeError>(source.shape() == wanted, "index_add: the source must be {}, got {}", wanted,
                    source.shape());
  check<DTypeError>(source.dtype() == dtype(),
                    "index_add: the source holds {}, the tensor {}; cast one of them",
                    source.dtype(), dtype());
  Shape along = wanted;
  for (int i = 0; i < along.rank(); ++i) along[i] = i == axis ? index.size(0) : 1;
  const Tensor at = positions("index_add", index, size(axis), axis, shape());
  return scatter_add(axis, at.reshape(along).expand(wanted), source);
}

Tensor Tensor::nonzero() const {
  require_defined("nonzero", *this);
  const Tensor mask = dense(detach().cast(DType::boolean));
  const bool* is_there = elements<bool>(mask);
  const int64_t n = numel(), found = std::count(is_there, is_there + n, true);
  Tensor y = make({found, rank()}, DType::i64);
  int64_t* out = elements<int64_t>(y);
  for (int64_t i = 0; i < n; ++i) {
    if (!is_there[i]) continue;
    const Shape place = place_of(i, shape());
    out = std::copy(place.begin(), place.end(), out);
  }
  return y;
}

}  // namespace attune
