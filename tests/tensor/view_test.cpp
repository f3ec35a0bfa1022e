// Views: each shows the elements it should, copies nothing, and passes gradients back.
#include <doctest/doctest.h>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/tape.h"

using namespace attune;

namespace {

using Ints = std::vector<int64_t>;

Tensor counting(const Shape& shape) { return Tensor::arange(0, shape.numel()).reshape(shape); }
Ints ints(const Tensor& x) { return x.to_vector<int64_t>(); }

struct ViewCase {
  const char* name;
  Tensor (*view)(const Tensor&);  // of [2, 3, 4]
  Shape shape;
};

const ViewCase kViews[] = {
    {"reshape",
     [](const Tensor& x) {
       return x.reshape({4, -1});
     },
     {4, 6}},
    {"flatten", [](const Tensor& x) { return x.flatten(1); }, {2, 12}},
    {"permute",
     [](const Tensor& x) {
       return x.permute({2, 0, 1});
     },
     {4, 2, 3}},
    {"transpose", [](const Tensor& x) { return x.transpose(0, -1); }, {4, 3, 2}},
    {"t", [](const Tensor& x) { return x.t(); }, {2, 4, 3}},
    {"expand",
     [](const Tensor& x) {
       return x.unsqueeze(1).expand({2, 5, 3, 4});
     },
     {2, 5, 3, 4}},
    {"squeeze",
     [](const Tensor& x) {
       return x.reshape({2, 1, 12, 1}).squeeze(1);
     },
     {2, 12, 1}},
    {"unsqueeze", [](const Tensor& x) { return x.unsqueeze(-1); }, {2, 3, 4, 1}},
    {"flip",
     [](const Tensor& x) {
       return x.flip({0, 2});
     },
     {2, 3, 4}},
    {"reshape of a view",
     [](const Tensor& x) {
       return x.t().reshape({6, 4});
     },
     {6, 4}},
};

}  // namespace

TEST_CASE("views: shapes, and gradients of both orders") {
  Rng rng(1);
  const std::vector<Tensor> x{Tensor::randn({2, 3, 4}, rng, DType::f64)};
  for (const ViewCase& c : kViews) {
    CAPTURE(c.name);
    CHECK(c.view(x[0]).shape() == c.shape);
    const auto f = [&](std::span<const Tensor> in) { return c.view(in[0].square()); };
    CHECK(gradcheck(f, x) < 1e-6);
    const auto slope = [&](std::span<const Tensor> in) {
      Tape tape(in);
      const Tensor loss = f(in).square().sum();
      return tape.gradient(loss, in)[0];
    };
    CHECK(gradcheck(slope, x) < 1e-6);
  }
}

TEST_CASE("views: elements") {
  const Tensor x = counting({2, 3});
  CHECK(ints(x.t()) == Ints{0, 3, 1, 4, 2, 5});
  CHECK(ints(x.permute({1, 0})) == Ints{0, 3, 1, 4, 2, 5});
  CHECK(ints(x.flip({1})) == Ints{2, 1, 0, 5, 4, 3});
  CHECK(ints(x.flip({0, 1})) == Ints{5, 4, 3, 2, 1, 0});
  CHECK(ints(x.flip(Axes{})) == Ints{5, 4, 3, 2, 1, 0});
  CHECK(ints(x.t().reshape({2, 3})) == Ints{0, 3, 1, 4, 2, 5});
  CHECK(ints(counting({3, 1}).expand({3, 2})) == Ints{0, 0, 1, 1, 2, 2});
  CHECK(ints(counting({2, 3, 2}).transpose(0, 2)) == Ints{0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11});
  CHECK(x.reshape({3, -1}).shape() == Shape{3, 2});
  CHECK(counting({1, 2, 1}).squeeze().shape() == Shape{2});
  CHECK(Tensor(1.f).flatten().shape() == Shape{1});
  CHECK(Tensor(1.f).reshape({1, 1}).shape() == Shape{1, 1});
  CHECK(Tensor::zeros({0, 3}).reshape({3, 0}).shape() == Shape{3, 0});
  CHECK(Tensor::zeros({0, 3}).t().flip({0}).shape() == Shape{3, 0});
}

