#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "attune/base/error.h"
#include "attune/nn/ensemble.h"
#include "attune/nn/linear.h"
#include "tests/nn/support.h"

using namespace attune;

namespace {

// Outputs that do not depend on x.
nn::Linear saying(const std::vector<double>& outputs, DType dtype) {
  Rng rng(0);
  const auto count = static_cast<int64_t>(outputs.size());
  nn::Linear layer(2, count, rng);
  layer.weight = Tensor::zeros({count, 2}, dtype);
  layer.bias = Tensor::from(outputs, {count}).cast(dtype);
  return layer;
}

}  // namespace

TEST_CASE("Ensemble: the mean of outputs, and the mean of probabilities as logits") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    CAPTURE(dtype);
    const Tensor x = Tensor::ones({3, 2}, dtype);
    nn::Ensemble outputs(nn::Mean::outputs);
    outputs.add(saying({1, 5}, dtype)).add(saying({4, -5}, dtype)).add(saying({1, 3}, dtype));
    CHECK(outputs.size() == 3);
    const Tensor mean = outputs(x);
    CHECK(mean.shape() == Shape{3, 2});
    CHECK(mean[2][0].cast(DType::f64).item<double>() == doctest::Approx(2));
    CHECK(mean[0][1].cast(DType::f64).item<double>() == doctest::Approx(1));

    // 0.9 and 0.1 of the one, 0.2 and 0.8 of the other; logits of any height say the same.
    nn::Ensemble classes(nn::Mean::probabilities);
    classes.add(saying({std::log(9.0) + 30, 30}, dtype)).add(saying({0, std::log(4.0)}, dtype));
    const Tensor p = classes(x).softmax(-1).cast(DType::f64);
    CHECK(p[0][0].item<double>() == doctest::Approx(0.55).epsilon(1e-5));
    CHECK(p[2][1].item<double>() == doctest::Approx(0.45).epsilon(1e-5));
  }
}

TEST_CASE("Ensemble: one member's answer is its own; none, and members that differ, are refused") {
  nn::Ensemble one(nn::Mean::outputs);
  const nn::Linear alone = saying({0.1, 0.7}, DType::f32);
  one.add(alone);
  const Tensor x = Tensor::ones({2, 2});
  CHECK(support::same(one(x), nn::Linear(alone)(x)));
  CHECK(one.describe() == "Ensemble(1)");
  CHECK_THROWS_AS(one[1], IndexError);

  nn::Ensemble none(nn::Mean::outputs);
  CHECK_THROWS_WITH_AS(none(x), "Ensemble: it has no members", ValueError);
  nn::Layer moved = alone;
  const nn::Layer taken = std::move(moved);
  CHECK_THROWS_AS(none.add(moved), ValueError);  // NOLINT(bugprone-use-after-move)
  one.add(saying({1, 2, 3}, DType::f32));
  CHECK_THROWS_WITH_AS(one(x), "Ensemble: members return [2, 2] and [2, 3]", ShapeError);
}

TEST_CASE("Ensemble: saving, loading, and evaluation reach the members") {
  const support::TemporaryFile file("attune_ensemble");
  nn::Ensemble saved(nn::Mean::probabilities);
  saved.add(saying({1, 2}, DType::f32)).add(saying({5, 0}, DType::f32));
  saved.save(file.path);
  nn::Ensemble loaded(nn::Mean::probabilities);
  loaded.add(saying({0, 0}, DType::f32)).add(saying({0, 0}, DType::f32));
  loaded.load(file.path);
  const Tensor x = Tensor::ones({1, 2});
  CHECK(support::same(loaded(x), saved(x)));
  loaded.eval();
  CHECK(!loaded[1].training());
}
