// The product kernel and the door in front of it, on every CPU target, against plain loops in
// double.

#include "attune/tensor/internal/gemm.h"

#include "attune/tensor/internal/block.h"
#include "attune/tensor/threads.h"
#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;
using internal::elements;
using internal::Gemm;

namespace {

struct Case {
  int64_t m, n, k;
  bool ta, tb;  // whether A, B lie transposed
  bool bias = false, relu = false;
};

// What a row of C is made of, in a wider buffer: nothing outside its columns may be touched.
constexpr int64_t kGap = 3;
constexpr float kUntouched = 7.5f;

template <class T>
void check_product(const Case& c, const std::function<void(const Gemm<T>&)>& multiply) {
  CAPTURE(c.m);
  CAPTURE(c.n);
  CAPTURE(c.k);
  CAPTURE(c.ta);
  CAPTURE(c.tb);
  constexpr DType kType = dtype_of<T>;
  const Tensor a = random({std::max<int64_t>(1, c.m * c.k)}, kType, -1, 1, 1);
  const Tensor b = random({std::max<int64_t>(1, c.k * c.n)}, kType, -1, 1, 2);
  const Tensor bias = random({c.n}, kType, -1, 1, 3);
  const int64_t c_row = c.n + kGap;
  const Tensor y = Tensor::full({c.m, c_row}, kUntouched, kType);
  multiply({.m = c.m,
            .n = c.n,
            .k = c.k,
            .a = elements<T>(a),
            .a_row = c.ta ? 1 : c.k,
            .a_column = c.ta ? c.m : 1,
            .b = elements<T>(b),
            .b_row = c.tb ? 1 : c.n,
            .b_column = c.tb ? c.k : 1,
            .c = elements<T>(y),
            .c_row = c_row,
            .bias = c.bias ? elements<T>(bias) : nullptr,
            .relu = c.relu});
  double worst = 0;
  for (int64_t i = 0; i < c.m; ++i) {
    for (int64_t j = 0; j < c_row; ++j) {
      const double got = elements<T>(y)[i * c_row + j];
      if (j >= c.n) {
        worst = std::max(worst, difference(got, kUntouched));
        continue;
      }
      double want = c.bias ? elements<T>(bias)[j] : 0, size = 1;
      for (int64_t p = 0; p < c.k; ++p) {
        const double term = double(elements<T>(a)[c.ta ? p * c.m + i : i * c.k + p]) *
                            double(elements<T>(b)[c.tb ? j * c.k + p : p * c.n + j]);
        want += term;
        size += std::abs(term);
      }
      if (c.relu) want = std::max(want, 0.0);
      worst = std::max(worst, std::abs(got - want) / size);
    }
  }
  CHECK(worst < tolerance(kType));
}

// Below, at and above one vector, one tile, one block of k; every way of lying.
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const int64_t m : {1, 2, 5, 6, 7, 13, 64}) {
    for (const int64_t n : {1, 10, 15, 16, 17, 48, 64, 70}) {
      for (const int64_t k : {0, 1, 3, 64, 257}) {
        const bool odd = (m + n + k) % 2 != 0;
        all.push_back({m, n, k, odd, false, true, false});
        all.push_back({m, n, k, !odd, true, odd, true});
      }
    }
  }
  all.push_back({200, 130, 140, false, false});  // far rows of B: packed
  all.push_back({50, 300, 600, true, false, true, true});
  return all;
}

}  // namespace

TEST_CASE("own_gemm: every shape and layout, on every CPU target") {
  const Tensor panel = Tensor::empty({internal::kPanelFloats});
  on_all_targets([&] {
    for (const Case& c : cases()) {
      if (c.k == 0) continue;  // the door's business
      check_product<float>(c, [&](const Gemm<float>& g) { own_gemm(g, elements<float>(panel)); });
    }
  });
}

TEST_CASE("gemm: the door gives the same, whoever computes") {
  for (const Case& c : cases()) {
    check_product<float>(c, [](const Gemm<float>& g) { gemm(g); });
    check_product<double>(c, [](const Gemm<double>& g) { gemm(g); });
  }
}

TEST_CASE("gemm: the same bits at any number of threads, also in pieces") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const Shape& shape :
         {Shape{700, 500, 300}, Shape{90, 2000, 400}, Shape{1100, 1030, 1040}}) {
      CAPTURE(shape.to_string());
      const Tensor a = random({shape[0], shape[2]}, dtype, -1, 1, 1);
      const Tensor b = random({shape[2], shape[1]}, dtype, -1, 1, 2);
      const auto on = [&](int threads) {
        const ThreadScope scope(threads);
        return values(a.matmul(b));
      };
      CHECK(on(1) == on(3));
    }
  }
}

TEST_CASE("gemm: NaN and infinities come through, also through relu") {
  const Tensor a = Tensor::ones({6, 20}), b = Tensor::full({20, 33}, kNan);
  CHECK(std::isnan(values(a.matmul(b))[40]));
  CHECK(std::isnan(values(linear(a, b.t().contiguous(), {}, Activation::relu))[40]));
  CHECK(values(a.matmul(Tensor::full({20, 33}, kInf)))[7] == kInf);
}
