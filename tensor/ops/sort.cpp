// sort, argsort, topk along one axis. Equal elements keep their order and NaN comes last, whichever
// way is sorted. The gradient goes back to where each value came from.

#include <algorithm>
#include <vector>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/parallel.h"
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
void order(std::vector<Entry<T>>& row, int64_t k, bool descending) {
  // NaN would break the order: it is set aside first.
  const auto numbers = std::stable_partition(row.begin(), row.end(),
                                             [](const Entry<T>& e) { return e.value == e.value; });
  const auto before = [descending](const Entry<T>& a, const Entry<T>& b) {
    if (a.value != b.value) return descending ? a.value > b.value : a.value < b.value;
    return a.index < b.index;
  };
  const auto count = std::min<int64_t>(k, numbers - row.begin());
  if (count < numbers - row.begin()) {
    std::nth_element(row.begin(), row.begin() + count, numbers, before);
  }
  std::sort(row.begin(), row.begin() + count, before);
}

// The first k in order of each row of x [..., n] -> [..., k].
Tensor::Sorted sort_rows(const Tensor& input, int64_t k, bool descending) {
  const Tensor x = input.contiguous();
  const int64_t n = x.size(-1);
  Shape shape = x.shape();
  shape[shape.rank() - 1] = k;
  Tensor values = make(shape, x.dtype()), indices = make(shape, DType::i64);
  dispatch(x.dtype(), [&]<class T>() {
    parallel_for(k > 0 ? x.numel() / n : 0, n * 16, [&](int64_t begin, int64_t end) {
      std::vector<Entry<T>> row(static_cast<size_t>(n));
      for (int64_t r = begin; r < end; ++r) {
        const T* from = elements<T>(x) + r * n;
        for (int64_t i = 0; i < n; ++i) row[static_cast<size_t>(i)] = {from[i], i};
        order(row, k, descending);
        for (int64_t i = 0; i < k; ++i) {
          elements<T>(values)[r * k + i] = row[static_cast<size_t>(i)].value;
          elements<int64_t>(indices)[r * k + i] = row[static_cast<size_t>(i)].index;
        }
      }
    });
  });
  if (is_floating(x.dtype()) && tracks(x)) {
    record(values, {&x}, [indices, from = x.shape()](const Tensor& dy, Gradients& grads) {
      grads.add(0, Tensor::zeros(from, dy.dtype()).scatter_add(-1, indices, dy));
    });
  }
  return {values, indices};
}

Tensor::Sorted sort_along(const Tensor& x, int64_t k, int axis, bool descending) {
  if (axis == x.rank() - 1) return sort_rows(x, k, descending);
  const Tensor::Sorted sorted = sort_rows(x.transpose(axis, -1), k, descending);
  return {sorted.values.transpose(axis, -1), sorted.indices.transpose(axis, -1)};
}

Tensor::Sorted sort_all(const char* name, const Tensor& x, int axis, bool descending) {
  require_defined(name, x);
  if (x.rank() == 0 && (axis == 0 || axis == -1)) {
    const Tensor::Sorted one = sort_rows(x.reshape({1}), 1, descending);
    return {one.values.reshape({}), one.indices.reshape({})};
  }
  axis = normal_axis(name, axis, x.rank());
  return sort_along(x, x.size(axis), axis, descending);
}

}  // namespace

Tensor::Sorted Tensor::sort(int axis, bool descending) const {
  return sort_all("sort", *this, axis, descending);
}

Tensor Tensor::argsort(int axis, bool descending) const {
  if (defined()) return sort_all("argsort", detach(), axis, descending).indices;
  return sort_all("argsort", *this, axis, descending).indices;
}

Tensor::Sorted Tensor::topk(int64_t k, int axis, bool largest) const {
  require_defined("topk", *this);
  axis = normal_axis("topk", axis, rank());
  check<ValueError>(k >= 0 && k <= size(axis),
                    "topk: k must be in 0 … {}, the size of axis {} of {}; got {}", size(axis),
                    axis, shape(), k);
  return sort_along(*this, k, axis, largest);
}

}  // namespace attune
