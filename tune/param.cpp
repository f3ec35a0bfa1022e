#include "attune/tune/param.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/internal/decimal_steps.h"
#include "attune/tune/internal/prior.h"

namespace attune::tune {
namespace {

constexpr double kLargestInteger = 0x1p53;  // above, a double skips integers

template <typename... Args>
[[noreturn]] void bad(const Param& p, fmt::format_string<Args...> text, Args&&... args) {
  throw SearchSpaceError(fmt::format("param {}: {}", in_quotes(p.name),
                                     fmt::format(text, std::forward<Args>(args)...)));
}

// Equal in kind and content; NaN is itself.
bool identical(const ParamValue& a, const ParamValue& b) {
  const auto *x = std::get_if<double>(&a.variant()), *y = std::get_if<double>(&b.variant());
  if (x && y && std::isnan(*x) && std::isnan(*y)) return true;
  return a.variant() == b.variant();
}

bool identical(const std::vector<ParamValue>& a, const std::vector<ParamValue>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const ParamValue& x, const ParamValue& y) { return identical(x, y); });
}

std::string shown(const ParamValue& value) {
  const auto* text = std::get_if<std::string>(&value.variant());
  return text ? in_quotes(*text) : value.to_string();
}

// The numbers of the first two choices that Python's ==, for which 1, 1.0 and True are one, does
// not tell apart.
std::optional<std::pair<size_t, size_t>> equal_in_python(const std::vector<ParamValue>& choices) {
  // Two kinds of key: a text with its kind, and a number. A NaN equals nothing.
  std::unordered_map<std::string, size_t> texts;
  std::unordered_map<double, std::vector<size_t>> numbers;  // distinct integers may share a double
  const auto number = [](const ParamValue& v) -> std::optional<ParamValue> {
    if (const auto* truth = std::get_if<bool>(&v.variant())) {
      return ParamValue(static_cast<int64_t>(*truth));
    }
    const bool text = v.is_null() || std::holds_alternative<std::string>(v.variant());
    return text ? std::nullopt : std::optional(v);
  };
  for (size_t i = 0; i < choices.size(); ++i) {
    if (const std::optional<ParamValue> mine = number(choices[i])) {
      std::vector<size_t>& same = numbers[mine->as_double()];
      for (const size_t k : same) {
        if (*number(choices[k]) == *mine) return std::pair(k, i);
      }
      same.push_back(i);
    } else {
      const std::string key = choices[i].is_null() ? "null" : "=" + choices[i].as_string();
      const auto [known, added] = texts.emplace(key, i);
      if (!added) return std::pair(known->second, i);
    }
  }
  return std::nullopt;
}

// Text that is not UTF-8 would leave a study that Python cannot open.
void require_utf8(const Param& p, std::string_view what, std::string_view text) {
  const size_t flaw = utf8_flaw(text);
  if (flaw == std::string_view::npos) return;
  throw SearchSpaceError(fmt::format("param {}: {} {} is not UTF-8: byte {} is 0x{:02x}",
                                     in_quotes(p.name), what, in_quotes(text), flaw,
                                     static_cast<unsigned char>(text[flaw])));
}

// The unit of a value when there is no prior.
double place_in_range(const Param& p, double value) {
  if (p.kind == Param::Kind::real && p.step == 0 && p.grid.empty()) {
    if (p.low == p.high) return 0.5;
    value = std::clamp(value, p.low, p.high);
    if (p.log) return (std::log(value) - std::log(p.low)) / (std::log(p.high) - std::log(p.low));
    return (value / 2 - p.low / 2) / (p.high / 2 - p.low / 2);
  }
  if (p.log && p.grid.empty()) {
    value = std::clamp(std::round(value), p.low, p.high);
    const double a = std::log(p.low - 0.5), b = std::log(p.high + 0.5);
    return (std::log(value) - a) / (b - a);
  }
  return (static_cast<double>(p.level_of(value)) + 0.5) / static_cast<double>(p.levels());
}

const char* kind_name(Param::Kind kind) {
  constexpr const char* kNames[] = {"real", "integer", "categorical"};
  return kNames[static_cast<int>(kind)];
}

}  // namespace

double last_step(double low, double high, double step) {
  const internal::DecimalSteps steps(low, step);
  return std::min(steps.value(steps.count_to(high)), high);
}

