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
    {"div", OPERATOR(/), [](double a, double b) { return a / b; }},
    {"maximum", METHOD(maximum), [](double a, double b) { return std::max(a, b); }, false},
    {"minimum", METHOD(minimum), [](double a, double b) { return std::min(a, b); }, false},
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

bool is(const Row& row, std::string_view name) { return row.name == name; }

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
          if (is(row, "sub") && left == DType::boolean) continue;  // 1 - 2 wraps round
          DType want = promote(left, right);
          if (is(row, "div") && !is_floating(want)) want = DType::f32;
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
      const DType want = is(row, "div") && !is_floating(dtype) ? DType::f32 : dtype;
      const Tensor y = row.beside(a, 2);
      CHECK(y.dtype() == want);
      const Tensor wide = a.cast(want);
      CHECK(max_error(y, each(row, wide, Tensor::full({3, 7}, 2, want))) < 4 * tolerance(want));
      CHECK(max_error(row.beside(spaced(a), 2), y) == 0);
    }
    CHECK_THROWS_AS(row.beside(Tensor({1, 2}), 0.5), DTypeError);
  }
  CHECK(max_error(1 - Tensor({1.f, 3.f}), {0, -2}) == 0);
  CHECK(max_error(6 / Tensor({1.f, 3.f}), {6, 2}) == 0);
}

TEST_CASE("binary: NaN, infinities, equal operands, 0 to the 0") {
  on_all_targets([] {
    const Tensor nan = Tensor({kNan, 1.0}), one = Tensor({1.0, kNan});
    CHECK(max_error(nan.maximum(one), {kNan, kNan}) == 0);
    CHECK(max_error(nan.minimum(one), {kNan, kNan}) == 0);
    CHECK(max_error(Tensor({1.0, -1.0, 0.0}) / Tensor({0.0, 0.0, 0.0}), {kInf, -kInf, kNan}) == 0);
    CHECK(max_error(Tensor({0.0, -2.0, -8.0}).pow(Tensor({0.0, 3.0, 0.5})), {1, -8, kNan}) == 0);
  });
  const Tensor a({2.0, 3.0}), b({2.0, 1.0});
  Tape tape({a, b});
  const auto grads = tape.gradient(a.maximum(b).sum(), {a, b});
  CHECK(max_error(grads[0], {0.5, 1}) == 0);  // equal operands share
  CHECK(max_error(grads[1], {0.5, 0}) == 0);
}

TEST_CASE("binary: the slope of a power where the base is 0 or negative") {
  const Tensor a({0.0, 0.0, -2.0}), b({0.0, 2.0, 3.0});
  Tape tape({a, b});
  const auto grads = tape.gradient(a.pow(b).sum(), {a, b});
  CHECK(max_error(grads[0], {0, 0, 12}) < 1e-14);
  CHECK(max_error(grads[1], {0, 0, 0}) == 0);
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
