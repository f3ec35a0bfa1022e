// The ways to declare a parameter.

#include <bit>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "attune/tensor/error.h"
#include "attune/tune/space.h"

namespace attune::tune {
namespace {

Param integer(int64_t low, int64_t high, int64_t step) {
  Param p{.kind = Param::Kind::integer,
          .low = static_cast<double>(low),
          .high = static_cast<double>(high)};
  p.step = static_cast<double>(step);
  return p;
}

// Without the last digit or two, which are rounding errors: 0.01, not 0.010000000000000002.
double rounded(double value) { return std::strtod(fmt::format("{:.14g}", value).c_str(), nullptr); }

Param on_grid(Param p, int64_t count, double (*at)(double low, double high, double share)) {
  if (count < 1) {
    throw SearchSpaceError(fmt::format("grid: it needs at least 1 value, not {}", count));
  }
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
  if (!(step > 0))
    throw SearchSpaceError(fmt::format("range: a step must be above 0, not {}", step));
  Param p{.low = low, .high = high, .step = step};
  if (std::isfinite(low) && std::isfinite(high) && low <= high) p.high = last_step(low, high, step);
  return p;
}

Param log_range(double low, double high) { return {.low = low, .high = high, .log = true}; }

Param int_range(int64_t low, int64_t high, int64_t step) {
  if (step >= 1 && low <= high) high -= (high - low) % step;
  return integer(low, high, step);
}

Param log_int_range(int64_t low, int64_t high) {
  Param p = integer(low, high, 1);
  p.log = true;
  return p;
}

Param powers_of_two(int64_t low, int64_t high) {
  for (const int64_t bound : {low, high}) {
    if (bound < 1 || !std::has_single_bit(static_cast<uint64_t>(bound))) {
      throw SearchSpaceError(fmt::format("powers_of_two: {} is no power of two", bound));
    }
  }
  Param p = log_int_range(low, high);
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
  if (!(low > 0))
    throw SearchSpaceError(fmt::format("log_grid: it must begin above 0, not at {}", low));
  return on_grid(log_range(low, high), count, [](double a, double b, double share) {
    return std::exp(std::log(a) * (1 - share) + std::log(b) * share);
  });
}

Param values(std::vector<double> numbers) {
  if (numbers.empty()) throw SearchSpaceError("values: there are none");
  Param p = range(numbers.front(), numbers.back());
  p.grid = std::move(numbers);
  return p;
}

}  // namespace attune::tune
