// What the table of all ops (op_table.h) does not check: pairs of dtypes, numbers beside tensors,
// and the points where a value or a gradient is a convention.
#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

struct Op {
  std::string name;
  Tensor (*op)(const Tensor&, const Tensor&);
  Tensor (*beside)(const Tensor&, Scalar);
};

#define METHOD(f)                                          \
  [](const Tensor& a, const Tensor& b) { return a.f(b); }, \
      [](const Tensor& a, Scalar b) { return a.f(b); }
#define OPERATOR(op)                                       \
  [](const Tensor& a, const Tensor& b) { return a op b; }, \
      [](const Tensor& a, Scalar b) { return a op b; }
const Op kOps[] = {{"add", OPERATOR(+)}, {"sub", OPERATOR(-)},         {"mul", OPERATOR(*)},
                   {"div", OPERATOR(/)}, {"maximum", METHOD(maximum)}, {"minimum", METHOD(minimum)},
                   {"pow", METHOD(pow)}};
#undef METHOD
#undef OPERATOR

constexpr DType kEveryDType[] = {DType::f32, DType::f64, DType::f16, DType::bf16,   DType::i8,
                                 DType::i32, DType::i64, DType::u8,  DType::boolean};

DType result_of(const Op& op, DType dtype) {
  return op.name == "div" && !is_floating(dtype) ? DType::f32 : dtype;
}

}  // namespace

TEST_CASE("binary: every pair of dtypes is computed in what they promote to") {
  for (const Op& op : kOps) {
    CAPTURE(op.name);
    for (const DType left : kEveryDType) {
      for (const DType right : kEveryDType) {
        CAPTURE(std::string(name(left)));
        CAPTURE(std::string(name(right)));
        const Tensor a = random({19}, left, 3, 5), b = random({19}, right, 1, 3);
        const DType want = promote(left, right);
        if (want == DType::boolean) {
          CHECK_THROWS_AS(op.op(a, b), DTypeError);
          continue;
        }
        const Tensor y = op.op(a, b), same = op.op(a.cast(want), b.cast(want));
        CHECK(y.dtype() == result_of(op, want));
        CHECK(max_error(y, same) < (want == DType::bf16  ? 1e-2
                                    : want == DType::f16 ? 1e-3
                                                         : 1e-15));
      }
    }
    CHECK_THROWS_AS(op.op(Tensor::ones({2, 3}), Tensor::ones({2})), ShapeError);
  }
}

TEST_CASE("binary: f16 and bf16 are computed in f32 and rounded once") {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    const Tensor a = random({40}, dtype, 1, 3, 1), b = random({40}, dtype, 1, 3, 2);
    for (const Op& op : kOps) {
      CAPTURE(op.name);
      const Tensor wide = op.op(a.cast(DType::f32), b.cast(DType::f32));
      CHECK(max_error(op.op(a, b), wide.cast(dtype)) == 0);
      CHECK(max_error(op.beside(a, 3), op.beside(a.cast(DType::f32), 3).cast(dtype)) == 0);
      Tape tape({a, b});
      const auto grads = tape.gradient(op.op(a, b).cast(DType::f32).sum(), {a, b});
      CHECK(grads[0].dtype() == dtype);
      CHECK(grads[1].dtype() == dtype);
    }
  }
}

TEST_CASE("binary: numbers beside a tensor never change its dtype") {
  for (const Op& op : kOps) {
    CAPTURE(op.name);
    for (const DType dtype : kEveryDType) {
      if (dtype == DType::boolean) continue;
      const Tensor a = random({3, 7}, dtype, 3, 5);
      const Tensor y = op.beside(a, 2);
      CHECK(y.dtype() == result_of(op, dtype));
      CHECK(max_error(y, op.op(a, Tensor(2).cast(dtype))) < 1e-6);
      CHECK(max_error(op.beside(spaced(a), 2), y) == 0);
    }
    CHECK_THROWS_AS(op.beside(Tensor({1, 2}), 0.5), DTypeError);
    CHECK(op.beside(Tensor::zeros({0, 2}), 2).shape() == Shape{0, 2});
    CHECK_THROWS_AS(op.beside(Tensor(), 2), ValueError);
    // A boolean tensor becomes i64, or f32 beside a fraction.
    CHECK(op.beside(Tensor({true, true}), 3).dtype() == result_of(op, DType::i64));
    CHECK(op.beside(Tensor({true, true}), 2.5).dtype() == DType::f32);

    const auto f = [&](std::span<const Tensor> in) { return op.beside(in[0], 1.7); };
    const Tensor a = random({2, 3}, DType::f64, 1, 3);
    CHECK(gradient_error(f, {a}) < 1e-6);
    CHECK(second_gradient_error(f, {spaced(a)}) < 1e-5);
  }
  CHECK(max_error(1 - Tensor({1.f, 3.f}), {0, -2}) == 0);
  CHECK(max_error(6 / Tensor({1.f, 3.f}), {6, 2}) == 0);
  CHECK(max_error(2.5 - Tensor({true, false}), {1.5, 2.5}) == 0);
  CHECK((2 - Tensor({3, 4})).dtype() == DType::i32);
  CHECK((2 / Tensor({3, 4})).dtype() == DType::f32);
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

TEST_CASE("binary: gradients beside a number on either side, first and second") {
  const std::vector<Tensor> inputs{random({2, 3}, DType::f64, 0.5, 2, 1)};
  for (const TensorFunction& f : std::vector<TensorFunction>{
           [](auto in) { return (in[0] + 3) * in[0]; }, [](auto in) { return (3 + in[0]) * in[0]; },
           [](auto in) { return (in[0] - 3) * in[0]; }, [](auto in) { return (3 - in[0]) * in[0]; },
           [](auto in) { return (in[0] * 3) * in[0]; }, [](auto in) { return (3 * in[0]) * in[0]; },
           [](auto in) { return (in[0] / 3) * in[0]; }, [](auto in) { return (3 / in[0]) * in[0]; },
           [](auto in) { return in[0].maximum(1) * in[0]; }}) {
    CHECK(gradient_error(f, inputs) < 1e-6);
    CHECK(second_gradient_error(f, inputs) < 1e-6);
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
