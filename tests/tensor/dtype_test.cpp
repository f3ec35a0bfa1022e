// The element types: promotion, rounding to f16 and bf16, casts.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "attune/tensor/half.h"
#include "attune/tensor/tape.h"
#include "attune/tensor/tensor.h"
#include "tests/support/check.h"

using namespace attune;
using support::kInf;
using support::kNan;

namespace {

// The value of a half's bits by the definition of IEEE 754, not by shifting it into an f32.
double value_of(uint16_t bits, int exponent_bits) {
  const int fraction_bits = 15 - exponent_bits, bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits >> fraction_bits) & ((1 << exponent_bits) - 1);
  const int fraction = bits & ((1 << fraction_bits) - 1);
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) return fraction == 0 ? sign * kInf : kNan;
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
  return sign * std::ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
}

// The nearest half, ties to even, found among all of them.
class Nearest {
 public:
  explicit Nearest(int exponent_bits) {
    for (uint32_t bits = 0; bits < 0x8000; ++bits) {
      const double value = value_of(static_cast<uint16_t>(bits), exponent_bits);
      if (std::isfinite(value)) values_.push_back(value);
    }
    const size_t n = values_.size();
    overflow_ = values_[n - 1] + (values_[n - 1] - values_[n - 2]) / 2;
  }
  double operator()(double x) const {
    if (std::isnan(x)) return x;
    if (std::abs(x) >= overflow_) return std::copysign(kInf, x);
    const auto above = std::ranges::lower_bound(values_, std::abs(x));
    if (above == values_.end()) return std::copysign(values_.back(), x);
    if (above == values_.begin()) return std::copysign(*above, x);
    const double up = *above - std::abs(x), down = std::abs(x) - above[-1];
    const bool even_above = (above - values_.begin()) % 2 == 0;
    return std::copysign(up < down || (up == down && even_above) ? *above : above[-1], x);
  }

 private:
  std::vector<double> values_;
  double overflow_ = 0;
};

constexpr DType kAll[] = {DType::f32, DType::f64,     DType::i32, DType::i64, DType::u8,
                          DType::i8,  DType::boolean, DType::f16, DType::bf16};

bool same(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

}  // namespace

TEST_CASE_TEMPLATE("half: every value survives, every other number rounds to the nearest", Half,
                   float16, bfloat16) {
  const int exponent_bits = std::is_same_v<Half, float16> ? 5 : 8;
  const Nearest nearest(exponent_bits);
  int wrong = 0;
  std::vector<double> halves;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    Half half;
    half.bits = static_cast<uint16_t>(bits);
    const double value = value_of(half.bits, exponent_bits);
    wrong += !same(static_cast<double>(half), value);
    if (std::isnan(value)) continue;
    wrong += Half(static_cast<float>(value)).bits != bits;
    wrong += Half(value).bits != bits;
    if (std::isfinite(value)) halves.push_back(value);
  }
  CHECK(wrong == 0);
  // Between two neighbours: the middle, and as close to it as f32 and f64 come.
  std::ranges::sort(halves);
  for (size_t i = 0; i + 1 < halves.size(); i += 7) {
    const double middle = halves[i] + (halves[i + 1] - halves[i]) / 2;
    for (const double x : {middle, std::nextafter(middle, kInf), std::nextafter(middle, -kInf)}) {
      wrong += !same(static_cast<double>(Half(x)), nearest(x));
    }
    for (const float x :
         {static_cast<float>(middle), std::nextafterf(static_cast<float>(middle), 1e38f)}) {
      wrong += !same(static_cast<double>(Half(x)), nearest(x));
    }
  }
  CHECK(wrong == 0);
  for (const double x : {0.0, -0.0, kInf, -kInf, kNan, 1e-300, -1e-300, 1e300, 65519.99, 65520.0,
                         3.3e38, 3.4028235677973366e38, 5e-324}) {
    CAPTURE(x);
    CHECK(same(static_cast<double>(Half(x)), nearest(x)));
  }
}

