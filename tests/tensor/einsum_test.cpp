// einsum and tensordot: what the rows of the op table leave out.
#include "attune/tensor/tensor.h"
#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

Tensor numbers(const Shape& shape, int64_t seed = 1) {
  Rng rng = Rng(6).fork(seed);
  return Tensor::randn(shape, rng, DType::f64);
}
bool close(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && (a.numel() == 0 || (a - b).abs().max().item<double>() < 1e-12);
}

}  // namespace

TEST_CASE("einsum: what the letters say") {
  const Tensor a = numbers({3, 4}), b = numbers({4, 5}, 2), c = numbers({5, 3}, 3);
  const Tensor square = numbers({4, 4}, 4), batch = numbers({2, 3, 4}, 5);
  CHECK(close(einsum("ij,jk", {a, b}), a.matmul(b)));
  CHECK(close(einsum("ij, jk -> ki", {a, b}), a.matmul(b).t()));
  CHECK(close(einsum("ij,jk,ki->", {a, b, c}), a.matmul(b).matmul(c).diagonal().sum()));
  CHECK(close(einsum("ba", {a}), a.t()));  // the result has its letters in order
  CHECK(close(einsum("ij->", {a}), a.sum()));
  CHECK(close(einsum("ii->i", {square}), square.diagonal()));
  CHECK(close(einsum("ii", {square}), square.diagonal().sum()));
  CHECK(close(einsum("i,j->ij", {a[0], b[0]}), a[0].outer(b[0])));
  CHECK(close(einsum("i,i", {a[0], square[1]}), a[0].dot(square[1])));
  CHECK(close(einsum("ij,ij->ij", {a, a}), a * a));
  CHECK(close(einsum("...j,jk->...k", {batch, b}), batch.matmul(b)));
  CHECK(close(einsum("b...,...->b", {batch, a}), (batch * a).sum({1, 2})));
  CHECK(close(einsum("ij,j->i", {a, Tensor({2.})}), (a * 2).sum(1)));  // size 1 broadcasts
  CHECK(close(einsum("bij,bkj->bik", {batch, batch}), batch.matmul(batch.t())));
  CHECK(close(einsum("ij,jk->ik", {a, numbers({4, 0})}), Tensor::zeros({3, 0}, DType::f64)));
  CHECK(einsum("i,i->", {Tensor({1, 2, 3}), Tensor({4, 5, 6})}).item<int32_t>() == 32);
  CHECK(einsum("ij,jk", {a.cast(DType::f16), b.cast(DType::f16)}).dtype() == DType::f16);
}

TEST_CASE("tensordot: last axes with first ones, or those named") {
  const Tensor a = numbers({2, 3, 4}), b = numbers({3, 4, 5}, 2), c = numbers({4, 2}, 3);
  CHECK(close(tensordot(a, b), a.reshape({2, 12}).matmul(b.reshape({12, 5}))));
  CHECK(close(tensordot(a, c, {2, 0}, {0, 1}), einsum("ijk,ki->j", {a, c})));
  CHECK(close(tensordot(c, a[0], 0), einsum("ij,kl->ijkl", {c, a[0]})));
  CHECK_THROWS_AS(tensordot(a, b, 4), ValueError);
  CHECK(close(tensordot(a, Tensor({2.}), 1), a.sum(2) * 2));  // size 1 broadcasts
  CHECK_THROWS_AS(tensordot(a, b, {0}, {0}), ShapeError);
  CHECK_THROWS_AS(tensordot(a, b, {1, 1}, {0, 0}), ValueError);
}

TEST_CASE("einsum: mistakes") {
  const Tensor a = numbers({3, 4}), b = numbers({5, 2});
  CHECK_THROWS_AS(einsum("ij,jk->ik", {a, b}), ShapeError);
  CHECK_THROWS_AS(einsum("ij->ik", {a}), ValueError);
  CHECK_THROWS_AS(einsum("ij->ii", {a}), ValueError);
  CHECK_THROWS_AS(einsum("ijk->i", {a}), ShapeError);
  CHECK_THROWS_AS(einsum("ij,jk", {a}), ValueError);
  CHECK_THROWS_AS(einsum("i1", {a}), ValueError);
  CHECK_THROWS_AS(einsum("i..", {a}), ValueError);
  CHECK_THROWS_AS(einsum("......", {a}), ValueError);
  CHECK_THROWS_AS(einsum("ii", {a}), ShapeError);
  CHECK_THROWS_AS(einsum("", {}), ValueError);
  CHECK_THROWS_AS(einsum("i", {Tensor({true})}), DTypeError);
  CHECK_THROWS_AS(einsum("ij->->i", {a}), ValueError);
}
