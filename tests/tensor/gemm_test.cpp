// Matrix products: attune's kernel on every CPU target and the door in front of it, against plain
// loops in double; the same bits at any number of threads.

#include "attune/tensor/internal/gemm.h"

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/gemm_plan.h"
#include "attune/base/threads.h"
#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;
using internal::elements;
using internal::Gemm;

namespace {

struct Case {
  int64_t m, n, k;
  bool ta, tb;  // whether A, B lie transposed
  bool row_bias = false, column_bias = false, relu = false, accumulate = false;
};

// C's rows lie in a wider buffer: nothing outside its columns may be touched.
constexpr int64_t kGap = 3;
constexpr float kBefore = 7.5f;

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
  const Tensor rows = random({c.m}, kType, -1, 1, 3), columns = random({c.n}, kType, -1, 1, 4);
  const int64_t c_row = c.n + kGap;
  const Tensor y = Tensor::full({c.m, c_row}, kBefore, kType);
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
            .row_bias = c.row_bias ? elements<T>(rows) : nullptr,
            .column_bias = c.column_bias ? elements<T>(columns) : nullptr,
            .activation = c.relu ? Activation::relu : Activation::none,
            .accumulate = c.accumulate});
  double worst = 0;
  for (int64_t i = 0; i < c.m; ++i) {
    for (int64_t j = 0; j < c_row; ++j) {
      const double got = elements<T>(y)[i * c_row + j];
      if (j >= c.n) {
        worst = worse(worst, difference(got, kBefore));
        continue;
      }
      double want = c.accumulate ? kBefore : 0, size = 1;
      if (c.row_bias) want += elements<T>(rows)[i];
      if (c.column_bias) want += elements<T>(columns)[j];
      for (int64_t p = 0; p < c.k; ++p) {
        const double term = double(elements<T>(a)[c.ta ? p * c.m + i : i * c.k + p]) *
                            double(elements<T>(b)[c.tb ? j * c.k + p : p * c.n + j]);
        want += term;
        size += std::abs(term);
      }
      if (c.relu) want = std::max(want, 0.0);
      worst = worse(worst, std::abs(got - want) / size);
    }
  }
  CHECK(worst < tolerance(kType));
}

// Below, at and above one vector, one tile, one block of k; every layout.
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const int64_t m : {1, 2, 5, 6, 7, 13, 64}) {
    for (const int64_t n : {1, 10, 15, 16, 17, 48, 64, 70}) {
      for (const int64_t k : {0, 1, 3, 64, 257}) {
        const bool odd = (m + n + k) % 2 != 0;
        all.push_back({m, n, k, odd, false, false, true, false, odd});
        all.push_back({m, n, k, !odd, true, !odd, odd, true, !odd});
      }
    }
  }
  all.push_back({200, 130, 140, false, false});              // rows of B that crowd the cache
  all.push_back({50, 300, 600, true, false, true, true});    // both
  all.push_back({200, 270, 128, true, false, false, true});  // rows of A that do, in two blocks
  all.push_back({13, 270, 1024, false, true, true, false, true, true});  // columns of A that do
  return all;
}

// Its own copy of the door: attune's tiles, planned so, whatever the door would choose.
void own(const Gemm<float>& g, bool pack_a, bool pack_b) {
  const internal::TileSize tile = internal::largest_tile();
  internal::Plan plan{};
  plan.pack_a = pack_a, plan.pack_b = pack_b || g.b_column != 1;
  plan.a_rows = 8 * tile.rows;
  plan.a_floats = pack_a ? plan.a_rows * internal::kPanelDepth + tile.columns : 0;
  plan.scratch = plan.a_floats + tile.columns * internal::kPanelDepth;
  tile_gemm(g, plan, elements<float>(Tensor::empty({plan.scratch})));
}

// All of a product and of its gradients, one row per layout of the factors.
std::vector<Tensor> products_and_gradients(int64_t m, int64_t n, int64_t k, DType dtype) {
  const auto stored = [&](int64_t rows, int64_t columns, bool transposed, int64_t seed) {
    return transposed ? random({columns, rows}, dtype, -1, 1, seed).t()
                      : random({rows, columns}, dtype, -1, 1, seed);
  };
  const Tensor dy = random({m, n}, dtype, -1, 1, 3);
  std::vector<Tensor> all;
  for (const int layout : {0, 1, 2, 3}) {
    const Tensor a = stored(m, k, (layout & 1) != 0, 1), b = stored(k, n, (layout & 2) != 0, 2);
    Tape tape({a, b});
    const Tensor y = a.matmul(b);
    for (Tensor& grad : tape.gradient((y * dy).sum(), {a, b})) all.push_back(std::move(grad));
    all.push_back(y);
  }
  return all;
}

