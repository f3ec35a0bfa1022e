// attune predict: adds a model's predictions to a table.

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include <fmt/format.h>

#include "attune/tune/tabular/predict.h"
#include "cli/command.h"
#include "cli/csv_options.h"

namespace attune::cli {
namespace {

struct PredictArguments : Common {
  std::string model, data, out;
  CsvArguments csv;

  void declare(Options options) {
    options.required("MODEL", model, "A file that attune fit wrote");
    options.required("DATA", data, "A CSV file with the columns the model was made of");
    options.text("--out", out, "A file for the table (default: stdout)");
    csv.declare(options);
    json_option(options, *this);
    quiet_option(options, *this);
  }
};

// Complete or not at all: written beside its place, then renamed.
void write_file(const std::string& path, const std::string& text) {
  const std::string beside = path + ".part";
  const auto fail = [&](int cause) {
    std::error_code ignored;
    std::filesystem::remove(beside, ignored);
    throw WorkFailed(fmt::format("cannot write {}: {}", path, std::strerror(cause)));
  };
  errno = 0;
  std::ofstream file(beside, std::ios::binary);
  if (!file) fail(errno);
  file << text;
  file.close();
  if (!file) fail(errno);
  std::error_code error;
  std::filesystem::rename(beside, path, error);
  if (error) fail(error.value());
}

int run(const PredictArguments& a) {
  tune::TabularModel model = tune::TabularModel::load(a.model);
  const Table table = read_csv(a.data, a.csv.options());
  const tune::Predictions predictions = model.predict(table);
  if (a.json) {
    Json document = {{"task", tune::name_of(model.target.task())}, {"rows", table.rows}};
    if (predictions.classes.empty()) {
      document.set("predictions", predictions.numbers);
    } else {
      document.set("classes", model.target.classes());
      document.set("predictions", predictions.classes);
      Json probabilities = Json::array();
      for (size_t row = 0; row < predictions.classes.size(); ++row) {
        Json one = Json::array();
        for (const std::vector<double>& p : predictions.probability) one.push_back(p[row]);
        probabilities.push_back(one);
      }
      document.set("probabilities", probabilities);
    }
    answer(document);
    if (a.out.empty()) return kFine;
  }
  std::ostringstream text;
  tune::write_predictions(text, table, predictions);
  if (a.out.empty()) {
    answer(text.str());
  } else {
    write_file(a.out, text.str());
    note(a, fmt::format("{} rows written to {}", table.rows, a.out));
  }
  return kFine;
}

}  // namespace

void add_predict(CommandLine& commands) {
  commands.add("predict", "Adds a model's predictions to a table", run);
}

}  // namespace attune::cli
