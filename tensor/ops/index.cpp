// gather, scatter_add, index_select, one_hot: elements chosen by tensors of positions. Reading and
// adding are each other's gradient.

#include <algorithm>
#include <cstring>

#include "attune/tensor/internal/axes.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/base/internal/parallel.h"
#include "attune/tensor/internal/record.h"

namespace attune {
namespace {

using namespace internal;

// The place of element number `i` of a tensor, as it is written in brackets.
Shape place_of(int64_t i, const Shape& shape) {
  Shape place = shape;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    place[axis] = i % shape[axis];
    i /= shape[axis];
  }
  return place;
}

// The index as contiguous i64 with every position in [0, size); IndexError names the first outside.
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

// ---- gather and scatter_add: one position per element ----

// Calls body(i, j): element i of an index of `shape` names element j of a tensor of shape `of`. The
// two shapes may differ along any axis; `at` holds the positions along `axis`.
template <class Body>
void each_pair(const Shape& shape, const int64_t* at, const Shape& of, int axis, Body body) {
  const Shape strides = row_major(of);
  const int last = std::max(shape.rank() - 1, 0);  // the rank is at least 1
  const int64_t n = shape[last];
  const int64_t step = axis == last ? 0 : strides[last], along = strides[axis];
  const int64_t rows = n == 0 ? 0 : shape.numel() / n;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t rest = row, offset = 0;
    for (int i = last - 1; i >= 0; --i) {
      if (i != axis) offset += rest % shape[i] * strides[i];
      rest /= shape[i];
    }
    for (int64_t i = 0; i < n; ++i) {
      const int64_t element = row * n + i;
      body(element, offset + i * step + at[element] * along);
    }
  }
}

Tensor scattered(const Tensor& x, int axis, const Tensor& at, const Tensor& source);

// `at`: the index, made of positions.
Tensor gathered(const Tensor& x, int axis, const Tensor& at) {
  Tensor y = make(at.shape(), x.dtype());
  const Tensor from = dense(x);
  dispatch_bytes(x.dtype(), [&]<class T>() {
    each_pair(
        at.shape(), elements<int64_t>(at), x.shape(), axis,
        [in = elements<T>(from), out = elements<T>(y)](int64_t i, int64_t j) { out[i] = in[j]; });
  });
  if (is_floating(x.dtype()) && tracks(x)) {
    record("gather", y, x, [axis, at, shape = x.shape()](const Tensor& dy) {
      return scattered(Tensor::zeros(shape, dy.dtype()), axis, at, dy);
    });
  }
  return y;
}

// `given` and `addend` have one dtype.
Tensor scattered(const Tensor& given, int axis, const Tensor& at, const Tensor& addend) {
  const auto add = [&](const Tensor& x, const Tensor& source) {
    Tensor y = x.detach().clone();
    const Tensor from = dense(source);
    dispatch(x.dtype(), [&]<class T>() {
      each_pair(
          at.shape(), elements<int64_t>(at), x.shape(), axis,
          [in = elements<T>(from), out = elements<T>(y)](int64_t i, int64_t j) {
            if constexpr (std::is_same_v<T, bool>) {
              out[j] = out[j] || in[i];
            } else if constexpr (std::is_integral_v<T>) {  // wraps, as integer + does
              out[j] = static_cast<T>(static_cast<uint64_t>(out[j]) + static_cast<uint64_t>(in[i]));
            } else {
              out[j] += in[i];
            }
          });
    });
    if (is_floating(x.dtype()) && tracks(x, source)) {
      record("scatter_add", y, {&x, &source}, [axis, at](const Tensor& dy, Gradients& grads) {
        if (grads.wants(0)) grads.add(0, dy);
        if (grads.wants(1)) grads.add(1, gathered(dy, axis, at));
      });
    }
    return y;
  };
  return through("scatter_add", Takes::any, given, addend, add);
}

// The index may be shorter than the tensor along other axes than the one it names.
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

// ---- index_select and its transpose: whole slices ----

Tensor slices_added(const Tensor& source, int axis, const Tensor& at, const Shape& shape);

