// matmul, dot, outer and linear against sums in double: every shape of tile, layout and CPU target.
#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

// The product of matrices by its definition, and how large its sums of |a b| are.
struct Product {
  std::vector<double> values;
  double scale = 1;
};

Product product(const Tensor& a, const Tensor& b) {
  const int64_t m = a.size(0), k = a.size(1), n = b.size(1);
  const std::vector<double> as = values(a), bs = values(b);
  Product y{.values = std::vector<double>(static_cast<size_t>(m * n))};
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0, size = 0;
      for (int64_t p = 0; p < k; ++p) {
        const double e = as[static_cast<size_t>(i * k + p)] * bs[static_cast<size_t>(p * n + j)];
        sum += e;
        size += std::abs(e);
      }
      y.values[static_cast<size_t>(i * n + j)] = sum;
      y.scale = std::max(y.scale, size);
    }
  }
  return y;
}

// The largest difference, in units of what rounding the largest sum of terms may cost.
double error(const Tensor& got, const Product& want) {
  const std::vector<double> have = values(got);
  if (have.size() != want.values.size()) return kInf;
  double worst = 0;
  for (size_t i = 0; i < have.size(); ++i) {
    worst = std::max(worst, std::abs(have[i] - want.values[i]));
  }
  return worst / want.scale;
}

// m, k, n about every edge: of tiles (rows 6 to 16, vectors of 4 to 16 floats), of panels of 256 in
// k, of rows that lie far apart.
constexpr int64_t kSizes[][3] = {
    {1, 1, 1},    {1, 64, 10},   {2, 17, 33},     {3, 7, 5},      {5, 64, 16},   {6, 9, 4},
    {7, 300, 8},  {8, 70, 15},   {9, 40, 17},     {11, 64, 31},   {13, 64, 32},  {16, 20, 47},
    {17, 65, 48}, {16, 64, 63},  {16, 64, 64},    {19, 257, 65},  {25, 513, 10}, {33, 2, 129},
    {64, 64, 10}, {50, 40, 300}, {200, 130, 129}, {31, 784, 128},
};

Tensor transposed_in_memory(const Tensor& x) { return x.t().contiguous().t(); }

}  // namespace

TEST_CASE("matmul: every shape of tile and layout, on every CPU target") {
  on_all_targets([] {
    for (const auto& [m, k, n] : kSizes) {
      CAPTURE(m);
      CAPTURE(k);
      CAPTURE(n);
      for (const DType dtype : {DType::f32, DType::f64}) {
        const Tensor a = random({m, k}, dtype, -1, 1, m), b = random({k, n}, dtype, -1, 1, n);
        const Product want = product(a, b);
        const double allowed = tolerance(dtype);
        CHECK(error(a.matmul(b), want) < allowed);
        CHECK(error(transposed_in_memory(a).matmul(b), want) < allowed);
        CHECK(error(a.matmul(transposed_in_memory(b)), want) < allowed);
        CHECK(error(transposed_in_memory(a).matmul(transposed_in_memory(b)), want) < allowed);
        CHECK(error(spaced(a).matmul(spaced(b)), want) < allowed);
        // Parts of larger matrices: rows that do not touch, and nothing read from between.
        const Tensor edge = Tensor::full({std::max(m, k), 3}, kNan, dtype);
        const Tensor wide_a = cat({edge.narrow(0, 0, m), a, edge.narrow(0, 0, m)}, 1);
        const Tensor wide_b = cat({edge.narrow(0, 0, k), b, edge.narrow(0, 0, k)}, 1);
        CHECK(error(wide_a.narrow(1, 3, k).matmul(wide_b.narrow(1, 3, n)), want) < allowed);
      }
    }
  });
}

