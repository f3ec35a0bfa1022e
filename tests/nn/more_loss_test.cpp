// bce, smooth_l1, kl_div, cosine_embedding, triplet_margin and ctc: values, gradients and mistakes.
#include <doctest/doctest.h>

#include <cmath>

#include "attune/nn/loss.h"
#include "attune/tensor/tape.h"
#include "tests/nn/support.h"

using namespace attune;

namespace {

double gradient_error(const TensorFunction& f, const std::vector<Tensor>& at) {
  return gradcheck(f, at);
}

Tensor numbers(const Shape& shape, int64_t seed = 1) {
  Rng rng = Rng(10).fork(seed);
  return Tensor::randn(shape, rng, DType::f64);
}
double value(const Tensor& x) { return x.item<double>(); }

// The probability of the labels, by going through all paths.
double by_paths(const Tensor& log_p, const std::vector<int64_t>& labels) {
  const int64_t length = log_p.size(0), classes = log_p.size(1);
  double total = 0;
  int64_t paths = 1;
  for (int64_t t = 0; t < length; ++t) paths *= classes;
  for (int64_t path = 0; path < paths; ++path) {
    std::vector<int64_t> seen;
    double p = 0;
    int64_t rest = path, before = 0;
    for (int64_t t = 0; t < length; ++t, rest /= classes) {
      const int64_t now = rest % classes;
      p += log_p[{t, now}].item<double>();
      if (now != 0 && now != before) seen.push_back(now);
      before = now;
    }
    if (seen == labels) total += std::exp(p);
  }
  return -std::log(total);
}

}  // namespace

TEST_CASE("ctc: the sum over all paths, and its gradients") {
  const Tensor log_p = numbers({5, 2, 3}).log_softmax(-1);
  const Tensor targets({{1, 1}, {2, 0}}), inputs({5, 4}), lengths({2, 1});
  const Tensor each = nn::ctc(log_p, targets, inputs, lengths, {.reduction = Reduction::none});
  CHECK(value(each[0]) == doctest::Approx(by_paths(log_p.narrow(1, 0, 1).squeeze(1), {1, 1})));
  CHECK(value(each[1]) ==
        doctest::Approx(by_paths(log_p.narrow(0, 0, 4).narrow(1, 1, 1).squeeze(1), {2})));
  const auto f = [&](std::span<const Tensor> at) {
    return nn::ctc(at[0], targets, inputs, lengths);
  };
  CHECK(gradient_error(f, {log_p}) < 1e-6);
  CHECK(value(f(std::vector<Tensor>{log_p})) ==
        doctest::Approx((value(each[0]) / 2 + value(each[1])) / 2));
  // Two equal labels need a blank between them: three steps.
  const Tensor tight =
      nn::ctc(log_p, targets, Tensor({2, 4}), lengths, {.reduction = Reduction::none});
  CHECK(std::isinf(value(tight[0])));
  CHECK(value(nn::ctc(log_p, targets, Tensor({2, 4}), lengths,
                      {.zero_infinity = true, .reduction = Reduction::none})[0]) == 0);
  CHECK_THROWS_AS(nn::ctc(log_p, targets, Tensor({6, 4}), lengths), ValueError);
  CHECK_THROWS_AS(nn::ctc(log_p, Tensor({{1, 3}, {2, 0}}), inputs, lengths), ValueError);
  CHECK_THROWS_AS(nn::ctc(log_p, targets[0], inputs, lengths), ShapeError);
}

TEST_CASE("losses of pairs: values") {
  CHECK(value(nn::bce(Tensor({1., 0.}), Tensor({0., 0.}))) == doctest::Approx(50));
  CHECK_THROWS_AS(nn::bce(Tensor({1.5}), Tensor({1.})), ValueError);
  CHECK(value(nn::smooth_l1(Tensor({0.5, 3.}), Tensor({0., 0.}), 2)) ==
        doctest::Approx((0.0625 + 2) / 2));
  CHECK(value(nn::smooth_l1(Tensor({0.5}), Tensor({0.}), 0)) == 0.5);
  const Tensor log_p = numbers({3, 4}).log_softmax(-1), q = numbers({3, 4}, 2).softmax(-1);
  const double divergence = value((q * (q.log() - log_p)).sum()) / 3;
  CHECK(value(nn::kl_div(log_p, q, {.batch_mean = true})) == doctest::Approx(divergence));
  CHECK(value(nn::kl_div(log_p, q.log(), {.log_target = true, .batch_mean = true})) ==
        doctest::Approx(divergence));
  CHECK(value(nn::kl_div(log_p, Tensor::zeros({3, 4}, DType::f64))) == 0);
}

TEST_CASE("losses of vectors: values and gradients") {
  const Tensor a = numbers({3, 4}), b = numbers({3, 4}, 2), c = numbers({3, 4}, 3);
  CHECK(value(nn::cosine_similarity(a, a * 3).min()) == doctest::Approx(1));
  CHECK(value(nn::cosine_embedding(a, -a, Tensor({1, 1, 1}))) == doctest::Approx(2));
  CHECK(value(nn::cosine_embedding(a, a, Tensor({-1, -1, -1}), 0.25)) == doctest::Approx(0.75));
  CHECK_THROWS_AS(nn::cosine_embedding(a, b, Tensor({1, 0, 1})), ValueError);
  const Tensor t({1, -1, 1});
  for (const double p : {1., 2., 3.}) {
    const auto f = [&](std::span<const Tensor> at) {
      return nn::triplet_margin(at[0], at[1], at[2], {.margin = 5, .p = p, .swap = true}) +
             nn::cosine_embedding(at[0], at[1], t);
    };
    CHECK(gradient_error(f, {a, b, c}) < 1e-6);
  }
  CHECK_THROWS_AS(nn::triplet_margin(a, b, c, {.p = 0}), ValueError);
}
