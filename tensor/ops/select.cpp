// where, masked_fill, clamp: elements chosen one by one.

#include <limits>
#include <utility>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/elementwise.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/internal/scalar.h"

namespace attune {
namespace {

using namespace internal;

// One row, each operand's elements `step` apart.
template <class T>
void choose_row(const bool* c, int64_t step_c, const T* a, int64_t step_a, const T* b,
                int64_t step_b, T* y, int64_t n) {
  if (step_c == 1 && step_a == 1 && step_b == 1) {
    for (int64_t i = 0; i < n; ++i) y[i] = c[i] ? a[i] : b[i];
  } else if (step_c == 1 && step_a == 1 && step_b == 0) {
    for (int64_t i = 0; i < n; ++i) y[i] = c[i] ? a[i] : *b;
  } else if (step_c == 1 && step_a == 0 && step_b == 1) {
    for (int64_t i = 0; i < n; ++i) y[i] = c[i] ? *a : b[i];
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = c[i * step_c] ? a[i * step_a] : b[i * step_b];
  }
}

// y[i] = c[i] ? a[i] : b[i]. Nothing is computed, so T stands for all types of its size.
template <class T>
void choose(const Tensor& c, const Tensor& a, const Tensor& b, const Tensor& y) {
  const bool* from_c = elements<bool>(c);
  const T *from_a = elements<T>(a), *from_b = elements<T>(b);
  T* to = elements<T>(y);
  const auto plain = [&](const Tensor& x) {
    return x.numel() == 1 || (same_shape(x, y) && block(x).contiguous);
  };
  if (plain(c) && plain(a) && plain(b)) {  // one row
    const auto step = [](const Tensor& x) { return int64_t{x.numel() != 1}; };
    const int64_t step_c = step(c), step_a = step(a), step_b = step(b);
    parallel_for(y.numel(), 1, [&](int64_t begin, int64_t end) {
      choose_row(from_c + begin * step_c, step_c, from_a + begin * step_a, step_a,
                 from_b + begin * step_b, step_b, to + begin, end - begin);
    });
    return;
  }
  const Shape shape = y.shape();
  const auto walk = make_walk<4>(
      shape, {broadcast_strides("where", c, shape), broadcast_strides("where", a, shape),
              broadcast_strides("where", b, shape), y.strides()});
  const int64_t n = walk.row_length();
  parallel_for(walk.rows(), n, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const auto at = walk.offsets(r);
      choose_row(from_c + at[0], walk.row_stride(0), from_a + at[1], walk.row_stride(1),
                 from_b + at[2], walk.row_stride(2), to + at[3], n);
    }
  });
}

Tensor nothing(const Tensor& x) { return Tensor::zeros({}, x.dtype()); }

Tensor where_checked(const char* name, const Tensor& c, const Tensor& left, const Tensor& right) {
  require_defined(name, c);
  require_defined(name, left);
  require_defined(name, right);
  check<DTypeError>(c.dtype() == DType::boolean,
                    "{}: the condition must be boolean, got {}; compare it first, as in x.gt(0)",
                    name, c.dtype());
  const DType dtype = promote(left.dtype(), right.dtype());
  const Tensor a = into(left, dtype), b = into(right, dtype);
  Tensor y = same_shape(a, b) && same_shape(a, c)
                 ? make(shape_of(block(a)), dtype)
                 : make(broadcast(name, broadcast(name, c.shape(), a.shape()), b.shape()), dtype);
  if (y.numel() > 0) {
    dispatch_bytes(dtype, [&]<class T>() { choose<T>(c, a, b, y); });
  }
  if (is_floating(dtype) && tracks(a, b)) {
    record(name, y, {&a, &b},
           [c, of_a = a.shape(), of_b = b.shape()](const Tensor& dy, Gradients& grads) {
             if (grads.wants(0)) grads.add(0, sum_to(where(c, dy, nothing(dy)), of_a));
             if (grads.wants(1)) grads.add(1, sum_to(where(c, nothing(dy), dy), of_b));
           });
  }
  return y;
}

}  // namespace

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  return where_checked("where", condition, a, b);
}

Tensor Tensor::masked_fill(const Tensor& mask, Scalar value) const {
  require_defined("masked_fill", *this);
  return where_checked("masked_fill", mask, make_scalar("masked_fill", value, dtype()), *this);
}

Tensor Tensor::masked_fill(const Tensor& mask, const Tensor& value) const {
  require_defined("masked_fill", *this);
  require_defined("masked_fill", value);
  check<ShapeError>(
      value.rank() == 0,
      "masked_fill: the value must be one number, got {}; where() takes whole tensors",
      value.shape());
  check<DTypeError>(is_floating(dtype()) || promote(dtype(), value.dtype()) == dtype(),
                    "masked_fill: a value of {} does not fit {}; cast one of them", value.dtype(),
                    dtype());
  return where_checked("masked_fill", mask, value.cast(dtype()), *this);
}

namespace {

// One bound of clamp() as an element. Where no integer of type T can pass it, it bounds nothing,
// and the end of T's range stands for it. DTypeError where T cannot hold the clamped values.
template <class T>
T bound(Scalar number, bool is_low) {
  using Limits = std::numeric_limits<T>;
  if constexpr (std::is_integral_v<T>) {
    const double value = number.value();
    const bool fits = number.is_integral() && std::in_range<T>(number.integer());
    if (!fits && is_low && value <= static_cast<double>(Limits::lowest())) return Limits::lowest();
    if (!fits && !is_low && value >= static_cast<double>(Limits::max())) return Limits::max();
  }
  return element_of<T>("clamp", number);
}

bool in_order(Scalar low, Scalar high) {
  return low.is_integral() && high.is_integral() ? low.integer() <= high.integer()
                                                 : low.value() <= high.value();
}

}  // namespace

Tensor Tensor::clamp(Scalar low, Scalar high) const {
  require_defined("clamp", *this);
  check<ValueError>(in_order(low, high), "clamp: the lower bound {} is above the upper, {}",
                    low.value(), high.value());
  return through("clamp", Takes::numbers, *this, [&](const Tensor& input) {
    const Tensor x = input.contiguous();
    Tensor y = make_like(x);
    dispatch(x.dtype(), [&]<class T>() {
      if constexpr (!std::is_same_v<T, bool>) {
        const T bottom = bound<T>(low, true), top = bound<T>(high, false);
        map<T, T>(x, y, [bottom, top](T e) { return e < bottom ? bottom : e > top ? top : e; });
      }
    });
    if (is_floating(x.dtype()) && tracks(x)) {
      record("clamp", y, {&x}, [x, low, high](const Tensor& dy, Gradients& grads) {
        grads.add(0, where(x.gt(low).logical_and(x.lt(high)), dy, nothing(dy)));
      });
    }
    return y;
  });
}

Tensor Tensor::clamp(const Tensor& low, const Tensor& high) const {
  return maximum(low).minimum(high);
}

}  // namespace attune
