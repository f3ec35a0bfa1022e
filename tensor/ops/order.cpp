// median, quantile, unique, searchsorted: what the order of elements says. NaN is the largest
// number, as in sort().

#include <algorithm>
#include <cmath>

#include "attune/tensor/internal/axes.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/base/internal/parallel.h"

namespace attune {
namespace {

using namespace internal;

// x as rows [m, n], each of the n elements that become one.
Tensor rows_of(const char* op, const Tensor& x, const Reduced& along) {
  check<ValueError>(along.n > 0 || along.remaining.numel() == 0,
                    "{}: has no value over the 0 elements of {}", op, x.shape());
  const int64_t n = std::max<int64_t>(along.n, 1);
  return x.permute(reduced_last(along.along, x.rank())).reshape({x.numel() / n, n});
}

Tensor median_along(const Tensor& x, const Axes& axes, KeepDims keep) {
  const Reduced along = reduced_axes("median", x, axes);
  if (x.numel() == 0) rows_of("median", x, along);  // throws unless nothing is asked for
  if (x.numel() == 0) return make(along.result(keep), x.dtype());
  const Tensor rows = rows_of("median", x, along), order = rows.argsort();
  Tensor place = order.narrow(1, (along.n - 1) / 2, 1);
  if (is_floating(x.dtype())) {
    const Tensor last = order.narrow(1, along.n - 1, 1);
    place = where(rows.detach().gather(1, last).isnan(), last, place);
  }
  return rows.gather(1, place).reshape(along.result(keep));
}

Tensor quantile_along(const Tensor& x, double q, const Axes& axes, KeepDims keep) {
  const Reduced along = reduced_axes("quantile", x, axes);
  if (x.numel() == 0) rows_of("quantile", x, along);
  if (x.numel() == 0) return make(along.result(keep), x.dtype());
  const Tensor sorted = rows_of("quantile", x, along).sort().values;
  const double place = q * static_cast<double>(along.n - 1), below = std::floor(place);
  const auto low = static_cast<int64_t>(below), high = std::min(low + 1, along.n - 1);
  const Tensor a = sorted.narrow(1, low, 1), b = sorted.narrow(1, high, 1);
  // Neither equal infinities nor what counts nothing may be subtracted.
  Tensor between = a;
  if (place > below) {
    between = where(a.eq(b).logical_and(a.isinf()), a, a + (b - a) * (place - below));
  }
  const Tensor last = sorted.narrow(1, along.n - 1, 1);
  return where(last.isnan(), last, between).reshape(along.result(keep));
}

template <class T>
bool is_before(T a, T b) {
  return b != b ? a == a : a < b;
}

}  // namespace

Tensor Tensor::median(Axes axes, KeepDims keep) const {
  return through("median", Takes::any, *this, median_along, axes, keep);
}

Tensor Tensor::quantile(double q, Axes axes, KeepDims keep) const {
  check<ValueError>(q >= 0 && q <= 1, "quantile: must be in [0, 1], got {}", q);
  return through("quantile", Takes::floating, *this, quantile_along, q, axes, keep);
}

Tensor Tensor::unique() const { return unique_all().values; }

Tensor::Unique Tensor::unique_all() const {
  require_defined("unique", *this);
  const Types types = types_of("unique", Takes::any, dtype());
  const Tensor flat = into(detach(), types.computed).contiguous().reshape({numel()});
  const Sorted sorted = flat.sort();
  const int64_t n = flat.numel();
  Tensor inverse = make({n}, DType::i64), firsts = make({n}, DType::i64);
  int64_t found = 0;
  dispatch(types.computed, [&]<class T>() {
    const T* x = elements<T>(sorted.values);
    for (int64_t i = 0; i < n; ++i) {
      if (i == 0 || x[i] != x[i - 1]) elements<int64_t>(firsts)[found++] = i;
      elements<int64_t>(inverse)[elements<int64_t>(sorted.indices)[i]] = found - 1;
    }
  });
  firsts = firsts.narrow(0, 0, found);
  Tensor counts = make({found}, DType::i64);
  for (int64_t i = 0; i < found; ++i) {
    const int64_t* first = elements<int64_t>(firsts);
    elements<int64_t>(counts)[i] = (i + 1 < found ? first[i + 1] : n) - first[i];
  }
  return {into(sorted.values.index_select(0, firsts), types.result), inverse.reshape(shape()),
          counts};
}

Tensor Tensor::searchsorted(const Tensor& values, bool right) const {
  require_defined("searchsorted", *this, values);
  check<ShapeError>(rank() >= 1, "searchsorted: needs sorted numbers [..., n], got {}", shape());
  bool fits = rank() == 1 || rank() == values.rank();
  for (int axis = 0; fits && axis + 1 < rank(); ++axis) fits = size(axis) == values.size(axis);
  check<ShapeError>(fits, "searchsorted: {} and {} differ in more than their last axis", shape(),
                    values.shape());
  const DType dtype =
      types_of("searchsorted", Takes::any, promote(this->dtype(), values.dtype())).computed;
  const Tensor sorted = dense(into(detach(), dtype)), wanted = dense(into(values.detach(), dtype));
  Tensor y = make(values.shape(), DType::i64);
  if (y.numel() == 0) return y;
  const int64_t n = sorted.size(-1), each = rank() == 1 ? values.numel() : values.size(-1);
  dispatch(dtype, [&]<class T>() {
    const T* x = elements<T>(sorted);
    for (int64_t i = 1; i < sorted.numel(); ++i) {
      check<ValueError>(i % n == 0 || !is_before(x[i], x[i - 1]),
                        "searchsorted: the numbers must be sorted, but element {} is smaller than "
                        "the one before",
                        i % n);
    }
    parallel_for(y.numel(), 16, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T *row = x + i / each * n, value = elements<T>(wanted)[i];
        const T* at = right ? std::upper_bound(row, row + n, value, is_before<T>)
                            : std::lower_bound(row, row + n, value, is_before<T>);
        elements<int64_t>(y)[i] = at - row;
      }
    });
  });
  return y;
}

}  // namespace attune