void Param::validate() const {
  if (name.empty()) throw SearchSpaceError("param: a name is empty");
  if (!flaw.empty()) bad(*this, "{}", flaw);
  require_utf8(*this, "the name", name);
  if (kind == Kind::categorical) {
    if (choices.empty()) bad(*this, "no choices");
    for (const ParamValue& one : choices) {
      if (const auto* text = std::get_if<std::string>(&one.variant())) {
        require_utf8(*this, "the choice", *text);
      }
    }
    if (const auto same = equal_in_python(choices)) {
      bad(*this, "choices {} and {} are equal: {} and {}", same->first, same->second,
          shown(choices[same->first]), shown(choices[same->second]));
    }
  } else {
    if (!std::isfinite(low) || !std::isfinite(high)) {
      bad(*this, "bounds must be finite, not {} and {}", low, high);
    }
    if (low > high) bad(*this, "low <= high must hold, not {} > {}", low, high);
    if (!(step >= 0) || std::isinf(step)) bad(*this, "a step must be above 0, not {}", step);
    if (log && low <= 0) bad(*this, "a log range must begin above 0, not at {}", low);
    if (log && step != 0 && !(kind == Kind::integer && step == 1)) {
      bad(*this, "a log range has no step; it was given {}", step);
    }
    if (step > high - low && high > low) {
      bad(*this, "a step of {} is wider than the range, from {} to {}", step, low, high);
    }
    if (!std::is_sorted(grid.begin(), grid.end(), std::less_equal<>())) {
      bad(*this, "grid values must ascend, each there once");
    }
    for (const double v : grid) {
      if (!(v >= low && v <= high))
        bad(*this, "the grid value {} is not in [{}, {}]", v, low, high);
    }
  }
  if (kind == Kind::integer) {
    for (const double v : {low, high, step}) {
      if (v != std::trunc(v) || std::abs(v) > kLargestInteger) {
        bad(*this, "{} is no integer, or is beyond 2^53, up to which doubles hold every one", v);
      }
    }
    if (step < 1) bad(*this, "an integer's step must be at least 1, not {}", step);
  }
  if (first && !(*first >= low && *first <= high)) {
    bad(*this, "the first value {} is not in [{}, {}]", *first, low, high);
  }
  if (first && levels() > 0 && level_value(level_of(*first)) != *first) {
    bad(*this, "the first value {} lies between the steps; {} would do", *first,
        level_value(level_of(*first)));
  }
  if (const std::string wrong = internal::prior_flaw(*this); !wrong.empty())
    bad(*this, "{}", wrong);
}

int64_t Param::levels() const {
  if (kind == Kind::categorical) return static_cast<int64_t>(choices.size());
  if (!grid.empty()) return static_cast<int64_t>(grid.size());
  if (kind == Kind::integer) return static_cast<int64_t>((high - low) / step) + 1;
  if (step > 0) return internal::DecimalSteps(low, step).count_to(high) + 1;
  return low == high ? 1 : 0;
}

double Param::level_value(int64_t level) const {
  if (kind == Kind::categorical) return static_cast<double>(level);
  if (!grid.empty()) return grid[static_cast<size_t>(level)];
  if (kind == Kind::integer) return low + static_cast<double>(level) * step;
  if (step > 0) return std::min(internal::DecimalSteps(low, step).value(level), high);
  return low;
}

int64_t Param::level_of(double value) const {
  const int64_t last = levels() - 1;
  if (!grid.empty()) {
    const auto above = std::lower_bound(grid.begin(), grid.end(), value);
    const int64_t i = above - grid.begin();
    if (above == grid.end()) return last;
    return i > 0 && value - above[-1] < *above - value ? i - 1 : i;
  }
  if (kind == Kind::categorical) return std::clamp(static_cast<int64_t>(value), int64_t{0}, last);
  if (last <= 0) return 0;
  const double k = std::round((value - low) / step);
  return static_cast<int64_t>(std::clamp(k, 0.0, static_cast<double>(last)));
}

double Param::from_unit(double u) const {
  u = u >= 0 ? std::min(u, 1.0) : 0;  // NaN too
  if (internal::has_prior(*this)) u = internal::place_of(*this, u);
  const int64_t count = kind == Kind::real && step == 0 && grid.empty() ? 0 : levels();
  if (count > 0 && !(log && grid.empty())) {
    const auto level = static_cast<int64_t>(u * static_cast<double>(count));
    return level_value(std::min(level, count - 1));
  }
  if (log) {
    if (u == 0 || u == 1) return u == 0 ? low : high;  // exactly, which exp(log()) need not be
    const double half = kind == Kind::integer ? 0.5 : 0;
    const double a = std::log(low - half), b = std::log(high + half);
    const double v = std::exp(a + u * (b - a));
    if (kind == Kind::integer) return std::clamp(std::round(v), low, high);
    constexpr double kRounding = 1e-14;
    if (v <= low * (1 + kRounding)) return low;  // also what rounding left beside the end
    return v >= high * (1 - kRounding) ? high : v;
  }
  return std::clamp(low * (1 - u) + high * u, low, high);  // high - low could overflow
}

double Param::to_unit(double value) const {
  const double place = place_in_range(*this, value);
  return internal::has_prior(*this) ? internal::unit_of(*this, place) : place;
}

