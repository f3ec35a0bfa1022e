// attune predict: adds a model's predictions to a table.

#include <memory>
#include <sstream>

#include <fmt/format.h>

#include "attune/base/internal/text.h"
#include "attune/tune/tabular/predict.h"
#include "cli/command.h"
#include "cli/csv_options.h"
#include "cli/output_file.h"

namespace attune::cli {
namespace {

struct PredictArguments : Common {
  std::string model, data, out;
  CsvArguments csv;
  std::vector<std::string> missing;

  void declare(Options options) {
    options.required("MODEL", model, "A file that attune fit wrote");
    options.required("DATA", data, "A CSV file with the columns the model was made of");
    options.text("--out", out, "A file for the table (default, and \"-\": stdout)");
    options.list("--missing", missing, "Further texts that mean \"not known\": -99,unknown");
    csv.declare(options);
    json_option(options, *this);
    quiet_option(options, *this);
  }
};

int run(const PredictArguments& a) {
  const bool to_stdout = is_stdout(a.out);
  if (a.json && to_stdout && !a.out.empty()) {
    throw WrongInput("--json and --out " + a.out + " both write to stdout; give one of them");
  }
  if (!to_stdout) check_output("--out", a.out, {{"the model", a.model}, {"the table", a.data}});
  const tune::TabularModel model = tune::TabularModel::load(a.model);
  const tune::Sheet table = tune::read_table_for(model, a.data, a.csv.options());
  const tune::Predictions predictions = model.predict(table, a.missing);
  notes(a, predictions.remarks);
  if (a.json) {
    Json document = {{"task", tune::name_of(model.target.task())}, {"rows", table.rows()}};
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
    if (to_stdout) return kFine;
  }
  if (to_stdout) {
    std::ostringstream text;
    tune::write_predictions(text, table, predictions);
    answer(text.str());
    return kFine;
  }
  save_output([&] { tune::save_predictions(a.out, table, predictions); });
  note(a, fmt::format("{} rows written to {}", table.rows(), shown_path(a.out)));
  return kFine;
}

}  // namespace

void add_predict(CommandLine& commands) {
  commands.add("predict", "Adds a model's predictions to a table", run);
}

}  // namespace attune::cli
