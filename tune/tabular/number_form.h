#pragma once
// Numbers as people write them: 12,345.67  $1,234  12.3 %  (1.234,5)  5,0 kg.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace attune::tune {

struct NumberForm {
  char decimal = '.';
  char thousands = 0;     // , . ' or a space (any width of it); 0: none
  std::string unit = {};  // behind each number: kg, km. Currencies and % need not be named here
  bool percent = false;   // all numbers are percents, whether they have the sign or not
  bool plain = true;      // nothing but digits, a sign, a point and an exponent

  bool operator==(const NumberForm&) const = default;
};

// The number that all of the cell is, in this form; none otherwise. 12 % is 0.12, (5) is -5; in a
// form of percents 12 is 0.12 too.
// Infinities and what overflows are infinite; NaN is never returned.
std::optional<double> parse_number(std::string_view cell, const NumberForm& form);

// The form in which most of the cells are numbers, the simplest if several are; of the cells that
// are none the caller judges. `decimal_comma` says that 1,234 is more likely 1.234 than 1234;
// `decimal` is the decimal sign where it is known, , or .
NumberForm likeliest_number_form(const std::vector<std::string_view>& cells, bool decimal_comma,
                                 char decimal = 0);

// What a separator, , or ., stands for by the digits behind it. Thousands: always three digits
// follow it, and cells without it are whole numbers below 1000, or some cell has two of it. Either:
// three digits follow the only separator of each cell. Decimals: anything else.
enum class SeparatorUse : uint8_t { decimals, thousands, either };
SeparatorUse use_of_separator(const std::vector<std::string_view>& cells, char separator,
                              const std::string& unit);

bool has_percent_sign(std::string_view cell, const NumberForm& form);

// "thousands by ','; decimal comma; in kg": what a reader should know. Empty for plain numbers.
std::string describe(const NumberForm& form);

}  // namespace attune::tune
