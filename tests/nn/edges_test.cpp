// Layers and losses where numbers end: masks that hide everything, halves that overflow,
// probabilities of 0 and 1, padding that is no number. Expected values are PyTorch's.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "attune/base/error.h"
#include "attune/nn/attention.h"
#include "attune/nn/batch_norm.h"
#include "attune/nn/group_norm.h"
#include "attune/nn/loss.h"
#include "attune/nn/recurrent.h"
#include "attune/tensor/tape.h"

using namespace attune;

namespace {

constexpr float kInf = INFINITY, kNan = NAN;

// The gradient of the sum of f(x).
template <class F>
Tensor gradient(const Tensor& given, const F& f) {
  const Tensor x = given.clone();
  Tape tape({x});
  return tape.gradient(f(x).sum())[0];
}

bool is_finite(const Tensor& x) { return x.isfinite().all().item<bool>(); }

bool is_close(const Tensor& a, const Tensor& b, double tolerance = 1e-5) {
  return a.shape() == b.shape() && a.isclose(b, tolerance, tolerance).all().item<bool>();
}

}  // namespace

TEST_CASE("attention: a query that sees no key returns 0 and has a gradient of 0") {
  Rng rng(1);
  const Tensor q = Tensor::randn({2, 3, 4}, rng), k = Tensor::randn({2, 3, 4}, rng);
  const Tensor v = Tensor::randn({2, 3, 4}, rng);
  const Tensor mask({{0.f, 0.f, 0.f}, {-kInf, -kInf, -kInf}, {0.f, -kInf, 0.f}});
  for (const double dropout : {0.0, 0.5}) {  // with dropout, the gradient is of ops
    CAPTURE(dropout);
    for (const Tensor& m : {mask, mask.eq(0)}) {
      Rng drops(3);
      const nn::AttentionOptions options{.mask = m, .dropout = dropout, .rng = &drops};
      CHECK(nn::attention(q, k, v, options).narrow(1, 1, 1).eq(0).all().item<bool>());
      const Tensor dq =
          gradient(q, [&](const Tensor& x) { return nn::attention(x, k, v, options); });
      CHECK(is_finite(dq));
      CHECK(dq.narrow(1, 1, 1).eq(0).all().item<bool>());
      CHECK(
          is_finite(gradient(k, [&](const Tensor& x) { return nn::attention(q, x, v, options); })));
    }
  }
  CHECK(is_finite(
      gradient(mask, [&](const Tensor& m) { return nn::attention(q, k, v, {.mask = m}); })));
  // Without keys at all, too.
  const Tensor no_keys = Tensor::zeros({2, 0, 4});
  const Tensor y =
      nn::attention(q, no_keys, no_keys, {.mask = Tensor::ones({3, 0}, DType::boolean)});
  CHECK(y.eq(Tensor::zeros({2, 3, 4})).all().item<bool>());
}

TEST_CASE("BatchNorm, RMSNorm: squares of f16 do not overflow, those of integers do not wrap") {
  Rng rng(1);
  const Tensor x = (Tensor::randn({8, 4}, rng) * 1000).cast(DType::f16);
  nn::BatchNorm1d halved(4), plain(4);
  halved.to(DType::f16);
  CHECK(halved(x).dtype() == DType::f16);
  CHECK(plain(x).dtype() == DType::f32);
  CHECK(is_close(halved(x).cast(DType::f32), plain(x.cast(DType::f32)), 2e-3));
  nn::RMSNorm small(4), wide(4);
  small.to(DType::f16);
  CHECK(small(x).dtype() == DType::f16);
  CHECK(is_close(small(x).cast(DType::f32), wide(x.cast(DType::f32)), 2e-3));
  CHECK(
      is_close(wide(Tensor({{100000, 100000, -100000, 100000}})), Tensor({{1.f, 1.f, -1.f, 1.f}})));
}

TEST_CASE("bce: slopes at probabilities of 0 and 1") {
  const Tensor p({0.f, 0.f, 1.f, 1.f, 0.5f}), target({0.f, 1.f, 0.f, 1.f, 1.f});
  const Tensor slopes =
      gradient(p, [&](const Tensor& x) { return nn::bce(x, target, Reduction::none); });
  CHECK(is_close(slopes, Tensor({0.f, -1e12f, 1e12f, 0.f, -2.f})));
  const std::vector<Tensor> inside{Tensor({0.2, 0.5, 0.9}), Tensor({0.3, 1.0, 0.0})};
  const auto loss = [](std::span<const Tensor> in) {
    return nn::bce(in[0], in[1], Reduction::none);
  };
  CHECK(gradcheck(loss, inside) < 1e-6);
}

TEST_CASE("cosine_similarity: operands broadcast before their lengths are taken") {
  const Tensor a({{1.f, 2.f, 3.f}, {4.f, 5.f, 6.f}});
  CHECK(is_close(nn::cosine_similarity(a, Tensor({{1.f}, {2.f}})), Tensor({0.92582f, 0.98691f})));
  CHECK(is_close(nn::cosine_similarity(a, Tensor({1.f, 0.f, 1.f})), Tensor({0.75593f, 0.80582f})));
}

TEST_CASE("triplet_margin: any norm, and equal vectors") {
  const Tensor a({{1.f, 2.f}}), far({{0.f, 3.f}});
  const auto loss = [&](const Tensor& x, double p) {
    return nn::triplet_margin(x, a, far, {.p = p, .epsilon = 0});
  };
  for (const double p : {0.5, 1.0, 2.0, 3.0}) {
    CAPTURE(p);
    CHECK(gradient(a, [&](const Tensor& x) { return loss(x, p); }).eq(0).all().item<bool>());
  }
  const double infinite = INFINITY;
  CHECK(nn::triplet_margin(a, a * 0.5, far, {.p = infinite, .epsilon = 0}).item<float>() == 1);
  CHECK(nn::triplet_margin(a, a * 0.25, far, {.p = infinite, .epsilon = 0}).item<float>() == 1.5f);
}

TEST_CASE("recurrent layers: what lies behind a sequence's end may be NaN") {
  Rng rng(1);
  nn::GRU gru(2, 3, rng, {.bidirectional = true});
  const Tensor x = Tensor::randn({2, 3, 2}, rng);
  const Tensor padded = cat({x, Tensor::full({2, 2, 2}, kNan)}, 1);
  const Tensor lengths({int64_t{3}, int64_t{3}});
  const auto gradients = [&](const Tensor& input, const Tensor& ends) {
    Tape tape(gru.parameters());
    const Tensor y = gru(input, Tensor(), ends).first;
    return tape.gradient((y * y).sum());
  };
  const std::vector<Tensor> with = gradients(padded, lengths), without = gradients(x, Tensor());
  for (size_t i = 0; i < with.size(); ++i) CHECK(is_close(with[i], without[i]));
}
