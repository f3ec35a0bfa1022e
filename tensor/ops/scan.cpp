// cumprod, cummax: running products and maxima along an axis.

#include "attune/tensor/internal/axes.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/base/internal/parallel.h"
#include "attune/tensor/internal/record.h"

namespace attune {
namespace {

using namespace internal;

// body(row) for each row of n elements; `body` is given where the row begins.
template <class Body>
void each_line(const Tensor& x, const Body& body) {
  const int64_t n = x.size(-1), rows = n == 0 ? 0 : x.numel() / n;
  parallel_for(rows, n, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) body(row * n);
  });
}

// x with one element more in front of each row and without the last.
Tensor shifted(const Tensor& x) { return x.narrow(-1, 0, x.size(-1) - 1).pad({{1, 0}}); }

// r[0] = b[0], then r[i] = b[i] + a[i] r[i - 1], along the rows of a and b [..., n]. Its gradients
// are such recurrences, too, without a division: they hold where elements are 0, and to any order.
Tensor recurrence(const Tensor& given_a, const Tensor& given_b) {
  const Tensor a = given_a.contiguous(), b = given_b.contiguous();
  Tensor r = make_like(b);
  const int64_t n = b.size(-1);
  dispatch_floating("cumprod", b.dtype(), [&]<class T>() {
    each_line(b, [&, n](int64_t at) {
      const T *by = elements<T>(a) + at, *plus = elements<T>(b) + at;
      double last = static_cast<double>(plus[0]);
      elements<T>(r)[at] = plus[0];
      for (int64_t i = 1; i < n; ++i) {
        last = static_cast<double>(plus[i]) + static_cast<double>(by[i]) * last;
        elements<T>(r)[at + i] = static_cast<T>(last);
      }
    });
  });
  if (b.numel() > 0 && tracks(a, b)) {
    record("cumprod", r, {&a, &b}, [a, r](const Tensor& dr, Gradients& grads) {
      // s[i] = dr[i] + a[i + 1] s[i + 1]: the same from the other end.
      const Tensor s = recurrence(shifted(a.flip(-1)), dr.flip(-1)).flip(-1);
      if (grads.wants(0)) {
        const int64_t rest = r.size(-1) - 1;
        grads.add(0, (s.narrow(-1, 1, rest) * r.narrow(-1, 0, rest)).pad({{1, 0}}));
      }
      if (grads.wants(1)) grads.add(1, s);
    });
  }
  return r;
}

Tensor integer_products(const Tensor& x, int axis) {
  const Tensor rows = to_last(x, axis).contiguous();
  Tensor y = make(rows.shape(), DType::i64);
  const int64_t n = rows.size(-1);
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (std::is_integral_v<T>) {
      each_line(rows, [&, n](int64_t at) {
        uint64_t product = 1;  // wraps round
        for (int64_t i = at; i < at + n; ++i) {
          product *= static_cast<uint64_t>(elements<T>(rows)[i]);
          elements<int64_t>(y)[i] = static_cast<int64_t>(product);
        }
      });
    }
  });
  return from_last(y, axis, x.rank());
}

Tensor cumprod_along(const Tensor& x, int axis) {
  axis = line_axis("cumprod", axis, x.rank());
  if (!is_floating(x.dtype())) return integer_products(x, axis);
  if (x.numel() == 0) return x;
  const Tensor rows = to_last(x, axis);
  const Tensor first = rows.narrow(-1, 0, 1).pad({{0, rows.size(-1) - 1}});
  return from_last(recurrence(rows, first), axis, x.rank());
}

// Where the largest element so far is: the last of equals, and NaN once there is one.
Tensor places_of_largest(const Tensor& rows) {
  Tensor places = make(rows.shape(), DType::i64);
  const int64_t n = rows.size(-1);
  dispatch(rows.dtype(), [&]<class T>() {
    each_line(rows, [&, n](int64_t at) {
      const T* x = elements<T>(rows) + at;
      int64_t top = 0;
      for (int64_t i = 0; i < n; ++i) {
        if (x[i] >= x[top] || x[i] != x[i]) top = i;
        elements<int64_t>(places)[at + i] = top;
      }
    });
  });
  return places;
}

Tensor cummax_along(const Tensor& x, int axis) {
  axis = line_axis("cummax", axis, x.rank());
  if (x.numel() == 0) return x;
  const Tensor rows = to_last(x, axis);
  const Tensor places = places_of_largest(rows.detach().contiguous());
  return from_last(rows.gather(-1, places), axis, x.rank());
}

}  // namespace

Tensor Tensor::cumprod(int axis) const {
  return through("cumprod", Takes::any, *this, cumprod_along, axis);
}

Tensor Tensor::cummax(int axis) const {
  return through("cummax", Takes::any, *this, cummax_along, axis);
}

}  // namespace attune
