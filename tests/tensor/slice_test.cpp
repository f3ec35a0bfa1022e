#include <doctest/doctest.h>

#include <limits>

#include "attune/tensor/tape.h"

using namespace attune;

namespace {

using Ints = std::vector<int64_t>;

Tensor counting(const Shape& shape) { return Tensor::arange(0, shape.numel()).reshape(shape); }
Ints ints(const Tensor& x) { return x.to_vector<int64_t>(); }

// What Python's range(n)[begin:end:step] gives, by trying every position.
Ints python_slice(int64_t n, std::optional<int64_t> begin, std::optional<int64_t> end,
                  int64_t step) {
  const auto from_end = [&](int64_t at) { return at < 0 ? at + n : at; };
  const int64_t first = begin ? from_end(*begin) : step > 0 ? 0 : n - 1;
  Ints y;
  // Where `begin` lies outside, Python moves it to the end of the range it lies beyond.
  int64_t at = first;
  if (step > 0 && at < 0) at = 0;
  if (step < 0 && at > n - 1) at = n - 1;
  for (; at >= 0 && at < n; at += step) {
    if (end && step > 0 && at >= from_end(*end)) break;
    if (end && step < 0 && at <= from_end(*end)) break;
    y.push_back(at);
  }
  return y;
}

}  // namespace

TEST_CASE("slice: every begin, end and step as Python has it") {
  const int64_t n = 5;
  const Tensor x = counting({n});
  std::vector<std::optional<int64_t>> ends{std::nullopt};
  for (int64_t at = -n - 2; at <= n + 2; ++at) ends.emplace_back(at);
  for (const auto begin : ends) {
    for (const auto end : ends) {
      for (const int64_t step : {-7, -2, -1, 1, 2, 3, 7}) {
        CAPTURE(begin.value_or(99));
        CAPTURE(end.value_or(99));
        CAPTURE(step);
        CHECK(ints(x[{Slice{begin, end, step}}]) == python_slice(n, begin, end, step));
      }
    }
  }
}

TEST_CASE("slice: integers, new axes, the ellipsis") {
  const Tensor x = counting({2, 3, 4});
  CHECK(x[1].shape() == Shape{3, 4});
  CHECK(x[-1][-1][-1].item<int64_t>() == 23);
  CHECK(x[{1, 2, 3}].item<int64_t>() == 23);
  CHECK(ints(x[{0, Slice{}, 1}]) == Ints{1, 5, 9});
  CHECK(ints(x[{ellipsis, 0}]) == Ints{0, 4, 8, 12, 16, 20});
  CHECK(x[{ellipsis, 0}].shape() == Shape{2, 3});
  CHECK(x[{0, ellipsis, 1}].shape() == Shape{3});
  CHECK(x[{new_axis, 0, ellipsis, new_axis}].shape() == Shape{1, 3, 4, 1});
  CHECK(x[{ellipsis, Slice{0, 0}}].shape() == Shape{2, 3, 0});
  CHECK(ints(x.t()[{0, Slice{std::nullopt, std::nullopt, -1}, 2}]) == Ints{11, 10, 9, 8});
  CHECK(x[{}].shape() == x.shape());
}

TEST_CASE("narrow and split: views one after another") {
  const Tensor x = counting({5, 2});
  CHECK(ints(x.narrow(0, 1, 2)) == Ints{2, 3, 4, 5});
  CHECK(ints(x.narrow(-1, 1, 1)) == Ints{1, 3, 5, 7, 9});
  CHECK(x.narrow(0, 5, 0).shape() == Shape{0, 2});
  const std::vector<Tensor> parts = x.split(2);
  REQUIRE(parts.size() == 3);
  CHECK(parts[2].shape() == Shape{1, 2});
  CHECK(ints(cat(parts)) == ints(x));
  CHECK(ints(cat(x.split(1, 1), 1)) == ints(x));
  CHECK(ints(x.narrow(0, -2, 2)) == Ints{6, 7, 8, 9});
  const std::vector<Tensor> nothing = x.narrow(0, 0, 0).split(2);
  REQUIRE(nothing.size() == 1);
  CHECK(nothing[0].shape() == Shape{0, 2});
  CHECK(x.split(std::numeric_limits<int64_t>::max()).size() == 1);
}

