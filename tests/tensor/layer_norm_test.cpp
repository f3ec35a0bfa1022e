#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

// The formula, in double.
Tensor reference(const Tensor& x, const Tensor& w, const Tensor& b, double epsilon) {
  const Tensor wide = x.cast(DType::f64);
  const Tensor centred = wide - wide.mean(-1, keep_dims);
  const Tensor y = centred / (centred.square().mean(-1, keep_dims) + epsilon).sqrt();
  return y * w.cast(DType::f64) + b.cast(DType::f64);
}

double distance(const Tensor& a, const Tensor& b) {
  return (a.cast(DType::f64) - b.cast(DType::f64)).abs().max().item<double>();
}

}  // namespace

TEST_CASE("layer_norm: matches the formula on every CPU target") {
  Rng rng(1);
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    CAPTURE(hwy::TargetName(target));
    for (const int64_t n : {1, 2, 7, 16, 33, 1030}) {  // below, at and above one register
      CAPTURE(n);
      const Tensor w = Tensor::randn({n}, rng), b = Tensor::randn({n}, rng);
      const Tensor x = Tensor::randn({5, n}, rng) * 3 + 100;  // a large mean must not cancel
      CHECK(distance(layer_norm(x, w, b), reference(x, w, b, 1e-5)) < 2e-4);
      const Tensor view = Tensor::randn({n, 5}, rng).t();
      CHECK(distance(layer_norm(view, w, b), reference(view, w, b, 1e-5)) < 5e-6);
      const auto f = [](std::span<const Tensor> in) { return layer_norm(in[0], in[1], in[2]); };
      if (n < 40) {
        const std::vector<Tensor> in{Tensor::randn({3, 2, n}, rng, DType::f64), w.cast(DType::f64),
                                     b.cast(DType::f64)};
        CHECK(gradcheck(f, in) < 1e-6);
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST_CASE("layer_norm: gradients in f32 are those in f64, on every CPU target") {
  on_all_targets([] {
    for (const int64_t n : {2, 7, 16, 33}) {
      const auto f = [](std::span<const Tensor> in) { return layer_norm(in[0], in[1], in[2]); };
      CHECK(single_gradient_error(
                f, {random({3, n}, DType::f64, -2, 2, 1), random({n}, DType::f64, -2, 2, 2),
                    random({n}, DType::f64, -2, 2, 3)}) < 2e-5);
    }
  });
}

TEST_CASE("layer_norm: a mean far from 0, squares beyond the range") {
  on_all_targets([] {
    for (const int64_t n : {2, 10, 1000, 1001}) {
      CAPTURE(n);
      const Tensor x = Tensor::arange(0, n).cast(DType::f32) * 0.0625f;
      // Neighbouring numbers around 1e6 are 0.0625 apart, so the sums below are exact.
      CHECK(max_error(layer_norm(x + 1e6f), layer_norm(x)) < 2e-5);
      const auto f = [](std::span<const Tensor> in) { return layer_norm(in[0]); };
      CHECK(single_gradient_error(f, {x.cast(DType::f64) + 1e6}) < 2e-5);
    }
    CHECK(max_error(layer_norm(Tensor({1e6f, 1e6f + 1}), {}, {}, 0), {-1, 1}) < 1e-6);
    CHECK(max_error(layer_norm(Tensor({2e30f, 2e30f, -2e30f, -2e30f})), {1, 1, -1, -1}) < 1e-6);
    CHECK(max_error(layer_norm(Tensor({3e38f, 3e38f, 1e38f, 1e38f})), {1, 1, -1, -1}) < 1e-6);
    CHECK(max_error(layer_norm(Tensor({1e200, -1e200})), {1, -1}) < 1e-14);
  });
}

TEST_CASE("layer_norm: over several axes") {
  const Tensor x = random({3, 4, 5}, DType::f64, -2, 2), w = random({4, 5}, DType::f64, 0.5, 2, 1),
               b = random({4, 5}, DType::f64, -1, 1, 2);
  const Tensor y = layer_norm(x, w, b, 1e-5, 2);
  CHECK(y.shape() == x.shape());
  CHECK(max_error(y.reshape({3, 20}), layer_norm(x.reshape({3, 20}), w.flatten(), b.flatten())) ==
        0);
  const auto f = [](std::span<const Tensor> in) {
    return layer_norm(in[0], in[1], in[2], 1e-5, 2);
  };
  CHECK(gradient_error(f, {x, w, b}) < 1e-6);
  CHECK(second_gradient_error(f, {x, w, b}) < 1e-5);
  CHECK(layer_norm(x, {}, {}, 1e-5, 3).shape() == x.shape());
  CHECK_THROWS_WITH_AS(layer_norm(x, b[0], {}, 1e-5, 2),
                       "layer_norm: the weight must be [4, 5], as x is [3, 4, 5], but it is [5]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(layer_norm(x, {}, {}, 1e-5, 4),
                       "layer_norm: cannot normalize over the last 4 axes of [3, 4, 5]",
                       ShapeError);
  CHECK_THROWS_AS(layer_norm(x, {}, {}, 1e-5, 0), ShapeError);
  for (const double epsilon : {-1e-5, kNan, kInf}) {
    CHECK_THROWS_AS(layer_norm(x, {}, {}, epsilon), ValueError);
  }
}

TEST_CASE("layer_norm: gradient of the gradient") {
  Rng rng(2);
  const std::vector<Tensor> in{Tensor::randn({3, 4}, rng, DType::f64),
                               Tensor::randn({4}, rng, DType::f64),
                               Tensor::randn({4}, rng, DType::f64)};
  const Tensor weights = Tensor::randn({3, 4}, rng, DType::f64);
  for (size_t i = 0; i < in.size(); ++i) {
    const auto slope = [&](std::span<const Tensor> at) {
      Tape tape(at);
      return tape.gradient((layer_norm(at[0], at[1], at[2]).square() * weights).sum(), {at[i]})[0];
    };
    CHECK(gradcheck(slope, in) < 1e-6);
  }
}

TEST_CASE("layer_norm: empty, constant and NaN rows; what it refuses") {
  CHECK(layer_norm(Tensor::zeros({0, 3})).shape() == Shape{0, 3});
  CHECK(layer_norm(Tensor::zeros({3, 0})).shape() == Shape{3, 0});
  CHECK(layer_norm(Tensor::full({2, 5}, 0.1f)).abs().max().item<float>() < 1e-4f);
  const Tensor y = layer_norm(Tensor({{1.f, 2.f}, {NAN, 1.f}}));
  CHECK(y[0].isnan().any().item<bool>() == false);
  CHECK(y[1].isnan().all().item<bool>());
  CHECK_THROWS_WITH_AS(layer_norm(Tensor::zeros({2, 3}), Tensor::ones({2})),
                       "layer_norm: the weight must be [3], as x is [2, 3], but it is [2]",
                       ShapeError);
  CHECK_THROWS_AS(layer_norm(Tensor::zeros({2, 3}), Tensor::ones({3}, DType::f64)), DTypeError);
  CHECK_THROWS_AS(layer_norm(Tensor(1.f)), ShapeError);
  CHECK(layer_norm(Tensor({1, 2})).dtype() == DType::f32);
  CHECK_THROWS_AS(layer_norm(Tensor()), ValueError);
}
