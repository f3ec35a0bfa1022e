#include "attune/tensor/internal/positions.h"

#include "attune/tensor/internal/dispatch.h"

namespace attune::internal {

Shape place_of(int64_t i, const Shape& shape) {
  Shape place = shape;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    place[axis] = i % shape[axis];
    i /= shape[axis];
  }
  return place;
}

Tensor positions(const char* op, const Tensor& index, int64_t size, int axis, const Shape& of) {
  require_defined(op, index);
  return dispatch_index(op, index.dtype(), [&]<class I>() {
    const Tensor from = index.contiguous();
    Tensor to = make(index.shape(), DType::i64);
    const I* in = elements<I>(from);
    int64_t* out = elements<int64_t>(to);
    for (int64_t i = 0; i < from.numel(); ++i) {
      const auto at = static_cast<int64_t>(in[i]);
      if (at < -size || at >= size) [[unlikely]] {
        fail<IndexError>("{}: index {} at {} is out of range for axis {} of {}", op, at,
                         place_of(i, index.shape()), axis, of);
      }
      out[i] = at < 0 ? at + size : at;
    }
    return to;
  });
}

int check_index(const char* op, const Tensor& x, int axis, const Tensor& index) {
  require_defined(op, x, index);
  check<ShapeError>(x.rank() == index.rank() && x.rank() > 0,
                    "{}: the index {} must have as many axes as the tensor {}, at least one", op,
                    index.shape(), x.shape());
  axis = normal_axis(op, axis, x.rank());
  for (int i = 0; i < x.rank(); ++i) {
    check<ShapeError>(i == axis || index.size(i) <= x.size(i),
                      "{}: the index {} is longer than the tensor {} at axis {}", op, index.shape(),
                      x.shape(), i);
  }
  return axis;
}

}  // namespace attune::internal
