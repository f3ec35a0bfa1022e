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

// y[i] = c[i] ? a[i] : b[i]. Nothing is computed, so T stands for all types of its size.
template <class T>
void choose(const char* op, const Tensor& of_c, const Tensor& of_a, const Tensor& of_b,
            const Tensor& of_y) {
  each_row<3>(op, {&of_c, &of_a, &of_b}, of_y, [&](const auto& at, const auto& step, int64_t n) {
    const bool* c = elements<bool>(of_c) + at[0];
    const T *a = elements<T>(of_a) + at[1], *b = elements<T>(of_b) + at[2];
    T* y = elements<T>(of_y) + at[3];
    if (step[0] == 1 && step[1] == 1 && step[2] == 1) {
      for (int64_t i = 0; i < n; ++i) y[i] = c[i] ? a[i] : b[i];
    } else if (step[0] == 1 && step[1] == 1 && step[2] == 0) {
      for (int64_t i = 0; i < n; ++i) y[i] = c[i] ? a[i] : *b;
    } else if (step[0] == 1 && step[1] == 0 && step[2] == 1) {
      for (int64_t i = 0; i < n; ++i) y[i] = c[i] ? *a : b[i];
    } else {
      for (int64_t i = 0; i < n; ++i) y[i] = c[i * step[0]] ? a[i * step[1]] : b[i * step[2]];
    }
  });
}

Tensor nothing(const Tensor& x) { return Tensor::zeros({}, x.dtype()); }

Tensor where_checked(const char* name, const Tensor& c, const Tensor& left, const Tensor& right) {
  require_defined(name, c, left, right);
  check<DTypeError>(c.dtype() == DType::boolean,
                    "{}: the condition must be boolean, got {}; compare it first, as in x.gt(0)",
                    name, c.dtype());
  const DType dtype = promote(left.dtype(), right.dtype());
  const Tensor a = into(left, dtype), b = into(right, dtype);
  Tensor y = same_shape(a, b) && same_shape(a, c)
                 ? make(shape_of(block(a)), dtype)
                 : make(broadcast(name, broadcast(name, c.shape(), a.shape()), b.shape()), dtype);
  dispatch_bytes(dtype, [&]<class T>() { choose<T>(name, c, a, b, y); });
  if (is_floating(dtype) && tracks(a, b)) {
    record(name, y, {&a, &b}, [c](const Tensor& dy, Gradients& grads) {
      if (grads.wants(0)) grads.add_broadcast(0, where(c, dy, nothing(dy)));
      if (grads.wants(1)) grads.add_broadcast(1, where(c, nothing(dy), dy));
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
  require_defined("masked_fill", *this, value);
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
      record("clamp", y, x, [x, low, high](const Tensor& dy) {
        return where(x.gt(low).logical_and(x.lt(high)), dy, nothing(dy));
      });
    }
    return y;
  });
}

Tensor Tensor::clamp(const Tensor& low, const Tensor& high) const {
  return maximum(low).minimum(high);
}

}  // namespace attune