void check_threads(int64_t m, int64_t n, int64_t k, DType dtype) {
  const auto on = [&](int threads) {
    const ThreadScope scope(threads);
    return products_and_gradients(m, n, k, dtype);
  };
  const std::vector<Tensor> one = on(1), two = on(2), three = on(3);
  bool same = true;
  for (size_t i = 0; i < one.size(); ++i) {
    same = same && one[i].eq(two[i]).all().item<bool>() && one[i].eq(three[i]).all().item<bool>();
  }
  INFO(m << " x " << n << " x " << k);
  CHECK(same);
}

#ifndef __has_feature  // Clang's
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

constexpr int64_t kSides[] = {1, 2, 3, 15, 16, 17, 48, 100, 512, 1025};

}  // namespace

TEST_CASE("tile_gemm, dot_gemm: every shape and layout, packed or not, on every CPU target") {
  on_all_targets([] {
    for (const Case& c : cases()) {
      if (c.k == 0) continue;  // the door's business
      for (const bool pack : {false, true}) {
        check_product<float>(c, [pack](const Gemm<float>& g) { own(g, pack, pack); });
      }
      if (!c.ta && c.tb) check_product<float>(c, internal::dot_gemm);
    }
  });
}

TEST_CASE("gemm: the door returns the same, whoever computes") {
  for (const Case& c : cases()) {
    check_product<float>(c, [](const Gemm<float>& g) { gemm(g); });
    check_product<double>(c, [](const Gemm<double>& g) { gemm(g); });
  }
}

TEST_CASE("gemm: a batch of two axes, one of them shared") {
  for (const int64_t size : {3, 40}) {
    const Tensor a = random({4, 1, size, 7}, DType::f32, -1, 1, 1);
    const Tensor b = random({5, 7, size}, DType::f32, -1, 1, 2);
    const Tensor y = Tensor::empty({4, 5, size, size});
    gemm(
        Gemm<float>{.m = size,
                    .n = size,
                    .k = 7,
                    .a = elements<float>(a),
                    .a_row = 7,
                    .a_column = 1,
                    .b = elements<float>(b),
                    .b_row = size,
                    .b_column = 1,
                    .c = elements<float>(y),
                    .c_row = size,
                    .batch = {{{4, 7 * size, 0, 5 * size * size}, {5, 0, 7 * size, size * size}}}});
    for (const int64_t i : {0, 3}) {
      for (const int64_t j : {0, 4}) {
        CHECK(max_error(y[{i, j}], a[{i, 0}].matmul(b[j])) == 0);
      }
    }
  }
}

TEST_CASE("gemm: the same bits at any number of threads") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const int64_t m : kSides) {
      for (const int64_t n : kSides) {
        for (const int64_t k : kSides) {
          // Products that are cut, and a few of those that are not.
          const int64_t most = std::max({m, n, k});
          if (most == 512 || (most == 1025 && m * n * k < int64_t{1} << 26)) continue;
          if (most == 1025 && (m + n + k) % 3 != 0) continue;
          if (kSanitized && m * n * k > int64_t{1} << 29) continue;  // they take a minute each
          if (most < 1025 && (m + n + k) % 11 != 0) continue;
          check_threads(m, n, k, dtype);
        }
      }
    }
  }
}

// Minutes in a build with sanitizers: the test attune_gemm_sweep of a release build runs it.
TEST_CASE("gemm sweep: the same bits at any number of threads" * doctest::skip()) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const int64_t m : kSides) {
      for (const int64_t n : kSides) {
        for (const int64_t k : kSides) check_threads(m, n, k, dtype);
      }
    }
  }
}

TEST_CASE("gemm: NaN and infinities come through, also through relu") {
  const Tensor a = Tensor::ones({6, 20}), b = Tensor::full({20, 33}, kNan);
  CHECK(std::isnan(values(a.matmul(b))[40]));
  CHECK(std::isnan(values(linear(a, b.t().contiguous(), {}, Activation::relu))[40]));
  CHECK(values(a.matmul(Tensor::full({20, 33}, kInf)))[7] == kInf);
}
