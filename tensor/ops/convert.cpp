// cast, contiguous, clone, detach: the same values in another type or place.

#include <algorithm>
#include <array>
#include <cstring>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/base/internal/parallel.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/internal/walk.h"

namespace attune {
namespace {

using namespace internal;

template <class From, class To>
To convert(From x) {
  if constexpr (std::is_same_v<To, bool>) {
    return x != From{};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // Out of range would be undefined in C++: NaN becomes 0, the rest the nearest end.
    constexpr auto kLow = static_cast<From>(std::numeric_limits<To>::lowest());
    constexpr auto kHigh = static_cast<From>(std::numeric_limits<To>::max());
    if (x != x) return To{};
    if (x <= kLow) return std::numeric_limits<To>::lowest();
    if (x >= kHigh) return std::numeric_limits<To>::max();
    return static_cast<To>(x);
  } else {
    return static_cast<To>(x);
  }
}

template <class From, class To>
void convert_elements(const Tensor& x, const Tensor& y) {  // both contiguous
  const From* from = elements<From>(x);
  To* to = elements<To>(y);
  parallel_for(x.numel(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to[i] = convert<From, To>(from[i]);
  });
}

// T stands for all types of its size.
template <class T>
void copy_strided(const Tensor& x, const Tensor& y) {
  const T* from = elements<T>(x);
  T* to = elements<T>(y);
  const auto walk = make_walk<2>(x.shape(), {strides_of(block(x)), strides_of(block(y))});
  const int64_t n = walk.row_length(), from_step = walk.row_stride(0);
  const int64_t to_step = walk.row_stride(1);
  // Where the neighbours of a transposed x lie one row on, small squares are copied at a time, so
  // that each cache line that is read is used whole.
  constexpr int64_t kSquare = 32;
  const int64_t rows_together = walk.is_transposed(0) ? kSquare : 1;
  const int64_t columns_together = walk.is_transposed(0) ? kSquare : n;
  const int64_t rows = walk.rows(), bands = (rows + rows_together - 1) / rows_together;
  parallel_for(bands, n * rows_together, [&](int64_t begin, int64_t end) {
    for (int64_t band = begin; band < end; ++band) {
      const int64_t first = band * rows_together, count = std::min(rows_together, rows - first);
      std::array<Walk<2>::Offsets, kSquare> starts;
      for (int64_t row = 0; row < count; ++row) {
        starts[static_cast<size_t>(row)] = walk.offsets(first + row);
      }
      for (int64_t column = 0; column < n; column += columns_together) {
        const int64_t stop = std::min(n, column + columns_together);
        for (int64_t row = 0; row < count; ++row) {
          const auto& at = starts[static_cast<size_t>(row)];
          const T* source = from + at[0];
          T* target = to + at[1];
          for (int64_t i = column; i < stop; ++i) target[i * to_step] = source[i * from_step];
        }
      }
    }
  });
}

}  // namespace

void internal::copy_elements(const Tensor& x, const Tensor& y) {
  if (x.numel() == 0) return;
  if (block(x).contiguous && block(y).contiguous) {
    const size_t bytes = static_cast<size_t>(x.numel()) * byte_size(x.dtype());
    std::memcpy(block(y).data, block(x).data, bytes);
  } else {
    dispatch_bytes(x.dtype(), [&]<class T>() { copy_strided<T>(x, y); });
  }
}

namespace {

// x, contiguous, in another dtype, each value rounded once: f16 and bf16 go through f32, which
// holds them, and are converted to from every type at once.
Tensor converted(const Tensor& x, DType dtype) {
  if (is_half(x.dtype()) && dtype != DType::f32) {
    return converted(converted(x, DType::f32), dtype);
  }
  Tensor y = make(x.shape(), dtype);
  if (is_half(x.dtype())) {
    x.dtype() == DType::f16 ? convert_elements<float16, float>(x, y)
                            : convert_elements<bfloat16, float>(x, y);
  } else if (is_half(dtype)) {
    dispatch(x.dtype(), [&]<class From>() {
      dtype == DType::f16 ? convert_elements<From, float16>(x, y)
                          : convert_elements<From, bfloat16>(x, y);
    });
  } else {
    dispatch(x.dtype(), [&]<class From>() {
      dispatch(dtype, [&]<class To>() { convert_elements<From, To>(x, y); });
    });
  }
  return y;
}

Tensor recorded_copy(const Tensor& x, DType dtype) {
  Tensor y = x.dtype() == dtype ? make(x.shape(), dtype) : converted(dense(x), dtype);
  if (x.dtype() == dtype) copy_elements(x, y);
  if (is_floating(dtype) && is_floating(x.dtype()) && tracks(x)) {
    record("cast", y, x, [from = x.dtype()](const Tensor& dy) { return dy.cast(from); });
  }
  return y;
}

}  // namespace

Tensor Tensor::cast(DType dtype) const {
  require_defined("cast", *this);
  return block_->dtype == dtype ? *this : recorded_copy(*this, dtype);
}

Tensor Tensor::bitcast(DType dtype) const {
  require_defined("bitcast", *this);
  check<DTypeError>(byte_size(dtype) == byte_size(block_->dtype),
                    "bitcast: {} and {} have different sizes", block_->dtype, dtype);
  check<DTypeError>(dtype != DType::boolean || block_->dtype == DType::boolean,
                    "bitcast: booleans have but two values; use ne(0)");
  Tensor y = make_view(*this, shape(), strides(), 0);
  internal::block(y).dtype = dtype;
  return y;
}

Tensor Tensor::contiguous() const {
  require_defined("contiguous", *this);
  return block_->contiguous ? *this : recorded_copy(*this, block_->dtype);
}

Tensor Tensor::clone() const {
  require_defined("clone", *this);
  return recorded_copy(*this, block_->dtype);
}

Tensor Tensor::detach() const {
  require_defined("detach", *this);
  return make_view(*this, shape(), strides(), 0);
}

}  // namespace attune
