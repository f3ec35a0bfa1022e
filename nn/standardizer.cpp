#include "attune/nn/standardizer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "attune/tensor/internal/check.h"

namespace attune::nn {

Standardizer::Standardizer(int64_t columns) {
  check<ValueError>(columns > 0, "Standardizer: columns must be positive, got {}", columns);
  mean = Tensor::zeros({columns});
  std = Tensor::ones({columns});
}

Standardizer Standardizer::fit(const Tensor& x) {
  check<ShapeError>(x.rank() == 2 && x.numel() > 0,
                    "Standardizer: needs rows and columns to fit on, got {}", x.shape());
  check<DTypeError>(x.dtype() == DType::f32 || x.dtype() == DType::f64,
                    "Standardizer: needs f32 or f64, got {}; cast it first", x.dtype());
  const auto columns = static_cast<size_t>(x.size(1));
  const auto rows = static_cast<double>(x.size(0));
  const Tensor wide = x.cast(DType::f64).contiguous();
  const std::span<const double> values = wide.data<double>();

  std::vector<double> largest(columns);
  std::vector<bool> constant(columns, true);
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t column = i % columns;
    check<ValueError>(std::isfinite(values[i]),
                      "Standardizer: row {} of column {} is {}; fill missing values first",
                      i / columns, column, values[i]);
    largest[column] = std::max(largest[column], std::abs(values[i]));
    if (values[i] != values[column]) constant[column] = false;
  }

  // In units of a power of two near the largest value, so that squares neither overflow nor vanish.
  std::vector<double> scale(columns), mean(columns), rest(columns), squares(columns);
  for (size_t column = 0; column < columns; ++column) {
    scale[column] = std::ldexp(1, -std::clamp(std::ilogb(largest[column]), -1021, 1021));
  }
  for (size_t i = 0; i < values.size(); ++i) {
    mean[i % columns] += values[i] * scale[i % columns] / rows;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t column = i % columns;
    const double d = values[i] * scale[column] - mean[column];
    rest[column] += d;  // 0 but for the rounding of the mean
    squares[column] += d * d;
  }

  std::vector<double> deviation(columns);
  const double least = x.dtype() == DType::f64 ? std::numeric_limits<double>::min()
                                               : double{std::numeric_limits<float>::min()};
  for (size_t column = 0; column < columns; ++column) {
    const double shift = rest[column] / rows;
    const double variance = std::max(0.0, squares[column] / rows - shift * shift);
    mean[column] = (mean[column] + shift) / scale[column];
    deviation[column] = std::max(std::sqrt(variance) / scale[column], least);
    if (constant[column]) {  // by the values themselves: rounding may leave a deviation above 0
      mean[column] = values[column];
      deviation[column] = 1;
    }
  }
  Standardizer fitted(x.size(1));
  fitted.mean = Tensor::from(mean, {x.size(1)}).cast(x.dtype());
  fitted.std = Tensor::from(deviation, {x.size(1)}).cast(x.dtype());
  return fitted;
}

namespace {

void check_columns(const Tensor& x, const Tensor& mean) {
  check<ShapeError>(x.rank() > 0 && x.size(-1) == mean.size(0),
                    "Standardizer: fitted on {} columns, but x is {}", mean.size(0), x.shape());
}

}  // namespace

Tensor Standardizer::forward(const Tensor& x) {
  check_columns(x, mean);
  return (x - mean) / std;
}

Tensor Standardizer::inverse(const Tensor& y) const {
  check_columns(y, mean);
  return y * std + mean;
}

std::string Standardizer::describe() const { return fmt::format("Standardizer({})", mean.size(0)); }

}  // namespace attune::nn
