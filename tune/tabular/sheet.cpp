#include "attune/tune/tabular/sheet.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstring>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tensor/internal/csv_cells.h"
#include "attune/base/internal/text.h"
#include "tune/tabular/internal/encoding.h"

namespace attune::tune {
namespace {

// Edit distance (Levenshtein, 1965), ignoring case.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = std::tolower(static_cast<unsigned char>(a[i - 1])) ==
                        std::tolower(static_cast<unsigned char>(b[j - 1]));
      const size_t changed = diagonal + (same ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row[b.size()];
}

// The nearest of the names, if it is near: half of its letters at most are others.
std::optional<std::string> nearest(const std::vector<std::string>& names, std::string_view name) {
  constexpr size_t kMost = 2000;  // the distance costs length squared
  const std::string* best = nullptr;
  size_t least = name.size() / 2 + 1;
  for (size_t i = 0; i < std::min(names.size(), kMost) && name.size() < 200; ++i) {
    if (names[i].size() > 200) continue;
    const size_t d = distance(names[i], name);
    if (d < least) {
      least = d;
      best = &names[i];
    }
  }
  if (best == nullptr) return {};
  return *best;
}

}  // namespace

Sheet Sheet::read(const std::string& path, const SheetOptions& options) {
  return parse(internal::read_text(path), options, path);
}

Sheet Sheet::parse(std::string text, const SheetOptions& options, std::string source) {
  if (options.encoding == Encoding::latin1) text = encoding::from_latin1(text);
  Sheet sheet;
  sheet.encoding_ = options.encoding;
  sheet.decimal_ = options.decimal;
  sheet.cells_ = std::make_shared<const internal::CsvCells>(std::move(source), std::move(text),
                                                            options.delimiter);
  const internal::CsvCells& cells = *sheet.cells_;
  sheet.check_utf8();
  sheet.has_header_ = sheet.first_row_is_names(options);
  sheet.first_row_ = sheet.has_header_ ? 1 : 0;
  size_t width = cells.width(0);
  const bool shifted =
      sheet.has_header_ && cells.rows() > 1 && cells.width(1) == width + 1 && width > 0;
  if (shifted) ++width;
  cells.check_width(width, sheet.first_row_);
  sheet.rows_ = static_cast<int64_t>(cells.rows() - sheet.first_row_);
  sheet.name_columns(width, shifted);
  return sheet;
}

void Sheet::check_utf8() const {
  const std::string& text = cells_->text();
  const size_t flaw = utf8_flaw(text);
  if (flaw == std::string::npos) return;
  const size_t row = std::min(cells_->row_of(flaw), cells_->rows() - 1);
  size_t column = 0;
  for (size_t c = 0; c < cells_->width(row); ++c) {
    const std::string_view cell = cells_->at(row, c);
    if (cell.data() >= text.data() && cell.data() <= text.data() + flaw) column = c;
  }
  const std::string_view name =
      row > 0 && column < cells_->width(0) ? internal::trimmed(cells_->at(0, column)) : "";
  const bool usable = !name.empty() && utf8_flaw(name) == std::string::npos;
  throw IoError(fmt::format(
      "{}: line {}, column {}: byte 0x{:02X} is not UTF-8; convert the file with iconv -f latin1 "
      "-t utf8, or read it with --encoding latin1",
      shown_path(source()), cells_->line(row),
      usable ? in_quotes(name) : fmt::format("{}", column + 1),
      static_cast<unsigned char>(text[flaw])));
}

bool Sheet::first_row_is_names(const SheetOptions& options) const {
  if (options.header != CsvHeader::automatic) return options.header == CsvHeader::yes;
  bool number = false, any = false;
  for (size_t c = 0; c < cells_->width(0); ++c) {
    const std::string_view cell = internal::trimmed(cells_->at(0, c));
    for (const std::string& name : options.expected) {
      if (cell == name) return true;
    }
    number = number || internal::parse_number(cell).has_value();
    any = any || !cell.empty();
  }
  return any && !number;
}

void Sheet::name_columns(size_t width, bool shifted) {
  names_.reserve(width);
  for (size_t column = 0; column < width; ++column) {
    std::string_view given;
    if (has_header_ && !(shifted && column == 0)) {
      given = internal::trimmed(cells_->at(0, column - (shifted ? 1 : 0)));
    }
    named_.push_back(!given.empty());
    renamed_.push_back(false);
    shared_.push_back(false);
    std::string name = given.empty() ? fmt::format("column{}", column + 1) : std::string(given);
    if (!places_.emplace(name, column).second) {
      renamed_.back() = true;
      shared_[places_.at(name)] = true;
      for (int n = 1;; ++n) {
        std::string other = fmt::format("{}.{}", name, n);
        if (!places_.emplace(other, column).second) continue;
        name = std::move(other);
        break;
      }
    }
    names_.push_back(std::move(name));
  }
}

const std::string& Sheet::source() const { return cells_->source(); }

std::string_view Sheet::cell(int64_t row, size_t column) const {
  return internal::trimmed(cells_->at(first_row_ + static_cast<size_t>(row), column));
}

std::optional<size_t> Sheet::find(std::string_view name) const {
  const auto found = places_.find(std::string(name));
  if (found == places_.end()) return {};
  return found->second;
}

size_t Sheet::index_of(std::string_view name) const {
  const std::optional<size_t> found = find(name);
  if (found && !shared_[*found]) return *found;
  if (found) {
    throw ValueError(fmt::format("{}: several columns are named {}; give them names of their own",
                                 shown_path(source()), in_quotes(name)));
  }
  std::string message = fmt::format("{}: no column {} among the {}", shown_path(source()),
                                    in_quotes(name), names_.size());
  if (const std::optional<std::string> near = nearest(names_, name)) {
    message += fmt::format("; the nearest is {}", in_quotes(*near));
  } else {
    message += fmt::format(", which are {}", list_in_quotes(names_, 6));
  }
  if (names_.size() == 1) message += "; if the delimiter is another, name it by --delimiter";
  if (!has_header_) {
    message += "; the first row was taken for data, --header yes takes it for names";
  }
  throw ValueError(message);
}

int64_t Sheet::line(int64_t row) const {
  return cells_->line(first_row_ + static_cast<size_t>(row));
}

std::string Sheet::place(int64_t row, size_t column) const {
  return fmt::format("{}: line {}, column {}", shown_path(source()), line(row),
                     in_quotes(names_[column]));
}

char Sheet::delimiter() const { return cells_->delimiter(); }

std::string_view Sheet::row_text(int64_t row) const {
  return cells_->row_text(first_row_ + static_cast<size_t>(row));
}

std::string_view Sheet::header_text() const {
  return has_header_ ? cells_->row_text(0) : std::string_view();
}

std::string_view Sheet::byte_order_mark() const {
  return std::string_view(cells_->text()).substr(0, cells_->begin());
}

std::string_view Sheet::line_end() const {
  const std::string_view first = cells_->row_text(0);
  const char* const end = first.data() + first.size();
  if (*end == '\0') return "\n";
  return {end, size_t{1} + (end[0] == '\r' && end[1] == '\n')};
}

uint64_t Sheet::hash() const {
  const std::string_view text = cells_->text();
  uint64_t hash = 0x9E3779B97F4A7C15 ^ text.size() ^ uint64_t { has_header_ } << 32 ^ uint64_t {
    static_cast<unsigned char>(delimiter())
  } << 40 ^ uint64_t { static_cast<unsigned char>(decimal_) } << 48;
  for (size_t i = 0; i < text.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + i, std::min<size_t>(8, text.size() - i));
    hash = std::rotl((hash ^ word) * 0xD6E8FEB86659FD93, 29);
  }
  return hash ^ hash >> 32;
}

}  // namespace attune::tune