TEST_CASE("slice and narrow: the largest and the smallest numbers") {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  const Tensor x = counting({3, 4});
  CHECK(ints(x[{Slice{1, {}, kMax}}]) == Ints{4, 5, 6, 7});
  CHECK(ints(x[{Slice{{}, {}, kMin}}]) == Ints{8, 9, 10, 11});
  CHECK(ints(x[{Slice{{}, {}, -kMax}}]) == Ints{8, 9, 10, 11});
  CHECK(x[{Slice{kMin, kMax}}].shape() == Shape{3, 4});
  CHECK(x[{Slice{kMax, kMin, -1}}].shape() == Shape{3, 4});
  CHECK(x[{Slice{kMax, kMax}}].shape() == Shape{0, 4});
  CHECK_THROWS_AS(x.narrow(0, kMax, 1), IndexError);
  CHECK_THROWS_AS(x.narrow(0, kMax, 3), IndexError);
  CHECK_THROWS_AS(x.narrow(0, 1, kMax), IndexError);
  CHECK_THROWS_AS(x.narrow(0, kMin, 1), IndexError);
  CHECK_THROWS_AS(x.narrow(0, 0, kMin), IndexError);
  CHECK_THROWS_AS(x[kMin], IndexError);
  CHECK_THROWS_AS(x[std::numeric_limits<size_t>::max()], IndexError);  // not -1
  CHECK_THROWS_AS((x[{0, std::numeric_limits<size_t>::max()}]), IndexError);
}

TEST_CASE("slice: gradients, and gradients of gradients") {
  Rng rng(4);
  const std::vector<Tensor> x{Tensor::randn({4, 3, 5}, rng, DType::f64)};
  const TensorFunction kParts[] = {
      [](auto in) { return in[0][1]; },
      [](auto in) {
        return in[0][{Slice{3, 0, -2}, ellipsis, new_axis, Slice{1, 4}}];
      },
      [](auto in) {
        return in[0].t()[{ellipsis, -1}];
      },
      [](auto in) { return in[0].narrow(1, 1, 2) * in[0].narrow(1, 0, 2); },
      [](auto in) { return in[0].split(2, 2)[1]; },
  };
  for (const TensorFunction& part : kParts) {
    CHECK(gradcheck(part, x) < 1e-6);
    const auto slope = [&](std::span<const Tensor> in) {
      Tape tape(in);
      const Tensor loss = part(in).pow(3).sum();
      return tape.gradient(loss, in)[0];
    };
    CHECK(gradcheck(slope, x) < 1e-6);
  }
}

TEST_CASE("slice: gradients of many parts add up, and never write in what others hold") {
  Rng rng(9);
  const Tensor x = Tensor::randn({6, 4}, rng, DType::f64), w = Tensor::randn({4}, rng, DType::f64);
  Tape tape({x});
  Tensor sum = (x * x).sum();
  for (int64_t i = 0; i < 6; ++i) sum = sum + (x[i] * w).sum() * static_cast<double>(i);
  sum = sum + x.narrow(1, 1, 2).square().sum();
  const Tensor middle({0.0, 1.0, 1.0, 0.0});
  const Tensor expected =
      2 * x + Tensor::arange(0, 6).cast(DType::f64).unsqueeze(1) * w + 2 * x * middle;
  CHECK((tape.gradient(sum)[0] - expected).abs().max().item<double>() < 1e-14);

  // The gradient that a caller's function returns stays as it is.
  Tensor held;
  const auto forward = [](std::span<const Tensor> in) { return in[0].sum(); };
  const auto vjp = [&](const auto&...) {
    held = Tensor::ones({6, 4}, DType::f64);
    return std::vector<Tensor>{held};
  };
  Tape second({x});
  const Tensor loss =
      x[0].sum() + custom_gradient(forward, vjp, std::vector{x}) + x[1].sum() + x[5].sum();
  const Tensor slope = second.gradient(loss)[0];
  CHECK(slope.sum().item<double>() == 24 + 12);
  CHECK((held - 1).abs().max().item<double>() == 0);
}

TEST_CASE("slice: every mistake is named") {
  const Tensor x = counting({2, 3});
  CHECK_THROWS_WITH_AS(x[2], "index: 2 is out of range for axis 0 of [2, 3]", IndexError);
  CHECK_THROWS_WITH_AS((x[{0, -4}]), "index: -4 is out of range for axis 1 of [2, 3]", IndexError);
  CHECK_THROWS_WITH_AS((x[{0, 0, 0}]), "index: 3 positions given for [2, 3]", IndexError);
  CHECK_THROWS_WITH_AS((x[{ellipsis, ellipsis}]),
                       "index: at most one ellipsis can stand for the axes in between", IndexError);
  CHECK_THROWS_WITH_AS((x[{Slice{0, 2, 0}}]), "index: a slice's step must not be 0", ValueError);
  CHECK_THROWS_WITH_AS(x.narrow(1, 2, 2),
                       "narrow: 2 elements from 2 reach outside axis 1 of [2, 3]", IndexError);
  CHECK_THROWS_WITH_AS(x.split(0), "split: the size of a piece must be above 0, got 0", ValueError);
  CHECK_THROWS_AS(x[0][0][0], IndexError);
}
