// Indexing by tensors and masks, scatter, and the ops that arrange elements anew: what the rows of
// the op table leave out.
#include "attune/tensor/tensor.h"
#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

bool same(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() && a.eq(b).all().item<bool>();
}

}  // namespace

TEST_CASE("index: tensors choose along the axes that they stand for") {
  const Tensor x = Tensor::arange(0, 120).reshape({4, 5, 6});
  const Tensor i({1, -1, 0}), j({2, 0, 4});
  CHECK(same(x[i], stack({x[1], x[3], x[0]})));
  CHECK(same(x[{i, j}], stack({x[{1, 2}], x[{-1, 0}], x[{0, 4}]})));
  CHECK(same(x[{ellipsis, i}], x.index_select(2, i)));
  CHECK(same(x[{Slice{1, 3}, j}], x.narrow(0, 1, 2).index_select(1, j)));
  // Side by side they stand where the first was; apart they come first.
  CHECK(same(x[{Slice{}, j, i}], x[{0, j, i}].unsqueeze(0).expand({4, 3}) +
                                     Tensor({0, 30, 60, 90}).cast(DType::i64).unsqueeze(1)));
  CHECK(x[{i, Slice{}, j}].shape() == Shape({3, 5}));
  CHECK(same(x[{i, Slice{}, j}][0], x[{1, Slice{}, 2}]));
  // They broadcast.
  const Tensor rows({{0}, {2}});
  CHECK(same(x[{rows, j}][{1, 2}], x[{2, 4}]));
  CHECK(x[{rows, j}].shape() == Shape({2, 3, 6}));
  CHECK(x[{0, rows}].shape() == Shape({2, 1, 6}));
  CHECK(x[{new_axis, i}].shape() == Shape({1, 3, 5, 6}));
  CHECK(x[Tensor(2)].shape() == Shape({5, 6}));  // 0-d
  CHECK(same(x[Tensor(2)], x[2]));
  CHECK(x[Tensor::zeros({0}, DType::i64)].shape() == Shape({0, 5, 6}));
}

TEST_CASE("index: masks choose where they are true") {
  const Tensor x = Tensor::arange(0, 12).reshape({3, 4});
  const Tensor even = (x % 2).eq(0);
  CHECK(same(x[even], Tensor({0, 2, 4, 6, 8, 10}).cast(DType::i64)));
  const Tensor rows({true, false, true});
  CHECK(same(x[rows], stack({x[0], x[2]})));
  CHECK(same(x[{rows, Slice{1, 3}}], stack({x[0], x[2]}).narrow(1, 1, 2)));
  CHECK(same(x[{Slice{}, Tensor({false, true, false, false})}], x.narrow(1, 1, 1)));
  CHECK(x[Tensor::zeros({3, 4}, DType::boolean)].shape() == Shape{0});
}

TEST_CASE("index: gradients of what tensors choose, repeated places included") {
  Rng rng(3);
  const Tensor x = Tensor::randn({3, 4, 2}, rng, DType::f64);
  const Tensor i({2, 0, 2}), j({1, 1, 3});
  const auto f = [&](std::span<const Tensor> at) {
    return at[0][{i, j}].square().sum() + at[0][{Slice{}, i}].square().sum() +
           at[0][at[0].gt(0)].pow(3).sum();
  };
  CHECK(gradient_error(f, {x}) < 1e-6);
  CHECK(second_gradient_error(f, {x}) < 1e-5);
}

TEST_CASE("index: mistakes of tensors") {
  const Tensor x = Tensor::zeros({3, 4});
  CHECK_THROWS_AS(x[Tensor({3})], IndexError);
  CHECK_THROWS_AS(x[Tensor({0.5f})], DTypeError);
  CHECK_THROWS_AS(x[Tensor({true, false})], ShapeError);
  CHECK_THROWS_AS((x[{Tensor({0, 1}), Tensor({0, 1, 2})}]), ShapeError);
  CHECK_THROWS_AS((x[{Tensor({0}), Tensor({0}), Tensor({0})}]), IndexError);
  CHECK_THROWS_AS(x[Tensor()], ValueError);
  CHECK_THROWS_AS(x[Tensor(true)], ShapeError);
}

TEST_CASE("scatter: the last of several stays, and has the gradient") {
  const Tensor x = Tensor::zeros({3}, DType::f64), source({1., 2., 3.});
  const Tensor at({1, 1, 0});
  CHECK(same(x.scatter(0, at, source), Tensor({3., 2., 0.})));
  CHECK(same(x.scatter(0, at, 7), Tensor({7., 7., 0.})));
  Tape tape({x, source});
  const Tensor y = (x.scatter(0, at, source) * Tensor({10., 20., 30.})).sum();
  const auto grads = tape.gradient(y, {x, source});
  CHECK(same(grads[0], Tensor({0., 0., 30.})));
  CHECK(same(grads[1], Tensor({0., 20., 10.})));
}

