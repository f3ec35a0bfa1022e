// matmul, dot, outer: NumPy's rules for axes and batches, any layout, gradients.

#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

// y[..., i, j] = sum over p of a[..., i, p] b[..., p, j], batches broadcast.
Tensor reference(const Tensor& a, const Tensor& b) {
  return (a.unsqueeze(-1) * b.unsqueeze(-3)).sum(-2);
}

}  // namespace

TEST_CASE("matmul: matrices and batches, every layout, both dtypes") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const auto& [sa, sb] :
         std::initializer_list<std::pair<Shape, Shape>>{{{3, 4}, {4, 5}},
                                                        {{1, 4}, {4, 1}},
                                                        {{2, 3, 4}, {2, 4, 5}},
                                                        {{2, 3, 4}, {4, 5}},
                                                        {{3, 4}, {2, 4, 5}},
                                                        {{2, 1, 3, 4}, {6, 4, 5}},
                                                        {{7, 1, 1}, {7, 1, 1}},
                                                        {{3, 1, 2, 1, 2, 3}, {1, 4, 1, 5, 3, 2}},
                                                        {{5, 1, 3}, {3, 4}},
                                                        {{2, 20, 33}, {2, 33, 40}}}) {
      CAPTURE(sa.to_string());
      CAPTURE(sb.to_string());
      const Tensor a = random(sa, dtype, -1, 1, 1), b = random(sb, dtype, -1, 1, 2);
      const Tensor want = reference(a, b);
      const double limit = 4 * tolerance(dtype);
      CHECK(max_error(a.matmul(b), want) < limit);
      CHECK(max_error(spaced(a).matmul(spaced(b)), want) < limit);
      CHECK(max_error(a.t().contiguous().t().matmul(b), want) < limit);
      CHECK(max_error(a.matmul(b.t().contiguous().t()), want) < limit);
      CHECK(max_error(b.t().matmul(a.t()).t(), want) < limit);
      CHECK(max_error(a.flip(-1).matmul(b.flip(-2)), want) < limit);
    }
  }
}

TEST_CASE("matmul: parts of larger matrices, with nothing read from around them") {
  on_all_targets([] {
    for (const DType dtype : {DType::f32, DType::f64}) {
      for (const int64_t n : {1, 10, 16, 33, 70}) {
        CAPTURE(n);
        const Tensor a = random({9, 7}, dtype, -1, 1, 1), b = random({7, n}, dtype, -1, 1, 2);
        const auto framed = [&](const Tensor& x) {
          return x.pad({{3, 3}, {3, 3}}, PadMode::constant, kNan)
              .narrow(0, 3, x.size(0))
              .narrow(1, 3, x.size(1));
        };
        CHECK(max_error(framed(a).matmul(framed(b)), reference(a, b)) < 4 * tolerance(dtype));
        CHECK(max_error(framed(a.t()).t().matmul(framed(b.t()).t()), reference(a, b)) <
              4 * tolerance(dtype));
      }
    }
  });
}

TEST_CASE("matmul: vectors as in NumPy, dot, outer") {
  const Tensor m({{1., 2.}, {3., 4.}, {5., 6.}}), v({10., 20.}), w({1., 1., 2.});
  CHECK(m.matmul(v).to_vector<double>() == std::vector<double>{50, 110, 170});
  CHECK(w.matmul(m).to_vector<double>() == std::vector<double>{14, 18});
  CHECK(v.matmul(v).shape() == Shape{});
  CHECK(v.dot(v).item<double>() == 500);
  CHECK(w.outer(v).shape() == Shape{3, 2});
  CHECK(w.outer(v).to_vector<double>() == std::vector<double>{10, 20, 10, 20, 20, 40});
}

TEST_CASE("matmul: empty axes") {
  CHECK(Tensor::ones({0, 3}).matmul(Tensor::ones({3, 2})).shape() == Shape{0, 2});
  CHECK(Tensor::ones({2, 0}).matmul(Tensor::ones({0, 2})).to_vector<float>() ==
        std::vector<float>(4, 0));
  CHECK(Tensor::ones({0, 2, 3}).matmul(Tensor::ones({3, 4})).shape() == Shape{0, 2, 4});
}

TEST_CASE("matmul: gradients, first and second") {
  const auto product = [](std::span<const Tensor> x) { return x[0].matmul(x[1]); };
  for (const auto& [sa, sb] :
       std::initializer_list<std::pair<Shape, Shape>>{{{3, 4}, {4, 2}},
                                                      {{4}, {4}},
                                                      {{4}, {4, 3}},
                                                      {{3, 4}, {4}},
                                                      {{2, 3, 4}, {4, 2}},
                                                      {{2, 1, 2, 3}, {2, 3, 2}}}) {
    CAPTURE(sa.to_string());
    const std::vector<Tensor> inputs{random(sa, DType::f64, -1, 1, 1),
                                     random(sb, DType::f64, -1, 1, 2)};
    CHECK(gradient_error(product, inputs) < 1e-6);
    CHECK(second_gradient_error(product, inputs) < 1e-6);
  }
  const std::vector<Tensor> vectors{random({3}, DType::f64, -1, 1, 1),
                                    random({2}, DType::f64, -1, 1, 2)};
  CHECK(gradient_error([](std::span<const Tensor> x) { return x[0].outer(x[1]); }, vectors) < 1e-6);
}

TEST_CASE("matmul: dtypes promote; what does not fit is named") {
  CHECK(Tensor::ones({2, 3}, DType::i32).matmul(Tensor::ones({3, 2})).dtype() == DType::f32);
  CHECK(Tensor::ones({2, 3}).matmul(Tensor::ones({3, 2}, DType::f64)).dtype() == DType::f64);
  CHECK_THROWS_WITH_AS(Tensor::ones({64, 20}).matmul(Tensor::ones({21, 10})),
                       "matmul: inner sizes differ: [64, 20] x [21, 10]; 20 is not 21", ShapeError);
  CHECK_THROWS_AS(Tensor::ones({2, 3, 4}).matmul(Tensor::ones({3, 4, 2})), ShapeError);
  CHECK_THROWS_AS(Tensor(1.f).matmul(Tensor::ones({1})), ShapeError);
  CHECK_THROWS_AS(Tensor::ones({2, 2}, DType::i32).matmul(Tensor::ones({2, 2}, DType::i32)),
                  DTypeError);
  CHECK_THROWS_AS(Tensor::ones({2}).dot(Tensor::ones({3})), ShapeError);
  CHECK_THROWS_AS(Tensor::ones({2, 2}).outer(Tensor::ones({3})), ShapeError);
}
