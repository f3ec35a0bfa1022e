#include "attune/nn/piecewise_linear.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "attune/tensor/internal/check.h"

namespace attune::nn {
namespace {

// Where to cut sorted values so that about as many lie between two cuts: quantiles, each once.
std::vector<double> cuts_of(const std::vector<double>& sorted, int64_t most) {
  std::vector<double> cuts;
  const auto last = static_cast<double>(sorted.size() - 1);
  for (int64_t i = 0; i <= most; ++i) {
    const double at = last * static_cast<double>(i) / static_cast<double>(most);
    const double value = sorted[static_cast<size_t>(std::llround(at))];
    if (cuts.empty() || value > cuts.back()) cuts.push_back(value);
  }
  return cuts;
}

}  // namespace

PiecewiseLinear::PiecewiseLinear(int64_t columns, int64_t pieces) : columns_(columns) {
  check<ValueError>(columns > 0 && pieces >= 0,
                    "PiecewiseLinear: needs columns, and no negative number of pieces, got {} and "
                    "{}",
                    columns, pieces);
  column = Tensor::zeros({pieces}, DType::i64);
  low = Tensor::zeros({pieces});
  width = Tensor::ones({pieces});
}

PiecewiseLinear PiecewiseLinear::fit(const Tensor& x, int64_t most) {
  check<ShapeError>(x.rank() == 2 && x.numel() > 0,
                    "PiecewiseLinear: needs rows and columns to fit on, got {}", x.shape());
  check<DTypeError>(x.dtype() == DType::f32 || x.dtype() == DType::f64,
                    "PiecewiseLinear: needs f32 or f64, got {}; cast it first", x.dtype());
  check<ValueError>(most > 0, "PiecewiseLinear: needs a piece or more for each column, got {}",
                    most);
  const auto rows = static_cast<size_t>(x.size(0)), columns = static_cast<size_t>(x.size(1));
  const std::vector<double> values = x.cast(DType::f64).to_vector<double>();
  std::vector<int64_t> column;
  std::vector<double> low, width, sorted(rows);
  for (size_t c = 0; c < columns; ++c) {
    for (size_t row = 0; row < rows; ++row) {
      sorted[row] = values[row * columns + c];
      check<ValueError>(std::isfinite(sorted[row]),
                        "PiecewiseLinear: row {} of column {} is {}; fill missing values first",
                        row, c, sorted[row]);
    }
    std::ranges::sort(sorted);
    // Two values, as a category has: the number itself says all of it.
    const auto middle = std::ranges::upper_bound(sorted, sorted.front());
    if (middle == sorted.end() || *middle == sorted.back()) continue;
    const std::vector<double> cuts = cuts_of(sorted, most);
    for (size_t i = 1; i < cuts.size() && cuts.size() > 2; ++i) {
      column.push_back(static_cast<int64_t>(c));
      low.push_back(cuts[i - 1]);
      width.push_back(cuts[i] - cuts[i - 1]);
    }
  }
  const auto pieces = static_cast<int64_t>(column.size());
  PiecewiseLinear layer(x.size(1), pieces);
  if (pieces == 0) return layer;
  layer.column = Tensor::from(column, {pieces});
  layer.low = Tensor::from(low, {pieces}).cast(x.dtype());
  layer.width = Tensor::from(width, {pieces}).cast(x.dtype());
  return layer;
}

Tensor PiecewiseLinear::forward(const Tensor& x) {
  check<ShapeError>(x.rank() > 0 && x.size(-1) == columns_,
                    "PiecewiseLinear: takes [..., {}], got {}", columns_, x.shape());
  if (pieces() == 0) return x;
  const Tensor within = ((x.index_select(-1, column) - low) / width).clamp(0, 1);
  return cat({x, within}, -1);
}

std::string PiecewiseLinear::describe() const {
  return fmt::format("PiecewiseLinear({} -> {})", columns(), outputs());
}

}  // namespace attune::nn
