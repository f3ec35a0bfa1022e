#include "attune/tune/internal/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"

namespace attune::tune::json {
namespace {

constexpr int kMaxDepth = 200;  // a storage may hold anything; the stack may not overflow over it

void append_utf8(std::string& out, uint32_t c) {
  const auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6), put(0x80 | (c & 63));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 63)), put(0x80 | (c & 63));
  } else {
    put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 63)), put(0x80 | (c >> 6 & 63)),
        put(0x80 | (c & 63));
  }
}

class Parser {
 public:
  Parser(std::string_view text, Numbers numbers) : text_(text), numbers_(numbers) {}

  Value document() {
    Value value = any(0);
    skip_space();
    if (at_ < text_.size()) fail("more after the value");
    return value;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    const std::string_view rest = text_.substr(std::min(at_, text_.size()));
    throw ValueError(fmt::format("json: {} at byte {} of {}{}", what, at_, text_.size(),
                                 rest.empty() ? "" : ", before " + in_quotes(rest, 20)));
  }

  void skip_space() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }

  char peek() {
    skip_space();
    if (at_ == text_.size()) fail("ends too early");
    return text_[at_];
  }

  bool accept(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  void expect(char c) {
    if (peek() != c) fail(fmt::format("'{}' expected", c));
    ++at_;
  }

  Value any(int depth) {
    if (depth > kMaxDepth) fail("nested too deeply");
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    const char c = peek();
    if (c == '{') return {object(depth)};
    if (c == '[') return {list(depth)};
    if (c == '"') return {ParamValue(string())};
    if (accept("null")) return {ParamValue()};
    if (accept("true")) return {ParamValue(true)};
    if (accept("false")) return {ParamValue(false)};
    if (accept("NaN")) return {ParamValue(std::numeric_limits<double>::quiet_NaN())};
    if (accept("Infinity")) return {ParamValue(kInfinity)};
    if (accept("-Infinity")) return {ParamValue(-kInfinity)};
    if (numbers_ == Numbers::lenient) {
      if (const std::optional<double> other = other_number()) return {ParamValue(*other)};
    }
    return {number()};
  }

  // A number as languages other than JavaScript and Python print it.
  std::optional<double> other_number() {
    size_t end = at_;
    while (end < text_.size() &&
           std::string_view(",]} \t\r\n").find(text_[end]) == std::string_view::npos) {
      ++end;
    }
    const std::string_view word = text_.substr(at_, end - at_);
    const bool whole = word.find_first_not_of("-0123456789") == std::string_view::npos;
    const std::optional<double> value = whole ? std::nullopt : number_in(word);
    if (value) at_ = end;
    return value;
  }

  Object object(int depth) {
    Object result;
    expect('{');
    if (peek() == '}') return ++at_, result;
    for (;;) {
      if (peek() != '"') fail("a key expected");
      std::string key = string();
      expect(':');
      result.push_back({std::move(key), any(depth + 1)});
      if (peek() == '}') return ++at_, result;
      expect(',');
    }
  }

  List list(int depth) {
    List result;
    expect('[');
    if (peek() == ']') return ++at_, result;
    for (;;) {
      result.push_back(any(depth + 1));
      if (peek() == ']') return ++at_, result;
      expect(',');
    }
  }

  ParamValue number() {
    const size_t begin = at_;
    const auto digits = [&] {
      const size_t from = at_;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
      if (at_ == from) fail("a value expected");
    };
    bool whole = true;
    accept("-");
    digits();
    if (accept(".")) whole = false, digits();
    if (accept("e") || accept("E")) {
      whole = false;
      if (!accept("-")) accept("+");
      digits();
    }
    const char *first = text_.data() + begin, *last = text_.data() + at_;
    int64_t integer = 0;
    if (whole && std::from_chars(first, last, integer).ec == std::errc()) return integer;
    double real = 0;
    const auto [end, error] = std::from_chars(first, last, real);
    if (error ==
        std::errc::result_out_of_range) {  // as Python: too large is infinite, too small is 0
      const std::string copy(first, last);
      real = std::strtod(copy.c_str(), nullptr);
    }
    return real;
  }

  uint32_t hex4() {
    uint32_t unit = 0;
    const char* first = text_.data() + at_;
    if (text_.size() - at_ < 4 || std::from_chars(first, first + 4, unit, 16).ptr != first + 4) {
      fail("four hexadecimal digits expected");
    }
    at_ += 4;
    return unit;
  }

  std::string string() {
    expect('"');
    std::string out;
    for (;;) {
      if (at_ == text_.size()) fail("a string without end");
      const char c = text_[at_++];
      if (c == '"') return out;
      if (static_cast<unsigned char>(c) < 0x20) {
        --at_;
        fail("a control character inside of a string");
      }
      if (c != '\\') {
        out += c;
        continue;
      }
      if (at_ == text_.size()) fail("a string without end");
      const char escaped = text_[at_++];
      switch (escaped) {
        case 'n': out += '\n'; break;
        case 'r': out += '\r'; break;
        case 't': out += '\t'; break;
        case 'b': out += '\b'; break;
        case 'f': out += '\f'; break;
        case '"':
        case '\\':
        case '/': out += escaped; break;
        case 'u': {
          uint32_t unit = hex4();
          if (unit >= 0xD800 && unit < 0xDC00 && text_.substr(at_, 2) == "\\u") {
            const size_t before = at_;
            at_ += 2;
            const uint32_t low = hex4();
            if (low >= 0xDC00 && low < 0xE000) {
              unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            } else {
              at_ = before;  // a half on its own; what follows is another character
            }
          }
          append_utf8(out, unit);
          break;
        }
        default: fail("an unknown escape");
      }
    }
  }

  std::string_view text_;
  Numbers numbers_;
  size_t at_ = 0;
};

