// What the table of all ops (op_table.h) does not check: exactness, and the points where a value or
// a gradient is a convention.
#include <cmath>
#include <functional>

#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

TEST_CASE("unary: errors in units in the last place, on every CPU target") {
  struct Bound {
    std::string name;
    Tensor (*op)(const Tensor&);
    double (*value)(double);
    double low, high, ulps;
  };
#define CALL(method) #method, [](const Tensor& x) { return x.method(); }
  const auto gelu_of = [](const Tensor& x) { return x.gelu(Gelu::tanh); };
  const Bound bounds[] = {
      {CALL(exp), [](double x) { return std::exp(x); }, -80, 80, 1},
      {CALL(expm1), [](double x) { return std::expm1(x); }, -20, 80, 2},
      {CALL(log1p), [](double x) { return std::log1p(x); }, -0.999, 9, 1},
      {CALL(sin), [](double x) { return std::sin(x); }, -9, 9, 2},
      {CALL(cos), [](double x) { return std::cos(x); }, -9, 9, 2},
      {CALL(tanh), [](double x) { return std::tanh(x); }, -10, 10, 2},
      {CALL(erf), [](double x) { return std::erf(x); }, -5, 5, 1.5},
      {CALL(softplus), [](double x) { return std::log1p(std::exp(x)); }, -80, 9, 2},
      {CALL(gelu), [](double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2)); }, -12, 9, 8},
      // By the tail's own formula: 1 + tanh would cancel in f64 too.
      {"gelu tanh", gelu_of,
       [](double x) {
         return x / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
       },
       -5, 9, 24},  // 4 with fused products
  };
#undef CALL
  on_all_targets([&] {
    for (const Bound& bound : bounds) {
      CAPTURE(bound.name);
      const Tensor x = random({5000}, DType::f32, bound.low, bound.high);
      const std::vector<double> at = values(x);
      const std::vector<float> y = bound.op(x).to_vector<float>();
      double worst = 0;
      for (size_t i = 0; i < y.size(); ++i) {
        const double want = bound.value(at[i]);
        const float size = std::abs(static_cast<float>(want));
        const double ulp = std::nextafter(size, std::numeric_limits<float>::infinity()) - size;
        worst = worse(worst, std::abs(y[i] - want) / ulp);
      }
      CHECK(worst < bound.ulps);
    }
    // Both were beyond 1.
    CHECK(Tensor(2.015e-4f).cos().item<float>() == 1);
    CHECK(Tensor(-1.57076907f).sin().item<float>() == -1);
    CHECK(max_error(Tensor({40000.f, 1e30f}).sin(), {std::sin(40000.0), std::sin(double(1e30f))}) <
          1e-6);
    // Where x^3 is infinite the slope of gelu is 1, not NaN.
    const Tensor far({1e25f, -1e25f});
    Tape tape({far});
    CHECK(max_error(tape.gradient(far.gelu(Gelu::tanh).sum(), {far})[0], {1, 0}) == 0);
    CHECK(max_error(far.gelu(Gelu::tanh), {1e25f, 0}) < 1e-6);
  });
}

TEST_CASE("unary: what PyTorch returns at 0 and NaN, and so do we") {
  on_all_targets([] {
    for (const DType dtype : {DType::f32, DType::f64}) {
      const Tensor x = Tensor({0.0, -0.0, kNan, 2.0, -2.0}).cast(dtype);
      CHECK(max_error(x.sign(), {0, 0, 0, 1, -1}) == 0);
      const auto gradient = [&](Tensor (*f)(const Tensor&)) {
        Tape tape({x});
        return tape.gradient(f(x).sum(), {x})[0];
      };
      CHECK(max_error(gradient([](const Tensor& e) { return e.abs(); }), {0, 0, 0, 1, -1}) == 0);
      CHECK(max_error(gradient([](const Tensor& e) { return e.relu(); }), {0, 0, 1, 1, 0}) == 0);
      CHECK(max_error(gradient([](const Tensor& e) { return e.leaky_relu(0.5); }),
                      {0.5, 0.5, 0.5, 1, 0.5}) == 0);
    }
  });
}

TEST_CASE("unary: relu stops infinite gradients, nested or not") {
  const Tensor x({-1.0, 4.0});
  const auto root = [&] { return x.relu().sqrt().sum(); };  // the root's slope at 0 is infinite
  {
    Tape tape({x});
    CHECK(max_error(tape.gradient(root(), {x})[0], {0, 0.25}) == 0);
  }
  const Tape outer({x});
  Tape inner({x});
  CHECK(max_error(inner.gradient(root(), {x})[0], {0, 0.25}) == 0);
}

