// What the rows of op_rows_linear_algebra.cpp leave out: factors without a gradient, batches,
// singular matrices, and mistakes.
#include "attune/tensor/tensor.h"
#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

Tensor numbers(const Shape& shape, int64_t seed = 1) {
  Rng rng = Rng(5).fork(seed);
  return Tensor::randn(shape, rng, DType::f64);
}
double apart(const Tensor& a, const Tensor& b) {
  return a.numel() == 0 ? 0 : (a - b).abs().max().item<double>();
}

}  // namespace

TEST_CASE("linear algebra: factors multiply to the matrix") {
  for (const Shape& shape :
       {Shape{3, 3}, Shape{5, 2}, Shape{2, 5}, Shape{1, 1}, Shape{2, 3, 4, 3}}) {
    CAPTURE(shape.rank());
    const Tensor x = numbers(shape);
    const auto [u, s, vt] = x.svd();
    CHECK(apart((u * s.unsqueeze(-2)).matmul(vt), x) < 1e-12);
    CHECK(apart(u.t().matmul(u),
                Tensor::eye(u.size(-1), DType::f64).expand(u.t().matmul(u).shape())) < 1e-12);
    for (int64_t i = 1; i < s.size(-1); ++i) {
      CHECK(s.narrow(-1, i - 1, 1).ge(s.narrow(-1, i, 1)).all().item<bool>());
    }
    const auto [q, r] = x.qr();
    CHECK(apart(q.matmul(r), x) < 1e-12);
    CHECK(apart(r, r.triu()) == 0);
    const Tensor gram = x.t().matmul(x);
    const auto [values, vectors] = gram.eigh();
    CHECK(apart(vectors.matmul(values.unsqueeze(-1) * vectors.t()), gram) < 1e-11);
  }
  CHECK(Tensor::zeros({0, 3}).svd().s.shape() == Shape{0});
  CHECK(Tensor::zeros({3, 0}).qr().q.shape() == Shape({3, 0}));
  CHECK(Tensor::eye(3).svd().s.dtype() == DType::f32);
  CHECK(Tensor::eye(3).cast(DType::bf16).eigh().vectors.dtype() == DType::bf16);
}

TEST_CASE("linear algebra: batches broadcast, and vectors are solved for") {
  const Tensor a = numbers({4, 3, 3}) + 4 * Tensor::eye(3, DType::f64), b = numbers({2, 1, 3, 2});
  const Tensor x = a.solve(b);
  CHECK(x.shape() == Shape({2, 4, 3, 2}));
  CHECK(apart(a.matmul(x), b.expand(x.shape())) < 1e-12);
  const Tensor y = a[0].solve(numbers({3}));
  CHECK(y.shape() == Shape{3});
  CHECK(apart(a[0].matmul(y), numbers({3})) < 1e-12);
  CHECK(apart(a.inverse().matmul(a), Tensor::eye(3, DType::f64).expand(a.shape())) < 1e-12);
  CHECK(a.det().shape() == Shape{4});
  const Tensor upper = a.triu();
  CHECK(apart(upper.matmul(upper.triangular_solve(b, true)), b.expand(x.shape())) < 1e-12);
  const Tensor unit = a.tril(-1) + Tensor::eye(3, DType::f64);
  CHECK(apart(unit.matmul(a.triangular_solve(b, false, true)), b.expand(x.shape())) < 1e-11);
}

TEST_CASE("lstsq: the shortest of the best") {
  const Tensor tall = numbers({6, 2}), b = numbers({6, 3}), x = tall.lstsq(b);
  CHECK(apart(tall.t().matmul(tall.matmul(x)), tall.t().matmul(b)) <
        1e-12);  // the normal equations
  const Tensor wide = numbers({2, 5}), c = numbers({2});
  const Tensor y = wide.lstsq(c);
  CHECK(apart(wide.matmul(y), c) < 1e-12);
  const Tensor shortest = wide.t().matmul(wide.matmul(wide.t()).solve(c));
  CHECK(apart(y, shortest) < 1e-12);
  const Tensor twice({{1., 1.}, {2., 2.}});  // of rank 1
  CHECK(apart(twice.lstsq(Tensor({2., 4.})), Tensor({1., 1.})) < 1e-12);
}

