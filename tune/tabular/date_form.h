#pragma once
// Dates and times of day: 2023-01-31, 2023-01-31T12:30:00Z, 31.1.2023, 1/31/2023, 31 Jan 2023.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace attune::tune {

enum class DateOrder : uint8_t { year_month_day, day_month_year, month_day_year };

// Days since 1970-01-01, with the time of day as a fraction; an offset from UTC is subtracted. None
// unless all of the cell is a date in this order that the calendar has.
std::optional<double> parse_date(std::string_view cell, DateOrder order);

// The order in which most of the cells are dates; month before day if both fit.
DateOrder likeliest_date_order(const std::vector<std::string_view>& cells);

std::string_view name_of(DateOrder order);  // "ymd", "dmy", "mdy"
std::optional<DateOrder> date_order_named(std::string_view name);

}  // namespace attune::tune