// The character at text[i], and i moved past it; halves of surrogate pairs are let through.
uint32_t next_character(std::string_view text, size_t& i) {
  const auto byte = [&](size_t k) { return static_cast<unsigned char>(text[k]); };
  const uint32_t head = byte(i++);
  if (head < 0x80) return head;
  const int more = head >= 0xF0 && head < 0xF5 ? 3 : head >= 0xE0 ? 2 : head >= 0xC2 ? 1 : 0;
  if (more == 0 || head >= 0xF5) return 0xFFFD;
  uint32_t c = head & (0x3Fu >> more);
  for (int k = 0; k < more; ++k, ++i) {
    if (i == text.size() || (byte(i) & 0xC0) != 0x80) return 0xFFFD;
    c = c << 6 | (byte(i) & 63);
  }
  const bool overlong = (more == 2 && c < 0x800) || (more == 3 && (c < 0x10000 || c > 0x10FFFF));
  return overlong ? 0xFFFD : c;
}

}  // namespace

const ParamValue& Value::scalar() const {
  if (const auto* value = std::get_if<ParamValue>(&it)) return *value;
  throw ValueError(fmt::format("json: a single value expected, not {}", shown(*this)));
}

const List& Value::list() const {
  if (const auto* value = std::get_if<List>(&it)) return *value;
  throw ValueError(fmt::format("json: a list expected, not {}", shown(*this)));
}

const Object& Value::object() const {
  if (const auto* value = std::get_if<Object>(&it)) return *value;
  throw ValueError(fmt::format("json: an object expected, not {}", shown(*this)));
}

const Value* Value::find(std::string_view key) const {
  if (const auto* members = std::get_if<Object>(&it)) {
    for (const auto& [name, value] : *members) {
      if (name == key) return &value;
    }
  }
  return nullptr;
}

Value parse(std::string_view text, Numbers numbers) { return Parser(text, numbers).document(); }

