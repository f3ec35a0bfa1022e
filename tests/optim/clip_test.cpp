#include "attune/optim/clip.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "attune/base/error.h"
#include "attune/tensor/tape.h"

using namespace attune;
using doctest::Approx;

TEST_CASE("clip_grad_norm: one factor for all, only where the norm is too large") {
  Rng rng(2);
  for (const DType dtype : {DType::f32, DType::f64}) {
    std::vector<Tensor> grads{Tensor::randn({13, 7}, rng, dtype),
                              Tensor::randn({5, 3}, rng, dtype).t()};
    const std::vector<Tensor> kept = grads;
    double squares = 0;
    for (const Tensor& g : grads) {
      for (const double e : g.cast(DType::f64).to_vector<double>()) squares += e * e;
    }
    const double norm = std::sqrt(squares);
    CHECK(optim::clip_grad_norm(grads, 1000) == Approx(norm).epsilon(1e-9));
    CHECK(grads[0].block() == kept[0].block());
    CHECK(optim::clip_grad_norm(grads, 2) == Approx(norm).epsilon(1e-9));
    for (size_t i = 0; i < 2; ++i) {
      const Tensor error = grads[i] - kept[i] * (2 / norm);
      CHECK(error.abs().max().cast(DType::f64).item<double>() < 1e-6);
    }
    CHECK(optim::clip_grad_norm(grads, 1) == Approx(2));
  }
  std::vector<Tensor> bad{Tensor({1.f, INFINITY})};
  CHECK(std::isinf(optim::clip_grad_norm(bad, 1)));
  CHECK(bad[0].to_vector<float>() == std::vector<float>{1, INFINITY});
  for (const double max : {0.0, -1.0, double{NAN}}) {
    CHECK_THROWS_AS(optim::clip_grad_norm(bad, max), ValueError);
    CHECK_THROWS_AS(optim::clip_grad_value(bad, max), ValueError);
  }
  std::vector<Tensor> none;
  CHECK(optim::clip_grad_norm(none, 1) == 0);
}

TEST_CASE("clip_grad_norm: f64 gradients whose squares overflow or vanish") {
  for (const double size : {1e200, 1e-200, 5e-324}) {
    std::vector<Tensor> grads{Tensor({3 * size, -4 * size})};
    const double norm = 5 * size;
    CHECK(optim::clip_grad_norm(grads, 1e300) == Approx(norm).epsilon(1e-12));
    if (size < 1e-300) continue;
    CHECK(optim::clip_grad_norm(grads, norm / 10) == Approx(norm).epsilon(1e-12));
    CHECK(grads[0][0].item<double>() / size == Approx(0.3).epsilon(1e-12));
  }
  std::vector<Tensor> large{Tensor::full({4}, 3e38)};  // f32: a factor that is no f32
  CHECK(optim::clip_grad_norm(large, 1e-6) == Approx(6e38));
  CHECK(large[0][0].item<float>() == Approx(5e-7));
}

TEST_CASE("clip_grad_value: every element into the range, NaN stays") {
  std::vector<Tensor> grads{Tensor({-3.f, -0.5f, 0.25f, 9.f, NAN})};
  const Tensor kept = grads[0];
  optim::clip_grad_value(grads, 0.5);
  const auto got = grads[0].to_vector<float>();
  CHECK(std::vector<float>(got.begin(), got.begin() + 4) ==
        std::vector<float>{-0.5, -0.5, 0.25, 0.5});
  CHECK(std::isnan(got[4]));
  CHECK(kept.to_vector<float>()[0] == -3);  // somebody else's
}

TEST_CASE("clipping: a list that is refused stays as it was") {
  const auto refused = [](std::vector<Tensor> grads, auto clip) {
    const Tensor first = grads[0];
    CHECK_THROWS_AS(clip(grads), Error);
    CHECK(grads[0].block() == first.block());
    CHECK(first.to_vector<float>() == std::vector<float>{3, 4});
  };
  const auto by_norm = [](std::vector<Tensor>& g) { optim::clip_grad_norm(g, 1); };
  const auto by_value = [](std::vector<Tensor>& g) { optim::clip_grad_value(g, 1); };
  const Tensor huge = Tensor({1.f}).expand({int64_t{1} << 50});  // no copy of it fits anywhere
  for (const Tensor& bad : {Tensor(), Tensor({1, 2}), Tensor({1.f}).cast(DType::f16)}) {
    refused({Tensor({3.f, 4.f}), bad}, by_norm);
    refused({Tensor({3.f, 4.f}), bad}, by_value);
  }
  refused({Tensor({3.f, 4.f}), huge}, by_value);
}

TEST_CASE("clipping: what an outer tape tracks is clipped by ops, and their gradient is right") {
  Rng rng(3);
  const std::vector<Tensor> inputs{Tensor::randn({4}, rng, DType::f64),
                                   Tensor::randn({3}, rng, DType::f64) * 1e3};
  const Tensor weights = Tensor::randn({4}, rng, DType::f64);
  for (const bool by_value : {false, true}) {
    CAPTURE(by_value);
    double largest = 0;
    const auto f = [&](std::span<const Tensor> in) {
      Tape inner{in[0], in[1]};
      const Tensor loss = (in[0] * in[0] * in[0]).sum() * in[1].tanh().sum();
      std::vector<Tensor> grads = inner.gradient(loss, in);
      by_value ? optim::clip_grad_value(grads, 2) : void(optim::clip_grad_norm(grads, 2));
      for (const Tensor& g : grads) {
        largest = std::max(largest, g.detach().abs().max().item<double>());
      }
      return (grads[0] * weights).sum() + grads[1].sum();
    };
    CHECK(gradcheck(f, inputs) < 1e-6);
    CHECK(largest <= 2);
    CHECK(largest > 0.5);
  }
}

TEST_CASE("clipping: recorded and in place give the same numbers; the recorded tensor stays") {
  Rng rng(4);
  const Tensor w = Tensor::randn({50}, rng);
  for (const bool by_value : {false, true}) {
    const auto clip = [&](std::vector<Tensor>& g) {
      by_value ? optim::clip_grad_value(g, 0.5) : void(optim::clip_grad_norm(g, 0.5));
    };
    Tape tape{w};
    std::vector<Tensor> recorded{w * 3};
    std::vector<Tensor> plain{recorded[0].detach().clone()};
    const Tensor before = plain[0].clone();
    const Tensor kept = recorded[0];
    clip(recorded);
    clip(plain);
    CHECK(recorded[0].eq(plain[0]).all().item<bool>());
    CHECK(kept.eq(before).all().item<bool>());
  }
}

TEST_CASE("clipping: inside a NoGradScope, what the tape recorded is left alone") {
  for (const bool by_value : {false, true}) {
    const Tensor w({3.f, 4.f});
    Tape tape{w};
    std::vector<Tensor> grads{w * 2};  // of which the tape holds no handle
    const Tensor kept = grads[0].detach().clone();
    {
      const NoGradScope paused;
      by_value ? optim::clip_grad_value(grads, 1) : void(optim::clip_grad_norm(grads, 1));
    }
    CHECK(grads[0].abs().max().item<float>() <= 1);
    CHECK(tape.gradient((grads[0] * w).sum())[0].eq(grads[0]).all().item<bool>());
  }
}
