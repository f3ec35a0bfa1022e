// One row per binary op: checked for value in every dtype and on every CPU target, for both
// gradients, broadcasting, any layout, and beside numbers.
#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

struct Row {
  std::string name;
  Tensor (*op)(const Tensor&, const Tensor&);
  Tensor (*beside)(const Tensor&, Scalar);
  double (*value)(double, double);
  bool keeps_integers = true;
  bool smooth = true;
};

#define METHOD(f)                                          \
  [](const Tensor& a, const Tensor& b) { return a.f(b); }, \
      [](const Tensor& a, Scalar b) { return a.f(b); }
#define OPERATOR(op)                                       \
  [](const Tensor& a, const Tensor& b) { return a op b; }, \
      [](const Tensor& a, Scalar b) { return a op b; }
const Row kRows[] = {
    {"add", OPERATOR(+), [](double a, double b) { return a + b; }},
    {"sub", OPERATOR(-), [](double a, double b) { return a - b; }},
    {"mul", OPERATOR(*), [](double a, double b) { return a * b; }},
    {"div", OPERATOR(/), [](double a, double b) { return a / b; }, false},
    {"maximum", METHOD(maximum), [](double a, double b) { return std::max(a, b); }, true, false},
    {"minimum", METHOD(minimum), [](double a, double b) { return std::min(a, b); }, true, false},
    {"pow", METHOD(pow), [](double a, double b) { return std::pow(a, b); }},
};
#undef METHOD
#undef OPERATOR

// Element by element, both already of one shape.
std::vector<double> each(const Row& row, const Tensor& a, const Tensor& b) {
  std::vector<double> y = values(a);
  const std::vector<double> right = values(b);
  for (size_t i = 0; i < y.size(); ++i) y[i] = row.value(y[i], right[i]);
  return y;
}

}  // namespace

TEST_CASE("binary: values in every pair of dtypes, on every CPU target") {
  on_all_targets([] {
    for (const Row& row : kRows) {
      CAPTURE(row.name);
      for (const DType left : kAllDTypes) {
        for (const DType right : kAllDTypes) {
          CAPTURE(std::string(name(left)));
          CAPTURE(std::string(name(right)));
          // Positive, and a >= b: nothing wraps round below 0.
          const Tensor a = random({19}, left, 3, 5), b = random({19}, right, 1, 3);
          if (promote(left, right) == DType::boolean) {
            CHECK_THROWS_AS(row.op(a, b), DTypeError);
            continue;
          }
          if (row.name == "sub" && left == DType::boolean) continue;  // 1 - 2 wraps round
          DType want = promote(left, right);
          if (!row.keeps_integers && !is_floating(want)) want = DType::f32;
          const Tensor y = row.op(a, b);
          CHECK(y.dtype() == want);
          CHECK(max_error(y, each(row, a.cast(want), b.cast(want))) < 4 * tolerance(want));
        }
      }
    }
  });
}

TEST_CASE("binary: broadcasting, as NumPy does it, in any layout") {
  const std::pair<Shape, Shape> shapes[] = {{{4, 5}, {5}},    {{4, 5}, {4, 1}}, {{4, 1}, {1, 5}},
                                            {{}, {3}},        {{3}, {}},        {{2, 1, 3}, {4, 1}},
                                            {{0, 3}, {1, 3}}, {{}, {}},         {{300, 7}, {7}}};
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    for (const auto& [left, right] : shapes) {
      CAPTURE(left.to_string());
      CAPTURE(right.to_string());
      const Tensor a = random(left, DType::f64, 1, 3, 1), b = random(right, DType::f64, 1, 3, 2);
      const Shape to = broadcast("test", left, right);
      const std::vector<double> want = each(row, a.expand(to), b.expand(to));
      CHECK(row.op(a, b).shape() == to);
      CHECK(max_error(row.op(a, b), want) < 1e-14);
      CHECK(max_error(row.op(spaced(a), b), want) < 1e-14);
      CHECK(max_error(row.op(a, spaced(b)), want) < 1e-14);
      CHECK(max_error(row.op(a.expand(to), b), want) < 1e-14);
      const auto f = [&](std::span<const Tensor> in) { return row.op(in[0], in[1]); };
      if (to.numel() < 100) CHECK(gradient_error(f, {a, b}) < 1e-6);
    }
    CHECK_THROWS_AS(row.op(Tensor::ones({2, 3}), Tensor::ones({2})), ShapeError);
    CHECK_THROWS_AS(row.op(Tensor(), Tensor::ones({2})), ValueError);
  }
}

