#include <numeric>
#include <tuple>

#include "attune/base/threads.h"
#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

// Positions of the elements of `line` in order: a stable sort, with NaN the largest.
std::vector<size_t> in_order(const std::vector<double>& line, bool descending) {
  std::vector<size_t> order(line.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (std::isnan(line[a]) || std::isnan(line[b])) {
      return std::isnan(line[a]) != std::isnan(line[b]) && std::isnan(line[a]) == descending;
    }
    return descending ? line[a] > line[b] : line[a] < line[b];
  });
  return order;
}

}  // namespace

TEST_CASE("sort, argsort, topk: every dtype, both ways, with equals") {
  for (const DType dtype : kAllDTypes) {
    CAPTURE(std::string(name(dtype)));
    for (const int64_t n : {1, 2, 17, 100}) {
      const Tensor x = random({n}, dtype, dtype == DType::u8 ? 0 : -4, 5);
      const std::vector<double> line = values(x);
      for (const bool descending : {false, true}) {
        const std::vector<size_t> order = in_order(line, descending);
        std::vector<double> want, places;
        for (const size_t i : order) want.push_back(line[i]), places.push_back(double(i));
        const Tensor::Sorted sorted = x.sort(-1, descending);
        CHECK(sorted.values.dtype() == dtype);
        CHECK(sorted.indices.dtype() == DType::i64);
        CHECK(max_error(sorted.values, want) == 0);
        CHECK(max_error(sorted.indices, places) == 0);
        CHECK(max_error(x.argsort(0, descending), places) == 0);
        CHECK(max_error(spaced(x).argsort(0, descending), places) == 0);
        for (const int64_t k : {int64_t{0}, int64_t{1}, n / 2, n}) {
          const Tensor::Sorted top = x.topk(k, -1, descending);
          CHECK(max_error(top.values, {want.begin(), want.begin() + k}) == 0);
          CHECK(max_error(top.indices, {places.begin(), places.begin() + k}) == 0);
        }
      }
    }
  }
}

TEST_CASE("sort: any axis, any layout") {
  const Tensor x = random({4, 5, 6}, DType::f32, -1, 1);
  for (const int axis : {0, 1, 2}) {
    const Tensor::Sorted sorted = x.sort(axis);
    const Tensor want = x.transpose(axis, -1).contiguous().sort().values.transpose(axis, -1);
    CHECK(max_error(sorted.values, want) == 0);
    CHECK(max_error(x.gather(axis, sorted.indices), sorted.values) == 0);
    CHECK(max_error(spaced(x).sort(axis).values, want) == 0);
    CHECK(max_error(x.topk(2, axis, false).values, want.narrow(axis, 0, 2)) == 0);
  }
}

TEST_CASE("sort, topk: NaN is the largest number, infinities have their place, zeros are equal") {
  const Tensor x({kNan, 2.0, -kInf, kNan, kInf, 0.0, -0.0});
  CHECK(max_error(x.argsort(), {2, 5, 6, 1, 4, 0, 3}) == 0);
  CHECK(max_error(x.argsort(-1, true), {0, 3, 4, 1, 5, 6, 2}) == 0);
  CHECK(max_error(x.topk(3).values, {kNan, kNan, kInf}) == 0);
  CHECK(max_error(x.topk(1).values[0], x.max()) == 0);
  CHECK(max_error(x.topk(6, -1, false).values, {-kInf, 0, 0, 2, kInf, kNan}) == 0);
  CHECK(max_error(x.cast(DType::f32).topk(6, -1, false).indices, {2, 5, 6, 1, 4, 0}) == 0);
}

TEST_CASE("sort: the number of threads changes nothing") {
  const Tensor x = random({301, 700}, DType::f32, -1, 1);
  const auto run = [&](int threads) {
    const ThreadScope scope(threads);
    const Tensor::Sorted all = x.sort(), top = x.topk(9);
    return std::tuple(all.values.to_vector<float>(), all.indices.to_vector<int64_t>(),
                      top.indices.to_vector<int64_t>());
  };
  CHECK((run(1) == run(3)));
}

TEST_CASE("sort, topk: gradients go back to where values came from") {
  const Tensor x = random({3, 4}, DType::f64, -1, 1);
  for (const int axis : {0, 1}) {
    const auto sort = [&](std::span<const Tensor> in) { return in[0].sort(axis, true).values; };
    const auto topk = [&](std::span<const Tensor> in) { return in[0].topk(2, axis).values; };
    CHECK(gradient_error(sort, {x}) < 1e-6);
    CHECK(gradient_error(topk, {x}) < 1e-6);
    CHECK(second_gradient_error(topk, {x}) < 1e-6);
  }
}

TEST_CASE("sort, topk: empty, 0-d, mistakes") {
  CHECK(Tensor::zeros({3, 0}).sort().indices.shape() == Shape{3, 0});
  CHECK(Tensor::zeros({0, 3}).sort().values.shape() == Shape{0, 3});
  CHECK(Tensor(2.f).sort().values.item<float>() == 2);
  CHECK(Tensor(2.f).argsort().item<int64_t>() == 0);
  CHECK(Tensor(2.f).topk(1).values.shape() == Shape{});
  CHECK_THROWS_WITH_AS(Tensor::zeros({2, 3}).sort(2), "sort: axis 2 is out of range for 2 axes",
                       IndexError);
  CHECK_THROWS_WITH_AS(Tensor::zeros({2, 3}).topk(4),
                       "topk: k must be in 0 … 3, the size of axis 1 of [2, 3]; got 4", ValueError);
  CHECK_THROWS_AS(Tensor::zeros({3}).topk(-1), ValueError);
  CHECK_THROWS_AS(Tensor().argsort(), ValueError);
}

TEST_CASE("quantile: infinite neighbours, and the gradient of equal ones") {
  const double inf = INFINITY;
  CHECK(Tensor({-inf, 1.0, 2.0}).quantile(0).item<double>() == -inf);
  CHECK(Tensor({1.0, inf}).quantile(0).item<double>() == 1);
  CHECK(Tensor({1.0, inf, inf}).quantile(0.75).item<double>() == inf);
  const Tensor x({1.0, 1.0});
  Tape tape({x});
  CHECK(tape.gradient(x.quantile(0.5))[0].to_vector<double>() == std::vector<double>{0.5, 0.5});
}
