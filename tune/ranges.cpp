// The ways to declare a parameter.

#include <bit>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "attune/tune/space.h"

namespace attune::tune {
namespace {

constexpr int64_t kLargestInteger = int64_t{1} << 53;

Param integer(int64_t low, int64_t high, int64_t step) {
  Param p{.kind = Param::Kind::integer,
          .low = static_cast<double>(low),
          .high = static_cast<double>(high)};
  p.step = static_cast<double>(step);
  for (const int64_t bound : {low, high}) {
    if (bound >= -kLargestInteger && bound <= kLargestInteger) continue;
    p.flaw =
        fmt::format("the bound {} is beyond 2^53, up to which doubles hold every integer", bound);
  }
  return p;
}

// Without the last digit or two, which are rounding errors: 0.01, not 0.010000000000000002.
double rounded(double value) { return std::strtod(fmt::format("{:.14g}", value).c_str(), nullptr); }

Param on_grid(Param p, int64_t count, double (*at)(double low, double high, double share)) {
  if (count < 1) p.flaw = fmt::format("a grid needs at least 1 value, not {}", count);
  if (p.log && !(p.low > 0))
    p.flaw = fmt::format("a log grid must begin above 0, not at {}", p.low);
  if (!p.flaw.empty()) return p;
  for (int64_t i = 0; i < count; ++i) {
    const double share = count == 1 ? 0 : static_cast<double>(i) / static_cast<double>(count - 1);
    const bool inner = i > 0 && i < count - 1;
    p.grid.push_back(inner ? rounded(at(p.low, p.high, share)) : i == 0 ? p.low : p.high);
  }
  return p;
}

}  // namespace

Param range(double low, double high) { return {.low = low, .high = high}; }

Param stepped_range(double low, double high, double step) {
  Param p{.low = low, .high = high, .step = step};
  if (!(step > 0)) {
    p.flaw = fmt::format("a step must be above 0, not {}", step);
  } else if (std::isfinite(low) && std::isfinite(high) && std::isfinite(step) &&
             high - low >= step) {  // a wider step is told by validate()
    p.high = last_step(low, high, step);
  }
  return p;
}

Param log_range(double low, double high) { return {.low = low, .high = high, .log = true}; }

Param int_range(int64_t low, int64_t high, int64_t step) {
  Param p = integer(low, high, step);
  if (p.flaw.empty() && step >= 1 && high - low >= step) {  // a wider step is told by validate()
    p.high = static_cast<double>(high - (high - low) % step);
  }
  return p;
}

Param log_int_range(int64_t low, int64_t high) {
  Param p = integer(low, high, 1);
  p.log = true;
  return p;
}

Param powers_of_two(int64_t low, int64_t high) {
  Param p = log_int_range(low, high);
  for (const int64_t bound : {low, high}) {
    if (bound >= 1 && std::has_single_bit(static_cast<uint64_t>(bound))) continue;
    p.flaw = fmt::format("{} is no power of two", bound);
  }
  if (!p.flaw.empty()) return p;
  for (int64_t v = low; v <= high; v *= 2) p.grid.push_back(static_cast<double>(v));
  return p;
}

Param choice(std::vector<ParamValue> choices) {
  Param p{.kind = Param::Kind::categorical};
  p.high = choices.empty() ? 0 : static_cast<double>(choices.size() - 1);
  p.choices = std::move(choices);
  return p;
}

Param linear_grid(double low, double high, int64_t count) {
  return on_grid(range(low, high), count,
                 [](double a, double b, double share) { return a * (1 - share) + b * share; });
}

Param log_grid(double low, double high, int64_t count) {
  return on_grid(log_range(low, high), count, [](double a, double b, double share) {
    return std::exp(std::log(a) * (1 - share) + std::log(b) * share);
  });
}

Param values(std::vector<double> numbers) {
  Param p;
  if (numbers.empty()) {
    p.flaw = "there are no values";
    return p;
  }
  p.low = numbers.front(), p.high = numbers.back();
  p.grid = std::move(numbers);
  return p;
}

}  // namespace attune::tune
