#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

TEST_CASE("where: every pair of dtypes, broadcasting, any layout") {
  const std::array<Shape, 3> shapes[] = {{{{4, 5}, {4, 5}, {4, 5}}}, {{{4, 5}, {4, 5}, {}}},
                                         {{{4, 5}, {}, {4, 5}}},     {{{4, 1}, {5}, {4, 5}}},
                                         {{{5}, {4, 1}, {}}},        {{{}, {4, 5}, {5}}},
                                         {{{0, 5}, {5}, {}}}};
  for (const DType left : kAllDTypes) {
    for (const DType right : kAllDTypes) {
      for (const auto& [c, a, b] : shapes) {
        const Tensor condition = random(c, DType::f32, -1, 1, 1).gt(0);
        const Tensor x = random(a, left, 1, 9, 2), y = random(b, right, 1, 9, 3);
        const Shape to = broadcast("test", broadcast("test", c, a), b);
        const std::vector<double> truth = values(condition.expand(to));
        std::vector<double> want = values(x.expand(to));
        const std::vector<double> other = values(y.expand(to));
        for (size_t i = 0; i < want.size(); ++i) want[i] = truth[i] != 0 ? want[i] : other[i];
        const Tensor got = where(condition, x, y);
        CHECK(got.shape() == to);
        CHECK(got.dtype() == promote(left, right));
        CHECK(max_error(got, want) < 1e-6);
        CHECK(max_error(where(spaced(condition), spaced(x), spaced(y)), got) == 0);
      }
    }
  }
}

TEST_CASE("where: gradients, and theirs; NaN of the branch not taken does not leak") {
  const Tensor c = random({4, 3}, DType::f32, -1, 1).gt(0);
  const auto f = [&](std::span<const Tensor> in) { return where(c, in[0], in[1]); };
  for (const Shape& shape : {Shape{4, 3}, Shape{3}, Shape{4, 1}, Shape{}}) {
    const Tensor a = random({4, 3}, DType::f64, -1, 1, 1), b = random(shape, DType::f64, -1, 1, 2);
    CHECK(gradient_error(f, {a, b}) < 1e-6);
    CHECK(gradient_error(f, {b, a}) < 1e-6);
    CHECK(second_gradient_error(f, {a, b}) < 1e-6);
  }
  const Tensor x({0.0, 2.0});
  Tape tape({x});
  const Tensor y = where(x.gt(0), x, Tensor::full({2}, kNan, DType::f64));
  CHECK(max_error(tape.gradient(y[1], {x})[0], {0, 1}) == 0);
  CHECK(max_error(y, {kNan, 2}) == 0);
}

TEST_CASE("where: mistakes are named") {
  const Tensor x = Tensor::ones({2});
  CHECK_THROWS_WITH_AS(
      where(x, x, x),
      "where: the condition must be boolean, got f32; compare it first, as in x.gt(0)", DTypeError);
  CHECK_THROWS_AS(where(x.gt(0), x, Tensor::ones({3})), ShapeError);
  CHECK_THROWS_AS(where(Tensor(), x, x), ValueError);
  CHECK_THROWS_AS(where(x.gt(0), Tensor(), x), ValueError);
}

TEST_CASE("masked_fill: every dtype, broadcast mask, gradient, numbers that do not fit") {
  for (const DType dtype : kAllDTypes) {
    const Tensor x = Tensor({{0, 1}, {1, 0}}).cast(dtype);
    const Tensor mask = Tensor({true, false});
    CHECK(x.masked_fill(mask, 1).dtype() == dtype);
    CHECK(max_error(x.masked_fill(mask, 1), {1, 1, 1, 0}) == 0);
    CHECK(max_error(spaced(x).masked_fill(mask, 1.0), {1, 1, 1, 0}) == 0);
  }
  const auto f = [](std::span<const Tensor> in) {
    return in[0].masked_fill(Tensor({true, false, false}), 7);
  };
  CHECK(gradient_error(f, {random({2, 3}, DType::f64, -1, 1)}) < 1e-6);
  CHECK(max_error(Tensor({1.f}).masked_fill(Tensor({true}), -kInf), {-kInf}) == 0);
  const Tensor bytes = Tensor::zeros({1}, DType::u8), yes = Tensor({true});
  CHECK_THROWS_WITH_AS(bytes.masked_fill(yes, 256),
                       "masked_fill: 256 does not fit u8; use a dtype that holds it", DTypeError);
  CHECK_THROWS_AS(bytes.masked_fill(yes, -1), DTypeError);
  CHECK_THROWS_AS(bytes.masked_fill(yes, 0.5), DTypeError);
  CHECK_THROWS_AS(Tensor({true}).masked_fill(yes, 2), DTypeError);
  CHECK_THROWS_WITH_AS(bytes.masked_fill(bytes, 1), doctest::Contains("must be boolean, got u8"),
                       DTypeError);
}