TEST_CASE("unary: the gradients of sign, floor, ceil and round are 0 where dy is infinite") {
  using Op = Tensor (Tensor::*)() const;
  for (const Op op : {&Tensor::sign, &Tensor::floor, &Tensor::ceil, &Tensor::round}) {
    for (const DType dtype : {DType::f32, DType::f64}) {
      const Tensor x = Tensor({-1.5, 0.0, 2.0, kNan}).cast(dtype);
      Tape tape{x};
      const Tensor y = (x.*op)() * Tensor({kInf, kNan, -kInf, 1.0}).cast(dtype);
      CHECK(max_error(tape.gradient(y.sum(), {x})[0], {0, 0, 0, 0}) == 0);
    }
  }
}

TEST_CASE("unary: leaky_relu's slope is exactly 1 above 0, however steep it is below") {
  const Tensor x({2.f, -2.f});
  Tape tape({x});
  CHECK(max_error(tape.gradient(x.leaky_relu(1e10).sum(), {x})[0], {1, 1e10}) == 0);
}

TEST_CASE("unary: integers wrap around") {
  const int64_t end = std::numeric_limits<int64_t>::min();
  CHECK((-Tensor(end)).item<int64_t>() == end);
  CHECK(Tensor(end).abs().item<int64_t>() == end);
  CHECK(Tensor(end).square().item<int64_t>() == 0);
  CHECK(Tensor(int32_t{65536}).square().item<int32_t>() == 0);
  CHECK(max_error(-Tensor({1, 0}).cast(DType::u8), {255, 0}) == 0);
}

TEST_CASE("unary: infinities are what <cmath> makes of them") {
  on_all_targets([] {
    const Tensor ends = Tensor({-kInf, kInf});
    CHECK(max_error(ends.exp(), {0, kInf}) == 0);
    CHECK(max_error(ends.expm1(), {-1, kInf}) == 0);
    CHECK(max_error(ends.log(), {kNan, kInf}) == 0);
    CHECK(max_error(ends.tanh(), {-1, 1}) == 0);
    CHECK(max_error(ends.erf(), {-1, 1}) == 0);
    CHECK(max_error(ends.sigmoid(), {0, 1}) == 0);
    CHECK(max_error(ends.softplus(), {0, kInf}) == 0);
    CHECK(max_error(ends.relu(), {0, kInf}) == 0);
    CHECK(max_error(ends.sqrt(), {kNan, kInf}) == 0);
    CHECK(max_error(Tensor({0.0}).log(), {-kInf}) == 0);
    CHECK(max_error(Tensor({-1.0}).log1p(), {-kInf}) == 0);
    CHECK(max_error(Tensor({0.0}).reciprocal(), {kInf}) == 0);
  });
}

TEST_CASE("unary: booleans are refused where numbers are kept") {
  CHECK_THROWS_WITH_AS(Tensor(true).abs(), "abs: takes numbers, got booleans; cast them first",
                       DTypeError);
}

TEST_CASE("unary: slopes where a piece of an activation meets the next, and at NaN") {
  on_all_targets([] {
    const auto slopes = [](const std::function<Tensor(const Tensor&)>& f) {
      const Tensor x({-3.0, 0.0, 3.0, 6.0, kNan});
      Tape tape({x});
      return tape.gradient(f(x).sum())[0];
    };
    CHECK(max_error(slopes([](const Tensor& x) { return x.relu6(); }), {0, 0, 1, 0, 1}) == 0);
    CHECK(max_error(slopes([](const Tensor& x) { return x.hard_sigmoid(); }),
                    {0, 1.0 / 6, 0, 0, 0}) < 1e-15);
    CHECK(max_error(slopes([](const Tensor& x) { return x.hard_silu(); }), {0, 0.5, 1, 1, kNan}) ==
          0);
    const double minus3 = std::exp(-3.0), scale = 1.0507009873554805, alpha = 1.6732632423543772;
    CHECK(max_error(slopes([](const Tensor& x) { return x.elu(2.0); }), {2 * minus3, 2, 1, 1, 1}) <
          1e-15);
    CHECK(max_error(slopes([](const Tensor& x) { return x.celu(3.0); }),
                    {std::exp(-1.0), 1, 1, 1, 1}) < 1e-15);
    CHECK(max_error(slopes([](const Tensor& x) { return x.selu(); }),
                    {scale * alpha * minus3, scale * alpha, scale, scale, scale}) < 1e-15);
  });
}
