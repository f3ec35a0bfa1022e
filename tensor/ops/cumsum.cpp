// cumsum: y[i] = x[0] + … + x[i] along an axis. Of integers and booleans it is i64.

#include <algorithm>
#include <array>

#include "attune/tensor/internal/axes.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/base/internal/parallel.h"
#include "attune/tensor/internal/record.h"

namespace attune {
namespace {

using namespace internal;

// x [outer, n, inner], a group of neighbouring columns at a time. Totals are kept in Wide, so that
// f32 sums of many elements stay exact to f32.
template <class Wide, class From, class To>
void add_up(const From* x, To* y, int64_t outer, int64_t n, int64_t inner) {
  if (inner == 1) {  // rows: the total stays in a register
    parallel_for(outer, n, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        Wide total{};
        for (int64_t i = row * n; i < (row + 1) * n; ++i) {
          total += static_cast<Wide>(x[i]);
          y[i] = static_cast<To>(total);
        }
      }
    });
    return;
  }
  constexpr int64_t kGroup = 64;
  const int64_t groups = (inner + kGroup - 1) / kGroup;
  parallel_for(outer * groups, n * std::min(inner, kGroup), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t column = task % groups * kGroup, width = std::min(kGroup, inner - column);
      const int64_t start = task / groups * n * inner + column;
      std::array<Wide, kGroup> total{};
      for (int64_t i = 0; i < n; ++i) {
        const From* from = x + start + i * inner;
        To* to = y + start + i * inner;
        for (int64_t j = 0; j < width; ++j) {
          Wide& t = total[static_cast<size_t>(j)];
          t += static_cast<Wide>(from[j]);
          to[j] = static_cast<To>(t);
        }
      }
    }
  });
}

Tensor cumsum_along(const Tensor& x, int axis) {
  axis = line_axis("cumsum", axis, x.rank());
  const bool floating = is_floating(x.dtype());
  Tensor y = make(x.shape(), floating ? x.dtype() : DType::i64);
  if (y.numel() > 0) {
    const Lines lines = lines_along(x, axis);
    dispatch(x.dtype(), [&]<class T>() {
      const T* from = elements<T>(lines.x);
      if constexpr (std::is_floating_point_v<T>) {
        add_up<double>(from, elements<T>(y), lines.outer, lines.n, lines.inner);
      } else if constexpr (std::is_integral_v<T>) {  // unsigned: wraps round
        add_up<uint64_t>(from, elements<int64_t>(y), lines.outer, lines.n, lines.inner);
      }
    });
  }
  if (floating && tracks(x)) {
    record("cumsum", y, x, [axis](const Tensor& dy) {
      return dy.flip(axis).cumsum(axis).flip(axis);  // dx[i] = dy[i] + … + dy[n-1]
    });
  }
  return y;
}

}  // namespace

Tensor Tensor::cumsum(int axis) const {
  return through("cumsum", Takes::any, *this, cumsum_along, axis);
}

}  // namespace attune
