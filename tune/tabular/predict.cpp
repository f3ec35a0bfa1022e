#include "attune/tune/tabular/predict.h"

#include <algorithm>
#include <ostream>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/base/error.h"
#include "attune/base/internal/file.h"
#include "attune/base/internal/text.h"
#include "tune/tabular/internal/encoding.h"

namespace attune::tune {
namespace {

std::string unused(const std::string& name, const std::vector<std::string>& taken) {
  std::string free = name;
  for (int n = 2; std::ranges::find(taken, free) != taken.end(); ++n) {
    free = fmt::format("{}_{}", name, n);
  }
  return free;
}

// Writes rows of the table with new cells behind them.
class RowWriter {
 public:
  RowWriter(std::ostream& out, const Sheet& sheet) : out_(out), sheet_(sheet) {}

  void cell(std::string_view text) {
    line_ += sheet_.delimiter();
    const char special[] = {sheet_.delimiter(), '"', '\r', '\n', '\0'};
    if (text.find_first_of(special) == std::string_view::npos) {
      line_ += text;
      return;
    }
    line_ += '"';
    for (const char c : text) {
      if (c == '"') line_ += '"';
      line_ += c;
    }
    line_ += '"';
  }
  void end_row(std::string_view before) {
    line_.insert(0, before);
    line_ += sheet_.line_end();
    out_ << (sheet_.encoding() == Encoding::latin1 ? encoding::to_latin1(line_) : line_);
    line_.clear();
  }

 private:
  std::ostream& out_;
  const Sheet& sheet_;
  std::string line_;
};

}  // namespace

void write_predictions(std::ostream& out, const Sheet& sheet, const Predictions& predictions) {
  RowWriter writer(out, sheet);
  const std::string delimiter(1, sheet.delimiter());
  out << sheet.byte_order_mark();
  std::vector<std::string> taken = sheet.names();
  for (const std::string& name : predictions.names) {
    taken.push_back(unused(name, taken));
    writer.cell(taken.back());
  }
  writer.end_row(sheet.has_header() ? std::string(sheet.header_text())
                                    : fmt::format("{}", fmt::join(sheet.names(), delimiter)));
  const auto number = [&](std::string text) {
    std::ranges::replace(text, '.', predictions.decimal);
    return text;
  };
  for (int64_t row = 0; row < sheet.rows(); ++row) {
    const auto i = static_cast<size_t>(row);
    writer.cell(predictions.classes.empty() ? number(fmt::format("{}", predictions.numbers[i])) +
                                                  (predictions.percent ? "%" : "")
                                            : predictions.classes[i]);
    for (const std::vector<double>& p : predictions.probability) {
      writer.cell(number(fmt::format("{:.6f}", p[i])));
    }
    writer.end_row(sheet.row_text(row));
  }
}

Sheet read_table_for(const TabularModel& model, const std::string& path, SheetOptions options) {
  options.expected = model.encoder.names();
  Sheet sheet = Sheet::read(path, options);
  const bool names_known = std::ranges::any_of(
      options.expected, [&](const std::string& name) { return sheet.find(name).has_value(); });
  if (options.header == CsvHeader::automatic && !model.encoder.has_header() && !names_known) {
    options.header = CsvHeader::no;
    sheet = Sheet::read(path, options);
  }
  if (sheet.has_header() && sheet.rows() == 0) {
    throw ValueError(fmt::format("{}: the table has names but no rows", shown_path(path)));
  }
  return sheet;
}

void save_predictions(const std::string& path, const Sheet& sheet, const Predictions& predictions) {
  std::ostringstream text;
  write_predictions(text, sheet, predictions);
  const std::string bytes = std::move(text).str();
  internal::AtomicFile file(path);
  file.write(bytes.data(), bytes.size());
  file.commit();
}

}  // namespace attune::tune
