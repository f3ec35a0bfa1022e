#include "attune/tune/internal/decimal_steps.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace attune::tune::internal {

// mantissa * 10^exponent, from the shortest text that gives the double.
struct Decimal {
  int64_t mantissa;
  int exponent;
};

namespace {

Decimal shortest_decimal(double x) {
  char text[40];
  char* end = std::to_chars(text, text + sizeof(text), x, std::chars_format::scientific).ptr;
  const char* e = std::find(text, end, 'e');  // -1.25e-03
  Decimal d{0, 0};
  std::from_chars(e[1] == '+' ? e + 2 : e + 1, end, d.exponent);
  bool fraction = false;
  for (const char* c = text; c != e; ++c) {
    if (*c == '.') fraction = true;
    if (*c < '0' || *c > '9') continue;
    d.mantissa = 10 * d.mantissa + (*c - '0');
    if (fraction) --d.exponent;
  }
  if (x < 0) d.mantissa = -d.mantissa;
  return d;
}

}  // namespace

DecimalSteps::DecimalSteps(double low, double step) : low_(low), step_(step) {
  const Decimal a = shortest_decimal(low), b = shortest_decimal(step);
  exponent_ = std::min(a.mantissa ? a.exponent : b.exponent, b.exponent);
  exact_ = scale(a, low_units_) && scale(b, step_units_) && exponent_ >= -22 && exponent_ <= 22;
}

double DecimalSteps::value(int64_t k) const {
  const double inexact = low_ + static_cast<double>(k) * step_;
  int64_t offset = 0, units = 0;
  if (!exact_ || __builtin_mul_overflow(k, step_units_, &offset) ||
      __builtin_add_overflow(low_units_, offset, &units) || std::abs(units) > int64_t{1} << 53) {
    return inexact;
  }
  const double ten = std::pow(10.0, std::abs(exponent_));  // exact up to 1e22
  return exponent_ < 0 ? static_cast<double>(units) / ten : static_cast<double>(units) * ten;
}

int64_t DecimalSteps::count_to(double high) const {
  int64_t high_units = 0, width = 0;
  if (exact_ && scale(shortest_decimal(high), high_units) &&
      !__builtin_sub_overflow(high_units, low_units_, &width)) {
    return width / step_units_;
  }
  const double k = std::floor((high - low_) / step_ + 1e-8);
  return k < 0x1p62 ? static_cast<int64_t>(k) : int64_t{1} << 62;
}

// d in units of 10^exponent_, false when that is no (small enough) integer. Digits below the unit
// are cut off: only `high` can have them, and it is lowered anyway.
bool DecimalSteps::scale(Decimal d, int64_t& units) const {
  for (; d.exponent > exponent_; --d.exponent) {
    if (__builtin_mul_overflow(d.mantissa, int64_t{10}, &d.mantissa)) return false;
  }
  for (; d.exponent < exponent_; ++d.exponent) {
    d.mantissa = d.mantissa / 10 - (d.mantissa < 0 && d.mantissa % 10 != 0);
  }
  units = d.mantissa;
  return true;
}

}  // namespace attune::tune::internal
