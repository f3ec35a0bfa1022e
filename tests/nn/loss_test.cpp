#include "attune/nn/loss.h"

#include <doctest/doctest.h>

#include <cmath>

#include "attune/tensor/error.h"
#include "attune/tensor/tape.h"

using namespace attune;

namespace {

// Cross-entropy with smoothing and weights, as PyTorch defines it, one row at a time.
double reference(const Tensor& logits, const std::vector<int64_t>& labels, double smoothing,
                 const std::vector<double>& weights) {
  const auto z = logits.to_vector<double>();
  const size_t classes = weights.size();
  double loss = 0, total = 0;
  for (size_t row = 0; row < labels.size(); ++row) {
    double sum = 0;
    for (size_t c = 0; c < classes; ++c) sum += std::exp(z[row * classes + c]);
    for (size_t c = 0; c < classes; ++c) {
      const bool is_label = c == static_cast<size_t>(labels[row]);
      const double target = (is_label ? 1 - smoothing : 0) + smoothing / double(classes);
      loss -= weights[c] * target * (z[row * classes + c] - std::log(sum));
    }
    total += weights[static_cast<size_t>(labels[row])];
  }
  return loss / total;
}

}  // namespace

TEST_CASE("cross_entropy: label smoothing and class weights") {
  Rng rng(1);
  const Tensor logits = Tensor::randn({6, 4}, rng, DType::f64) * 3;
  const std::vector<int64_t> labels{0, 3, 1, 1, 2, 3};
  const Tensor y = Tensor::from(labels, {6});
  const std::vector<double> ones(4, 1.0), uneven{1, 2, 0.5, 3};
  const Tensor weights = Tensor::from(uneven, {4});
  const auto value = [&](const nn::CrossEntropyOptions& options) {
    const Tensor loss = nn::cross_entropy(logits, y, options);
    CHECK(
        gradcheck([&](std::span<const Tensor> in) { return nn::cross_entropy(in[0], y, options); },
                  std::vector<Tensor>{logits}) < 1e-6);
    return loss.item<double>();
  };
  using doctest::Approx;
  const double tight = 1e-12;
  CHECK(value({}) == Approx(reference(logits, labels, 0, ones)).epsilon(tight));
  CHECK(value({.label_smoothing = 0.1}) ==
        Approx(reference(logits, labels, 0.1, ones)).epsilon(tight));
  CHECK(value({.weights = weights}) == Approx(reference(logits, labels, 0, uneven)).epsilon(tight));
  CHECK(value({.label_smoothing = 0.3, .weights = weights}) ==
        Approx(reference(logits, labels, 0.3, uneven)).epsilon(tight));
  CHECK(nn::nll(logits.log_softmax(1), y).item<double>() == Approx(value({})).epsilon(tight));

  CHECK_THROWS_AS(nn::cross_entropy(logits, y, {.label_smoothing = 1.5}), ValueError);
  CHECK_THROWS_AS(nn::cross_entropy(logits, y, {.weights = Tensor::ones({3})}), ShapeError);
  CHECK_THROWS_WITH_AS(nn::nll(logits, Tensor({0, 3, 1, 4, 2, 3})),
                       "nll: the label of row 3 is 4, outside the 4 classes", ValueError);
  CHECK_THROWS_AS(nn::nll(logits, y.cast(DType::f32)), DTypeError);
  CHECK_THROWS_AS(nn::nll(logits, y.unsqueeze(1)), ShapeError);
}

TEST_CASE("l1, huber, mse, bce_with_logits: values and gradients") {
  const Tensor p({0.0, 1.0, -3.0, 0.25}), t({0.5, 1.5, 1.0, 0.0});
  CHECK(nn::l1(p, t).item<double>() == doctest::Approx((0.5 + 0.5 + 4 + 0.25) / 4));
  CHECK(nn::mse(p, t).item<double>() == doctest::Approx((0.25 + 0.25 + 16 + 0.0625) / 4));
  CHECK(nn::huber(p, t).item<double>() == doctest::Approx((0.125 + 0.125 + 3.5 + 0.03125) / 4));
  CHECK(nn::huber(p, t, 0.3).item<double>() ==
        doctest::Approx((2 * (0.3 * 0.5 - 0.045) + 0.3 * 4 - 0.045 + 0.03125) / 4));
  const Tensor share({0.0, 1.0, 0.25, 0.5});
  double expected = 0;
  for (size_t i = 0; i < 4; ++i) {
    const double s = 1 / (1 + std::exp(-p.to_vector<double>()[i]));
    const double q = share.to_vector<double>()[i];
    expected -= (q * std::log(s) + (1 - q) * std::log(1 - s)) / 4;
  }
  CHECK(nn::bce_with_logits(p, share).item<double>() == doctest::Approx(expected).epsilon(1e-12));
  for (const auto loss :
       {nn::l1, +[](const Tensor&a, const Tensor&b) { return nn::huber(a, b); }}) {
    CHECK(gradcheck([&](std::span<const Tensor> in) { return loss(in[0], in[1]); },
                    std::vector<Tensor>{p, t}) < 1e-6);
    CHECK_THROWS_AS(loss(p, t.unsqueeze(1)), ShapeError);  // not [4, 4]
    CHECK_THROWS_AS(loss(Tensor::zeros({0}), Tensor::zeros({0})), ValueError);
  }
  CHECK_THROWS_AS(nn::huber(p, t, 0), ValueError);
}
