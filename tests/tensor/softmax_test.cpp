#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

// The formula along the last axis, in double.
Tensor reference(const Tensor& x, bool log) {
  const Tensor wide = x.cast(DType::f64);
  const int64_t n = x.size(-1);
  std::vector<double> y = values(wide);
  for (size_t begin = 0; begin < y.size(); begin += static_cast<size_t>(n)) {
    const auto row = std::span(y).subspan(begin, static_cast<size_t>(n));
    const double top = *std::max_element(row.begin(), row.end());
    double sum = 0;
    for (const double e : row) sum += std::exp(e - top);
    for (double& e : row) e = log ? e - top - std::log(sum) : std::exp(e - top) / sum;
  }
  return Tensor::from(y, x.shape());
}

}  // namespace

TEST_CASE("softmax, log_softmax: match the formula on every CPU target") {
  on_all_targets([] {
    for (const DType dtype : {DType::f32, DType::f64}) {
      for (const int64_t n : {1, 3, 8, 16, 17, 40, 1000}) {  // below, at and above one vector
        CAPTURE(n);
        const Tensor x = random({5, n}, dtype, -4, 4);
        CHECK(max_error(x.softmax(), reference(x, false)) < tolerance(dtype));
        CHECK(max_error(x.log_softmax(), reference(x, true)) < 2 * tolerance(dtype));
        CHECK(max_error(spaced(x).softmax(), x.softmax()) == 0);
        CHECK(max_error(x.t().softmax(0).t(), x.softmax()) == 0);
        CHECK(max_error(x.t().log_softmax(0).t(), x.log_softmax()) == 0);
        CHECK(max_error(x.softmax().sum(-1), Tensor::ones({5}, dtype)) < tolerance(dtype));
      }
    }
  });
}

TEST_CASE("softmax, log_softmax: gradients, and theirs, along any axis") {
  on_all_targets([] {
    const Tensor x = random({3, 4, 5}, DType::f64, -2, 2);
    for (const int axis : {0, 1, -1}) {
      const auto soft = [&](std::span<const Tensor> in) { return in[0].softmax(axis); };
      const auto log = [&](std::span<const Tensor> in) { return in[0].log_softmax(axis); };
      CHECK(gradient_error(soft, {x}) < 1e-6);
      CHECK(gradient_error(log, {x}) < 1e-6);
      CHECK(second_gradient_error(soft, {x[0]}) < 1e-5);
      CHECK(second_gradient_error(log, {x[0]}) < 1e-5);
    }
  });
}

TEST_CASE(
    "softmax, log_softmax, logsumexp: gradients in f32 are those in f64, on every CPU target") {
  on_all_targets([] {
    for (const int64_t n : {1, 5, 16, 37}) {
      const Tensor x = random({3, n}, DType::f64, -2, 2);
      const auto soft = [](std::span<const Tensor> in) { return in[0].softmax(); };
      const auto log = [](std::span<const Tensor> in) { return in[0].log_softmax(); };
      const auto lse = [](std::span<const Tensor> in) { return in[0].logsumexp(1); };
      CHECK(single_gradient_error(soft, {x}) < 1e-6);
      CHECK(single_gradient_error(log, {x}) < 4e-6);
      CHECK(single_gradient_error(lse, {x}) < 1e-6);
    }
  });
}

TEST_CASE("softmax: large inputs do not overflow; NaN and infinities as PyTorch has them") {
  on_all_targets([] {
    const double small = std::exp(-1.0) / (1 + std::exp(-1.0));
    CHECK(max_error(Tensor({1e4f, 1e4f - 1}).softmax(), {1 - small, small}) < 1e-6);
    CHECK(max_error(Tensor({1e300, -1e300}).softmax(), {1, 0}) == 0);
    CHECK(max_error(Tensor({1e300, -1e300}).log_softmax(), {0, -2e300}) == 0);
    CHECK(max_error(Tensor({0.0, -kInf}).softmax(), {1, 0}) == 0);
    CHECK(max_error(Tensor({0.0, -kInf}).log_softmax(), {0, -kInf}) == 0);
    CHECK(max_error(Tensor({0.0, kInf}).softmax(), {kNan, kNan}) == 0);
    CHECK(max_error(Tensor({-kInf, -kInf}).softmax(), {kNan, kNan}) == 0);
    for (const size_t place : {0, 9, 18}) {
      std::vector<double> elements(19, 1.0);
      elements[place] = kNan;
      const Tensor x = Tensor::from(elements, {19});
      CHECK(x.softmax().isnan().all().item<bool>());
      CHECK(x.cast(DType::f32).log_softmax().isnan().all().item<bool>());
    }
  });
}

TEST_CASE("softmax: integers as f32, empty and 0-d tensors, a bad axis") {
  CHECK(Tensor({1, 2}).softmax().dtype() == DType::f32);
  CHECK(Tensor::zeros({3, 0}).softmax().shape() == Shape{3, 0});
  CHECK(Tensor::zeros({0, 3}).log_softmax().shape() == Shape{0, 3});
  CHECK(Tensor(5.f).softmax().item<float>() == 1);
  CHECK(Tensor(5.f).log_softmax(0).item<float>() == 0);
  CHECK_THROWS_WITH_AS(Tensor(5.f).softmax(1), "softmax: axis 1 is out of range for 0 axes",
                       IndexError);
  CHECK_THROWS_WITH_AS(Tensor::zeros({2, 3}).softmax(2),
                       "softmax: axis 2 is out of range for 2 axes", IndexError);
  CHECK_THROWS_AS(Tensor().log_softmax(), ValueError);
}

TEST_CASE("logsumexp: slopes at infinities are those of softmax, those of large elements exact") {
  on_all_targets([] {
    for (const DType dtype : {DType::f32, DType::f64}) {
      const Tensor x =
          Tensor({{-kInf, -kInf}, {0.0, -kInf}, {kInf, 1.0}, {kInf, -kInf}, {kNan, 1.0}})
              .cast(dtype);
      const std::vector<double> want = {kNan, kNan, 1, 0, kNan, 0, kNan, 0, kNan, kNan};
      Tape tape({x});
      const Tensor y = x.logsumexp(1);
      CHECK(max_error(y, {-kInf, 0, kInf, kInf, kNan}) == 0);
      CHECK(max_error(tape.gradient(y.sum(), {x})[0], want) == 0);
      const Tensor turned = x.t().contiguous();
      Tape other({turned});
      CHECK(max_error(other.gradient(turned.logsumexp(0).sum(), {turned})[0].t(), want) == 0);
      const Tensor low = Tensor::full({2, 3}, -kInf, dtype);
      Tape of_all({low});
      CHECK(max_error(of_all.gradient(low.logsumexp(), {low})[0], std::vector<double>(6, kNan)) ==
            0);
    }
  });
  const Tensor large({{1e7f, 1e7f - 1}, {-1e7f, -1e7f + 1}});
  Tape again({large});
  CHECK(max_error(again.gradient(large.logsumexp(1).sum(), {large})[0], large.softmax()) < 1e-6);
}