Tensor slices(const Tensor& x, int axis, const Tensor& at) {
  Shape shape = x.shape();
  const Extents split = extents(shape, axis);
  const int64_t count = shape[axis] = at.numel();
  Tensor y = make(shape, x.dtype());
  if (y.numel() > 0) {
    const Tensor from = dense(x);
    const size_t bytes = static_cast<size_t>(split.inner) * byte_size(x.dtype());
    const int64_t* place = elements<int64_t>(at);
    const char* in = block(from).data;
    char* out = block(y).data;
    parallel_for(split.outer * count, split.inner, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t row = i / count * split.n + place[i % count];
        std::memcpy(out + static_cast<size_t>(i) * bytes, in + static_cast<size_t>(row) * bytes,
                    bytes);
      }
    });
  }
  if (is_floating(x.dtype()) && tracks(x)) {
    record("index_select", y, x, [axis, at, from = x.shape()](const Tensor& dy) {
      return slices_added(dy, axis, at, from);
    });
  }
  return y;
}

// Zeros of `shape` with each slice of `given` added at its position, in the order of the index.
Tensor slices_added(const Tensor& given, int axis, const Tensor& at, const Shape& shape) {
  return through("index_select", Takes::floating, given, [&](const Tensor& source) {
    Tensor y = Tensor::zeros(shape, source.dtype());
    const Extents split = extents(shape, axis);
    const int64_t count = at.numel();
    if (source.numel() > 0) {
      const Tensor from = dense(source);
      const int64_t* place = elements<int64_t>(at);
      dispatch_floating("index_select", source.dtype(), [&]<class T>() {
        const T* in = elements<T>(from);
        T* out = elements<T>(y);
        // Each thread adds up a band of columns: every sum is in the order of the index, whatever
        // the number of bands.
        const int64_t inner = split.inner;
        const int64_t bands = std::clamp<int64_t>(inner / 16, 1, usable_threads());
        parallel_for(split.outer * bands, count * inner / bands, [=](int64_t begin, int64_t end) {
          for (int64_t task = begin; task < end; ++task) {
            const int64_t o = task / bands, band = task % bands;
            const int64_t first = band * inner / bands, last = (band + 1) * inner / bands;
            for (int64_t i = 0; i < count; ++i) {
              const T* slice = in + (o * count + i) * inner;
              T* sum = out + (o * split.n + place[i]) * inner;
              for (int64_t k = first; k < last; ++k) sum[k] += slice[k];
            }
          }
        });
      });
    }
    if (tracks(source)) {
      record("index_select_gradient", y, source,
             [axis, at](const Tensor& dy) { return slices(dy, axis, at); });
    }
    return y;
  });
}

}  // namespace

Tensor Tensor::gather(int axis, const Tensor& index) const {
  axis = check_index("gather", *this, axis, index);
  return gathered(*this, axis, positions("gather", index, size(axis), axis, shape()));
}

Tensor Tensor::scatter_add(int axis, const Tensor& index, const Tensor& source) const {
  axis = check_index("scatter_add", *this, axis, index);
  require_defined("scatter_add", source);
  check<ShapeError>(source.shape() == index.shape(),
                    "scatter_add: the source {} must have the shape of the index, {}",
                    source.shape(), index.shape());
  check<DTypeError>(source.dtype() == dtype(),
                    "scatter_add: the source holds {}, the tensor {}; cast one of them",
                    source.dtype(), dtype());
  return scattered(*this, axis, positions("scatter_add", index, size(axis), axis, shape()), source);
}

Tensor Tensor::index_select(int axis, const Tensor& index) const {
  require_defined("index_select", *this, index);
  check<ShapeError>(index.rank() == 1, "index_select: the index must have one axis, got {}",
                    index.shape());
  axis = normal_axis("index_select", axis, rank());
  return slices(*this, axis, positions("index_select", index, size(axis), axis, shape()));
}

Tensor Tensor::one_hot(int64_t classes) const {
  require_defined("one_hot", *this);
  check<ValueError>(classes > 0, "one_hot: needs at least one class, got {}", classes);
  Shape to = shape();
  to.push_back(classes);
  Tensor y = zeros(to, DType::f32);
  dispatch_index("one_hot", dtype(), [&]<class I>() {
    const Tensor labels = contiguous();
    for (int64_t i = 0; i < labels.numel(); ++i) {
      const auto label = static_cast<int64_t>(elements<I>(labels)[i]);
      if (label < 0 || label >= classes) [[unlikely]] {
        fail<ValueError>("one_hot: label {} at {} is outside the classes 0 to {}", label,
                         place_of(i, shape()), classes - 1);
      }
      elements<float>(y)[i * classes + label] = 1;
    }
  });
  return y;
}

}  // namespace attune
