// gather, scatter_add, index_select, one_hot: elements chosen by tensors of positions. Reading and
// adding are each other's gradient.

#include <algorithm>
#include <cstring>

#include "attune/tensor/internal/axes.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/base/internal/parallel.h"
#include "attune/tensor/internal/positions.h"
#include "attune/tensor/internal/record.h"

namespace attune {
namespace {

using namespace internal;

// ---- gather and scatter_add: one position per element ----

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
