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
  bool plain = true;      // nothing but digits, a sign, a point and an exponent

  bool operator==(const NumberForm&) const = default;
};

// The number that all of the cell is, in this form; none otherwise. 12 % is 0.12, (5) is -5.
// Infinities and what overflows are infinite; NaN is never returned.
std::optional<double> parse_number(std::string_view cell, const NumberForm& form);

// The form in which most of the cells are numbers, the simplest if several are; of the cells that
// are none the caller judges. `decimal_comma` says that 1,234 is more likely 1.234 than 1234.
NumberForm likeliest_number_form(const std::vector<std::string_view>& cells, bool decimal_comma);

// "thousands by ','; decimal comma; in kg": what a reader should know. Empty for plain numbers.
std::string describe(const NumberForm& form);

}  // namespace attune::tune
