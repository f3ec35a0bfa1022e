#include "attune/nn/standardizer.h"

#include <cmath>
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
  check<DTypeError>(is_floating(x.dtype()), "Standardizer: needs f32 or f64, got {}; cast it first",
                    x.dtype());
  const auto rows = static_cast<size_t>(x.size(0)), columns = static_cast<size_t>(x.size(1));
  const std::vector<double> values = x.cast(DType::f64).to_vector<double>();
  std::vector<double> mean(columns), deviation(columns);
  std::vector<bool> constant(columns, true);
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t column = i % columns;
    check<ValueError>(std::isfinite(values[i]),
                      "Standardizer: row {} of column {} is {}; fill missing values first",
                      i / columns, column, values[i]);
    mean[column] += values[i] / static_cast<double>(rows);
    if (values[i] != values[column]) constant[column] = false;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const double d = values[i] - mean[i % columns];
    deviation[i % columns] += d * d / static_cast<double>(rows);
  }
  for (size_t column = 0; column < columns; ++column) {
    // By the values themselves: rounding alone can give a constant column a deviation above 0.
    deviation[column] = constant[column] ? 1 : std::sqrt(deviation[column]);
    if (constant[column]) mean[column] = values[column];
    if (deviation[column] == 0) deviation[column] = 1;  // differences too small to square
  }
  Standardizer fitted(x.size(1));
  fitted.mean = Tensor::from(mean, {x.size(1)}).cast(x.dtype());
  fitted.std = Tensor::from(deviation, {x.size(1)}).cast(x.dtype());
  return fitted;
}

Tensor Standardizer::forward(const Tensor& x) {
  check<ShapeError>(x.rank() > 0 && x.size(-1) == mean.size(0),
                    "Standardizer: fitted on {} columns, but x is {}", mean.size(0), x.shape());
  return (x - mean) / std;
}

Tensor Standardizer::inverse(const Tensor& y) const { return y * std + mean; }

std::string Standardizer::describe() const { return fmt::format("Standardizer({})", mean.size(0)); }

}  // namespace attune::nn
