// Making tensors, asking about them, converting them; memory that is freed elsewhere.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "attune/tensor/tape.h"
#include "attune/tensor/tensor.h"

using namespace attune;

TEST_CASE("tensor: nested lists") {
  const Tensor x({{1.f, 2.f}, {3.f, 4.f}});
  CHECK(x.shape() == Shape{2, 2});
  CHECK(x.dtype() == DType::f32);
  CHECK(Tensor({{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}}).shape() == Shape{2, 2, 2});
  CHECK(Tensor({1.0}).dtype() == DType::f64);
  CHECK(Tensor({true, false}).dtype() == DType::boolean);
  CHECK(Tensor(3.f).rank() == 0);
  CHECK_THROWS_AS(Tensor({{1.f, 2.f}, {3.f}}), ShapeError);
}

TEST_CASE("tensor: from, borrow and to_vector") {
  const std::vector<double> values{1, 2, 3, 4, 5, 6};
  const Tensor x = Tensor::from(values, {2, 3});
  CHECK(x.to_vector<double>() == values);
  CHECK(x.t().to_vector<double>() == std::vector<double>{1, 4, 2, 5, 3, 6});
  CHECK_THROWS_WITH_AS(Tensor::from(values, {2, 2}),
                       "from: got 6 values for the shape [2, 2], which has 4", ShapeError);
  CHECK_THROWS_AS(Tensor::from(values, {2, int64_t{1} << 40}), ShapeError);

  auto owner = std::make_shared<std::vector<double>>(values);
  const std::weak_ptr<std::vector<double>> watch = owner;
  Tensor b = Tensor::borrow(owner->data(), {6}, owner);
  CHECK(b.data<double>().data() == owner->data());
  owner.reset();
  Tensor view = b.narrow(0, 2, 2);
  b = Tensor();
  CHECK(!watch.expired());  // the view still needs it
  CHECK(view.to_vector<double>() == std::vector<double>{3, 4});
  view = Tensor();
  CHECK(watch.expired());
}

TEST_CASE("tensor: ranges and constants") {
  CHECK(Tensor::arange(2, 9, 3).to_vector<int64_t>() == std::vector<int64_t>{2, 5, 8});
  CHECK(Tensor::arange(3, 0, -1).to_vector<int64_t>() == std::vector<int64_t>{3, 2, 1});
  CHECK(Tensor::arange(3, 3).numel() == 0);
  CHECK(Tensor::linspace(0, 1, 5).to_vector<float>() ==
        std::vector<float>{0, 0.25f, 0.5f, 0.75f, 1});
  const double most = std::numeric_limits<double>::max();
  CHECK(Tensor::linspace(-most, most, 3, DType::f64).to_vector<double>() ==
        std::vector<double>{-most, 0, most});
  CHECK_THROWS_WITH_AS(Tensor::linspace(0, INFINITY, 3),
                       "linspace: needs finite bounds, got 0 and inf", ValueError);
  CHECK(Tensor::eye(2).to_vector<float>() == std::vector<float>{1, 0, 0, 1});
  CHECK(Tensor::full({2}, 7, DType::u8).to_vector<uint8_t>() == std::vector<uint8_t>{7, 7});
  CHECK(Tensor::zeros({}).item<float>() == 0);
  CHECK_THROWS_WITH_AS(Tensor::full({2}, 0.5, DType::i32),
                       "full: 0.5 does not fit i32; use a dtype that holds it", DTypeError);
  CHECK_THROWS_AS(Tensor::full({2}, ~uint64_t{0}, DType::i64), DTypeError);
  CHECK_THROWS_AS(Tensor::full({2}, uint64_t{1} << 63, DType::u8), DTypeError);
  CHECK(Tensor::full({1}, ~uint64_t{0}).item<float>() == 0x1p64f);
  CHECK_THROWS_AS(Tensor::eye(int64_t{1} << 32), OutOfMemory);
  CHECK_THROWS_AS(Tensor::zeros({-1}), ShapeError);
  CHECK_THROWS_AS(Tensor::zeros({int64_t{1} << 40, int64_t{1} << 40}), OutOfMemory);
  CHECK_THROWS_AS(Tensor::zeros({1, 1, 1, 1, 1, 1, 1, 1, 1}), ShapeError);
}

