#include "attune/tune/tabular/number_form.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "attune/tensor/internal/csv_cells.h"

namespace attune::tune {
namespace {

constexpr std::array<std::string_view, 18> kCurrencies = {"$",   "€",   "£",   "¥",   "₹",   "₽",
                                                          "₩",   "USD", "EUR", "GBP", "JPY", "CHF",
                                                          "CNY", "INR", "CAD", "AUD", "SEK", "US$"};
// Spaces that stand between thousands or before a unit: no-break, thin, narrow no-break.
constexpr std::array<std::string_view, 4> kSpaces = {" ", "\u00A0", "\u2009", "\u202F"};
constexpr std::string_view kMinus = "\u2212";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool take_front(std::string_view& text, std::string_view part) {
  if (!text.starts_with(part)) return false;
  text.remove_prefix(part.size());
  return true;
}
bool take_back(std::string_view& text, std::string_view part) {
  if (part.empty() || !text.ends_with(part)) return false;
  text.remove_suffix(part.size());
  return true;
}
template <class Parts>
bool take_any_front(std::string_view& text, const Parts& parts) {
  return std::ranges::any_of(parts, [&](std::string_view p) { return take_front(text, p); });
}
template <class Parts>
bool take_any_back(std::string_view& text, const Parts& parts) {
  return std::ranges::any_of(parts, [&](std::string_view p) { return take_back(text, p); });
}
void trim(std::string_view& text) {
  while (take_any_front(text, kSpaces)) continue;
  while (take_any_back(text, kSpaces)) continue;
}

// What stands around the digits of a cell.
struct Dressed {
  std::string_view digits;  // with separators, and perhaps an exponent
  bool negative = false, percent = false;
};

Dressed undress(std::string_view cell, std::string_view unit) {
  Dressed d;
  trim(cell);
  if (cell.size() > 2 && cell.front() == '(' && cell.back() == ')') {
    cell = cell.substr(1, cell.size() - 2);
    d.negative = true;
  }
  const auto sign = [&] {
    trim(cell);
    if (take_front(cell, "-") || take_front(cell, kMinus)) {
      d.negative = !d.negative;
    } else {
      take_front(cell, "+");
    }
    trim(cell);
  };
  sign();
  if (take_any_front(cell, kCurrencies)) sign();  // -$5 and $-5
  if (!unit.empty() && !take_back(cell, unit)) return {};
  d.percent = take_back(cell, "%");
  if (!d.percent) take_any_back(cell, kCurrencies);
  trim(cell);
  d.digits = cell;
  return d;
}

// The length of a separator of thousands at the front of the text; 0: there is none.
size_t separator_at(std::string_view text, char thousands) {
  if (thousands == 0) return 0;
  if (thousands != ' ') return text.starts_with(thousands) ? 1 : 0;
  for (const std::string_view space : kSpaces) {
    if (text.starts_with(space)) return space.size();
  }
  return 0;
}

// Digits in the form's way as a plain number. Groups of thousands have three digits each, but for
// the first, which has one to three and is not 0.
std::optional<std::string> plain_digits(std::string_view text, const NumberForm& form) {
  std::string plain;
  size_t group = 0, groups = 0;
  while (!text.empty() && text.front() != form.decimal && text.front() != 'e' &&
         text.front() != 'E') {
    if (is_digit(text.front())) {
      plain += text.front();
      text.remove_prefix(1);
      ++group;
      continue;
    }
    const size_t separator = separator_at(text, form.thousands);
    if (separator == 0) return {};
    const bool fine = groups == 0 ? group >= 1 && group <= 3 && plain != "0" : group == 3;
    if (!fine) return {};
    text.remove_prefix(separator);
    group = 0;
    ++groups;
  }
  if (groups > 0 && group != 3) return {};
  if (take_front(text, std::string_view(&form.decimal, 1))) plain += '.';
  for (const char c : text) {  // the fraction and the exponent
    if (!is_digit(c) && c != 'e' && c != 'E' && c != '+' && c != '-') return {};
    plain += c;
  }
  if (plain.empty() || !(is_digit(plain.front()) || plain.front() == '.')) return {};
  return plain;
}

// The letters behind a number, such as kg; empty unless that is how the cell looks.
std::string_view unit_of(std::string_view cell) {
  constexpr size_t kLongest = 4;  // characters
  size_t end = cell.size(), characters = 0;
  while (end > 0 && !is_digit(cell[end - 1])) {
    --end;
    const auto byte = static_cast<unsigned char>(cell[end]);
    characters += (byte & 0xC0) != 0x80;
    const bool letter = std::isalpha(byte) != 0 || byte >= 0x80 || byte == ' ' || byte == '/';
    if (!letter) return {};
  }
  if (end == 0 || characters > kLongest + 1) return {};
  std::string_view unit = cell.substr(end);
  trim(unit);
  const bool currency = std::ranges::find(kCurrencies, unit) != kCurrencies.end();
  return currency ? std::string_view() : unit;
}

}  // namespace

std::optional<double> parse_number(std::string_view cell, const NumberForm& form) {
  std::optional<double> value;
  if (form.plain) {
    value = internal::parse_number(cell);
  } else {
    const Dressed d = undress(cell, form.unit);
    if (d.digits.empty()) return {};
    const std::optional<std::string> plain = plain_digits(d.digits, form);
    if (plain) value = internal::parse_number(*plain);
    if (value && (d.percent || form.percent)) *value /= 100;
    if (value && d.negative) *value = -*value;
  }
  if (value && std::isnan(*value)) return {};
  return value;
}

NumberForm likeliest_number_form(const std::vector<std::string_view>& cells, bool decimal_comma,
                                 char decimal) {
  std::vector<NumberForm> forms;
  const auto add = [&](char sign, char thousands, const std::string& unit) {
    if (decimal != 0 && decimal != sign) return;
    forms.push_back({.decimal = sign, .thousands = thousands, .unit = unit, .plain = false});
  };
  std::map<std::string_view, size_t> units;
  for (const std::string_view cell : cells) ++units[unit_of(cell)];
  const auto common =
      std::ranges::max_element(units, {}, [](const auto& unit) { return unit.second; });
  std::vector<std::string> tried = {""};
  if (common != units.end() && !common->first.empty()) tried.emplace_back(common->first);
  if (decimal != ',') forms.emplace_back();
  for (const std::string& unit : tried) {
    add('.', 0, unit);
    if (decimal_comma) add(',', 0, unit);
    add('.', ',', unit);
    if (!decimal_comma) add(',', 0, unit);
    add(',', '.', unit);
    add('.', ' ', unit);
    add(',', ' ', unit);
    add('.', '\'', unit);
  }
  NumberForm best;
  size_t most = 0;
  for (const NumberForm& form : forms) {
    const auto count = static_cast<size_t>(std::ranges::count_if(
        cells, [&](std::string_view cell) { return parse_number(cell, form).has_value(); }));
    if (count > most) {
      most = count;
      best = form;
    }
  }
  return best;
}

SeparatorUse use_of_separator(const std::vector<std::string_view>& cells, char separator,
                              const std::string& unit) {
  bool any = false, sure = false;
  for (const std::string_view cell : cells) {
    const std::string_view digits = undress(cell, unit).digits;
    const auto fine = [&](char c) { return is_digit(c) || c == separator; };
    if (digits.empty() || !std::ranges::all_of(digits, fine)) continue;
    const auto separators = std::ranges::count(digits, separator);
    const NumberForm form{.decimal = separator == ',' ? '.' : ',', .thousands = separator};
    if (separators == 0 ? digits.size() > 3 : !plain_digits(digits, form)) {
      return SeparatorUse::decimals;
    }
    any = any || separators > 0;
    sure = sure || separators != 1;
  }
  if (!any) return SeparatorUse::decimals;
  return sure ? SeparatorUse::thousands : SeparatorUse::either;
}

bool has_percent_sign(std::string_view cell, const NumberForm& form) {
  return undress(cell, form.unit).percent;
}

std::string describe(const NumberForm& form) {
  if (form.plain) return "";
  std::string text;
  if (form.thousands == ' ') text = ", thousands by spaces";
  if (form.thousands != 0 && form.thousands != ' ') {
    text = fmt::format(", thousands by {}", form.thousands);
  }
  if (form.decimal == ',') text += ", decimal comma";
  if (!form.unit.empty()) text += ", in " + form.unit;
  if (form.percent) text += ", in percent";
  return text.empty() ? "with a sign of currency, percent or minus" : text.substr(2);
}

}  // namespace attune::tune