TEST_CASE("linear: the product, a bias and an activation in one, on every CPU target") {
  on_all_targets([] {
    for (const auto& [m, k, n] : kSizes) {
      CAPTURE(m);
      CAPTURE(k);
      CAPTURE(n);
      for (const DType dtype : {DType::f32, DType::f64}) {
        const Tensor x = random({m, k}, dtype, -1, 1, m), w = random({n, k}, dtype, -1, 1, n);
        const Tensor b = random({n}, dtype, -1, 1, k);
        Product want = product(x, w.t());
        CHECK(error(linear(x, w), want) < tolerance(dtype));
        const std::vector<double> bias = values(b);
        for (size_t i = 0; i < want.values.size(); ++i) {
          want.values[i] += bias[i % bias.size()];
        }
        CHECK(error(linear(x, w, b), want) < tolerance(dtype));
        CHECK(error(linear(spaced(x), spaced(w), spaced(b)), want) < tolerance(dtype));
        for (double& e : want.values) e = std::max(e, 0.0);
        CHECK(error(linear(x, w, b, Activation::relu), want) < tolerance(dtype));
      }
    }
  });
}

TEST_CASE("linear: gradients in f32 as the ops give them, on every CPU target") {
  on_all_targets([] {
    for (const int64_t n : {1, 10, 16, 37, 64}) {
      CAPTURE(n);
      const Tensor x = random({19, 23}, DType::f32, -1, 1), w = random({n, 23}, DType::f32, -1, 1);
      const Tensor b = random({n}, DType::f32, -1, 1), dy = random({19, n}, DType::f32, -1, 1, 7);
      const std::vector<Tensor> inputs{x, w, b};
      const auto gradients = [&](auto f) {
        Tape tape(inputs);
        return tape.gradient((f() * dy).sum(), inputs);
      };
      const auto fused = gradients([&] { return linear(x, w, b, Activation::relu); });
      const auto plain = gradients([&] { return (x.matmul(w.t()) + b).relu(); });
      for (size_t i = 0; i < inputs.size(); ++i) CHECK(max_error(fused[i], plain[i]) < 1e-5);
    }
  });
}

TEST_CASE("products: gradients, and theirs") {
  const auto matmul = [](std::span<const Tensor> in) { return in[0].matmul(in[1]); };
  const auto outer = [](std::span<const Tensor> in) { return in[0].outer(in[1]); };
  const auto fused = [](std::span<const Tensor> in) { return linear(in[0], in[1], in[2]); };
  const auto relu = [](std::span<const Tensor> in) {
    return linear(in[0], in[1], in[2], Activation::relu);
  };
  const auto make = [](const Shape& s, int64_t seed) { return random(s, DType::f64, -1, 1, seed); };
  const std::vector<std::vector<Shape>> fitting{
      {{3, 4}, {4, 2}},       {{4}, {4}},          {{4}, {4, 2}},       {{3, 4}, {4}},
      {{2, 3, 4}, {2, 4, 2}}, {{2, 3, 4}, {4, 2}}, {{3, 4}, {2, 4, 2}}, {{2, 1, 2, 3}, {3, 3, 2}}};
  for (const auto& shapes : fitting) {
    CAPTURE(shapes[0].to_string());
    const Tensor a = make(shapes[0], 1), b = make(shapes[1], 2);
    CHECK(gradient_error(matmul, {a, b}) < 1e-6);
    CHECK(gradient_error(matmul, {spaced(a), spaced(b)}) < 1e-6);
    CHECK(second_gradient_error(matmul, {a, b}) < 1e-5);
  }
  CHECK(gradient_error(outer, {make({3}, 1), make({4}, 2)}) < 1e-6);
  CHECK(second_gradient_error(outer, {make({3}, 1), make({4}, 2)}) < 1e-5);
  for (const Shape& x : {Shape{3}, Shape{5, 3}, Shape{2, 2, 3}}) {
    const std::vector<Tensor> inputs{make(x, 1), make({4, 3}, 2), make({4}, 3)};
    CHECK(gradient_error(fused, inputs) < 1e-6);
    CHECK(gradient_error(relu, inputs) < 1e-6);
    CHECK(second_gradient_error(relu, inputs) < 1e-5);
  }
}