TEST_CASE("masked_fill by a tensor") {
  const Tensor mask = Tensor({true, false, true}), x({1.0, 2.0, 3.0});
  CHECK(max_error(x.masked_fill(mask, Tensor(7.0)), {7, 2, 7}) == 0);
  CHECK(x.masked_fill(mask, Tensor(7)).dtype() == DType::f64);
  CHECK(max_error(Tensor({1, 2, 3}).masked_fill(mask, Tensor(true)), {1, 2, 1}) == 0);
  const auto f = [&](std::span<const Tensor> in) { return in[0].masked_fill(mask, in[1]); };
  CHECK(gradient_error(f, {x, Tensor(7.0)}) < 1e-6);
  CHECK_THROWS_WITH_AS(x.masked_fill(mask, Tensor({1.0})),
                       doctest::Contains("the value must be one number, got [1]"), ShapeError);
  CHECK_THROWS_WITH_AS(Tensor({1, 2, 3}).masked_fill(mask, Tensor(0.5)),
                       doctest::Contains("a value of f64 does not fit i32"), DTypeError);
  CHECK_THROWS_AS(x.masked_fill(mask, Tensor()), ValueError);
}

TEST_CASE("clamp: every dtype, any layout, NaN, infinite bounds") {
  for (const DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8}) {
    const Tensor x = random({5, 7}, dtype, dtype == DType::u8 ? 0 : -9, 9);
    std::vector<double> want = values(x);
    for (double& e : want) e = std::clamp(e, 2.0, 5.0);
    CHECK(x.clamp(2, 5).dtype() == dtype);
    CHECK(max_error(x.clamp(2, 5), want) == 0);
    CHECK(max_error(spaced(x).clamp(2, 5.0), want) == 0);
  }
  CHECK(max_error(Tensor({kNan, -kInf, kInf}).clamp(-1, 1), {kNan, -1, 1}) == 0);
  CHECK(max_error(Tensor({-2.f, 1e30f}).clamp(0, kInf), {0, 1e30f}) < 1e-6);
  CHECK(Tensor::zeros({0, 2}).clamp(0, 1).shape() == Shape{0, 2});
  CHECK(Tensor(3.f).clamp(0, 1).item<float>() == 1);
}

TEST_CASE("clamp: gradients; the bounds themselves have the slope 0, as in PyTorch 2.15") {
  const auto f = [](std::span<const Tensor> in) { return in[0].clamp(-0.5, 0.5); };
  CHECK(gradient_error(f, {random({3, 5}, DType::f64, -1, 1)}) < 1e-6);
  CHECK(second_gradient_error(f, {random({3, 5}, DType::f64, -1, 1)}) < 1e-6);
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = Tensor({-1.0, 0.0, 0.5, 1.0, 2.0, kNan}).cast(dtype);
    Tape tape({x});
    CHECK(max_error(tape.gradient(x.clamp(0, 1).sum(), {x})[0], {0, 0, 1, 0, 0, 0}) == 0);
  }
}

TEST_CASE("clamp: bounds that no integer can pass bound nothing") {
  const Tensor x({-5, 0, 7}), bytes = Tensor({0, 9, 255}).cast(DType::u8);
  CHECK(max_error(x.clamp(0, kInf), {0, 0, 7}) == 0);
  CHECK(max_error(x.clamp(-kInf, 3), {-5, 0, 3}) == 0);
  CHECK(max_error(x.clamp(-1e30, ~uint64_t{0}), {-5, 0, 7}) == 0);
  CHECK(max_error(x.cast(DType::i64).clamp(0, uint64_t{1} << 63), {0, 0, 7}) == 0);
  CHECK(max_error(bytes.clamp(-1, 300), {0, 9, 255}) == 0);
  CHECK(x.clamp(0, kInf).dtype() == DType::i32);
  const int64_t top = std::numeric_limits<int64_t>::max();
  CHECK(Tensor(top).clamp(0, top - 1).item<int64_t>() == top - 1);
  CHECK_THROWS_AS(bytes.clamp(256, 300), DTypeError);
  CHECK_THROWS_AS(bytes.clamp(-2, -1), DTypeError);
  CHECK_THROWS_AS(Tensor(top).clamp(top, top - 1), ValueError);
}

TEST_CASE("clamp by tensors: broadcast, NaN, gradients") {
  const Tensor x({{-1.0, 0.0, 0.5}, {1.0, 2.0, kNan}}), low(0.0), high({1.0, 1.0, kNan});
  CHECK(max_error(x.clamp(low, high), {0, 0, kNan, 1, 1, kNan}) == 0);
  CHECK(max_error(Tensor({1, 5, 9}).clamp(Tensor(2), Tensor(7)), {2, 5, 7}) == 0);
  const auto f = [](std::span<const Tensor> in) { return in[0].clamp(in[1], in[2]); };
  const Tensor bounds = random({5}, DType::f64, 0.1, 0.5);
  CHECK(gradient_error(f, {random({3, 5}, DType::f64, -1, 1), -bounds, bounds}) < 1e-6);
}

TEST_CASE("clamp: mistakes are named") {
  const Tensor x = Tensor::ones({2});
  CHECK_THROWS_WITH_AS(x.clamp(3, 1), "clamp: the lower bound 3 is above the upper, 1", ValueError);
  CHECK_THROWS_AS(x.clamp(kNan, 1), ValueError);
  CHECK_THROWS_WITH_AS(Tensor(true).clamp(0, 1),
                       "clamp: takes numbers, got booleans; cast them first", DTypeError);
  CHECK_THROWS_AS(Tensor({1, 2}).clamp(0.5, 2), DTypeError);
  CHECK_THROWS_AS(Tensor().clamp(0, 1), ValueError);
}