TEST_CASE("binary: the gradients' own gradients") {
  for (const Row& row : kRows) {
    if (!row.smooth) continue;
    CAPTURE(row.name);
    const auto f = [&](std::span<const Tensor> in) { return row.op(in[0], in[1]); };
    const Tensor a = random({2, 3}, DType::f64, 1, 3, 1), b = random({3}, DType::f64, 1, 3, 2);
    CHECK(second_gradient_error(f, {a, b}) < 1e-5);
  }
}

TEST_CASE("binary: numbers beside a tensor never change its dtype") {
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    for (const DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8}) {
      const Tensor a = random({3, 7}, dtype, 3, 5);
      const DType want = row.keeps_integers || is_floating(dtype) ? dtype : DType::f32;
      const Tensor y = row.beside(a, 2);
      CHECK(y.dtype() == want);
      const Tensor wide = a.cast(want);
      CHECK(max_error(y, each(row, wide, Tensor::full({3, 7}, 2, want))) < 4 * tolerance(want));
      CHECK(max_error(row.beside(spaced(a), 2), y) == 0);
    }
    CHECK_THROWS_AS(row.beside(Tensor({1, 2}), 0.5), DTypeError);
    CHECK(row.beside(Tensor::zeros({0, 2}), 2).shape() == Shape{0, 2});
    CHECK_THROWS_AS(row.beside(Tensor(), 2), ValueError);
    // A boolean tensor counts as i64, or f32 beside a fraction.
    const Tensor yes = row.beside(Tensor({true, true}), 3);
    CHECK(yes.dtype() == (row.keeps_integers ? DType::i64 : DType::f32));
    CHECK(max_error(yes, {row.value(1, 3), row.value(1, 3)}) < 1e-6);
  }
  CHECK((Tensor({true, false}) * 2.5).dtype() == DType::f32);
  CHECK(max_error(2.5 - Tensor({true, false}), {1.5, 2.5}) == 0);
  CHECK((2 - Tensor({3, 4})).dtype() == DType::i32);
  CHECK((2 / Tensor({3, 4})).dtype() == DType::f32);
  CHECK(max_error(1 - Tensor({1.f, 3.f}), {0, -2}) == 0);
  CHECK(max_error(6 / Tensor({1.f, 3.f}), {6, 2}) == 0);
}

TEST_CASE("binary: gradients beside numbers, and in f32") {
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    const Tensor a = random({2, 3}, DType::f64, 1, 3);
    const auto f = [&](std::span<const Tensor> in) { return row.beside(in[0], 1.7); };
    CHECK(gradient_error(f, {a}) < 1e-6);
    CHECK(gradient_error(f, {spaced(a)}) < 1e-6);
    if (row.smooth) CHECK(second_gradient_error(f, {a}) < 1e-5);
    const auto gradient = [&](DType dtype) {
      const Tensor x = a.cast(dtype), y = Tensor({1.5, 2.5, 0.5}).cast(dtype);
      Tape tape({x, y});
      return tape.gradient(row.op(x, y).sum(), {x, y});
    };
    const auto single = gradient(DType::f32), twice = gradient(DType::f64);
    for (const int i : {0, 1}) CHECK(max_error(single[i], values(twice[i])) < 2e-6);
  }
  const Tensor a = random({2, 3}, DType::f64, 1, 3);
  for (const TensorFunction& f : {TensorFunction([](auto in) { return 2 + in[0]; }),
                                  TensorFunction([](auto in) { return 2 - in[0]; }),
                                  TensorFunction([](auto in) { return 2 * in[0]; }),
                                  TensorFunction([](auto in) { return 2 / in[0]; })}) {
    CHECK(gradient_error(f, {a}) < 1e-6);
    CHECK(second_gradient_error(f, {a}) < 1e-5);
  }
}

TEST_CASE("binary: NaN, infinities, equal operands, 0 to the 0") {
  on_all_targets([] {
    const Tensor nan = Tensor({kNan, 1.0}), one = Tensor({1.0, kNan});
    CHECK(max_error(nan.maximum(one), {kNan, kNan}) == 0);
    CHECK(max_error(nan.minimum(one), {kNan, kNan}) == 0);
    CHECK(max_error(Tensor({1.0, -1.0, 0.0}) / Tensor({0.0, 0.0, 0.0}), {kInf, -kInf, kNan}) == 0);
    CHECK(max_error(Tensor({0.0, -2.0, -8.0}).pow(Tensor({0.0, 3.0, 0.5})), {1, -8, kNan}) == 0);
  });
}