ParamValue Param::external(double value) const {
  if (kind == Kind::real) return value;
  if (kind == Kind::integer && std::abs(value) < 0x1p63) return static_cast<int64_t>(value);
  if (kind == Kind::categorical && value >= 0 && value < static_cast<double>(choices.size())) {
    return choices[static_cast<size_t>(value)];
  }
  throw ValueError(fmt::format(
      "param {}: it cannot have the value {}{}", in_quotes(name), value,
      kind == Kind::integer ? ""
                            : fmt::format(", the number of one of {} choices", choices.size())));
}

double Param::internal(const ParamValue& value) const {
  if (kind == Kind::categorical) {
    // The very same kind first: a study made by others may have both 1 and 1.0.
    for (const bool strict : {true, false}) {
      for (size_t i = 0; i < choices.size(); ++i) {
        if (strict ? identical(choices[i], value) : choices[i] == value)
          return static_cast<double>(i);
      }
    }
    constexpr size_t kMost = 12;
    std::string all;
    for (size_t i = 0; i < std::min(choices.size(), kMost); ++i) {
      all += (i == 0 ? "" : ", ") + shown(choices[i]);
    }
    if (choices.size() > kMost) all += fmt::format(", … ({} in all)", choices.size());
    throw ValueError(
        fmt::format("param {}: {} is none of the choices {}", in_quotes(name), shown(value), all));
  }
  const bool whole = kind == Kind::integer;
  const double number = [&] {
    try {
      return whole ? static_cast<double>(value.as_int()) : value.as_double();
    } catch (const ValueError&) {  // does not know the name
      throw ValueError(fmt::format("param {}: {} is not a {}", in_quotes(name), shown(value),
                                   whole ? "whole number" : "number"));
    }
  }();
  if (!std::isfinite(number))
    throw ValueError(fmt::format("param {}: {} is not finite", in_quotes(name), number));
  return number;
}

double Param::default_value() const {
  if (first) return *first;
  if (internal::has_prior(*this)) return internal::likeliest(*this);
  return kind == Kind::categorical ? 0 : from_unit(0.5);
}

bool Param::same_distribution(const Param& other) const {
  return kind == other.kind && low == other.low && high == other.high && log == other.log &&
         step == other.step && name == other.name &&
         (kind != Kind::categorical || identical(choices, other.choices));
}

bool Param::local() const {
  return !grid.empty() || first || !conditions.empty() || internal::has_prior(*this);
}

bool Param::same_local(const Param& other) const {
  return grid == other.grid && first == other.first && conditions == other.conditions &&
         normal == other.normal && weights == other.weights;
}

void Param::check_compatible(const Param& earlier) const {
  if (kind != earlier.kind) {
    bad(*this, "is {} here, but was {} earlier in this study", kind_name(kind),
        kind_name(earlier.kind));
  }
  if (log != earlier.log) {
    bad(*this, "is {} here, but was {} earlier in this study", log ? "logarithmic" : "linear",
        log ? "linear" : "logarithmic");
  }
  if (kind != Kind::categorical) return;
  const bool shared = std::any_of(choices.begin(), choices.end(), [&](const ParamValue& mine) {
    return std::any_of(earlier.choices.begin(), earlier.choices.end(),
                       [&](const ParamValue& other) { return identical(mine, other); });
  });
  if (!shared) bad(*this, "has none of the choices that it had earlier in this study");
}

double Param::value_from(const Param& earlier, double value) const {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  if (kind != earlier.kind) return kNone;
  if (kind != Kind::categorical) return value >= low && value <= high ? value : kNone;
  const auto i = static_cast<size_t>(value);
  if (i >= earlier.choices.size()) return kNone;
  if (i < choices.size() && identical(choices[i], earlier.choices[i])) return value;
  const auto same = std::find_if(choices.begin(), choices.end(), [&](const ParamValue& mine) {
    return identical(mine, earlier.choices[i]);
  });
  return same == choices.end() ? kNone : static_cast<double>(same - choices.begin());
}

Param Param::when(std::string_view parent, ParamValue value) const {
  return when_any(parent, {std::move(value)});
}

Param Param::when_any(std::string_view parent, std::vector<ParamValue> allowed) const {
  Param p = *this;
  p.conditions.push_back({std::string(parent), std::move(allowed)});
  return p;
}

Param Param::starting_at(const ParamValue& value) const {
  Param p = *this;
  try {
    p.first = internal(value);
  } catch (const ValueError&) {  // it has no name yet: validate() tells
    p.flaw = fmt::format("the first value {} is none that it can have", shown(value));
  }
  return p;
}

Param Param::prior(double mean, double deviation) const {
  Param p = *this;
  p.weights.clear();
  p.normal = Normal{mean, deviation};
  if (!grid.empty() && internal::prior_flaw(p).empty()) {
    p.weights = internal::normal_weights(p);
    p.normal.reset();
  }
  return p;
}

Param Param::prior(std::vector<double> each) const {
  Param p = *this;
  p.normal.reset();
  p.weights = std::move(each);
  if (p.weights.empty()) p.flaw = "a prior needs a weight for each value; there are none";
  return p;
}

}  // namespace attune::tune