std::optional<double> number_in(std::string_view text) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::string_view digits = text;
  const bool minus = digits.starts_with('-');
  if (minus || digits.starts_with('+')) digits.remove_prefix(1);
  std::string word(digits);
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (word == "nan" || word == "-nan") return std::numeric_limits<double>::quiet_NaN();
  if (word == "inf" || word == "infinity") return minus ? -kInfinity : kInfinity;
  if (word.empty() || word.find_first_not_of("0123456789.e+-") != std::string::npos ||
      word.front() == '+' || word.front() == '-') {
    return std::nullopt;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (end != word.data() + word.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) value = std::strtod(word.c_str(), nullptr);
  return minus ? -value : value;
}

// Python's repr: the shortest digits that give the same double, without an exponent from 1e-4 to
// 1e16.
std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  char buffer[40];
  const double size = std::abs(value);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e16);
  const auto form = plain ? std::chars_format::fixed : std::chars_format::scientific;
  const char* end = std::to_chars(buffer, buffer + sizeof(buffer), value, form).ptr;
  std::string text(static_cast<const char*>(buffer), end);
  if (plain && text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::string quote(std::string_view utf8) {
  std::string out = "\"";
  for (size_t i = 0; i < utf8.size();) {
    const uint32_t c = next_character(utf8, i);
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      default:
        if (c >= 0x20 && c < 0x7F) {
          out += static_cast<char>(c);
        } else if (c < 0x10000) {
          fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
        } else {
          const uint32_t rest = c - 0x10000;
          fmt::format_to(std::back_inserter(out), "\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10),
                         0xDC00 + (rest & 0x3FF));
        }
    }
  }
  return out += '"';
}

std::string text(const ParamValue& value) {
  struct Writer {
    std::string operator()(std::monostate) const { return "null"; }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(int64_t v) const { return fmt::format("{}", v); }
    std::string operator()(double v) const { return number(v); }
    std::string operator()(const std::string& v) const { return quote(v); }
  };
  return std::visit(Writer(), value.variant());
}

std::string text(const Value& value) {
  if (const auto* scalar = std::get_if<ParamValue>(&value.it)) return text(*scalar);
  std::string out;
  const auto next = [&] { return out.empty() ? "" : ", "; };
  if (const auto* list = std::get_if<List>(&value.it)) {
    for (const Value& one : *list) out += next() + text(one);
    return "[" + out + "]";
  }
  for (const auto& [key, one] : value.object()) out += next() + quote(key) + ": " + text(one);
  return "{" + out + "}";
}

const ParamValue* single(const Value& value) {
  const auto* list = std::get_if<List>(&value.it);
  return std::get_if<ParamValue>(&(list && list->size() == 1 ? list->front() : value).it);
}

std::string strict(double value) {
  return std::isfinite(value) ? number(value) : quote(number(value));
}

std::string strict(const Params& params) {
  std::string out;
  for (const auto& [name, value] : params) {
    const auto* real = std::get_if<double>(&value.variant());
    out += (out.empty() ? "" : ", ") + quote(name) + ": " + (real ? strict(*real) : text(value));
  }
  return "{" + out + "}";
}

std::string shown(const ParamValue& value) {
  const auto* given = std::get_if<std::string>(&value.variant());
  return given ? "\"" + printable(*given) + "\"" : text(value);
}

std::string shown(const Value& value) {
  if (const auto* scalar = std::get_if<ParamValue>(&value.it)) return shown(*scalar);
  const bool list = std::holds_alternative<List>(value.it);
  return (list ? "the list " : "the object ") + printable(text(value), 40);
}

std::string text(const Params& params) {
  std::string out;
  for (const auto& [name, value] : params) {
    out += (out.empty() ? "" : ", ") + quote(name) + ": " + text(value);
  }
  return "{" + out + "}";
}

}  // namespace attune::tune::json

namespace attune::tune {

std::string to_json(const ParamValue& value) { return json::text(value); }
ParamValue from_json(std::string_view text) { return json::parse(text).scalar(); }

}  // namespace attune::tune
