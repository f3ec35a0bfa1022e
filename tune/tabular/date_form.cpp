#include "attune/tune/tabular/date_form.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>

namespace attune::tune {
namespace {

constexpr std::array kOrders = {DateOrder::year_month_day, DateOrder::month_day_year,
                                DateOrder::day_month_year};
constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};

// Takes a cell apart from its front.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool end() const { return text_.empty(); }
  bool take(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  // One of these characters; 0: none of them.
  char take_any(std::string_view characters) {
    if (text_.empty() || characters.find(text_.front()) == std::string_view::npos) return 0;
    const char c = text_.front();
    text_.remove_prefix(1);
    return c;
  }
  void skip_spaces() {
    while (take(' ')) continue;
  }
  // A whole number of so many digits.
  std::optional<int> number(size_t least, size_t most, size_t* length = nullptr) {
    size_t n = 0;
    while (n < text_.size() && n <= most && text_[n] >= '0' && text_[n] <= '9') ++n;
    if (n < least || n > most) return {};
    int value = 0;
    std::from_chars(text_.data(), text_.data() + n, value);
    text_.remove_prefix(n);
    if (length != nullptr) *length = n;
    return value;
  }
  // The digits behind a point, as a fraction.
  double fraction() {
    double value = 0, place = 0.1;
    while (!text_.empty() && text_.front() >= '0' && text_.front() <= '9') {
      value += place * (text_.front() - '0');
      place /= 10;
      text_.remove_prefix(1);
    }
    return value;
  }
  // An English month, written out or as its first three letters.
  std::optional<int> month() {
    size_t n = 0;
    std::string word;
    while (n < text_.size() && std::isalpha(static_cast<unsigned char>(text_[n])) != 0) {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(text_[n++])));
    }
    for (size_t m = 0; m < kMonths.size(); ++m) {
      if (n < 3 || n > 9 || !word.starts_with(kMonths[m])) continue;
      text_.remove_prefix(n);
      take('.');
      return static_cast<int>(m) + 1;
    }
    return {};
  }

 private:
  std::string_view text_;
};

struct Day {
  int year = 0, month = 0, day = 0;
};

// Two digits stand for 1970 to 2069.
int full_year(int year, size_t digits) {
  if (digits > 2) return year;
  return year < 70 ? 2000 + year : 1900 + year;
}

std::optional<Day> numbered_day(Scanner& at, DateOrder order) {
  const bool year_first = order == DateOrder::year_month_day;
  size_t digits = 0;
  Day d;
  const std::optional<int> first = at.number(1, year_first ? 4 : 2, &digits);
  if (!first || (year_first && digits != 4)) return {};
  const char separator = at.take_any("-/.");
  const std::optional<int> second = separator == 0 ? std::nullopt : at.number(1, 2);
  if (!second || !at.take(separator)) return {};
  const std::optional<int> third = at.number(1, year_first ? 2 : 4, &digits);
  if (!third || (!year_first && digits != 2 && digits != 4)) return {};
  if (year_first) return Day{*first, *second, *third};
  const int year = full_year(*third, digits);
  if (order == DateOrder::day_month_year) return Day{year, *second, *first};
  return Day{year, *first, *second};
}

// 31 Jan 2023, 31-Jan-23, Jan 31, 2023.
std::optional<Day> worded_day(Scanner& at) {
  size_t digits = 0;
  std::optional<int> day = at.number(1, 2);
  at.take_any(" -.");
  at.skip_spaces();
  const std::optional<int> month = at.month();
  if (!month) return {};
  at.take_any(" -");
  if (!day) {
    day = at.number(1, 2);
    at.take(',');
    at.skip_spaces();
  }
  const std::optional<int> year = at.number(2, 4, &digits);
  if (!day || !year || digits == 3) return {};
  return Day{full_year(*year, digits), *month, *day};
}

// The time of day behind a date, as a share of a day; 0 without one.
std::optional<double> time_of(Scanner& at) {
  if (at.end()) return 0.0;
  if (at.take_any("T ") == 0) return {};
  at.skip_spaces();
  std::optional<int> hour = at.number(1, 2);
  if (!hour || !at.take(':')) return {};
  const std::optional<int> minute = at.number(2, 2);
  if (!minute) return {};
  double seconds = 0;
  if (at.take(':')) {
    const std::optional<int> whole = at.number(2, 2);
    if (!whole || *whole > 60) return {};
    seconds = *whole;
    if (at.take_any(".,") != 0) seconds += at.fraction();
  }
  at.skip_spaces();
  if (const char half = at.take_any("AaPp"); half != 0) {
    if (at.take_any("Mm") == 0 || *hour < 1 || *hour > 12) return {};
    hour = *hour % 12 + (half == 'P' || half == 'p' ? 12 : 0);
  }
  if (*hour > 24 || *minute > 59) return {};
  double minutes = *hour * 60 + *minute;
  if (const char sign = at.take_any("+-"); sign != 0) {  // an offset from UTC
    const std::optional<int> hours = at.number(2, 2);
    at.take(':');
    const std::optional<int> rest = at.end() ? 0 : at.number(2, 2);
    if (!hours || !rest) return {};
    minutes += (sign == '-' ? 1 : -1) * (*hours * 60 + *rest);
  } else {
    at.take_any("Zz");
  }
  return (minutes * 60 + seconds) / 86400;
}

}  // namespace

std::optional<double> parse_date(std::string_view cell, DateOrder order) {
  if (cell.size() < 6 || cell.size() > 40) return {};
  Scanner at(cell);
  std::optional<Day> day;
  const bool digits = cell.size() == 8 && order == DateOrder::year_month_day &&
                      std::ranges::all_of(cell, [](char c) { return c >= '0' && c <= '9'; });
  if (digits) {  // 20230131
    const int number = *at.number(8, 8);
    day = Day{number / 10000, number / 100 % 100, number % 100};
  } else {
    day = numbered_day(at, order);
  }
  if (!day) {
    at = Scanner(cell);
    day = worded_day(at);
  }
  if (!day) return {};
  using namespace std::chrono;
  const year_month_day date{year(day->year), month(static_cast<unsigned>(day->month)),
                            std::chrono::day(static_cast<unsigned>(day->day))};
  const std::optional<double> time = time_of(at);
  if (!date.ok() || !time || !at.end()) return {};
  return static_cast<double>(sys_days(date).time_since_epoch().count()) + *time;
}

DateOrder likeliest_date_order(const std::vector<std::string_view>& cells) {
  DateOrder best = kOrders[0];
  std::ptrdiff_t most = -1;
  for (const DateOrder order : kOrders) {
    const auto count = std::ranges::count_if(
        cells, [&](std::string_view cell) { return parse_date(cell, order).has_value(); });
    if (count > most) {
      most = count;
      best = order;
    }
  }
  // Points stand between days and months where the day comes first.
  const bool points = !cells.empty() && cells.front().find('.') != std::string_view::npos;
  if (best == DateOrder::month_day_year && points) {
    const auto count = std::ranges::count_if(cells, [](std::string_view cell) {
      return parse_date(cell, DateOrder::day_month_year).has_value();
    });
    if (count == most) best = DateOrder::day_month_year;
  }
  return best;
}

std::string_view name_of(DateOrder order) {
  switch (order) {
    case DateOrder::year_month_day: return "ymd";
    case DateOrder::day_month_year: return "dmy";
    case DateOrder::month_day_year: break;
  }
  return "mdy";
}

std::optional<DateOrder> date_order_named(std::string_view name) {
  for (const DateOrder order : kOrders) {
    if (name == name_of(order)) return order;
  }
  return {};
}

}  // namespace attune::tune
