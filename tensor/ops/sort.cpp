// sort, argsort, topk along one axis. Equal elements keep their order, and NaN is the largest
// number. The gradient goes back to where each value came from.

#include <algorithm>
#include <span>

#include "attune/tensor/internal/axes.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/base/internal/parallel.h"
#include "attune/tensor/internal/record.h"

namespace attune {
namespace {

using namespace internal;

template <class T>
struct Entry {
  T value;
  int64_t index;
};

// Orders the first k of a row's entries; all others come after them.
template <class T>
void order(std::span<Entry<T>> row, int64_t k, bool descending) {
  const auto before = [descending](const Entry<T>& a, const Entry<T>& b) {
    if (a.value < b.value) return !descending;
    if (a.value > b.value) return descending;
    const bool a_is_nan = a.value != a.value, b_is_nan = b.value != b.value;
    return a_is_nan == b_is_nan ? a.index < b.index : b_is_nan != descending;
  };
  const auto last = row.begin() + k;
  if (last != row.end()) std::nth_element(row.begin(), last, row.end(), before);
  std::sort(row.begin(), last, before);
}

// The first k in order of each row of x [..., n] -> [..., k].
Tensor::Sorted sort_rows(const char* name, const Tensor& input, int64_t k, bool descending) {
  const Tensor x = input.contiguous();
  const int64_t n = x.size(-1), rows = k > 0 ? x.numel() / n : 0;
  Shape shape = x.shape();
  shape[shape.rank() - 1] = k;
  Tensor values = make(shape, x.dtype()), indices = make(shape, DType::i64);
  dispatch(x.dtype(), [&]<class T>() {
    // Each worker sorts in a row of its own, allocated here: a parallel region must not throw.
    const int64_t workers = std::min<int64_t>(usable_threads(), rows);
    const Tensor scratch = make({workers * n, static_cast<int64_t>(sizeof(Entry<T>))}, DType::u8);
    const auto sort_share = [&](int64_t worker) {
      const std::span<Entry<T>> row(
          reinterpret_cast<Entry<T>*>(elements<char>(scratch)) + worker * n,
          static_cast<size_t>(n));
      for (int64_t r = worker * rows / workers; r < (worker + 1) * rows / workers; ++r) {
        const T* from = elements<T>(x) + r * n;
        for (int64_t i = 0; i < n; ++i) row[static_cast<size_t>(i)] = {from[i], i};
        order(row, k, descending);
        for (int64_t i = 0; i < k; ++i) {
          elements<T>(values)[r * k + i] = row[static_cast<size_t>(i)].value;
          elements<int64_t>(indices)[r * k + i] = row[static_cast<size_t>(i)].index;
        }
      }
    };
    parallel_for(workers, x.numel() / std::max<int64_t>(1, workers) * 16,
                 [&](int64_t begin, int64_t end) {
                   for (int64_t worker = begin; worker < end; ++worker) sort_share(worker);
                 });
  });
  if (is_floating(x.dtype()) && tracks(x)) {
    record(name, values, x, [indices, from = x.shape()](const Tensor& dy) {
      return Tensor::zeros(from, dy.dtype()).scatter_add(-1, indices, dy);
    });
  }
  return {values, indices};
}

// The first k along an axis, or all of them.
Tensor::Sorted sort_along(const char* name, const Tensor& given, std::optional<int64_t> k, int axis,
                          bool descending) {
  require_defined(name, given);
  const Types types = types_of(name, Takes::any, given.dtype());
  const Tensor x = into(given, types.computed);
  axis = line_axis(name, axis, x.rank());
  const Tensor rows = to_last(x, axis);
  const int64_t n = rows.size(-1);
  check<ValueError>(!k || (*k >= 0 && *k <= n),
                    "{}: k must be in 0 … {}, the size of axis {} of {}; got {}", name, n, axis,
                    x.shape(), k.value_or(n));
  const Tensor::Sorted sorted = sort_rows(name, rows, k.value_or(n), descending);
  return {into(from_last(sorted.values, axis, x.rank()), types.result),
          from_last(sorted.indices, axis, x.rank())};
}

}  // namespace

Tensor::Sorted Tensor::sort(int axis, bool descending) const {
  return sort_along("sort", *this, {}, axis, descending);
}

Tensor Tensor::argsort(int axis, bool descending) const {
  return sort_along("argsort", defined() ? detach() : *this, {}, axis, descending).indices;
}

Tensor::Sorted Tensor::topk(int64_t k, int axis, bool largest) const {
  return sort_along("topk", *this, k, axis, largest);
}

}  // namespace attune
