#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "attune/base/error.h"
#include "attune/nn/piecewise_linear.h"
#include "tests/nn/support.h"

using namespace attune;

namespace {

// [rows, 1]: 0, 1, 2, …
Tensor counting(int64_t rows, DType dtype) {
  std::vector<double> x;
  for (int64_t i = 0; i < rows; ++i) x.push_back(static_cast<double>(i));
  return Tensor::from(x, {rows, 1}).cast(dtype);
}

std::vector<double> row(const nn::PiecewiseLinear& layer, double x) {
  nn::PiecewiseLinear copy = layer;
  return copy(Tensor::from(std::vector<double>{x}, {1, 1}).cast(layer.low.dtype()))
      .cast(DType::f64)
      .to_vector<double>();
}

}  // namespace

TEST_CASE("PiecewiseLinear: 0 before a piece, 1 behind it, straight within") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const auto layer = nn::PiecewiseLinear::fit(counting(101, dtype), 4);
    CHECK(layer.pieces() == 4);
    CHECK(layer.outputs() == 5);
    CHECK(layer.low.dtype() == dtype);
    using Row = std::vector<double>;
    CHECK(row(layer, 0) == Row{0, 0, 0, 0, 0});
    CHECK(row(layer, 75) == Row{75, 1, 1, 1, 0});
    const Row within = row(layer, 60);
    CHECK(within[2] == 1);
    CHECK(within[3] == doctest::Approx(0.4));
    CHECK(within[4] == 0);
    CHECK(row(layer, 1000) == Row{1000, 1, 1, 1, 1});  // outside, the number itself goes on
    CHECK(row(layer, -1000) == Row{-1000, 0, 0, 0, 0});
  }
}

TEST_CASE("PiecewiseLinear: columns of few values have few pieces or none") {
  // Constant, two values, three values, 40 values of which half are one.
  std::vector<double> x;
  for (int64_t i = 0; i < 40; ++i) {
    const auto value = static_cast<double>(i);
    x.insert(x.end(), {7, i % 2 == 0 ? 0.0 : 1.0, static_cast<double>(i % 3), i < 20 ? 0 : value});
  }
  const auto layer = nn::PiecewiseLinear::fit(Tensor::from(x, {40, 4}), 8);
  const std::vector<int64_t> columns = layer.column.to_vector<int64_t>();
  CHECK(columns == std::vector<int64_t>{2, 2, 3, 3, 3, 3, 3});
  for (const double width : layer.width.to_vector<double>()) CHECK(width > 0);

  nn::PiecewiseLinear none = nn::PiecewiseLinear::fit(Tensor::ones({5, 2}), 4);
  CHECK(none.pieces() == 0);
  CHECK(support::same(none(Tensor::ones({3, 2})), Tensor::ones({3, 2})));
  CHECK(nn::PiecewiseLinear::fit(Tensor::ones({1, 2}), 4).outputs() == 2);  // one row
}

TEST_CASE("PiecewiseLinear: any number of axes; saved and loaded; mistakes are named") {
  Rng rng(3);
  nn::PiecewiseLinear layer = nn::PiecewiseLinear::fit(Tensor::randn({50, 3}, rng), 4);
  const Tensor x = Tensor::randn({2, 5, 3}, rng);
  CHECK(layer(x).shape() == Shape{2, 5, 15});
  CHECK(support::same(layer(x).reshape({10, 15}), layer(x.reshape({10, 3}))));
  CHECK(layer(Tensor::zeros({0, 3})).shape() == Shape{0, 15});

  const support::TemporaryFile file("attune_pieces");
  layer.save(file.path);
  nn::PiecewiseLinear loaded(3, layer.pieces());
  loaded.load(file.path);
  CHECK(support::same(loaded(x), layer(x)));
  CHECK(layer.describe() == "PiecewiseLinear(3 -> 15)");

  CHECK_THROWS_WITH_AS(layer(Tensor::zeros({2, 4})), "PiecewiseLinear: takes [..., 3], got [2, 4]",
                       ShapeError);
  CHECK_THROWS_AS(nn::PiecewiseLinear::fit(x, 4), ShapeError);
  CHECK_THROWS_AS(nn::PiecewiseLinear::fit(Tensor::zeros({2, 3}), 0), ValueError);
  CHECK_THROWS_AS(nn::PiecewiseLinear::fit(Tensor({{1, 2}}), 4), DTypeError);
  CHECK_THROWS_WITH_AS(nn::PiecewiseLinear::fit(Tensor({{1.f, 2.f}, {3.f, NAN}}), 4),
                       "PiecewiseLinear: row 1 of column 1 is nan; fill missing values first",
                       ValueError);
  CHECK_THROWS_AS(nn::PiecewiseLinear(0, 1), ValueError);
  CHECK_THROWS_AS(nn::PiecewiseLinear(1, -1), ValueError);
}