TEST_CASE("views: nothing is copied where nothing needs to be") {
  const Tensor x = counting({4, 6});
  const int64_t* first = x.data<int64_t>().data();
  const auto starts_at = [](const Tensor& y) { return y.data<int64_t>().data(); };
  CHECK(starts_at(x.reshape({24})) == first);
  CHECK(starts_at(x.t().t()) == first);
  CHECK(starts_at(x.flip({0}).flip({0})) == first);
  CHECK(starts_at(x.unsqueeze(0).squeeze(0)) == first);
  CHECK(starts_at(x.narrow(0, 2, 1)) == first + 12);
  CHECK(!x.t().is_contiguous());
  CHECK(x.t().strides() == Shape{1, 6});
  CHECK(starts_at(x.clone()) != first);
}

TEST_CASE("views: keep their base alive, and leave it as it was") {
  Tensor view;
  {
    const Tensor x = counting({100, 100});
    view = x.t()[99];
  }
  CHECK(view[0].item<int64_t>() == 99);
  CHECK(view[99].item<int64_t>() == 9999);
}

TEST_CASE("views: no product of sizes wraps") {
  constexpr int64_t kHuge = int64_t{1} << 62, kHalf = int64_t{1} << 32;
  CHECK_THROWS_AS(Tensor::zeros({4}).reshape({kHuge + 1, 4}), ShapeError);
  CHECK_THROWS_AS(Tensor::zeros({4}).reshape({kHuge + 1, 4, -1}), ShapeError);
  CHECK_THROWS_AS(Tensor::zeros({0}).reshape({kHalf, kHalf}), ShapeError);
  CHECK_THROWS_AS(Tensor::zeros({0}).reshape({kHalf, 0, kHalf}), ShapeError);
  CHECK_THROWS_AS(Tensor::zeros({0, kHalf, kHalf}), OutOfMemory);
  CHECK_THROWS_WITH_AS(Tensor::ones({1, 1}).expand({kHalf, kHalf}),
                       "expand: [4294967296, 4294967296] has more elements than 64 bits can count",
                       ShapeError);
  CHECK_THROWS_AS(Tensor::ones({3, 4}).expand({kHuge, 3, 4}), ShapeError);
  CHECK_THROWS_AS((Shape{kHalf, kHalf}.numel()), ShapeError);
  CHECK_THROWS_AS((Shape{kHalf, kHalf, 0}.numel()), ShapeError);
  const Tensor large = Tensor::ones({1}).expand({kHuge});
  CHECK(large.numel() == kHuge);
  CHECK(large[kHuge - 1].item<float>() == 1);
  CHECK_THROWS_AS(large.contiguous(), OutOfMemory);
  CHECK_THROWS_AS(large.to_vector<float>(), OutOfMemory);
  CHECK_THROWS_AS(large.split(1), OutOfMemory);
  CHECK_THROWS_AS(cat({large, large}), OutOfMemory);
  CHECK_THROWS_AS(stack({large, large, large, large}), OutOfMemory);
  CHECK(large.split(kHuge - 1)[1].numel() == 1);
}

TEST_CASE("views: none reaches outside its base") {
  using internal::make_view;
  const Tensor x = counting({2, 3}), row = x[1];
  CHECK(ints(make_view(row, {3}, {-1}, -1)) == Ints{2, 1, 0});  // in the base, if not in the row
  CHECK_THROWS_WITH_AS(make_view(x, {2, 3}, {3, 1}, 1),
                       "view: [2, 3] with strides [3, 1] from element 1 of [2, 3] reaches outside "
                       "it",
                       ShapeError);
  CHECK_THROWS_AS(make_view(row, {5}, {-1}, 0), ShapeError);
  CHECK_THROWS_AS(make_view(x, {1}, {1}, -1), ShapeError);
  CHECK_THROWS_AS(make_view(x, {3}, {int64_t{1} << 62}, 0), ShapeError);
  CHECK_THROWS_AS(make_view(x, {1}, {1}, int64_t{1} << 62), ShapeError);
  CHECK_THROWS_AS(make_view(Tensor::zeros({0}), {1}, {1}, 0), ShapeError);
}

