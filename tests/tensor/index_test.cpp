#include <doctest/doctest.h>

#include <functional>
#include <limits>

#include "attune/tensor/tape.h"
#include "attune/base/threads.h"

using namespace attune;

namespace {

using Floats = std::vector<float>;

Tensor ints(std::vector<int64_t> values, const Shape& shape) { return Tensor::from(values, shape); }

Tensor normal(const Shape& shape) {
  Rng rng(6);
  return Tensor::randn(shape, rng, DType::f64);
}

// Both orders of gradient of f at x.
void check_gradients(const TensorFunction& f, const std::vector<Tensor>& x) {
  CHECK(gradcheck(f, x) < 1e-6);
  const auto slope = [&](std::span<const Tensor> in) {
    Tape tape(in);
    const Tensor loss = f(in).pow(3).sum();
    return tape.gradient(loss, in).back();
  };
  CHECK(gradcheck(slope, x) < 1e-6);
}

// gather written as its definition.
std::vector<double> slow_gather(const Tensor& x, int axis, const Tensor& index) {
  std::vector<double> y;
  const auto at = index.to_vector<int64_t>();
  const auto from = x.to_vector<double>();
  const Shape shape = index.shape(), of = x.shape();
  for (int64_t i = 0; i < index.numel(); ++i) {
    int64_t rest = i, place = 0, stride = 1;
    for (int k = shape.rank() - 1; k >= 0; --k) {
      const int64_t position =
          k == axis ? (at[static_cast<size_t>(i)] + of[k]) % of[k] : rest % shape[k];
      place += position * stride;
      rest /= shape[k];
      stride *= of[k];
    }
    y.push_back(from[static_cast<size_t>(place)]);
  }
  return y;
}

}  // namespace

TEST_CASE("scatter_add: integers wrap, as in +") {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  const Tensor y = ints({kMax}, {1}).scatter_add(0, ints({0}, {1}), ints({kMax}, {1}));
  CHECK(y.item<int64_t>() == -2);
  const Tensor small =
      Tensor({int32_t{1} << 30}).scatter_add(0, ints({0, 0}, {2}), Tensor({int32_t{1} << 30, 1}));
  CHECK(small.item<int32_t>() == std::numeric_limits<int32_t>::min() + 1);
}

TEST_CASE("one_hot: more classes than memory") {
  CHECK_THROWS_AS(ints({0, 1}, {2}).one_hot(std::numeric_limits<int64_t>::max()), OutOfMemory);
}

TEST_CASE("gather: each axis, negative positions, a shorter index") {
  const Tensor x({{1.f, 2.f, 3.f}, {4.f, 5.f, 6.f}});
  CHECK(x.gather(1, ints({2, 0, -1, 1}, {2, 2})).to_vector<float>() == Floats{3, 1, 6, 5});
  CHECK(x.gather(0, ints({1, 0, -1}, {1, 3})).to_vector<float>() == Floats{4, 2, 6});
  Rng rng(3);
  const Tensor y = normal({4, 5, 6});
  for (int axis = 0; axis < 3; ++axis) {
    const Tensor index = Tensor::randint({3, 5, 2}, -y.size(axis), y.size(axis), rng);
    CHECK(y.gather(axis, index).to_vector<double>() == slow_gather(y, axis, index));
    CHECK(y.gather(axis - 3, index.cast(DType::i32)).to_vector<double>() ==
          slow_gather(y, axis, index));
  }
  const Tensor index = Tensor::randint({6, 5, 4}, 0, 4, rng).permute({2, 1, 0});
  const Tensor turned = y.flip({0, 2});  // views on both sides
  CHECK(turned.gather(0, index).to_vector<double>() ==
        slow_gather(turned.contiguous(), 0, index.contiguous()));
}

TEST_CASE("gather, scatter_add, index_select: every dtype, empty tensors") {
  for (const DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8}) {
    const Tensor x = Tensor::arange(1, 4).cast(dtype), index = ints({2, 0, 2}, {3});
    const auto floats = [](const Tensor& y) { return y.cast(DType::f32).to_vector<float>(); };
    CHECK(floats(x.gather(0, index)) == Floats{3, 1, 3});
    CHECK(floats(x.index_select(0, index)) == Floats{3, 1, 3});
    CHECK(floats(x.scatter_add(0, index, x)) == Floats{3, 2, 7});
  }
  const Tensor b({true, false});
  CHECK(b.index_select(0, ints({1, 0}, {2})).to_vector<bool>() == std::vector<bool>{false, true});
  CHECK(b.scatter_add(0, ints({1, 0}, {2}), b).to_vector<bool>() == std::vector<bool>{true, true});
  const Tensor none = Tensor::zeros({0}, DType::i64);
  CHECK(Tensor::zeros({2}).gather(0, none).shape() == Shape{0});
  CHECK(Tensor::zeros({2, 3}).index_select(1, none).shape() == Shape{2, 0});
  CHECK(Tensor::zeros({0, 3}).index_select(1, ints({1}, {1})).shape() == Shape{0, 1});
}

TEST_CASE("scatter_add: equal positions add up") {
  const Tensor x = Tensor::ones({3, 2});
  const Tensor y = x.scatter_add(0, ints({2, 2, 2, 0}, {2, 2}), Tensor({{1.f, 2.f}, {3.f, 4.f}}));
  CHECK(y.to_vector<float>() == Floats{1, 5, 1, 1, 5, 3});
  CHECK(x.to_vector<float>() == Floats{1, 1, 1, 1, 1, 1});  // itself unchanged
}

