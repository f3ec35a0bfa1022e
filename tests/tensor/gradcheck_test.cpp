// gradcheck: what it must catch.
#include <doctest/doctest.h>

#include <cmath>

#include "attune/tensor/tape.h"

using namespace attune;

TEST_CASE("gradcheck: catches a wrong gradient, even in one element, and a NaN") {
  const auto with_slope = [](auto slope) {
    return [slope](std::span<const Tensor> in) {
      return custom_gradient([](std::span<const Tensor> x) { return x[0] * x[0]; },
                             [slope](std::span<const Tensor> x, const Tensor&, const Tensor& dy) {
                               return std::vector{dy * slope(x[0])};
                             },
                             in);
    };
  };
  const std::vector<Tensor> x{Tensor({1.0, -2.0, 0.5})};
  CHECK(gradcheck(with_slope([](const Tensor& at) { return at * 2; }), x) < 1e-6);
  CHECK(gradcheck(with_slope([](const Tensor& at) { return at * 2.001; }), x) > 1e-4);
  CHECK(gradcheck(with_slope([](const Tensor& at) {
                    return at * Tensor({2.0, 2.0, -2.0});
                  }),
                  x) > 0.1);
  for (const size_t place : {0, 1, 2}) {  // a NaN, wherever it is
    std::vector<double> factors(3, 2.0);
    factors[place] = std::nan("");
    const Tensor slope = Tensor::from(factors, {3});
    CHECK(std::isnan(gradcheck(with_slope([&](const Tensor& at) { return at * slope; }), x)));
  }
  CHECK_THROWS_WITH_AS(
      gradcheck(with_slope([](const Tensor& at) { return at; }), std::vector{Tensor({1.f})}),
      "gradcheck: needs f64 inputs, got f32", DTypeError);
}
