#include <doctest/doctest.h>

#include "attune/tensor/tape.h"

using namespace attune;

namespace {

using Floats = std::vector<float>;

Tensor normal(const Shape& shape, int64_t seed) {
  Rng rng = Rng(5).fork(seed);
  return Tensor::randn(shape, rng, DType::f64);
}

// Both orders of gradient of f at x.
void check_gradients(const TensorFunction& f, const std::vector<Tensor>& x) {
  CHECK(gradcheck(f, x) < 1e-6);
  const auto slope = [&](std::span<const Tensor> in) {
    Tape tape(in);
    const Tensor loss = f(in).square().sum();
    return tape.gradient(loss, in)[0];
  };
  CHECK(gradcheck(slope, x) < 1e-6);
}

}  // namespace

TEST_CASE("cat: along each axis, in every dtype") {
  const Tensor a({{1.f, 2.f}, {3.f, 4.f}}), b({{5.f, 6.f}});
  for (const DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8}) {
    const Tensor y = cat({a.cast(dtype), b.cast(dtype)});
    CHECK(y.dtype() == dtype);
    CHECK(y.shape() == Shape{3, 2});
    CHECK(y.cast(DType::f32).to_vector<float>() == Floats{1, 2, 3, 4, 5, 6});
  }
  CHECK(cat({a, b.t()}, 1).to_vector<float>() == Floats{1, 2, 5, 3, 4, 6});
  CHECK(cat({a, b.t()}, -1).shape() == Shape{2, 3});
  CHECK(cat({a.t(), a.flip({0})}).to_vector<float>() == Floats{1, 3, 2, 4, 3, 4, 1, 2});
  CHECK(cat({Tensor({true}), Tensor({false})}).to_vector<bool>() == std::vector<bool>{true, false});
  CHECK(cat({a, Tensor::zeros({0, 2})}).to_vector<float>() == a.to_vector<float>());
  CHECK(cat({Tensor::zeros({2, 0}), Tensor::zeros({3, 0})}).shape() == Shape{5, 0});
  CHECK(cat({b, b.cast(DType::f64), b.cast(DType::i32)}).dtype() == DType::f64);
}

TEST_CASE("cat: empty vectors fit any shape, as in PyTorch") {
  const Tensor x = normal({2, 3}, 1), none = Tensor::zeros({0}, DType::f64);
  for (const int axis : {0, 1}) {
    const Tensor y = cat({none, x, none, x}, axis);
    CHECK(y.shape() == cat({x, x}, axis).shape());
    CHECK(y.to_vector<double>() == cat({x, x}, axis).to_vector<double>());
  }
  CHECK(cat({none, none}).shape() == Shape{0});
  CHECK(cat({none, x[0]}).shape() == Shape{3});
  Tape tape{x, none};
  const auto g = tape.gradient(cat({none, x.square()}).sum(), {x, none});
  CHECK(g[0].to_vector<double>() == (x * 2).to_vector<double>());
  CHECK(g[1].shape() == Shape{0});
}

TEST_CASE("cat: a middle axis of three, large enough for threads") {
  const Tensor a = normal({40, 7, 300}, 1), b = normal({40, 2, 300}, 2);
  const Tensor y = cat({a, b, a}, 1);
  CHECK(y.shape() == Shape{40, 16, 300});
  CHECK(y.narrow(1, 0, 7).to_vector<double>() == a.to_vector<double>());
  CHECK(y.narrow(1, 7, 2).to_vector<double>() == b.to_vector<double>());
  CHECK(y.narrow(1, 9, 7).to_vector<double>() == a.to_vector<double>());
}

TEST_CASE("stack: on each place of the new axis") {
  const Tensor a({1.f, 2.f}), b({3.f, 4.f});
  CHECK(stack({a, b}).to_vector<float>() == Floats{1, 2, 3, 4});
  CHECK(stack({a, b}, 1).to_vector<float>() == Floats{1, 3, 2, 4});
  CHECK(stack({a, b, a}, -1).shape() == Shape{2, 3});
  CHECK(stack({Tensor(1.f), Tensor(2.f)}).to_vector<float>() == Floats{1, 2});
  CHECK(stack({Tensor::zeros({0}), Tensor::zeros({0})}).shape() == Shape{2, 0});
  CHECK(stack({a, b.cast(DType::f64)}).dtype() == DType::f64);
}

TEST_CASE("cat and stack: gradients of every part") {
  const auto along = [](int axis) {
    return [axis](std::span<const Tensor> in) {
      return cat({in[0], in[1] * 2.0, in[0].square()}, axis);
    };
  };
  check_gradients(along(0), {normal({2, 3}, 1), normal({4, 3}, 2)});
  check_gradients(along(1), {normal({2, 3}, 1), normal({2, 1}, 2)});
  const auto stacked = [](std::span<const Tensor> in) {
    return stack({in[0], in[1].t(), in[0].exp()}, 1);
  };
  check_gradients(stacked, {normal({2, 3}, 1), normal({3, 2}, 2)});
}

TEST_CASE("cat: a part in another dtype gets its gradient in its own") {
  const Tensor a({1.f, 2.f}), b({3.0, 4.0}), labels = Tensor::arange(0, 2);
  Tape tape{a, b};
  const auto g = tape.gradient(cat({a, labels, b}).square().sum(), {a, b});
  CHECK(g[0].dtype() == DType::f32);
  CHECK(g[0].to_vector<float>() == Floats{2, 4});
  CHECK(g[1].to_vector<double>() == std::vector<double>{6, 8});
}

TEST_CASE("cat and stack: every mistake is named") {
  const Tensor a = Tensor::zeros({2, 3});
  CHECK_THROWS_WITH_AS(cat({}), "cat: needs at least one tensor", ValueError);
  CHECK_THROWS_WITH_AS(cat({Tensor(1.f)}), "cat: a 0-d tensor has no axis to join along; use stack",
                       ShapeError);
  CHECK_THROWS_WITH_AS(
      cat({a, Tensor::zeros({2, 4})}),
      "cat: tensor 1 is [2, 4], tensor 0 is [2, 3]; they may differ along axis 0 only", ShapeError);
  CHECK_THROWS_WITH_AS(
      cat({a, Tensor::zeros({3})}, 1),
      "cat: tensor 1 is [3], tensor 0 is [2, 3]; they may differ along axis 1 only", ShapeError);
  CHECK_THROWS_WITH_AS(cat({a, a}, 2), "cat: axis 2 is out of range for 2 axes", IndexError);
  CHECK_THROWS_WITH_AS(cat({a, Tensor()}), "cat: the tensor is undefined (made by Tensor())",
                       ValueError);
  CHECK_THROWS_WITH_AS(stack({a, a.t()}),
                       "stack: tensor 1 is [3, 2], tensor 0 is [2, 3]; all must have one shape",
                       ShapeError);
  CHECK_THROWS_WITH_AS(stack({a}, 3), "stack: axis 3 is out of range for 3 axes", IndexError);
  CHECK_THROWS_WITH_AS(stack({}), "stack: needs at least one tensor", ValueError);
}
