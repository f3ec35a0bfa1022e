#pragma once
// How the cells of one column are read. It is found once, in the table that a model is made of, and
// saved with the model; whatever the model predicts is read in the same way.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "attune/tune/tabular/date_form.h"
#include "attune/tune/tabular/number_form.h"

namespace attune::tune {

enum class ColumnKind : uint8_t { number, date, boolean, category };
std::string_view name_of(ColumnKind kind);  // "number", …

struct ColumnFormat {
  std::string name;
  ColumnKind kind = ColumnKind::number;
  NumberForm number = {};                      // of numbers
  DateOrder date = DateOrder::year_month_day;  // of dates

  // The cell as a number: dates as days, yes and no as 1 and 0. None if it is not of this kind; not
  // for categories.
  std::optional<double> value(std::string_view cell) const;

  std::string to_json() const;
};

// Which cells mean "not known".
class MissingTexts {
 public:
  explicit MissingTexts(const std::vector<std::string>& more = {});

  // Empty, NA, N/A, n/a, NaN, nan, NULL, null, ?, <NA>, NaT, #N/A, #DIV/0!, \N, and `more`.
  bool always(std::string_view cell) const {
    return cell.empty() || (cell.size() <= longest_ && always_.contains(std::string(cell)));
  }
  // Also -, --, ., None and the like, which are values where a column holds texts.
  bool among_numbers(std::string_view cell) const;

  // A number that `more` names, however it is written: -999 and -999.0.
  bool number(double value) const {
    return !numbers_.empty() &&
           std::find(numbers_.begin(), numbers_.end(), value) != numbers_.end();
  }

 private:
  std::vector<double> numbers_;
  std::unordered_set<std::string> always_;
  size_t longest_ = 0;
};

// true, yes, y, t, and false, no, n, f, in any case.
std::optional<bool> parse_boolean(std::string_view cell);

}  // namespace attune::tune
