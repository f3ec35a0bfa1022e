// mse and bce_with_logits: a row each, checked against the definition in long double.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "attune/tensor/tape.h"
#include "attune/tensor/threads.h"
#include "hwy/targets.h"

using namespace attune;

namespace {

struct LossCase {
  const char* name;
  Tensor (*loss)(const Tensor&, const Tensor&);
  long double (*value)(long double x, long double t);
};

const LossCase kLosses[] = {
    {"mse", mse, [](long double x, long double t) { return (x - t) * (x - t); }},
    {"bce_with_logits", bce_with_logits,
     [](long double x, long double t) {  // log(1 + e^-x), from whichever side does not overflow
       return (x > 0 ? std::log1p(std::exp(-x)) : std::log1p(std::exp(x)) - x) + (1 - t) * x;
     }},
};

struct Pair {
  Tensor x, t;
};

Pair draw(const Shape& shape, DType dtype) {
  Rng rng(13);
  return {Tensor::randn(shape, rng, dtype) * 3, Tensor::rand(shape, rng, dtype)};
}

double reference(const LossCase& c, const Pair& p) {
  const auto x = p.x.cast(DType::f64).to_vector<double>(),
             t = p.t.cast(DType::f64).to_vector<double>();
  long double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += c.value(x[i], t[i]);
  return static_cast<double>(sum / static_cast<long double>(x.size()));
}

double number(const Tensor& y) { return y.cast(DType::f64).item<double>(); }

}  // namespace

TEST_CASE("pair losses: values on every target") {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    CAPTURE(hwy::TargetName(target));
    for (const LossCase& c : kLosses) {
      CAPTURE(c.name);
      for (const Shape& shape :
           {Shape{}, Shape{1}, Shape{7}, Shape{3, 5}, Shape{33}, Shape{9000}}) {
        for (const DType dtype : {DType::f32, DType::f64}) {
          const Pair p = draw(shape, dtype);
          const Tensor y = c.loss(p.x, p.t);
          CHECK(y.rank() == 0);
          CHECK(y.dtype() == dtype);
          CHECK(number(y) ==
                doctest::Approx(reference(c, p)).epsilon(dtype == DType::f32 ? 1e-6 : 1e-13));
        }
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST_CASE("pair losses: gradients to both operands, and their gradients") {
  for (const LossCase& c : kLosses) {
    CAPTURE(c.name);
    const Pair p = draw({5, 3}, DType::f64);
    const std::vector<Tensor> in{p.x, p.t};
    const auto f = [&](std::span<const Tensor> at) { return c.loss(at[0].t(), at[1].t()) * 2; };
    CHECK(gradcheck(f, in) < 1e-6);
    for (const size_t of : {0, 1}) {
      const auto slope = [&](std::span<const Tensor> at) {
        Tape tape(at);
        const Tensor loss = f(at) * f(at);
        return tape.gradient(loss, at)[of];
      };
      CHECK(gradcheck(slope, in) < 1e-6);
    }
  }
}

TEST_CASE("pair losses: the number of threads changes nothing") {
  for (const LossCase& c : kLosses) {
    const Pair p = draw({300'000}, DType::f32);
    const auto run = [&](int threads) {
      const ThreadScope scope(threads);
      Tape tape{p.x};
      const Tensor y = c.loss(p.x, p.t);
      const Tensor dx = tape.gradient(y, {p.x})[0];
      return std::pair(y.item<float>(), dx.to_vector<float>());
    };
    CHECK((run(1) == run(2)));
  }
}

TEST_CASE("pair losses: mixed dtypes promote; an empty mean is NaN; NaN and infinity pass") {
  for (const LossCase& c : kLosses) {
    const Tensor x({0.5f, -2.f}), labels({1, 0});
    CHECK(c.loss(x, labels).dtype() == DType::f32);
    CHECK(number(c.loss(x, labels)) == number(c.loss(x, labels.cast(DType::f32))));
    CHECK(c.loss(x, labels.cast(DType::f64)).dtype() == DType::f64);
    CHECK(std::isnan(number(c.loss(Tensor::zeros({0}), Tensor::zeros({0})))));
    CHECK(std::isnan(number(c.loss(Tensor({1.f, std::nanf("")}), x))));
  }
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(number(mse(Tensor({infinity}), Tensor({0.f}))) == infinity);
  // An infinite logit times a target of 0 is not a number, as in PyTorch.
  CHECK(std::isnan(number(bce_with_logits(Tensor({-infinity}), Tensor({0.f})))));
}

TEST_CASE("bce_with_logits: large logits neither overflow nor lose their slope") {
  const Tensor x({1000.f, -1000.f, 90.f}), t({0.f, 1.f, 1.f});
  Tape tape{x};
  const Tensor y = bce_with_logits(x, t);
  CHECK(y.item<float>() == doctest::Approx(2000.0 / 3));
  const auto dx = tape.gradient(y, {x})[0].to_vector<float>();
  CHECK(dx[0] == doctest::Approx(1.0 / 3));
  CHECK(dx[1] == doctest::Approx(-1.0 / 3));
  CHECK(std::abs(dx[2]) < 1e-30);
}

TEST_CASE("pair losses: every mistake is named") {
  const Tensor x = Tensor::zeros({4});
  CHECK_THROWS_WITH_AS(
      mse(x, Tensor::zeros({4, 1})),
      "mse: prediction and target must have one shape, got [4] and [4, 1]; reshape "
      "or expand one of them",
      ShapeError);
  CHECK_THROWS_WITH_AS(bce_with_logits(x.cast(DType::i64), x),
                       "bce_with_logits: the prediction must be f32 or f64, got i64; cast it first",
                       DTypeError);
  CHECK_THROWS_WITH_AS(mse(x, Tensor()), "mse: the tensor is undefined (made by Tensor())",
                       ValueError);
}
