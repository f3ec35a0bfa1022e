#include <doctest/doctest.h>

#include <limits>

#include "attune/tensor/tape.h"

using namespace attune;

namespace {
using Floats = std::vector<float>;
constexpr PadMode kModes[] = {PadMode::constant, PadMode::reflect, PadMode::replicate};
}  // namespace

TEST_CASE("pad: one axis, each mode, as NumPy has it") {
  const Tensor x({1.f, 2.f, 3.f, 4.f});
  CHECK(x.pad({{2, 1}}).to_vector<float>() == Floats{0, 0, 1, 2, 3, 4, 0});
  CHECK(x.pad({{2, 1}}, PadMode::constant, -5).to_vector<float>() ==
        Floats{-5, -5, 1, 2, 3, 4, -5});
  CHECK(x.pad({{3, 2}}, PadMode::reflect).to_vector<float>() == Floats{4, 3, 2, 1, 2, 3, 4, 3, 2});
  CHECK(x.pad({{2, 3}}, PadMode::replicate).to_vector<float>() ==
        Floats{1, 1, 1, 2, 3, 4, 4, 4, 4});
}

TEST_CASE("pad: several axes; fewer widths than axes are counted from the last") {
  const Tensor x({{1.f, 2.f}, {3.f, 4.f}});
  CHECK(x.pad({{1, 0}, {0, 1}}).to_vector<float>() == Floats{0, 0, 0, 1, 2, 0, 3, 4, 0});
  CHECK(x.pad({{1, 0}}).to_vector<float>() == Floats{0, 1, 2, 0, 3, 4});
  CHECK(x.pad({{1, 1}, {1, 1}}, PadMode::reflect).to_vector<float>() ==
        Floats{4, 3, 4, 3, 2, 1, 2, 1, 4, 3, 4, 3, 2, 1, 2, 1});
  CHECK(x.t().pad({{0, 1}, {1, 0}}, PadMode::replicate).to_vector<float>() ==
        Floats{1, 1, 3, 2, 2, 4, 2, 2, 4});
}

TEST_CASE("pad: every dtype, empty and 0-d tensors") {
  for (const DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8}) {
    for (const PadMode mode : kModes) {
      const Tensor y = Tensor::arange(1, 4).cast(dtype).pad({{1, 1}}, mode, 7);
      const float low = mode == PadMode::constant ? 7 : mode == PadMode::reflect ? 2 : 1;
      const float high = mode == PadMode::constant ? 7 : mode == PadMode::reflect ? 2 : 3;
      CHECK(y.dtype() == dtype);
      CHECK(y.cast(DType::f32).to_vector<float>() == Floats{low, 1, 2, 3, high});
    }
  }
  CHECK(Tensor({true}).pad({{1, 0}}).to_vector<bool>() == std::vector<bool>{false, true});
  CHECK(Tensor::zeros({0}).pad({{1, 2}}, PadMode::constant, 4).to_vector<float>() ==
        Floats{4, 4, 4});
  CHECK(Tensor::zeros({2, 0}).pad({{1, 0}, {0, 0}}, PadMode::replicate).shape() == Shape{3, 0});
  CHECK(Tensor(3.f).pad({}).item<float>() == 3);
}

TEST_CASE("pad: gradients, and gradients of gradients") {
  Rng rng(2);
  const std::vector<Tensor> x{Tensor::randn({3, 4, 3}, rng, DType::f64)};
  for (const PadMode mode : kModes) {
    const auto f = [&](std::span<const Tensor> in) {
      return in[0].transpose(0, 1).pad({{1, 2}, {2, 0}, {1, 2}}, mode, 0.5).square();
    };
    CHECK(gradcheck(f, x) < 1e-6);
    const auto slope = [&](std::span<const Tensor> in) {
      Tape tape(in);
      const Tensor loss = (f(in) * f(in)).sum();
      return tape.gradient(loss, in)[0];
    };
    CHECK(gradcheck(slope, x) < 1e-6);
  }
}

TEST_CASE("pad: a long axis of an empty tensor costs nothing") {
  constexpr int64_t kLong = int64_t{1} << 40;
  for (const PadMode mode : {PadMode::constant, PadMode::replicate}) {
    const Tensor x = Tensor::zeros({0, 1});
    Tape tape({x});
    const Tensor y = x.pad({{kLong, kLong}}, mode);
    CHECK(y.shape() == Shape{0, 2 * kLong + 1});
    CHECK(tape.gradient(y.sum(), {x})[0].shape() == Shape{0, 1});
  }
}

TEST_CASE("pad: every mistake is named") {
  const Tensor x = Tensor::zeros({2, 3});
  CHECK_THROWS_WITH_AS(x.pad({{1, 1}, {1, 1}, {1, 1}}),
                       "pad: widths for 3 axes given, the tensor is [2, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(x.pad({{-1, 0}}),
                       "pad: widths must not be negative, got (-1, 0) for axis 1; use narrow to "
                       "take elements away",
                       ValueError);
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  for (const PadMode mode : {PadMode::constant, PadMode::replicate}) {
    CHECK_THROWS_AS(x.pad({{kMax, kMax}, {0, 0}}, mode), OutOfMemory);
    CHECK_THROWS_AS(x.pad({{kMax, 0}, {0, kMax}}, mode), OutOfMemory);
    CHECK_THROWS_AS(x.pad({{0, kMax / 16}}, mode), OutOfMemory);
  }
  CHECK_THROWS_AS(Tensor::zeros({0}).pad({{kMax, kMax}}, PadMode::replicate), ShapeError);
  CHECK_THROWS_WITH_AS(x.pad({{0, 3}}, PadMode::reflect),
                       "pad: reflecting (0, 3) needs more elements than axis 1 of [2, 3] has; at "
                       "most 2 can be reflected",
                       ShapeError);
  CHECK_THROWS_WITH_AS(Tensor::zeros({0}).pad({{1, 0}}, PadMode::replicate),
                       "pad: axis 0 of [0] has no edge to repeat", ShapeError);
  CHECK_THROWS_WITH_AS(Tensor::arange(0, 3).pad({{1, 0}}, PadMode::constant, 0.5),
                       "pad: 0.5 does not fit i64; use a dtype that holds it", DTypeError);
}
