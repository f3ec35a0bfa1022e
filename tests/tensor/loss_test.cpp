// Losses of pairs: a row each, checked against the definition in long double for every reduction,
// in both dtypes and on every CPU target, with both gradients.
#include "attune/base/threads.h"
#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

struct LossCase {
  const char* name;
  Tensor (*loss)(const Tensor&, const Tensor&, Reduction);
  long double (*value)(long double x, long double t);
};

Tensor huber_half(const Tensor& x, const Tensor& t, Reduction r) { return huber(x, t, 0.5, r); }

const LossCase kLosses[] = {
    {"mse", mse, [](long double x, long double t) { return (x - t) * (x - t); }},
    {"l1", l1, [](long double x, long double t) { return std::abs(x - t); }},
    {"huber", huber_half,
     [](long double x, long double t) {
       const long double d = std::abs(x - t);
       return d < 0.5L ? d * d / 2 : 0.5L * d - 0.125L;
     }},
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

std::vector<double> reference(const LossCase& c, const Pair& p, Reduction reduction) {
  const std::vector<double> x = values(p.x), t = values(p.t);
  std::vector<double> each;
  long double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    each.push_back(static_cast<double>(c.value(x[i], t[i])));
    sum += c.value(x[i], t[i]);
  }
  if (reduction == Reduction::none) return each;
  if (reduction == Reduction::mean) sum /= static_cast<long double>(x.size());
  return {static_cast<double>(sum)};
}

constexpr Reduction kReductions[] = {Reduction::mean, Reduction::sum, Reduction::none};

double slope(const Tensor& y, Tape& tape, const Tensor& x) {
  return values(tape.gradient(y, {x})[0])[0];
}

}  // namespace

TEST_CASE("pair losses: values of every reduction, on every CPU target") {
  on_all_targets([] {
    for (const LossCase& c : kLosses) {
      CAPTURE(c.name);
      for (const Shape& shape :
           {Shape{}, Shape{1}, Shape{7}, Shape{3, 5}, Shape{33}, Shape{9000}}) {
        for (const DType dtype : {DType::f32, DType::f64}) {
          const Pair p = draw(shape, dtype);
          for (const Reduction r : kReductions) {
            const Tensor y = c.loss(p.x, p.t, r);
            CHECK(y.shape() == (r == Reduction::none ? shape : Shape{}));
            CHECK(y.dtype() == dtype);
            CHECK(max_error(y, reference(c, p, r)) < 2 * tolerance(dtype));
            CHECK(max_error(c.loss(spaced(p.x), p.t, r), y) == 0);
          }
        }
      }
    }
  });
}

TEST_CASE("pair losses: gradients to both operands, and their gradients") {
  for (const LossCase& c : kLosses) {
    CAPTURE(c.name);
    const Pair p = draw({5, 3}, DType::f64);
    for (const Reduction r : kReductions) {
      const auto f = [&](std::span<const Tensor> at) {
        return c.loss(at[0].t(), at[1].t(), r) * 2;
      };
      CHECK(gradient_error(f, {p.x, p.t}) < 1e-6);
      CHECK(second_gradient_error(f, {p.x, p.t}) < 1e-6);
    }
  }
}

TEST_CASE("pair losses: gradients in f32 are those in f64, on every CPU target") {
  on_all_targets([] {
    for (const LossCase& c : kLosses) {
      CAPTURE(c.name);
      for (const int64_t n : {1, 5, 16, 37}) {
        const Pair p = draw({n}, DType::f64);
        for (const Reduction r : kReductions) {
          const auto f = [&](std::span<const Tensor> at) { return c.loss(at[0], at[1], r); };
          CHECK(single_gradient_error(f, {p.x, p.t}) < 2e-6);
        }
      }
    }
  });
}