TEST_CASE("binary: gradients of maximum and minimum where operands are equal or NaN") {
  const Tensor a({kNan, 1.0, 2.0, kNan, 3.0}), b({1.0, kNan, 2.0, kNan, 1.0});
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = a.cast(dtype), y = b.cast(dtype);
    const auto gradients = [&](const TensorFunction& f) {
      Tape tape({x, y});
      return tape.gradient(f({{x, y}}).sum(), {x, y});
    };
    const auto max = gradients([](auto in) { return in[0].maximum(in[1]); });
    CHECK(max_error(max[0], {1, 1, 0.5, 1, 1}) == 0);
    CHECK(max_error(max[1], {1, 1, 0.5, 1, 0}) == 0);
    const auto min = gradients([](auto in) { return in[0].minimum(in[1]); });
    CHECK(max_error(min[0], {1, 1, 0.5, 1, 0}) == 0);
    CHECK(max_error(min[1], {1, 1, 0.5, 1, 1}) == 0);
  }
  const Tensor x({2.0, 1.0, kNan});
  Tape tape({x});
  CHECK(max_error(tape.gradient(x.maximum(2).sum(), {x})[0], {0.5, 0, 1}) == 0);
}

TEST_CASE("binary: gradients of a power where the base is 0 or negative") {
  const Tensor a({0.0, 0.0, 0.0, -2.0, -2.0, -kInf}), b({0.0, -1.0, 2.0, 3.0, 0.5, 2.0});
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = a.cast(dtype), y = b.cast(dtype);
    Tape tape({x, y});
    const auto grads = tape.gradient(x.pow(y).sum(), {x, y});
    CHECK(max_error(grads[0], {0, -kInf, 0, 12, kNan, -kInf}) < 1e-6);
    CHECK(max_error(grads[1], {0, -kInf, 0, kNan, kNan, kNan}) == 0);
  }
}

TEST_CASE("binary: powers of integers, and integers that overflow") {
  for (const DType dtype : {DType::i32, DType::i64}) {
    const Tensor a = Tensor({1, 2, -1, -1, 3, 0, 0, -2}).cast(dtype);
    const Tensor b = Tensor({-1, -1, -1, -2, 2, -1, 0, 3}).cast(dtype);
    CHECK(max_error(a.pow(b), {1, 0, -1, 1, 9, 0, 1, -8}) == 0);
    CHECK(max_error(a.pow(-1), {1, 0, -1, -1, 0, 0, 0, 0}) == 0);
    CHECK(a.pow(-1).dtype() == dtype);
  }
  const int64_t top = std::numeric_limits<int64_t>::max(),
                end = std::numeric_limits<int64_t>::min();
  CHECK((Tensor(top) + 1).item<int64_t>() == end);
  CHECK((Tensor(end) - 1).item<int64_t>() == top);
  CHECK((Tensor(end) * -1).item<int64_t>() == end);
  CHECK((Tensor(top) * Tensor(top)).item<int64_t>() == 1);
  CHECK(Tensor(int64_t{3}).pow(41).item<int64_t>() == -420491770248316829);
  CHECK(max_error(Tensor({255, 3}).cast(DType::u8) + Tensor({1, 1}).cast(DType::u8), {0, 4}) == 0);
}

TEST_CASE("binary: shapes that do not fit are named") {
  CHECK_THROWS_WITH_AS(Tensor::ones({2, 3}) + Tensor::ones({2}), doctest::Contains("[2, 3]"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(Tensor(true) * Tensor(true),
                       "mul: takes numbers, got booleans; use logical_and, logical_or, or cast "
                       "them first",
                       DTypeError);
}

TEST_CASE("binary: short ways to a power equal the long one") {
  const Tensor x({-2.5, -0.0, 0.5, 3.0, kInf, kNan});
  for (const double exponent : {-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0}) {
    CAPTURE(exponent);
    CHECK(max_error(x.pow(exponent), x.pow(Tensor(exponent))) < 1e-14);
    const auto power = [&](std::span<const Tensor> in) { return in[0].pow(exponent); };
    CHECK(gradient_error(power, {random({5}, DType::f64, 0.5, 2)}) < 1e-6);
  }
}