TEST_CASE("views: what PyTorch takes besides") {
  const Tensor x = counting({2, 3}), scalar(3.f);
  CHECK(ints(x[0].t()) == Ints{0, 1, 2});
  CHECK(scalar.t().rank() == 0);
  CHECK(scalar.transpose(0, -1).item<float>() == 3);
  CHECK(scalar.squeeze(0).item<float>() == 3);
  CHECK(scalar.flip(-1).item<float>() == 3);
  CHECK_THROWS_AS(scalar.transpose(0, 1), IndexError);
  CHECK(x.unsqueeze(0).expand({4, -1, -1}).shape() == Shape{4, 2, 3});
  CHECK(x.unsqueeze(2).expand({5, -1, 3, 2}).shape() == Shape{5, 2, 3, 2});
}

TEST_CASE("views: every mistake is named") {
  const Tensor x = counting({2, 3});
  CHECK_THROWS_WITH_AS(x.reshape({4, 2}), "reshape: [2, 3] has 6 elements, [4, 2] has 8",
                       ShapeError);
  CHECK_THROWS_WITH_AS(x.reshape({4, -1}),
                       "reshape: 6 elements of [2, 3] cannot be arranged as [4, -1]", ShapeError);
  CHECK_THROWS_WITH_AS(x.reshape({-1, -1}), "reshape: only one size may be -1, got [-1, -1]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(x.reshape({-2, -3}), "reshape: sizes must not be negative, got [-2, -3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(x.unsqueeze(0).expand({-2, 2, 3}),
                       "expand: sizes must not be negative, except for -1 in place of a size of "
                       "[1, 2, 3], got [-2, 2, 3]",
                       ShapeError);
  CHECK_THROWS_AS(x.expand({-1, 2, 3}), ShapeError);  // no size of x to keep
  CHECK_THROWS_WITH_AS(x.permute({0}), "permute: 1 axes given for [2, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(x.permute({0, 0}), "permute: axis 0 is named twice", ValueError);
  CHECK_THROWS_WITH_AS(x.permute({0, 2}), "permute: axis 2 is out of range for 2 axes", IndexError);
  CHECK_THROWS_WITH_AS(x.transpose(0, 2), "transpose: axis 2 is out of range for 2 axes",
                       IndexError);
  CHECK_THROWS_WITH_AS(x.expand({4, 3}), "expand: [2, 3] does not broadcast to [4, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(x.expand({3}), "expand: [2, 3] does not broadcast to [3]", ShapeError);
  CHECK_THROWS_WITH_AS(x.squeeze(0), "squeeze: axis 0 of [2, 3] has size 2, not 1", ShapeError);
  CHECK_THROWS_WITH_AS(x.unsqueeze(3), "unsqueeze: axis 3 is out of range for 3 axes", IndexError);
  CHECK_THROWS_WITH_AS(x.flatten(1, 0), "flatten: axes 1 to 0 are in the wrong order", IndexError);
  CHECK_THROWS_AS(x.flip(2), IndexError);
  CHECK_THROWS_WITH_AS(x.flip({0, -2}), "flip: axis -2 is named twice", ValueError);
  CHECK_THROWS_WITH_AS(x.flip({0, 1, 0, 1, 0, 1, 0, 1, 0, 1}), "flip: 10 axes given for [2, 3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(x.reshape({1, 1, 6}).squeeze({0, 0}), "squeeze: axis 0 is named twice",
                       ValueError);
  CHECK_THROWS_WITH_AS(x.squeeze({0, 1, 0, 1, 0, 1, 0, 1, 0}), "squeeze: 9 axes given for [2, 3]",
                       ShapeError);
  CHECK_THROWS_AS(Tensor().t(), ValueError);
}