TEST_CASE("pair losses: the number of threads changes nothing") {
  for (const LossCase& c : kLosses) {
    const Pair p = draw({300'000}, DType::f32);
    const auto run = [&](int threads) {
      const ThreadScope scope(threads);
      Tape tape{p.x};
      const Tensor y = c.loss(p.x, p.t, Reduction::mean);
      const Tensor dx = tape.gradient(y, {p.x})[0];
      return std::pair(y.item<float>(), dx.to_vector<float>());
    };
    CHECK((run(1) == run(3)));
  }
}

TEST_CASE("pair losses: mixed dtypes promote, NaN and infinity pass") {
  for (const LossCase& c : kLosses) {
    CAPTURE(c.name);
    const Tensor x({0.5f, -2.f}), labels({1, 0});
    const Reduction mean = Reduction::mean;
    CHECK(c.loss(x, labels, mean).dtype() == DType::f32);
    CHECK(max_error(c.loss(x, labels, mean), c.loss(x, labels.cast(DType::f32), mean)) == 0);
    CHECK(c.loss(x, labels.cast(DType::f64), mean).dtype() == DType::f64);
    const Tensor bad({kNan, 1.0}), t({0.5, 0.5});
    CHECK(std::isnan(values(c.loss(bad, t, mean))[0]));
    Tape tape{bad};
    const std::vector<double> dx = values(tape.gradient(c.loss(bad, t, mean), {bad})[0]);
    if (c.loss == l1) {
      CHECK(dx[0] == 0);  // the sign of NaN
    } else {
      CHECK(std::isnan(dx[0]));
    }
    CHECK_FALSE(std::isnan(dx[1]));
  }
}

TEST_CASE("pair losses: the mean of an empty batch is an error, its sum is 0") {
  const Tensor nothing = Tensor::zeros({0, 3});
  for (const LossCase& c : kLosses) {
    CAPTURE(c.name);
    const std::string message = std::string(c.name) + ": the batch is empty; its mean has no value";
    CHECK_THROWS_WITH_AS(c.loss(nothing, nothing, Reduction::mean), message.c_str(), ValueError);
    CHECK(max_error(c.loss(nothing, nothing, Reduction::sum), {0}) == 0);
    CHECK(c.loss(nothing, nothing, Reduction::none).shape() == Shape{0, 3});
  }
}

TEST_CASE("mse: neither the sum nor the gradient overflows before the mean does") {
  const Tensor x({3e38f, 0.f}), t({0.f, 0.f});
  Tape tape{x};
  CHECK(slope(mse(x, t), tape, x) == doctest::Approx(3e38));
  const Tensor far = Tensor::full({100}, 1.7e19f);
  CHECK(values(mse(far, far * 0))[0] / 1e38 == doctest::Approx(2.89));
  CHECK(values(mse(far, far * 0, Reduction::sum))[0] == kInf);
  CHECK(values(mse(Tensor({float(kInf)}), Tensor({0.f})))[0] == kInf);
}

TEST_CASE("l1, huber: slopes at 0, at delta and at infinity") {
  const Tensor t = Tensor::zeros({1}, DType::f64);
  const auto slopes = [&](double at, bool second) {
    const Tensor x({at});
    Tape outer{x};
    Tensor dx;
    {
      Tape inner{x};
      dx = inner.gradient(huber(x, t, 2.0), {x})[0];
    }
    return second ? slope(dx, outer, x) : values(dx)[0];
  };
  CHECK(slopes(0, false) == 0);
  CHECK(slopes(0, true) == 1);
  CHECK(slopes(-1.5, false) == -1.5);
  CHECK(slopes(3, false) == 2);
  CHECK(slopes(3, true) == 0);
  for (const double sign : {-1.0, 1.0}) {
    const Tensor x({sign * kInf});
    Tape tape{x};
    const Tensor y = huber(x, t, 2.0);
    CHECK(values(y)[0] == kInf);
    CHECK(slope(y, tape, x) == sign * 2);
  }
  Tape tape{t};
  CHECK(slope(l1(t, t), tape, t) == 0);
  CHECK_THROWS_WITH_AS(huber(t, t, 0), "huber: delta must be positive, got 0", ValueError);
  CHECK_THROWS_AS(huber(t, t, kNan), ValueError);
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

  const auto loss = [](double logit, double target) {
    return values(bce_with_logits(Tensor({logit}), Tensor({target})))[0];
  };
  CHECK(loss(kInf, 0) == kInf);
  CHECK(loss(kInf, 0.5) == kInf);
  CHECK(loss(-kInf, 1) == kInf);
  CHECK(std::isnan(loss(-kInf, 0)));  // 0 times infinity, as in PyTorch
  CHECK(std::isnan(loss(kInf, 1)));
  // A small target counts beside a large logit.
  CHECK(values(bce_with_logits(Tensor({-30.f}), Tensor({1e-10f})))[0] == doctest::Approx(3e-9));
}

TEST_CASE("pair losses: every mistake is named") {
  const Tensor x = Tensor::zeros({4});
  CHECK_THROWS_WITH_AS(
      mse(x, Tensor::zeros({4, 1})),
      "mse: prediction and target must have one shape, got [4] and [4, 1]; reshape "
      "or expand one of them",
      ShapeError);
  CHECK_THROWS_AS(l1(x, Tensor::zeros({4, 4})), ShapeError);
  CHECK_THROWS_WITH_AS(mse(x, Tensor()), "mse: the tensor is undefined (made by Tensor())",
                       ValueError);
}