TEST_CASE("matmul: batches broadcast, vectors as in NumPy") {
  const Tensor a = random({2, 1, 3, 4}, DType::f32, -1, 1),
               b = random({5, 4, 6}, DType::f32, -1, 1);
  const Tensor y = a.matmul(b);
  REQUIRE(y.shape() == Shape{2, 5, 3, 6});
  for (int64_t i = 0; i < 2; ++i) {
    for (int64_t j = 0; j < 5; ++j) {
      CHECK(error(y[i][j], product(a[i][0], b[j])) < tolerance(DType::f32));
    }
  }
  CHECK(max_error(a.flip({0, 2}).matmul(b.flip({0})), y.flip({0, 1, 2})) == 0);
  const Tensor v = random({4}, DType::f32, -1, 1);
  CHECK(max_error(a.matmul(v), a.matmul(v.unsqueeze(1)).squeeze(-1)) == 0);
  CHECK(max_error(v.matmul(b), v.unsqueeze(0).matmul(b).squeeze(-2)) == 0);
  CHECK(max_error(Tensor({1.0, 2.0}).dot(Tensor({3.0, 4.0})), {11}) == 0);
  CHECK(max_error(Tensor({1.0, 2.0}).outer(Tensor({3.0, 4.0})), {3, 4, 6, 8}) == 0);
  CHECK(Tensor::ones({2}, DType::f32).matmul(Tensor::ones({2}, DType::f64)).dtype() == DType::f64);
}

TEST_CASE("products: empty operands, NaN and infinities") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    CHECK(Tensor::zeros({0, 3}, dtype).matmul(Tensor::zeros({3, 2}, dtype)).shape() == Shape{0, 2});
    CHECK(Tensor::zeros({2, 3}, dtype).matmul(Tensor::zeros({3, 0}, dtype)).shape() == Shape{2, 0});
    const Tensor none = Tensor::zeros({2, 0}, dtype), b = Tensor::full({3}, 5, dtype);
    CHECK(max_error(none.matmul(Tensor::zeros({0, 3}, dtype)), Tensor::zeros({2, 3}, dtype)) == 0);
    CHECK(max_error(linear(none, Tensor::zeros({3, 0}, dtype), b),
                    Tensor::full({2, 3}, 5, dtype)) == 0);
    CHECK(linear(Tensor::zeros({0, 4}, dtype), Tensor::zeros({3, 4}, dtype), b).shape() ==
          Shape{0, 3});
  }
  on_all_targets([] {
    for (const double bad : {kNan, kInf}) {
      Tensor x = Tensor::ones({20, 30}, DType::f32);
      const Tensor spot = Tensor::eye(30).cast(DType::boolean)[{Slice(0, 20)}];
      x = x.masked_fill(spot, bad);  // one in each row
      const Tensor zeros = Tensor::zeros({30, 40}, DType::f32);
      CHECK(x.matmul(zeros).isnan().all().item<bool>());
      CHECK(linear(x, zeros.t(), {}, Activation::relu).isnan().all().item<bool>());
      CHECK(max_error(linear(x, Tensor::ones({40, 30}, DType::f32), {}, Activation::relu),
                      Tensor::full({20, 40}, bad, DType::f32)) == 0);
    }
  });
}

TEST_CASE("products: what does not fit is named") {
  const auto zeros = [](const Shape& s) { return Tensor::zeros(s); };
  CHECK_THROWS_WITH_AS(zeros({64, 20}).matmul(zeros({21, 10})),
                       "matmul: inner sizes differ: [64, 20] x [21, 10]; 20 is not 21", ShapeError);
  CHECK_THROWS_AS(zeros({2, 3, 4}).matmul(zeros({3, 4, 5})), ShapeError);
  CHECK_THROWS_AS(zeros({3}).matmul(Tensor(1.f)), ShapeError);
  CHECK_THROWS_AS(Tensor({1, 2}).matmul(Tensor({1, 2})), DTypeError);
  CHECK_THROWS_AS(zeros({3}).dot(zeros({4})), ShapeError);
  CHECK_THROWS_AS(zeros({3, 1}).outer(zeros({4})), ShapeError);
  CHECK_THROWS_AS(linear(zeros({2, 3}), zeros({4, 5})), ShapeError);
  CHECK_THROWS_AS(linear(zeros({2, 3}), zeros({4, 3}), zeros({3})), ShapeError);
  CHECK_THROWS_AS(linear(zeros({2, 3}), zeros({4, 3}).cast(DType::f64)), DTypeError);
  CHECK_THROWS_AS(Tensor().matmul(zeros({3})), ValueError);
}