TEST_CASE("arange: its dtype is that of its arguments, unless it is given") {
  using Ints = std::vector<int64_t>;
  CHECK(Tensor::arange(0, 3).dtype() == DType::i64);
  const Tensor quarters = Tensor::arange(0, 1, 0.25);
  CHECK(quarters.dtype() == DType::f32);
  CHECK(quarters.to_vector<float>() == std::vector<float>{0, 0.25f, 0.5f, 0.75f});
  CHECK(Tensor::arange(0, 2.5).to_vector<float>() == std::vector<float>{0, 1, 2});
  CHECK(Tensor::arange(0, 2.5, 1, DType::i64).to_vector<int64_t>() == Ints{0, 1, 2});
  CHECK(Tensor::arange(0, -2.5, -1, DType::i64).to_vector<int64_t>() == Ints{0, -1, -2});
  CHECK(Tensor::arange(1, 0, -0.5, DType::f64).to_vector<double>() == std::vector<double>{1, 0.5});
  CHECK(Tensor::arange(0, 2, 1, DType::boolean).to_vector<bool>() ==
        std::vector<bool>{false, true});
  CHECK(Tensor::arange(0, 300, 100, DType::u8).to_vector<uint8_t>() ==
        std::vector<uint8_t>{0, 100, 200});
  CHECK_THROWS_WITH_AS(Tensor::arange(0, 600, 200, DType::u8),
                       "arange: 400 does not fit u8; use a dtype that holds it", DTypeError);
  CHECK_THROWS_AS(Tensor::arange(-1, 2, 1, DType::u8), DTypeError);
  CHECK_THROWS_AS(Tensor::arange(0, 3, 1, DType::boolean), DTypeError);
  CHECK_THROWS_AS(Tensor::arange(0, 1, 0.25, DType::i64), DTypeError);
}

TEST_CASE("arange: exact for every integer, and never too many") {
  using Ints = std::vector<int64_t>;
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kOdd = (int64_t{1} << 53) + 1;  // no double
  CHECK(Tensor::arange(kOdd, kOdd + 2).to_vector<int64_t>() == Ints{kOdd, kOdd + 1});
  CHECK(Tensor::arange(kOdd, kOdd + 3).numel() == 3);
  CHECK(Tensor::arange(kMax - 2, kMax).to_vector<int64_t>() == Ints{kMax - 2, kMax - 1});
  CHECK(Tensor::arange(kMin, kMax, int64_t{1} << 62).to_vector<int64_t>() ==
        Ints{kMin, -(int64_t{1} << 62), 0, int64_t{1} << 62});
  CHECK(Tensor::arange(kMax, kMin, kMin).to_vector<int64_t>() == Ints{kMax, -1});
  CHECK(Tensor::arange(0, kMin).numel() == 0);
  CHECK_THROWS_AS(Tensor::arange(0, 1, 0), ValueError);
  CHECK_THROWS_WITH_AS(Tensor::arange(0, 1e30),
                       "arange: no memory for the numbers from 0 to 1e+30 by 1", OutOfMemory);
  CHECK_THROWS_AS(Tensor::arange(kMin, kMax), OutOfMemory);
  CHECK_THROWS_AS(Tensor::arange(0.5, 1, 1e-300), OutOfMemory);
}

TEST_CASE("tensor: constants and ranges in every dtype, and what only moves elements") {
  using enum DType;
  for (const DType dtype : {f32, f64, f16, bf16, i8, i32, i64, u8}) {
    CAPTURE(dtype);
    const auto values = [&](const Tensor& x) {
      CHECK(x.dtype() == dtype);
      return x.cast(f64).to_vector<double>();
    };
    using Numbers = std::vector<double>;
    CHECK(values(Tensor::full({2}, 3, dtype)) == Numbers{3, 3});
    CHECK(values(Tensor::ones({2}, dtype)) == Numbers{1, 1});
    CHECK(values(Tensor::eye(2, dtype)) == Numbers{1, 0, 0, 1});
    const Tensor x = Tensor::arange(0, 6, 1, dtype).reshape({2, 3});
    CHECK(values(x) == Numbers{0, 1, 2, 3, 4, 5});
    CHECK(values(x.t()) == Numbers{0, 3, 1, 4, 2, 5});
    CHECK(values(x.pad({{1, 0}}, PadMode::constant, 7)) == Numbers{7, 0, 1, 2, 7, 3, 4, 5});
    CHECK(values(cat({x, x[{Slice{0, 1}}]})) == Numbers{0, 1, 2, 3, 4, 5, 0, 1, 2});
    CHECK(values(stack({x[1], x[0]})) == Numbers{3, 4, 5, 0, 1, 2});
    const Tensor at = Tensor({int64_t{2}, int64_t{0}});
    CHECK(values(x.index_select(1, at)) == Numbers{2, 0, 5, 3});
    CHECK(values(x[0].gather(0, at)) == Numbers{2, 0});
    CHECK(values(x[0].scatter_add(0, at, x[1].narrow(0, 0, 2))) == Numbers{4, 1, 5});
  }
  for (const DType dtype : {f32, f64, f16, bf16}) {
    CHECK(Tensor::linspace(0, 1, 3, dtype).cast(f64).to_vector<double>() ==
          std::vector<double>{0, 0.5, 1});
  }
}