TEST_CASE("det: gradients where the matrix is singular") {
  const Tensor x({{1., 2.}, {2., 4.}});
  const auto f = [](std::span<const Tensor> at) { return at[0].det(); };
  CHECK(gradient_error(f, {x}) < 1e-6);
  CHECK(second_gradient_error(f, {x}) < 1e-5);
  const Tensor zero = Tensor::zeros({3, 3}, DType::f64);
  CHECK(gradient_error(f, {zero}) < 1e-6);
}

TEST_CASE("linear algebra: mistakes") {
  CHECK_THROWS_AS(Tensor::ones({2, 2}).solve(Tensor::ones({2})), ValueError);
  CHECK_THROWS_AS(Tensor::ones({2, 2}).inverse(), ValueError);
  CHECK_THROWS_AS((-Tensor::eye(2)).cholesky(), ValueError);
  CHECK_THROWS_AS(Tensor::zeros({2, 2}).triangular_solve(Tensor::ones({2, 1})), ValueError);
  CHECK_THROWS_AS(Tensor::ones({2, 3}).inverse(), ShapeError);
  CHECK_THROWS_AS(Tensor::ones({3}).svd(), ShapeError);
  CHECK_THROWS_AS(Tensor::eye(2).solve(Tensor::ones({3})), ShapeError);
  CHECK_THROWS_AS(Tensor::eye(2, DType::i64).det(), DTypeError);
  CHECK_THROWS_AS(Tensor::full({2, 2}, kNan).svd(), ValueError);
  CHECK_THROWS_AS(Tensor::full({2, 2}, kInf).eigh(), ValueError);
  const Tensor x = numbers({3, 3});
  Tape tape({x});
  const Tensor s = x.lstsq(numbers({3})).sum();
  CHECK_THROWS_AS(tape.gradient(s, {x}), ValueError);  // not silently 0
}

TEST_CASE("linear algebra: gradients of svd, eigh and qr, and of these gradients") {
  using Part = Tensor (*)(const Tensor& x);
  const auto check_part = [](Part part, const Shape& shape) {
    const TensorFunction f = [&](std::span<const Tensor> in) { return part(in[0]); };
    const std::vector<Tensor> at{numbers(shape)};
    CAPTURE(shape.to_string());
    CHECK(support::gradient_error(f, at) < 1e-7);
    CHECK(support::second_gradient_error(f, at) < 2e-5);
  };
  for (const Shape& shape :
       {Shape{3, 3}, Shape{5, 3}, Shape{2, 4}, Shape{1, 1}, Shape{1, 3}, Shape{2, 4, 2}}) {
    check_part([](const Tensor& x) { return x.svd().u; }, shape);
    check_part([](const Tensor& x) { return x.svd().s; }, shape);
    check_part([](const Tensor& x) { return x.svd().vt; }, shape);
    check_part([](const Tensor& x) { return x.qr().q; }, shape);
    check_part([](const Tensor& x) { return x.qr().r; }, shape);
  }
  for (const Shape& shape : {Shape{3, 3}, Shape{1, 1}, Shape{2, 4, 4}}) {
    check_part([](const Tensor& x) { return (x + x.t()).eigh().values; }, shape);
    check_part([](const Tensor& x) { return (x + x.t()).eigh().vectors; }, shape);
  }
  // All factors at once: the gradient of what they multiply to is that of x.
  const Tensor x = numbers({2, 3, 4}), weight = numbers({2, 3, 4});
  Tape tape({x});
  const auto [u, s, vt] = x.svd();
  const auto [q, r] = x.qr();
  const Tensor y = (u * s.unsqueeze(-2)).matmul(vt) + q.matmul(r);
  CHECK(apart(tape.gradient((y * weight).sum(), {x})[0], weight * 2) < 1e-12);
}