TEST_CASE("dtype: promotion is symmetric and as in NumPy and PyTorch") {
  using enum DType;
  for (const DType a : kAll) {
    CHECK(promote(a, a) == a);
    CHECK(promote(a, boolean) == a);
    CHECK(promote(a, f64) == f64);
    for (const DType b : kAll) {
      CHECK(promote(a, b) == promote(b, a));
      CHECK(is_floating(promote(a, b)) == (is_floating(a) || is_floating(b)));
    }
  }
  CHECK(promote(f16, bf16) == f32);
  CHECK(promote(f16, f32) == f32);
  CHECK(promote(i64, f16) == f16);
  CHECK(promote(i64, bf16) == bf16);
  CHECK(promote(i8, u8) == i32);  // i16 in NumPy
  CHECK(promote(i8, i32) == i32);
  CHECK(promote(u8, i64) == i64);
}

TEST_CASE("cast: from every dtype to every other, in any layout") {
  const Tensor numbers({{0.0, 1.0, -2.0}, {100.0, 3.0, -7.0}});
  for (const DType from : kAll) {
    for (const DType to : kAll) {
      CAPTURE(from);
      CAPTURE(to);
      const Tensor x = numbers.cast(from);
      std::vector<double> want = support::values(x);
      for (double& value : want) {
        if (to == DType::boolean) value = value != 0;
        // Floating numbers stop at the ends of an integer's range, integers wrap.
        if (to == DType::u8 && value < 0) value = is_floating(from) ? 0 : value + 256;
      }
      CHECK(support::values(x.cast(to)) == want);
      CHECK(support::values(support::spaced(x).cast(to)) == want);
      CHECK(x.t().cast(to).dtype() == to);
      CHECK(support::values(x.t().cast(to).t()) == want);
    }
  }
}

TEST_CASE("cast: floating numbers beyond an integer's ends, and gradients through a half") {
  const Tensor x({kNan, kInf, -kInf, 1e30, -1e30, 127.9, -128.9});
  CHECK(support::values(x.cast(DType::i8)) ==
        std::vector<double>{0, 127, -128, 127, -128, 127, -128});
  CHECK(support::values(x.cast(DType::f16).cast(DType::i8)) ==
        std::vector<double>{0, 127, -128, 127, -128, 127, -128});
  const Tensor w({1.f, 2.f});
  Tape tape{w};
  const Tensor half = w.cast(DType::bf16);
  const Tensor g = tape.gradient((half.cast(DType::f32) * 3.f).sum(), {w})[0];
  CHECK(g.dtype() == DType::f32);
  CHECK(support::values(g) == std::vector<double>{3, 3});
}

TEST_CASE("cast: integers beyond 2^53 are rounded once") {
  // Just above the middle of two neighbours, by less than a double has room for.
  const int64_t above = (int64_t{1} << 60) + (int64_t{1} << 52) + 1;
  const double up = 0x1p60 + 0x1p53;
  const Tensor x({above, -above, above - 1, std::numeric_limits<int64_t>::min()});
  CHECK(support::values(x.cast(DType::bf16)) == std::vector<double>{up, -up, 0x1p60, -0x1p63});
  CHECK(support::values(x.cast(DType::f16)) == std::vector<double>{kInf, -kInf, kInf, -kInf});
  CHECK(static_cast<double>(bfloat16(above)) == up);
  CHECK(static_cast<double>(bfloat16((uint64_t{1} << 63) + (uint64_t{1} << 55) + 1)) ==
        0x1p63 + 0x1p56);
  CHECK(static_cast<double>(float16(-2049)) == -2048);
  CHECK(support::values(Tensor::full({1}, above, DType::bf16)) == std::vector<double>{up});
  CHECK(Tensor({up}).cast(DType::bf16).eq(above).item<bool>());
  CHECK(support::values(Tensor::zeros({1}, DType::bf16).masked_fill(Tensor({true}), above)) ==
        std::vector<double>{up});
  const int64_t f32_above = (int64_t{1} << 54) + (int64_t{1} << 30) + 1;
  CHECK(support::values(Tensor({0.f}).masked_fill(Tensor({true}), f32_above)) ==
        std::vector<double>{0x1p54 + 0x1p31});
}
