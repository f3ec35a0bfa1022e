#include "attune/tune/storages/internal/journal_line.h"

#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/crc32c.h"
#include "attune/tune/internal/json.h"

namespace attune::tune::journal {
namespace {

constexpr std::string_view kMore = ",\"more\":", kCrc = ",\"crc\":\"", kEnd = "\"}";
constexpr size_t kDigits = 8;
constexpr size_t kSeal = kCrc.size() + kDigits + kEnd.size();

[[noreturn]] void no_json(std::string_view rest) {
  throw ValueError(
      fmt::format("no JSON from here on: {}", json::shown(ParamValue(std::string(rest)))));
}

void skip_space(std::string_view& rest) {
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
}

std::string_view take_string(std::string_view& rest) {
  for (size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '\\') {
      ++i;
    } else if (rest[i] == '"') {
      const std::string_view value = rest.substr(0, i + 1);
      rest.remove_prefix(i + 1);
      return value;
    }
  }
  no_json(rest);
}

// The value at the front; only its extent is found, not whether all in it is JSON.
std::string_view take_value(std::string_view& rest) {
  if (rest.empty()) no_json(rest);
  if (rest.front() == '"') return take_string(rest);
  size_t depth = 0;
  const std::string_view whole = rest;
  size_t i = 0;
  while (i < whole.size()) {
    const char c = whole[i];
    if (c == '"') {
      std::string_view inner = whole.substr(i);
      i += take_string(inner).size();
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']' || c == ',') {
      if (depth == 0) break;
      if (c != ',' && --depth == 0) {
        ++i;
        break;
      }
    }
    ++i;
  }
  if (i == 0 || depth != 0) no_json(rest);
  std::string_view value = whole.substr(0, i);
  while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
  rest.remove_prefix(i);
  return value;
}

std::optional<uint32_t> hexadecimal(std::string_view digits) {
  uint32_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// At the end of an object; 0: there is none.
size_t more_of(std::string_view object) {
  size_t first_digit = object.size();
  while (first_digit > 0 && object[first_digit - 1] >= '0' && object[first_digit - 1] <= '9') {
    --first_digit;
  }
  if (!object.substr(0, first_digit).ends_with(kMore)) return 0;
  size_t more = 0;
  std::from_chars(object.data() + first_digit, object.data() + object.size(), more);
  return more;
}

// Of another program. A line of attune's always has its checksum.
bool is_foreign(std::string_view text) {
  if (!text.starts_with('{') || text.find("\"worker_id\":\"attune\"") != std::string_view::npos) {
    return false;
  }
  try {
    return json::parse(text).find("op_code") != nullptr;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

void seal(std::string& lines, std::string_view object, size_t more) {
  const size_t begin = lines.size();
  lines += object;
  if (more > 0) fmt::format_to(std::back_inserter(lines), "{}{}", kMore, more);
  const uint32_t crc = attune::internal::crc32c(std::string_view(lines).substr(begin));
  fmt::format_to(std::back_inserter(lines), "{}{:08x}{}\n", kCrc, crc, kEnd);
}

std::optional<Line> read_line(std::string_view text) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  const std::string_view tail = text.size() > kSeal ? text.substr(text.size() - kSeal) : "";
  if (tail.starts_with(kCrc) && tail.ends_with(kEnd)) {
    const std::string_view object = text.substr(0, text.size() - kSeal);
    if (hexadecimal(tail.substr(kCrc.size(), kDigits)) != attune::internal::crc32c(object)) {
      return std::nullopt;
    }
    return Line{object, true, more_of(object)};
  }
  if (!is_foreign(text)) return std::nullopt;
  return Line{text, false, 0};
}

Members::Members(std::string_view object) : rest_(object) {
  skip_space(rest_);
  if (!rest_.starts_with('{')) no_json(rest_);
  rest_.remove_prefix(1);
}

bool Members::next(std::string_view& key, std::string_view& value) {
  skip_space(rest_);
  // A sealed line's object has lost its brace with its seal.
  if (rest_.empty() || rest_ == "}") return false;
  if (!first_) {
    if (rest_.front() != ',') no_json(rest_);
    rest_.remove_prefix(1);
    skip_space(rest_);
  }
  first_ = false;
  if (!rest_.starts_with('"')) no_json(rest_);
  key = take_string(rest_);
  skip_space(rest_);
  if (!rest_.starts_with(':')) no_json(rest_);
  rest_.remove_prefix(1);
  skip_space(rest_);
  value = take_value(rest_);
  return true;
}

Elements::Elements(std::string_view list) : rest_(list) {
  if (!rest_.starts_with('[') || !rest_.ends_with(']')) no_json(rest_);
  rest_ = rest_.substr(1, rest_.size() - 2);
}

bool Elements::next(std::string_view& value) {
  skip_space(rest_);
  if (rest_.empty()) return false;
  if (!first_) {
    if (rest_.front() != ',') no_json(rest_);
    rest_.remove_prefix(1);
    skip_space(rest_);
  }
  first_ = false;
  value = take_value(rest_);
  return true;
}

int64_t integer(std::string_view value) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) {
    throw ValueError(fmt::format("{} is no whole number", json::shown(std::string(value))));
  }
  return number;
}

double number(std::string_view value) {
  double number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error == std::errc() && end == value.data() + value.size()) return number;
  if (value == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (value == "Infinity") return std::numeric_limits<double>::infinity();
  if (value == "-Infinity") return -std::numeric_limits<double>::infinity();
  return json::parse(value).scalar().as_double();
}

std::string text(std::string_view value) {
  const bool plain = value.size() >= 2 && value.front() == '"' &&
                     value.find('\\') == std::string_view::npos && value.back() == '"';
  if (plain) return std::string(value.substr(1, value.size() - 2));
  return json::parse(value).scalar().as_string();
}

}  // namespace attune::tune::journal
