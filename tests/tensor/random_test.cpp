// Random tensors: the published vectors, the stream's words in order, the right distributions, and
// the same numbers whatever the CPU target and the number of threads.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "attune/base/internal/philox.h"
#include "attune/tensor/internal/words.h"
#include "attune/tensor/tensor.h"
#include "attune/base/threads.h"
#include "hwy/targets.h"
#include "tests/support/check.h"

using namespace attune;

TEST_CASE("philox: Random123's known answers for philox4x32-10") {
  using Words = std::array<uint32_t, 4>;
  using internal::philox4x32;
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr uint32_t kAll = 0xffffffff;
  CHECK(philox4x32({kAll, kAll, kAll, kAll}, {kAll, kAll}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
  CHECK(Rng::philox(0, 0) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
}

TEST_CASE("random words: the stream's own, from any place, on every target") {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    CAPTURE(hwy::TargetName(target));
    for (const uint64_t begin : {0, 1, 3, 4, 1'000'001}) {
      for (const size_t n : {0, 1, 2, 5, 31, 200}) {
        Rng rng(7);
        rng.skip(begin);
        std::vector<uint32_t> words(n + 1, 0xABCD);
        internal::random_words(rng, 2, n, words.data());
        rng.skip(2);
        bool same = true;
        for (size_t i = 0; i < n; ++i) same = same && words[i] == rng.next_u32();
        CHECK(same);
        CHECK(words[n] == 0xABCD);  // nothing is written beyond
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST_CASE("rand: each f32 is the upper 24 bits of its word") {
  Rng rng(3), words(3);
  for (const float x : Tensor::rand({100}, rng).to_vector<float>()) {
    CHECK(x == static_cast<float>(words.next_u32() >> 8) * 0x1p-24f);
  }
  CHECK(rng == words);
}

namespace {

std::vector<Tensor> one_of_each(int64_t n) {
  Rng rng(11);
  rng.skip(5);
  std::vector<Tensor> all{Tensor::rand({n}, rng),
                          Tensor::rand({n}, rng, DType::f64),
                          Tensor::uniform({n}, -3, 7, rng),
                          Tensor::randn({n}, rng),
                          Tensor::randn({n}, rng, DType::f64),
                          Tensor::randint({n}, -9, 10, rng).cast(DType::f64),
                          Tensor::bernoulli({n}, 0.3, rng).cast(DType::f32),
                          Tensor::ones({n}).dropout(0.4, rng),
                          Tensor::permutation(n, rng).cast(DType::f64)};
  all.push_back(Tensor::full({1}, static_cast<int64_t>(rng.position()), DType::f64));
  return all;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  const auto x = a.cast(DType::f64).to_vector<double>(), y = b.cast(DType::f64).to_vector<double>();
  REQUIRE(x.size() == y.size());
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) worst = support::worse(worst, std::abs(x[i] - y[i]));
  return worst;
}

struct Moments {
  double mean, deviation, skew, kurtosis;
};

Moments moments(const Tensor& x) {
  const auto v = x.cast(DType::f64).to_vector<double>();
  const auto n = static_cast<double>(v.size());
  const double mean = std::accumulate(v.begin(), v.end(), 0.0) / n;
  double m2 = 0, m3 = 0, m4 = 0;
  for (const double e : v) {
    const double d = e - mean;
    m2 += d * d / n, m3 += d * d * d / n, m4 += d * d * d * d / n;
  }
  return {mean, std::sqrt(m2), m3 / std::pow(m2, 1.5), m4 / (m2 * m2)};
}

}  // namespace

TEST_CASE("random tensors: the same on every target and with any number of threads") {
  for (const int64_t n : {1, 2, 7, 33, 5000, 100'001}) {
    CAPTURE(n);
    const std::vector<Tensor> expected = one_of_each(n);
    {
      const ThreadScope one(1);
      const std::vector<Tensor> alone = one_of_each(n);
      for (size_t i = 0; i < alone.size(); ++i) {
        CAPTURE(i);
        CHECK(largest_difference(alone[i], expected[i]) == 0);
      }
    }
    for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
      hwy::SetSupportedTargetsForTest(target);
      CAPTURE(hwy::TargetName(target));
      const std::vector<Tensor> here = one_of_each(n);
      for (size_t i = 0; i < here.size(); ++i) {
        CAPTURE(i);
        // Normal numbers go through log, sin and cos, whose last bits a fused product may change.
        const double tolerance = i == 3 ? 3e-6 : i == 4 ? 1e-14 : 0;
        CHECK(largest_difference(here[i], expected[i]) <= tolerance);
      }
    }
    hwy::SetSupportedTargetsForTest(0);
  }
}

TEST_CASE("random tensors: a shorter one is the beginning of a longer one") {
  const std::vector<Tensor> longer = one_of_each(5000);
  Rng a(1), b(1);
  CHECK(largest_difference(Tensor::randn({7}, a), Tensor::randn({5000}, b).narrow(0, 0, 7)) == 0);
  CHECK(a.position() == 8);  // pairs: the other half of the last is not used again
  CHECK(b.position() == 5000);
}

TEST_CASE("randn: the moments of a normal distribution, and its tail") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    Rng rng(99);
    const Tensor x = Tensor::randn({1000, 400}, rng, dtype);
    const Moments m = moments(x);
    CHECK(std::abs(m.mean) < 0.008);  // five deviations of the estimate
    CHECK(std::abs(m.deviation - 1) < 0.006);
    CHECK(std::abs(m.skew) < 0.02);
    CHECK(std::abs(m.kurtosis - 3) < 0.04);
    const auto v = x.cast(DType::f64).to_vector<double>();
    const auto beyond = std::ranges::count_if(v, [](double e) { return std::abs(e) > 3; });
    CHECK(std::abs(static_cast<double>(beyond) / 400'000 - 0.0026998) < 0.0004);
    CHECK(std::ranges::all_of(v, [](double e) { return std::isfinite(e); }));
    double neighbours = 0;  // the two of a pair must not hang together
    for (size_t i = 0; i < v.size(); i += 2) neighbours += v[i] * v[i + 1] / 200'000;
    CHECK(std::abs(neighbours) < 0.012);
  }
}

TEST_CASE("uniform: inside its bounds, also where rounding would reach the upper one") {
  Rng rng(5);
  const Moments m = moments(Tensor::uniform({400'000}, -2, 4, rng));
  CHECK(std::abs(m.mean - 1) < 0.015);
  CHECK(std::abs(m.deviation - std::sqrt(3.0)) < 0.01);
  const float high = std::nextafter(1.0f, 2.0f);
  for (const float x : Tensor::uniform({1000}, 1.0, high, rng).to_vector<float>()) CHECK(x == 1.0f);
  CHECK(Tensor::uniform({3}, 2, 2, rng).to_vector<float>() == std::vector<float>{2, 2, 2});
  const double next = std::nextafter(1.0, 2.0), most = std::numeric_limits<double>::max();
  for (int i = 0; i < 100; ++i) {
    CHECK(rng.uniform(1, next) == 1);
    const double wide = rng.uniform(-most, most);
    CHECK(std::isfinite(wide));
    CHECK(wide < most);
  }
  CHECK(rng.uniform(2, 2) == 2);
}

TEST_CASE("randint: every number alike often, in every dtype") {
  Rng rng(8);
  std::array<int, 7> counts{};
  for (const int64_t x : Tensor::randint({70'000}, -3, 4, rng).to_vector<int64_t>()) {
    REQUIRE(x >= -3);
    REQUIRE(x < 4);
    ++counts[static_cast<size_t>(x + 3)];
  }
  for (const int count : counts) CHECK(std::abs(count - 10'000) < 500);
  CHECK(Tensor::randint({4}, 255, 256, rng, DType::u8).to_vector<uint8_t>() ==
        std::vector<uint8_t>{255, 255, 255, 255});
  CHECK(Tensor::randint({1}, -5, -4, rng, DType::i32).item<int32_t>() == -5);
  const int64_t least = std::numeric_limits<int64_t>::min();
  Tensor::randint({10}, least, std::numeric_limits<int64_t>::max(), rng);
}

TEST_CASE("bernoulli: the share of true ones, and its ends") {
  Rng rng(21);
  CHECK(std::abs(moments(Tensor::bernoulli({100'000}, 0.2, rng)).mean - 0.2) < 0.007);
  CHECK(moments(Tensor::bernoulli({1000}, 0, rng)).mean == 0);
  CHECK(moments(Tensor::bernoulli({1000}, 1, rng)).mean == 1);
}

TEST_CASE("permutation: each number once, each order alike often") {
  Rng rng(4);
  auto all = Tensor::permutation(5000, rng).to_vector<int64_t>();
  CHECK(rng.position() == 10'000);
  CHECK(!std::ranges::is_sorted(all));
  std::ranges::sort(all);
  for (int64_t i = 0; i < 5000; ++i) CHECK(all[static_cast<size_t>(i)] == i);
  std::array<int, 27> orders{};
  for (int i = 0; i < 6000; ++i) {
    const auto p = Tensor::permutation(3, rng).to_vector<int64_t>();
    ++orders[static_cast<size_t>(9 * p[0] + 3 * p[1] + p[2])];
  }
  for (const size_t order : {5, 7, 11, 15, 19, 21}) CHECK(std::abs(orders[order] - 1000) < 150);
  CHECK(Tensor::permutation(0, rng).shape() == Shape{0});
}

TEST_CASE("random tensors: empty and 0-d shapes, and forks that draw nothing") {
  Rng rng(1);
  CHECK(Tensor::randn({0, 3}, rng).shape() == Shape{0, 3});
  CHECK(rng.position() == 0);
  CHECK(Tensor::rand({}, rng).rank() == 0);
  const Rng before = rng;
  Rng a = rng.fork("a"), b = rng.fork("b"), again = rng.fork("a"), seven = rng.fork(7);
  CHECK(rng == before);
  CHECK(a == again);
  CHECK(!(a == b));
  CHECK(!(a == seven));
  const double r =
      std::abs(moments(Tensor::randn({100'000}, a) * Tensor::randn({100'000}, b)).mean);
  CHECK(r < 0.016);
}

TEST_CASE("random tensors: every mistake is named") {
  Rng rng(1);
  CHECK_THROWS_WITH_AS(Tensor::rand({2}, rng, DType::i32), "rand: needs a floating dtype, got i32",
                       DTypeError);
  CHECK_THROWS_WITH_AS(Tensor::uniform({2}, 1, 0, rng),
                       "uniform: needs finite bounds, the lower one first, got 1 and 0",
                       ValueError);
  CHECK_THROWS_WITH_AS(Tensor::uniform({2}, -1e5, 0, rng, DType::f16),
                       "uniform: -100000 to 0 is beyond the range of f16", ValueError);
  CHECK_THROWS_WITH_AS(Tensor::uniform({2}, 0, 1e39, rng),
                       "uniform: 0 to 1e+39 is beyond the range of f32", ValueError);
  CHECK_THROWS_WITH_AS(Tensor::uniform({2}, -3e38, 3e38, rng),
                       "uniform: -3e+38 to 3e+38 is wider than the range of f32", ValueError);
  CHECK_THROWS_WITH_AS(Tensor::randint({2}, 3, 3, rng),
                       "randint: needs low below high, got 3 and 3", ValueError);
  CHECK_THROWS_WITH_AS(Tensor::randint({2}, 0, 257, rng, DType::u8),
                       "randint: 0 to 256 does not fit u8", ValueError);
  CHECK_THROWS_WITH_AS(Tensor::randint({2}, 0, 2, rng, DType::boolean),
                       "randint: returns numbers, not booleans; use bernoulli", DTypeError);
  CHECK_THROWS_WITH_AS(Tensor::bernoulli({2}, 1.5, rng),
                       "bernoulli: the probability must be in [0, 1], got 1.5", ValueError);
  CHECK_THROWS_WITH_AS(Tensor::permutation(-1, rng),
                       "permutation: the length must not be negative, got -1", ValueError);
  CHECK(rng.position() == 0);
}

TEST_CASE("random tensors in f16, bf16 and i8") {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    CAPTURE(dtype);
    Rng a(8), b(8);
    CHECK(Tensor::randn({101}, a, dtype).cast(DType::f32).to_vector<float>() ==
          Tensor::randn({101}, b).cast(dtype).cast(DType::f32).to_vector<float>());
    CHECK(a == b);
    for (const auto& [low, high] : {std::pair{0.0, 1.0}, {-1.0, 0.0}, {-3.0, -2.0}, {5.0, 5.0}}) {
      const auto x = Tensor::uniform({5000}, low, high, a, dtype).cast(DType::f64);
      CHECK(x.min().item<double>() >= low);
      CHECK((x.max().item<double>() < high || low == high));
    }
    const Tensor whole = Tensor::randint({500}, -200, 201, a, dtype);
    CHECK(whole.dtype() == dtype);
    CHECK(whole.cast(DType::f32).max().item<float>() <= 200);
    CHECK_THROWS_AS(Tensor::randint({2}, 0, 4096, a, dtype), ValueError);
  }
  Rng rng(9);
  const Tensor x = Tensor::randint({500}, -128, 128, rng, DType::i8);
  CHECK(x.cast(DType::i32).min().item<int32_t>() < -100);
  CHECK_THROWS_AS(Tensor::randint({2}, 0, 129, rng, DType::i8), ValueError);
  CHECK_THROWS_AS(Tensor::rand({2}, rng, DType::i8), DTypeError);
}

TEST_CASE("multinomial: weights as small and as large as there are keep their proportions") {
  Rng rng(1);
  const double least = 4.9406564584124654e-324, most = std::numeric_limits<double>::max();
  for (const double one : {least, 1e-310, most}) {
    const Tensor weights = Tensor::from(std::vector<double>{0, one, one, 0}, {4});
    const auto ones = Tensor::multinomial(weights, 20000, rng, true).to_vector<int64_t>();
    int64_t first = 0;
    for (const int64_t i : ones) {
      CHECK((i == 1 || i == 2));
      first += i == 1;
    }
    CHECK(first > 9600);
    CHECK(first < 10400);
    for (int k = 0; k < 100; ++k) {  // a weight of 0 is never drawn before one above
      const auto both = Tensor::multinomial(weights, 2, rng).to_vector<int64_t>();
      CHECK(both[0] + both[1] == 3);
    }
  }
  const Tensor apart = Tensor::from(std::vector<double>{0, least, most}, {3});
  CHECK(Tensor::multinomial(apart, 2, rng).to_vector<int64_t>() == std::vector<int64_t>{2, 1});
}
