#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "attune/tensor/tape.h"

using namespace attune;

TEST_CASE("dropout: drops with probability p and keeps the mean") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const double p : {0.1, 0.5, 0.9}) {
      Rng rng(3);
      const auto y = Tensor::ones({100'000}, dtype).dropout(p, rng).cast(DType::f64);
      double dropped = 0;
      for (const double e : y.to_vector<double>()) {
        dropped += e == 0;
        CHECK((e == 0 || e == doctest::Approx(1 / (1 - p)).epsilon(1e-6)));
      }
      CHECK(std::abs(dropped / 100'000 - p) < 0.008);
      CHECK(rng.position() == 100'000);
    }
  }
}

TEST_CASE("dropout: p of 0 and of 1, empty, 0-d and strided tensors") {
  Rng rng(3);
  const Tensor x({{1.f, 2.f, 3.f}, {4.f, 5.f, 6.f}});
  CHECK(x.dropout(0, rng).to_vector<float>() == x.to_vector<float>());
  CHECK(rng.position() == 6);  // the stream goes on the same whatever p
  const Tensor odd({std::numeric_limits<float>::infinity(), std::nanf(""), 1.f});
  CHECK(odd.dropout(1, rng).to_vector<float>() == std::vector<float>{0, 0, 0});
  CHECK(Tensor::zeros({0, 2}).dropout(0.5, rng).shape() == Shape{0, 2});
  CHECK(Tensor(2.f).dropout(0.5, rng).rank() == 0);
  Rng a(9), b(9);
  CHECK(x.t().dropout(0.5, a).to_vector<float>() ==
        x.t().contiguous().dropout(0.5, b).to_vector<float>());
}

TEST_CASE("dropout: the gradient passes the same mask, at any order") {
  Rng data(1);
  const Tensor x = Tensor::randn({5, 7}, data, DType::f64);
  const auto f = [](std::span<const Tensor> in) {
    Rng rng(17);
    return in[0].dropout(0.4, rng).square();
  };
  CHECK(gradcheck(f, std::vector{x}) < 1e-6);
  CHECK(gradcheck(
            [&](std::span<const Tensor> in) {
              Tape tape(in);
              const Tensor loss = f(in).sum();
              return tape.gradient(loss, in)[0];
            },
            std::vector{x}) < 1e-6);
  CHECK(gradcheck([&](std::span<const Tensor> in) { return f(std::vector{in[0].t()}); },
                  std::vector{x}) < 1e-6);
}

TEST_CASE("dropout: every mistake is named") {
  Rng rng(1);
  CHECK_THROWS_WITH_AS(Tensor::ones({2}).dropout(1.5, rng),
                       "dropout: the probability must be in [0, 1], got 1.5", ValueError);
  CHECK_THROWS_AS(Tensor::ones({2}).dropout(std::nan(""), rng), ValueError);
  CHECK_THROWS_WITH_AS(Tensor::ones({2}, DType::i64).dropout(0.5, rng),
                       "dropout: needs a floating dtype, got i64; cast it first", DTypeError);
  CHECK_THROWS_WITH_AS(Tensor().dropout(0.5, rng),
                       "dropout: the tensor is undefined (made by Tensor())", ValueError);
}

TEST_CASE("dropout: f16 and bf16, with the mask of f32") {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    Rng a(3), b(3);
    const Tensor x = Tensor::ones({50}, dtype);
    Tape tape{x};
    const Tensor y = x.dropout(0.5, a);
    CHECK(y.dtype() == dtype);
    const auto want = Tensor::ones({50}).dropout(0.5, b).to_vector<float>();
    CHECK(y.cast(DType::f32).to_vector<float>() == want);
    CHECK(tape.gradient(y.cast(DType::f32).sum(), {x})[0].cast(DType::f32).to_vector<float>() ==
          want);
  }
}
