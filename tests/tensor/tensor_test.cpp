// Making tensors, asking about them, converting them; memory that is freed elsewhere.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <thread>

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
  CHECK_THROWS_AS(Tensor::from(values, {2, 2}), ShapeError);

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
  CHECK(Tensor::eye(2).to_vector<float>() == std::vector<float>{1, 0, 0, 1});
  CHECK(Tensor::full({2}, 7, DType::u8).to_vector<uint8_t>() == std::vector<uint8_t>{7, 7});
  CHECK(Tensor::zeros({}).item<float>() == 0);
  CHECK_THROWS_WITH_AS(Tensor::full({2}, 0.5, DType::i32),
                       "full: 0.5 does not fit i32; use a dtype that holds it", DTypeError);
  CHECK_THROWS_AS(Tensor::arange(0, 1, 0), ValueError);
  CHECK_THROWS_AS(Tensor::zeros({-1}), ShapeError);
  CHECK_THROWS_AS(Tensor::zeros({int64_t{1} << 40, int64_t{1} << 40}), OutOfMemory);
  CHECK_THROWS_AS(Tensor::zeros({1, 1, 1, 1, 1, 1, 1, 1, 1}), ShapeError);
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
  CHECK_THROWS_AS(Tensor::zeros({2, 2}).t().data<float>(), ShapeError);
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