TEST_CASE("tensor: gradients of what moves elements, in every floating dtype") {
  const Tensor at = Tensor({int64_t{2}, int64_t{0}, int64_t{2}});
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
    CAPTURE(dtype);
    const Tensor x = Tensor::arange(1, 4, 1, dtype);
    const auto slope = [&](auto f) {
      Tape tape{x};
      const Tensor g = tape.gradient(f(x).cast(DType::f32).sum(), {x})[0];
      CHECK(g.dtype() == dtype);
      return g.cast(DType::f64).to_vector<double>();
    };
    using Numbers = std::vector<double>;
    CHECK(slope([&](const Tensor& t) { return t.gather(0, at); }) == Numbers{1, 0, 2});
    CHECK(slope([&](const Tensor& t) { return t.index_select(0, at); }) == Numbers{1, 0, 2});
    CHECK(slope([&](const Tensor& t) { return t.scatter_add(0, at, t); }) == Numbers{2, 2, 2});
    CHECK(slope([](const Tensor& t) {
            return t.pad({{2, 1}}, PadMode::reflect);
          }) == Numbers{1, 3, 2});
    CHECK(slope([](const Tensor& t) { return t.pad({{2, 1}}); }) == Numbers{1, 1, 1});
    CHECK(slope([](const Tensor& t) { return cat({t[{Slice{0, 1}}], t}); }) == Numbers{2, 1, 1});
    CHECK(slope([](const Tensor& t) { return t.expand({3, 3}); }) == Numbers{3, 3, 3});
  }
}

TEST_CASE("tensor: what cannot be made does not compile") {
  CHECK(!std::is_constructible_v<Tensor, float*>);  // was a boolean tensor
  CHECK(!std::is_constructible_v<Tensor, const char*>);
  CHECK(std::is_constructible_v<Tensor, bool>);
}

TEST_CASE("tensor: cast from each dtype to each") {
  const std::vector<double> values{0, 1, 3};
  const DType dtypes[] = {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8};
  for (const DType from : dtypes) {
    for (const DType to : dtypes) {
      const Tensor x = Tensor::from(values, {3}).cast(from).cast(to);
      CHECK(x.dtype() == to);
      CHECK(x.cast(DType::f64).to_vector<double>() == values);
    }
    CHECK(Tensor::from(values, {3}).cast(from).cast(DType::boolean).to_vector<bool>() ==
          std::vector<bool>{false, true, true});
  }
  const Tensor odd({1.9, -1.9, 1e30, -1e30, std::nan("")});
  CHECK(odd.cast(DType::i32).to_vector<int32_t>() ==
        std::vector<int32_t>{1, -1, std::numeric_limits<int32_t>::max(),
                             std::numeric_limits<int32_t>::min(), 0});
}

TEST_CASE("tensor: item and data say what is wrong") {
  const Tensor x({{1.f, 2.f}});
  CHECK((x[{0, 1}].item<float>() == 2));
  CHECK_THROWS_WITH_AS(x.item<float>(), "item: needs a tensor of one element, got [1, 2]",
                       ShapeError);
  CHECK_THROWS_WITH_AS((x[{0, 1}].item<double>()),
                       "item: the tensor holds f32, not f64; cast it first", DTypeError);
  CHECK_THROWS_AS(x.data<int32_t>(), DTypeError);
  const Tensor turned = Tensor::zeros({2, 2}).t();
  CHECK_THROWS_AS(turned.data<float>(), ShapeError);
  CHECK_THROWS_WITH_AS(x.size(2), "size: axis 2 is out of range for 2 axes", IndexError);
  CHECK_THROWS_WITH_AS(Tensor().shape(), "shape: the tensor is undefined (made by Tensor())",
                       ValueError);
  CHECK(!Tensor().defined());
}

TEST_CASE("tensor: a value; ops change nobody's elements") {
  Tensor a({1.f, 2.f});
  const Tensor b = a;
  a = a + 1;
  CHECK(b.to_vector<float>() == std::vector<float>{1, 2});
  CHECK(a.to_vector<float>() == std::vector<float>{2, 3});
  a = std::move(a).detach();
  CHECK(a.to_vector<float>() == std::vector<float>{2, 3});
}

TEST_CASE("tensor: made on one thread, freed on another") {
  std::vector<Tensor> made;
  for (int round = 0; round < 20; ++round) {
    std::thread([&] {
      for (int64_t i = 0; i < 200; ++i) made.push_back(Tensor::full({i % 37 + 1}, i, DType::i64));
    }).join();
    for (int64_t i = 0; i < 200; ++i) {
      REQUIRE(made[static_cast<size_t>(i)][-1].item<int64_t>() == i);
    }
    made.clear();  // on this thread, whose own makings must not disturb each other afterwards
    const Tensor x = Tensor::full({37}, 1, DType::i64), y = Tensor::full({37}, 2, DType::i64);
    CHECK(x.data<int64_t>().data() != y.data<int64_t>().data());
    CHECK(x[36].item<int64_t>() == 1);
  }
}

TEST_CASE("tensor: shared between threads that all use and drop it") {
  for (int round = 0; round < 50; ++round) {
    Tensor x = Tensor::ones({1000});
    std::vector<std::thread> threads;
    std::array<float, 4> sums{};
    for (size_t i = 0; i < 4; ++i) {
      threads.emplace_back([x, &sum = sums[i]] {
        Tensor y = x.narrow(0, 0, 500) + x.narrow(0, 500, 500);
        sum = y.sum().item<float>();
      });
    }
    x = Tensor();
    for (std::thread& thread : threads) thread.join();
    for (const float sum : sums) CHECK(sum == 1000);
  }
}
