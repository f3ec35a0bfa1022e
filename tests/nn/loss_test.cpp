#include "attune/nn/loss.h"

#include <doctest/doctest.h>

#include <cmath>

#include "attune/base/error.h"
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
                       "nll: label 4 at row 3 is not one of the 4 classes 0 to 3", ValueError);
  CHECK_THROWS_AS(nn::nll(logits, y.cast(DType::f32)), DTypeError);
  CHECK_THROWS_AS(nn::nll(logits, y.unsqueeze(1)), ShapeError);
}

TEST_CASE("cross_entropy, nll: reductions and ignored labels") {
  Rng rng(2);
  const Tensor logits = Tensor::randn({5, 4}, rng, DType::f64) * 3;
  const Tensor labels({0, -7, 3, 1, -7}), kept({0, 3, 1}), rows({0, 2, 3});
  const Tensor few = logits.index_select(0, rows), weights({1.0, 2.0, 0.5, 3.0});
  using enum nn::Reduction;
  for (const double smoothing : {0.0, 0.2}) {
    for (const Tensor& w : {Tensor(), weights}) {
      const auto loss = [&](const Tensor& z, const Tensor& y, std::optional<int64_t> ignore,
                            nn::Reduction reduction) {
        return nn::cross_entropy(z, y,
                                 {.label_smoothing = smoothing,
                                  .weights = w,
                                  .ignore_index = ignore,
                                  .reduction = reduction});
      };
      const Tensor each = loss(logits, labels, -7, none);
      CHECK(each.shape() == Shape{5});
      CHECK(each[1].item<double>() == 0);
      CHECK(each.sum().item<double>() ==
            doctest::Approx(loss(few, kept, {}, sum).item<double>()).epsilon(1e-12));
      CHECK(loss(logits, labels, -7, mean).item<double>() ==
            doctest::Approx(loss(few, kept, {}, mean).item<double>()).epsilon(1e-12));
      for (const nn::Reduction r : {mean, sum, none}) {
        CHECK(gradcheck([&](std::span<const Tensor> in) { return loss(in[0], labels, -7, r); },
                        std::vector<Tensor>{logits}) < 1e-6);
      }
    }
  }
  const Tensor log_p = logits.log_softmax(1);
  CHECK(
      nn::nll(log_p, labels, {.ignore_index = -7, .reduction = sum}).item<double>() ==
      doctest::Approx(
          nn::cross_entropy(logits, labels, {.ignore_index = -7, .reduction = sum}).item<double>())
          .epsilon(1e-12));
  // An ignored row counts for nothing, whatever is in it.
  const Tensor bad = log_p.masked_fill(labels.eq(-7).unsqueeze(1), std::nan(""));
  CHECK(std::isfinite(nn::nll(bad, labels, {.ignore_index = -7}).item<double>()));

  CHECK_THROWS_WITH_AS(nn::nll(log_p, labels),
                       "nll: label -7 at row 1 is not one of the 4 classes 0 to 3", ValueError);
  const Tensor none_left = Tensor::full({5}, -7, DType::i64);
  CHECK_THROWS_WITH_AS(nn::cross_entropy(logits, none_left, {.ignore_index = -7}),
                       "cross_entropy: all 5 rows are ignored; their mean has no value",
                       ValueError);
  CHECK(nn::nll(log_p, none_left, {.ignore_index = -7, .reduction = sum}).item<double>() == 0);
  CHECK_THROWS_AS(nn::nll(log_p.narrow(0, 0, 0), labels.narrow(0, 0, 0)), ValueError);
}

TEST_CASE("cross_entropy: one loss has one value, with options or without") {
  Rng rng(3);
  const Tensor labels({0, 1, 1, 2, 0, 2});
  for (const double scale : {1.0, 1e7}) {
    const Tensor z = Tensor::randn({6, 3}, rng) * scale;
    const float plain = nn::cross_entropy(z, labels).item<float>();
    CHECK(nn::cross_entropy(z, labels, {.weights = Tensor::ones({3})}).item<float>() == plain);
    CHECK(nn::cross_entropy(z, labels, {.ignore_index = -1}).item<float>() == plain);
    CHECK(nn::nll(z.log_softmax(1), labels).item<float>() == plain);
  }
  const Tensor close({{1e7f, 1e7f - 1}});
  CHECK(nn::cross_entropy(close, Tensor({0}), {.weights = Tensor::ones({2})}).item<float>() ==
        doctest::Approx(0.31326169));
}

TEST_CASE("bce_with_logits: weight of positive targets") {
  const Tensor x({{0.5, -2.0, 3.0}, {-40.0, 40.0, 0.0}}), t({{1.0, 0.0, 0.25}, {0.0, 1.0, 1.0}});
  const Tensor w({2.0, 0.5, 3.0});
  const auto each = nn::bce_with_logits(x, t, {.pos_weight = w, .reduction = nn::Reduction::none});
  const auto z = x.to_vector<double>(), q = t.to_vector<double>(), p = w.to_vector<double>();
  for (size_t i = 0; i < z.size(); ++i) {
    const double want =
        (1 - q[i]) * std::log1p(std::exp(z[i])) + p[i % 3] * q[i] * std::log1p(std::exp(-z[i]));
    CHECK(each.to_vector<double>()[i] == doctest::Approx(want).epsilon(1e-12));
  }
  CHECK(nn::bce_with_logits(x, t, {.pos_weight = w}).item<double>() ==
        doctest::Approx(each.mean().item<double>()));
  CHECK(nn::bce_with_logits(x, t, {.pos_weight = Tensor(1.0)}).item<double>() ==
        doctest::Approx(nn::bce_with_logits(x, t).item<double>()));
  CHECK(gradcheck(
            [&](std::span<const Tensor> in) {
              return nn::bce_with_logits(in[0], in[1], {.pos_weight = in[2]});
            },
            std::vector<Tensor>{x, t, w}) < 1e-6);
  CHECK_THROWS_AS(nn::bce_with_logits(x, t, {.pos_weight = Tensor::ones({4, 2, 3})}), ShapeError);
  CHECK_THROWS_AS(nn::bce_with_logits(x, t[0], {.pos_weight = w}), ShapeError);
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
  for (const auto loss : {+[](const Tensor&a, const Tensor&b) { return nn::l1(a, b); },
                          +[](const Tensor&a, const Tensor&b) { return nn::huber(a, b); }}) {
    CHECK(gradcheck([&](std::span<const Tensor> in) { return loss(in[0], in[1]); },
                    std::vector<Tensor>{p, t}) < 1e-6);
    CHECK_THROWS_AS(loss(p, t.unsqueeze(1)), ShapeError);  // not [4, 4]
    CHECK_THROWS_AS(loss(Tensor::zeros({0}), Tensor::zeros({0})), ValueError);
  }
  CHECK_THROWS_AS(nn::huber(p, t, 0), ValueError);
}
