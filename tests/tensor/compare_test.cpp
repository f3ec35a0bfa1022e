#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

struct Row {
  std::string name;
  Tensor (*op)(const Tensor&, const Tensor&);
  Tensor (*beside)(const Tensor&, Scalar);
  bool (*value)(double, double);
};

#define COMPARISON(method, symbol)                                       \
  {                                                                      \
#method, [](const Tensor& a, const Tensor& b) { return a.method(b); }, \
   [](const Tensor& a, Scalar b) { return a.method(b); },            \
   [](double a, double b) { return a symbol b; } \
  }
const Row kRows[] = {COMPARISON(eq, ==), COMPARISON(ne, !=), COMPARISON(lt, <),
                     COMPARISON(le, <=), COMPARISON(gt, >),  COMPARISON(ge, >=)};
#undef COMPARISON

std::vector<double> each(const Row& row, const Tensor& a, const Tensor& b) {
  std::vector<double> y = values(a);
  const std::vector<double> right = values(b);
  for (size_t i = 0; i < y.size(); ++i) y[i] = row.value(y[i], right[i]);
  return y;
}

}  // namespace

TEST_CASE("compare: every pair of dtypes, beside numbers") {
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    for (const DType left : kAllDTypes) {
      for (const DType right : kAllDTypes) {
        const Tensor a = random({33}, DType::i32, 0, 3, 1).cast(left);
        const Tensor b = random({33}, DType::i32, 0, 3, 2).cast(right);
        CHECK(row.op(a, b).dtype() == DType::boolean);
        CHECK(max_error(row.op(a, b), each(row, a, b)) == 0);
      }
      const Tensor a = random({4, 9}, DType::i32, 0, 3).cast(left);
      CHECK(max_error(row.beside(a, 1), each(row, a, Tensor::ones({4, 9}))) == 0);
      CHECK(max_error(row.beside(spaced(a), 1.0), row.beside(a, 1)) == 0);
    }
    CHECK(row.op(Tensor::ones({0, 2}), Tensor::ones({2})).shape() == Shape{0, 2});
    CHECK(row.op(Tensor(1.f), Tensor(2.f)).shape() == Shape{});
    CHECK_THROWS_WITH_AS(row.op(Tensor::ones({2}), Tensor::ones({3})), doctest::Contains("[2]"),
                         ShapeError);
    CHECK_THROWS_AS(row.op(Tensor(), Tensor(1.f)), ValueError);
  }
}

TEST_CASE("compare: broadcasting and any layout") {
  const std::pair<Shape, Shape> shapes[] = {
      {{4, 5}, {5}}, {{4, 5}, {4, 1}}, {{4, 1}, {1, 5}}, {{}, {3}}, {{2, 1, 3}, {4, 1}}};
  for (const Row& row : kRows) {
    for (const auto& [left, right] : shapes) {
      const Tensor a = random(left, DType::f32, -1, 1, 1), b = random(right, DType::f32, -1, 1, 2);
      const Shape to = broadcast("test", left, right);
      const std::vector<double> want = each(row, a.expand(to), b.expand(to));
      CHECK(row.op(a, b).shape() == to);
      CHECK(max_error(row.op(a, b), want) == 0);
      CHECK(max_error(row.op(spaced(a), spaced(b)), want) == 0);
    }
  }
}

TEST_CASE("compare: NaN, infinities, and numbers outside a type's range") {
  const Tensor x({kNan, kInf, 1.0});
  CHECK(max_error(x.eq(x), {0, 1, 1}) == 0);
  CHECK(max_error(x.ne(x), {1, 0, 0}) == 0);
  CHECK(max_error(x.le(x), {0, 1, 1}) == 0);
  CHECK(max_error(x.lt(kInf), {0, 0, 1}) == 0);
  CHECK(max_error(x.gt(kNan), {0, 0, 0}) == 0);
  const Tensor bytes = Tensor({44, 255}).cast(DType::u8);
  CHECK(max_error(bytes.eq(300), {0, 0}) == 0);  // 300 is not 44
  CHECK(max_error(bytes.gt(-1), {1, 1}) == 0);
  const int64_t big = int64_t{1} << 60;
  CHECK(max_error(Tensor({big, big + 1}).eq(big), {1, 0}) == 0);
}