TEST_CASE("index_select: rows, columns and a middle axis of views") {
  const Tensor x = normal({5, 6, 7});
  const Tensor index = ints({3, -1, 0, 3}, {4});
  for (int axis = 0; axis < 3; ++axis) {
    const Tensor y = x.t().index_select(axis, index), from = x.t();
    CHECK(y.size(axis) == 4);
    for (int64_t i = 0; i < 4; ++i) {
      const int64_t at =
          std::array<int64_t, 4>{3, from.size(axis) - 1, 0, 3}[static_cast<size_t>(i)];
      CHECK(y.narrow(axis, i, 1).to_vector<double>() ==
            from.narrow(axis, at, 1).to_vector<double>());
    }
  }
}

TEST_CASE("one_hot: labels of any shape") {
  const Tensor y = ints({2, 0, 1, 1}, {2, 2}).one_hot(3);
  CHECK(y.shape() == Shape{2, 2, 3});
  CHECK(y.to_vector<float>() == Floats{0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0});
  CHECK(Tensor(int32_t{1}).one_hot(2).to_vector<float>() == Floats{0, 1});
  CHECK(ints({0, 1, 2, 0}, {2, 2}).t().one_hot(3).to_vector<float>() ==
        ints({0, 2, 1, 0}, {2, 2}).one_hot(3).to_vector<float>());
  CHECK(Tensor::zeros({0}, DType::i64).one_hot(4).shape() == Shape{0, 4});
}

TEST_CASE("gather, scatter_add, index_select: gradients, and gradients of gradients") {
  const Tensor at = ints({3, -1, 0, 3, 1, 1}, {2, 3});
  check_gradients([&](std::span<const Tensor> in) { return in[0].t().gather(1, at); },
                  {normal({4, 3})});
  check_gradients([&](std::span<const Tensor> in) { return in[0].scatter_add(1, at, in[1].t()); },
                  {normal({3, 4}), normal({3, 2})});
  const Tensor index = ints({2, 0, 2, -1}, {4});
  for (int axis = 0; axis < 3; ++axis) {
    check_gradients(
        [&](std::span<const Tensor> in) {
          return in[0].permute({2, 0, 1}).index_select(axis, index);
        },
        {normal({3, 4, 3})});
  }
}

TEST_CASE("indexing: every mistake is named, and the first bad position") {
  const Tensor x = Tensor::zeros({2, 5});
  CHECK_THROWS_WITH_AS(x.gather(1, ints({0, 1, 4, 5, -6, 0}, {2, 3})),
                       "gather: index 5 at [1, 0] is out of range for axis 1 of [2, 5]",
                       IndexError);
  CHECK_THROWS_WITH_AS(x.gather(1, ints({0, -6}, {2, 1})),
                       "gather: index -6 at [1, 0] is out of range for axis 1 of [2, 5]",
                       IndexError);
  CHECK_THROWS_WITH_AS(
      x.gather(1, ints({0}, {1})),
      "gather: the index [1] must have as many axes as the tensor [2, 5], at least one",
      ShapeError);
  CHECK_THROWS_WITH_AS(x.gather(1, Tensor::zeros({3, 1}, DType::i64)),
                       "gather: the index [3, 1] is longer than the tensor [2, 5] at axis 0",
                       ShapeError);
  CHECK_THROWS_WITH_AS(x.gather(1, x), "gather: an index must be i32 or i64, got f32", DTypeError);
  CHECK_THROWS_WITH_AS(x.gather(2, ints({0}, {1, 1})), "gather: axis 2 is out of range for 2 axes",
                       IndexError);
  CHECK_THROWS_WITH_AS(x.index_select(0, ints({0, 2}, {2})),
                       "index_select: index 2 at [1] is out of range for axis 0 of [2, 5]",
                       IndexError);
  CHECK_THROWS_WITH_AS(x.index_select(0, ints({0}, {1, 1})),
                       "index_select: the index must have one axis, got [1, 1]", ShapeError);
  CHECK_THROWS_WITH_AS(x.scatter_add(0, ints({0, 1}, {1, 2}), Tensor::zeros({2, 1})),
                       "scatter_add: the source [2, 1] must have the shape of the index, [1, 2]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(x.scatter_add(0, ints({0, 1}, {1, 2}), Tensor::zeros({1, 2}, DType::f64)),
                       "scatter_add: the source holds f64, the tensor f32; cast one of them",
                       DTypeError);
  CHECK_THROWS_WITH_AS(ints({0, 3}, {2}).one_hot(3),
                       "one_hot: label 3 at [1] is outside the classes 0 to 2", ValueError);
  CHECK_THROWS_WITH_AS(ints({-1}, {1}).one_hot(3),
                       "one_hot: label -1 at [0] is outside the classes 0 to 2", ValueError);
  CHECK_THROWS_WITH_AS(ints({0}, {1}).one_hot(0), "one_hot: needs at least one class, got 0",
                       ValueError);
}

TEST_CASE("index_select: its gradient has the same bits at any number of threads") {
  const Tensor x = normal({50, 333}).cast(DType::f32);
  Rng rng(3);
  const Tensor index = Tensor::randint({4000}, 0, 50, rng), dy = Tensor::randn({4000, 333}, rng);
  const auto gradient = [&](int threads) {
    const ThreadScope scope(threads);
    Tape tape{x};
    return tape.gradient((x.index_select(0, index) * dy).sum(), {x})[0].to_vector<float>();
  };
  const Floats one = gradient(1);
  CHECK(gradient(2) == one);
  CHECK(gradient(3) == one);
  Tensor sums = Tensor::zeros({50, 333});
  sums = sums.scatter_add(0, index.unsqueeze(1).expand({4000, 333}), dy);
  CHECK(sums.to_vector<float>() == one);
}
