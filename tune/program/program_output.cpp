#include "attune/tune/program/program_output.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/internal/dialogue.h"
#include "attune/tune/internal/json.h"

namespace attune::tune {
namespace {

constexpr std::string_view kPrefix = "attune:";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// A letter, a digit or an underscore: what a number does not begin or end next to.
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

struct Number {
  double value = 0;
  size_t begin = 0, end = 0;  // where it stands in the line
};

// The number that begins here; nothing if none does. inf and nan are numbers.
std::optional<Number> number_at(std::string_view text, size_t begin) {
  if (begin > 0 && is_word(text[begin - 1])) return std::nullopt;
  size_t at = begin;
  if (text[at] == '+' || text[at] == '-') ++at;
  if (at == text.size() || text[at] == '+' || text[at] == '-') return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), value);
  if (end == text.data() + at) return std::nullopt;
  size_t stop = static_cast<size_t>(end - text.data());
  if (stop < text.size() && text[stop] == '.') ++stop;                 // "2."
  if (stop < text.size() && is_word(text[stop])) return std::nullopt;  // 3d, infinite
  if (error == std::errc::result_out_of_range)
    value = json::number_in(text.substr(at, stop - at)).value_or(0);
  return Number{text[begin] == '-' ? -value : value, begin, stop};
}

std::vector<Number> numbers_in(std::string_view text) {
  std::vector<Number> all;
  for (size_t i = 0; i < text.size();) {
    if (const auto found = number_at(text, i)) {
      all.push_back(*found);
      i = found->end;
    } else {
      ++i;
    }
  }
  return all;
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Whether the two numbers, with nothing but a comma between them, may be one: 0,35 as it is written
// in much of Europe, or 1,234.5 with a separator of thousands.
bool may_be_one(std::string_view text, const Number& a, const Number& b) {
  if (a.end + 1 != b.begin || text[a.end] != ',') return false;
  std::string_view before = text.substr(a.begin, a.end - a.begin);
  if (before.starts_with('-') || before.starts_with('+')) before.remove_prefix(1);
  const std::string_view after = text.substr(b.begin, b.end - b.begin);
  if (!all_digits(before)) return false;
  if (all_digits(after)) return true;
  const size_t point = after.find('.');
  return before.size() <= 3 && point == 3 && all_digits(after.substr(0, point));
}

double number_of(std::string_view text) {
  const auto number = json::number_in(text);
  if (!number) throw ValueError(fmt::format("{} is no number", in_quotes(text)));
  return *number;
}

// Keys mean what they mean in the ask-tell dialogue, whose reader also reports mistakes.
ProgramEnd read_object(const json::Value& object, size_t objectives) {
  json::Object known{{"number", {ParamValue(0)}}};
  for (const auto& [key, value] : object.object()) {
    for (const char* name : {"value", "values", "state", "reason", "constraints", "user"}) {
      if (key == name) known.push_back({key, value});
    }
  }
  std::optional<int64_t> unused;
  dialogue::Message message =
      dialogue::read_message(json::text(json::Value{std::move(known)}), objectives, unused);
  return {std::move(message.outcome), std::move(message.constraints), std::move(message.user)};
}

}  // namespace

bool is_for_tuner(std::string_view line) { return trimmed(line).starts_with(kPrefix); }

ProgramReport read_report(std::string_view line, size_t objectives) {
  ProgramReport report{.step = -1, .values = {}};
  std::string_view rest = trimmed(line).substr(kPrefix.size());
  while (!(rest = trimmed(rest)).empty()) {
    const size_t end = std::min(rest.find_first_of(" \t"), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(end);
    const size_t equals = std::min(word.find('='), word.size());
    const std::string_view key = word.substr(0, equals);
    std::string_view value = word.substr(std::min(equals + 1, word.size()));
    if (key == "step") {
      const double step = number_of(value);
      if (!(step >= 0 && step <= 0x1p53 && step == std::trunc(step))) {
        throw ValueError(
            fmt::format("step must be a whole number from 0, not {}", in_quotes(value)));
      }
      report.step = static_cast<int64_t>(step);
    } else if (key == "value" || key == "values") {
      for (;;) {
        const size_t comma = std::min(value.find(','), value.size());
        report.values.push_back(number_of(value.substr(0, comma)));
        if (comma == value.size()) break;
        value.remove_prefix(comma + 1);
      }
    } else {
      throw ValueError(fmt::format("{} is neither step=… nor value=…", in_quotes(word)));
    }
  }
  if (report.step < 0) throw ValueError("step=… is missing");
  if (report.values.size() != objectives) {
    throw ValueError(fmt::format("{} values for {} objectives", report.values.size(), objectives));
  }
  return report;
}

ProgramEnd read_last_line(std::string_view line, size_t objectives) {
  const std::string_view text = trimmed(line);
  if (text.starts_with('{')) {
    std::optional<json::Value> object;
    try {
      object = json::parse(text, json::Numbers::lenient);
    } catch (const ValueError&) {  // not JSON, but it may hold a number
    }
    if (object) return read_object(*object, objectives);
  }
  const std::vector<Number> numbers = numbers_in(text);
  if (numbers.size() < objectives) {
    if (text.empty()) throw ValueError("it printed nothing: its last line is to hold its value");
    throw ValueError(fmt::format(
        "its last line holds {}: {}",
        numbers.empty() ? "no number"
                        : fmt::format("{} numbers for {} objectives", numbers.size(), objectives),
        in_quotes(text, 200)));
  }
  const size_t first = numbers.size() - objectives;
  // A line of exactly as many numbers as there are objectives leaves nothing to doubt.
  for (size_t i = first > 0 ? first : numbers.size(); i < numbers.size(); ++i) {
    if (!may_be_one(text, numbers[i - 1], numbers[i])) continue;
    throw ValueError(fmt::format(
        "its last line holds {}, which may be one number or two; print a decimal point, no "
        "separator of thousands, and a space between numbers: {}",
        in_quotes(text.substr(numbers[i - 1].begin, numbers[i].end - numbers[i - 1].begin)),
        in_quotes(text, 200)));
  }
  std::vector<double> values;
  for (size_t i = first; i < numbers.size(); ++i) values.push_back(numbers[i].value);
  ProgramEnd end;
  end.outcome = Outcome(std::move(values));
  return end;
}

}  // namespace attune::tune