TEST_CASE("compare: integers beside any number, exactly") {
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    for (const DType dtype : {DType::i32, DType::i64, DType::u8, DType::boolean}) {
      const Tensor x = Tensor({0, 1}).cast(dtype);
      for (const double number : {kNan, kInf, -kInf, 0.5, -0.5, 1e30, -1e30, 1.0, 1.5}) {
        CAPTURE(number);
        CHECK(max_error(row.beside(x, number),
                        {double(row.value(0, number)), double(row.value(1, number))}) == 0);
      }
    }
    const int64_t top = std::numeric_limits<int64_t>::max(), end = -top - 1;
    const Tensor x({end, top - 1, top});
    const double two63 = 9223372036854775808.0;
    // The largest i64 is one below 2^63; as a double it would be equal.
    CHECK(max_error(row.beside(x, two63), Tensor::full({3}, row.value(0, 1), DType::boolean)) == 0);
    CHECK(max_error(row.beside(x, uint64_t{1} << 63), row.beside(x, two63)) == 0);
    CHECK(max_error(row.beside(x, ~uint64_t{0}), row.beside(x, two63)) == 0);
    CHECK(max_error(row.beside(x, -two63), {double(row.value(0, 0)), double(row.value(1, 0)),
                                            double(row.value(1, 0))}) == 0);
    CHECK(max_error(row.beside(x, top), {double(row.value(0, 1)), double(row.value(0, 1)),
                                         double(row.value(1, 1))}) == 0);
  }
}

TEST_CASE("logical ops: truth tables, every dtype, broadcast") {
  for (const DType dtype : kAllDTypes) {
    const Tensor a = Tensor({0, 0, 1, 1}).cast(dtype), b = Tensor({0, 1, 0, 1}).cast(dtype);
    CHECK(max_error(a.logical_and(b), {0, 0, 0, 1}) == 0);
    CHECK(max_error(a.logical_or(b), {0, 1, 1, 1}) == 0);
    CHECK(max_error(a.logical_xor(b), {0, 1, 1, 0}) == 0);
    CHECK(max_error(a.logical_not(), {1, 1, 0, 0}) == 0);
    CHECK(max_error(spaced(a).logical_not(), {1, 1, 0, 0}) == 0);
    CHECK(a.unsqueeze(1).logical_and(b).shape() == Shape{4, 4});
    CHECK(max_error(spaced(a).logical_xor(spaced(b)), {0, 1, 1, 0}) == 0);
  }
  CHECK(max_error(Tensor({2.f, 0.5f, -0.f}).logical_and(Tensor(true)), {1, 1, 0}) == 0);
  CHECK_THROWS_AS(Tensor().logical_not(), ValueError);
  CHECK_THROWS_AS(Tensor(true).logical_or(Tensor()), ValueError);
  CHECK_THROWS_AS(Tensor::ones({2}).logical_xor(Tensor::ones({3})), ShapeError);
}

TEST_CASE("isnan, isinf, isfinite") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = Tensor({1.0, kNan, kInf, -kInf, 0.0}).cast(dtype);
    for (const Tensor& layout : {x, spaced(x)}) {
      CHECK(max_error(layout.isnan(), {0, 1, 0, 0, 0}) == 0);
      CHECK(max_error(layout.isinf(), {0, 0, 1, 1, 0}) == 0);
      CHECK(max_error(layout.isfinite(), {1, 0, 0, 0, 1}) == 0);
    }
  }
  CHECK(max_error(Tensor({1, 2}).isfinite(), {1, 1}) == 0);
  CHECK(max_error(Tensor({1, 2}).isnan(), {0, 0}) == 0);
  CHECK(Tensor::zeros({0, 2}).isinf().shape() == Shape{0, 2});
  CHECK_THROWS_AS(Tensor().isnan(), ValueError);
}

TEST_CASE("compare: isclose without tolerances tells neighbouring large integers apart") {
  const int64_t large = int64_t{1} << 53;
  const Tensor a(large), b(large + 1);
  CHECK_FALSE(a.isclose(b, 0, 0).item<bool>());
  CHECK(a.isclose(a, 0, 0).item<bool>());
}
