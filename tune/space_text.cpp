#include "attune/tune/space_text.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/internal/json.h"

namespace attune::tune {
namespace {

constexpr std::string_view kBlank = " \t";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  NamedParam read() {
    const size_t equals = text_.find('=');
    if (equals == std::string_view::npos) fail("NAME=FORM(…) is needed, such as lr=log(1e-4,1e-1)");
    const std::string name(trimmed(text_.substr(0, equals)));
    if (name.empty()) fail("its name is missing");
    std::string_view rest = trimmed(text_.substr(equals + 1));
    const size_t open = rest.find('('), close = rest.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
      fail(fmt::format("after '=' a form is needed: {}", param_forms()));
    }
    split(rest.substr(open + 1, close - open - 1));
    Param param = form(trimmed(rest.substr(0, open)));
    const std::string_view after = trimmed(rest.substr(close + 1));
    if (!after.empty()) {
      if (after.front() != '@') fail(fmt::format("{} follows the ')'", in_quotes(after)));
      param = param.starting_at(value(trimmed(after.substr(1))));
    }
    param.name = name;
    param.validate();
    return {name, param};
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw ValueError(fmt::format("param {}: {}", in_quotes(text_), what));
  }

  // At commas outside of quotes.
  void split(std::string_view inside) {
    if (trimmed(inside).empty()) return;
    bool quoted = false;
    size_t begin = 0;
    for (size_t i = 0; i <= inside.size(); ++i) {
      if (i < inside.size() && inside[i] == '\\' && quoted) {
        ++i;
        continue;
      }
      if (i < inside.size() && inside[i] == '"') quoted = !quoted;
      if (i < inside.size() && (inside[i] != ',' || quoted)) continue;
      parts_.push_back(trimmed(inside.substr(begin, std::min(i, inside.size()) - begin)));
      begin = i + 1;
    }
  }

  double number(size_t i) const {
    const auto found = json::number_in(parts_[i]);
    if (!found) fail(fmt::format("{} is no number", in_quotes(parts_[i])));
    return *found;
  }

  int64_t whole(size_t i) const {
    const double found = number(i);
    constexpr double kMost = 0x1p53;
    if (found != std::trunc(found) || std::abs(found) > kMost) {
      fail(fmt::format("{} is no whole number", in_quotes(parts_[i])));
    }
    return static_cast<int64_t>(found);
  }

  // What is a JSON value is that; anything else is a text.
  ParamValue value(std::string_view part) const {
    try {
      return json::parse(part).scalar();
    } catch (const ValueError&) {
      if (part.empty()) fail("a value is missing");
      if (part.front() == '"') fail(fmt::format("{} is no JSON text", in_quotes(part)));
      return std::string(part);
    }
  }

  void need(size_t least, size_t most, std::string_view shape) const {
    if (parts_.size() < least || parts_.size() > most) fail(fmt::format("it is written {}", shape));
  }

  Param form(std::string_view name) const {
    const size_t any = parts_.size();
    if (name == "range" || name == "float") {
      need(2, 2, "range(low,high)");
      return range(number(0), number(1));
    }
    if (name == "step") {
      need(3, 3, "step(low,high,step)");
      return stepped_range(number(0), number(1), number(2));
    }
    if (name == "log") {
      need(2, 2, "log(low,high)");
      return log_range(number(0), number(1));
    }
    if (name == "int") {
      need(2, 3, "int(low,high) or int(low,high,step)");
      return int_range(whole(0), whole(1), any == 3 ? whole(2) : 1);
    }
    if (name == "log_int") {
      need(2, 2, "log_int(low,high)");
      return log_int_range(whole(0), whole(1));
    }
    if (name == "powers_of_two") {
      need(2, 2, "powers_of_two(low,high)");
      return powers_of_two(whole(0), whole(1));
    }
    if (name == "choice") {
      need(1, any, "choice(a,b,…)");
      std::vector<ParamValue> choices;
      for (const std::string_view part : parts_) choices.push_back(value(part));
      return choice(std::move(choices));
    }
    if (name == "values") {
      need(1, any, "values(0.1,0.3,…)");
      std::vector<double> numbers;
      for (size_t i = 0; i < any; ++i) numbers.push_back(number(i));
      std::sort(numbers.begin(), numbers.end());
      return values(std::move(numbers));
    }
    fail(fmt::format("unknown form {}; there are {}", in_quotes(name), param_forms()));
  }

  std::string_view text_;
  std::vector<std::string_view> parts_;
};

}  // namespace

NamedParam param_from_text(std::string_view text) { return Reader(text).read(); }

std::string param_forms() {
  return "range(low,high), step(low,high,step), log(low,high), int(low,high), log_int(low,high), "
         "powers_of_two(low,high), choice(a,b,…), values(a,b,…)";
}

}  // namespace attune::tune
