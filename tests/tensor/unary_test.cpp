// One row per unary op: checked for value in every dtype and on every CPU target, for both
// gradients, any layout, and the ends of its range.
#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

enum Integers { kKept, kAsFloat };

struct Row {
  std::string name;
  Tensor (*op)(const Tensor&);
  double (*value)(double);
  double low, high;  // inputs are drawn from here
  Integers integers;
  bool kink = false;  // no gradient at 0, or none anywhere
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double gelu_tanh(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

#define CALL(method) [](const Tensor& x) { return x.method(); }
const Row kRows[] = {
    {"neg", CALL(neg), [](double x) { return -x; }, -9, 9, kKept},
    {"abs", CALL(abs), [](double x) { return std::abs(x); }, -9, 9, kKept, true},
    {"sign", CALL(sign), [](double x) { return double((x > 0) - (x < 0)); }, -9, 9, kKept, true},
    {"square", CALL(square), [](double x) { return x * x; }, -9, 9, kKept},
    {"floor", CALL(floor), [](double x) { return std::floor(x); }, -9, 9, kKept, true},
    {"ceil", CALL(ceil), [](double x) { return std::ceil(x); }, -9, 9, kKept, true},
    {"round", CALL(round), [](double x) { return std::nearbyint(x); }, -9, 9, kKept, true},
    {"relu", CALL(relu), [](double x) { return std::max(x, 0.0); }, -9, 9, kKept, true},
    {"sqrt", CALL(sqrt), [](double x) { return std::sqrt(x); }, 0.5, 9, kAsFloat},
    {"rsqrt", CALL(rsqrt), [](double x) { return 1 / std::sqrt(x); }, 1, 9, kAsFloat},
    {"reciprocal", CALL(reciprocal), [](double x) { return 1 / x; }, 1, 9, kAsFloat},
    {"exp", CALL(exp), [](double x) { return std::exp(x); }, -4, 4, kAsFloat},
    {"expm1", CALL(expm1), [](double x) { return std::expm1(x); }, -2, 2, kAsFloat},
    {"log", CALL(log), [](double x) { return std::log(x); }, 1, 9, kAsFloat},
    {"log1p", CALL(log1p), [](double x) { return std::log1p(x); }, -0.5, 9, kAsFloat},
    {"sin", CALL(sin), [](double x) { return std::sin(x); }, -9, 9, kAsFloat},
    {"cos", CALL(cos), [](double x) { return std::cos(x); }, -9, 9, kAsFloat},
    {"tanh", CALL(tanh), [](double x) { return std::tanh(x); }, -5, 5, kAsFloat},
    {"erf", CALL(erf), [](double x) { return std::erf(x); }, -4, 4, kAsFloat},
    {"sigmoid", CALL(sigmoid), sigmoid, -9, 9, kAsFloat},
    {"silu", CALL(silu), [](double x) { return x * sigmoid(x); }, -9, 9, kAsFloat},
    {"softplus", CALL(softplus), [](double x) { return std::log1p(std::exp(x)); }, -9, 9, kAsFloat},
    {"gelu", CALL(gelu), [](double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2)); }, -5, 5,
     kAsFloat},
    {"gelu tanh", [](const Tensor& x) { return x.gelu(Gelu::tanh); }, gelu_tanh, -5, 5, kAsFloat},
    {"leaky_relu", CALL(leaky_relu), [](double x) { return x > 0 ? x : 0.01 * x; }, -9, 9, kAsFloat,
     true},
};
#undef CALL

std::vector<double> each(const Row& row, const Tensor& x) {
  std::vector<double> y = values(x);
  for (double& e : y) e = row.value(e);
  return y;
}

}  // namespace

TEST_CASE("unary: values in every dtype, on every CPU target") {
  on_all_targets([] {
    for (const Row& row : kRows) {
      CAPTURE(row.name);
      for (const DType dtype : kAllDTypes) {
        if (dtype == DType::boolean && row.integers == kKept) continue;
        if (dtype == DType::boolean && row.value(0) != row.value(0)) continue;
        CAPTURE(std::string(name(dtype)));
        const double low = dtype == DType::u8 ? std::max(0.0, row.low) : row.low;
        for (const int64_t n : {1, 3, 16, 17, 100}) {
          Tensor x = random({n}, dtype, low, row.high);
          if (dtype == DType::boolean) x = Tensor::ones({n}, dtype);
          const Tensor y = row.op(x);
          if (dtype == DType::u8 && row.name == "neg") continue;  // wraps round
          const bool kept = is_floating(dtype) || row.integers == kKept;
          CHECK(y.dtype() == (kept ? dtype : DType::f32));
          CHECK(max_error(y, each(row, x)) < tolerance(y.dtype()));
        }
      }
    }
  });
}

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
        worst = std::max(worst, std::abs(y[i] - want) / ulp);
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

TEST_CASE("unary: gradients match central differences, and so do theirs") {
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    const auto f = [&](std::span<const Tensor> in) { return row.op(in[0]); };
    const Tensor x = random({3, 5}, DType::f64, row.low, row.high);
    CHECK(gradient_error(f, {x}) < 1e-6);
    CHECK(gradient_error(f, {x[0][0]}) < 1e-6);
    if (!row.kink) CHECK(second_gradient_error(f, {x}) < 1e-5);
  }
}

TEST_CASE("unary: gradients in f32 are those in f64, on every CPU target") {
  on_all_targets([] {
    for (const Row& row : kRows) {
      CAPTURE(row.name);
      for (const int64_t n : {1, 7, 33}) {
        const Tensor points = random({n}, DType::f32, row.low, row.high);
        const auto gradient = [&](DType dtype) {
          const Tensor x = points.cast(dtype);
          Tape tape({x});
          return tape.gradient(row.op(x).sum(), {x})[0];
        };
        CHECK(max_error(gradient(DType::f32), values(gradient(DType::f64))) < 4e-6);
      }
    }
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

TEST_CASE("unary: integers wrap around") {
  const int64_t end = std::numeric_limits<int64_t>::min();
  CHECK((-Tensor(end)).item<int64_t>() == end);
  CHECK(Tensor(end).abs().item<int64_t>() == end);
  CHECK(Tensor(end).square().item<int64_t>() == 0);
  CHECK(Tensor(int32_t{65536}).square().item<int32_t>() == 0);
  CHECK(max_error(-Tensor({1, 0}).cast(DType::u8), {255, 0}) == 0);
}

TEST_CASE("unary: any layout, empty and 0-d tensors") {
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    const Tensor x = random({4, 6}, DType::f32, row.low, row.high);
    CHECK(max_error(row.op(spaced(x)), row.op(x)) == 0);
    CHECK(max_error(row.op(x.t()), row.op(x).t()) == 0);
    CHECK(max_error(row.op(x[0].expand({3, 6})), row.op(x[0]).expand({3, 6})) == 0);
    CHECK(row.op(Tensor::zeros({0, 3})).shape() == Shape{0, 3});
    CHECK(row.op(x[0][0]).shape() == Shape{});
    CHECK_THROWS_AS(row.op(Tensor()), ValueError);
  }
}

TEST_CASE("unary: NaN stays NaN, infinities are what <cmath> makes of them") {
  on_all_targets([] {
    for (const Row& row : kRows) {
      CAPTURE(row.name);
      for (const DType dtype : {DType::f32, DType::f64}) {
        if (row.name == "sign") continue;
        CHECK(max_error(row.op(Tensor::full({3}, kNan, dtype)), {kNan, kNan, kNan}) == 0);
      }
    }
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
