#include "attune/tune/tabular/predict.h"

#include <algorithm>
#include <ostream>

#include <fmt/format.h>

#include "tune/tabular/internal/cells.h"

namespace attune::tune {
namespace {

std::string quoted(const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string text = "\"";
  for (const char c : cell) {
    if (c == '"') text += '"';
    text += c;
  }
  return text + '"';
}

std::string unused(const std::string& name, const std::vector<std::string>& taken) {
  std::string free = name;
  for (int n = 2; std::find(taken.begin(), taken.end(), free) != taken.end(); ++n) {
    free = fmt::format("{}_{}", name, n);
  }
  return free;
}

}  // namespace

void write_predictions(std::ostream& out, const Table& table, const Predictions& predictions) {
  std::string line;
  for (const std::string& name : table.names) line += quoted(name) + ',';
  for (const std::string& name : predictions.names) line += quoted(unused(name, table.names)) + ',';
  line.back() = '\n';
  out << line;
  for (int64_t row = 0; row < table.rows; ++row) {
    const auto i = static_cast<size_t>(row);
    line.clear();
    for (size_t c = 0; c < table.names.size(); ++c)
      line += quoted(cells::text(table, c, row)) + ',';
    line += predictions.classes.empty() ? fmt::format("{},", predictions.numbers[i])
                                        : quoted(predictions.classes[i]) + ',';
    for (const std::vector<double>& p : predictions.probability)
      line += fmt::format("{:.6f},", p[i]);
    line.back() = '\n';
    out << line;
  }
}

}  // namespace attune::tune
