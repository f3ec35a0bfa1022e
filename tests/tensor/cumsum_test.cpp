#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

TEST_CASE("cumsum: every dtype, every axis, any layout") {
  for (const DType dtype : kAllDTypes) {
    CAPTURE(std::string(name(dtype)));
    const Tensor x = random({3, 5, 70}, dtype, dtype == DType::u8 ? 0 : -3, 9);
    for (const int axis : {0, 1, 2, -1}) {
      CAPTURE(axis);
      const Tensor y = x.cumsum(axis);
      CHECK(y.dtype() == (is_floating(dtype) ? dtype : DType::i64));
      for (int64_t i = 0; i < x.size(axis); ++i) {  // each is the sum of what comes before
        const Tensor want = x.narrow(axis, 0, i + 1).sum(axis);
        CHECK(max_error(y.narrow(axis, i, 1).squeeze(axis), want) < 4 * tolerance(dtype));
      }
      CHECK(max_error(spaced(x).cumsum(axis), y) == 0);
    }
  }
}

TEST_CASE("cumsum: gradient, and its own") {
  for (const int axis : {0, 1}) {
    const auto f = [&](std::span<const Tensor> in) { return in[0].cumsum(axis); };
    const Tensor x = random({3, 4}, DType::f64, -1, 1);
    CHECK(gradient_error(f, {x}) < 1e-6);
    CHECK(gradient_error(f, {x.t()}) < 1e-6);
    CHECK(second_gradient_error(f, {x}) < 1e-6);
  }
}

TEST_CASE("cumsum: long f32 sums stay exact; NaN and infinity run on; wrap-around is defined") {
  const Tensor y = Tensor::full({2000000}, 0.1f).cumsum(0);
  CHECK(y[-1].item<float>() == doctest::Approx(double(0.1f) * 2e6).epsilon(1e-6));
  CHECK(max_error(Tensor({1.0, kNan, 1.0}).cumsum(0), {1, kNan, kNan}) == 0);
  CHECK(max_error(Tensor({kInf, 1.0, -kInf}).cumsum(0), {kInf, kInf, kNan}) == 0);
  const int64_t top = std::numeric_limits<int64_t>::max();
  CHECK(Tensor({top, int64_t{1}}).cumsum(0)[1].item<int64_t>() ==
        std::numeric_limits<int64_t>::min());
}

TEST_CASE("cumsum: empty, 0-d, mistakes") {
  CHECK(Tensor::zeros({0, 3}).cumsum(0).shape() == Shape{0, 3});
  CHECK(Tensor::zeros({3, 0}).cumsum(0).shape() == Shape{3, 0});
  CHECK(Tensor(3.f).cumsum(0).item<float>() == 3);
  CHECK_THROWS_WITH_AS(Tensor::zeros({3}).cumsum(1), "cumsum: axis 1 is out of range for 1 axes",
                       IndexError);
  CHECK_THROWS_AS(Tensor().cumsum(0), ValueError);
}