TEST_CASE("order: unique values, their places and counts") {
  const Tensor x({{3, 1, 3}, {2, 1, 1}});
  const Tensor::Unique all = x.unique_all();
  CHECK(same(all.values, Tensor({1, 2, 3})));
  CHECK(same(all.counts, Tensor({3, 1, 2}).cast(DType::i64)));
  CHECK(same(all.values[all.inverse], x));
  CHECK(Tensor({kNan, 1., kNan}).unique().numel() == 3);  // NaN is different from NaN
  CHECK(Tensor::zeros({0}).unique().numel() == 0);
  CHECK_THROWS_AS(Tensor({3, 1}).searchsorted(Tensor({2})), ValueError);
  CHECK_THROWS_AS(Tensor({1., 2.}).quantile(1.5), ValueError);
  CHECK(Tensor({4., 1., 3., 2.}).median().item<double>() == 2);
  CHECK(Tensor({4., 1., 3., 2.}).quantile(0.5).item<double>() == 2.5);
}

TEST_CASE("arrange: mistakes") {
  const Tensor x = Tensor::zeros({3, 4});
  CHECK_THROWS_AS(x.unflatten(1, {3, -1}), ShapeError);
  CHECK_THROWS_AS(x.unflatten(1, {-1, -1}), ShapeError);
  const Tensor deep = Tensor::arange(0, 6).reshape({1, 1, 1, 2, 1, 1, 1, 3});  // all axes there are
  const Shape thrice{1, 2, 1, 3, 1, 1, 1, 2};
  CHECK(deep.tile(thrice).shape() == Shape{1, 2, 1, 6, 1, 1, 1, 6});
  CHECK(values(deep.repeat(thrice).reshape({2, 6, 6})[{1, Slice{2, 4}}]) ==
        values(Tensor::arange(0, 6).reshape({2, 3}).tile({1, 2})));
  CHECK(deep.tile({0, 1, 1, 1, 1, 1, 1, 1}).numel() == 0);
  CHECK_THROWS_AS(deep.roll(std::vector<int64_t>(9, 1), {0, 1, 2, 3, 4, 5, 6, 7, 0}), ShapeError);
  CHECK_THROWS_AS(tensordot(deep, deep, {0, 1, 2, 3, 4, 5, 6, 7, 0}, {0, 1, 2, 3, 4, 5, 6, 7, 0}),
                  ShapeError);
  CHECK_THROWS_AS(x.repeat({2}), ShapeError);
  CHECK_THROWS_AS(x.tile({-1}), ValueError);
  CHECK_THROWS_AS(x.split(std::vector<int64_t>{2, 3}, 1), ValueError);
  CHECK_THROWS_AS(x.chunk(0), ValueError);
  CHECK_THROWS_AS(x.shrink({{1, 5}}), IndexError);
  CHECK_THROWS_AS(x.diagonal(0, 1, 1), ValueError);
  CHECK_THROWS_AS(x[0].triu(), ShapeError);
  CHECK_THROWS_AS(x.roll({1, 2}, {0}), ValueError);
  CHECK_THROWS_AS(x.cast(DType::i32) % 0, ValueError);
  CHECK_THROWS_AS(x.bitcast(DType::f64), DTypeError);
  CHECK_THROWS_AS(Tensor({1}).cast(DType::u8).bitcast(DType::boolean), DTypeError);
  CHECK(Tensor(1.0f).bitcast(DType::i32).item<int32_t>() == 0x3F800000);
}

TEST_CASE("multinomial: shares follow the weights") {
  Rng rng(4);
  const Tensor weights({{1., 0., 3.}, {0., 2., 0.}});
  const Tensor many = Tensor::multinomial(weights, 4000, rng, true);
  CHECK(many.shape() == Shape({2, 4000}));
  CHECK(std::abs(many[0].eq(2).cast(DType::f64).mean().item<double>() - 0.75) < 0.03);
  CHECK(many[0].eq(1).any().item<bool>() == false);
  CHECK(many[1].eq(1).all().item<bool>());
  for (int i = 0; i < 20; ++i) {
    CHECK(same(Tensor::multinomial(weights[0], 2, rng).sort().values,
               Tensor({0, 2}).cast(DType::i64)));
  }
  CHECK_THROWS_AS(Tensor::multinomial(weights, 2, rng), ValueError);
  CHECK_THROWS_AS(Tensor::multinomial(Tensor({-1., 2.}), 1, rng), ValueError);
  CHECK_THROWS_AS(Tensor::multinomial(Tensor({kNan}), 1, rng), ValueError);
}
