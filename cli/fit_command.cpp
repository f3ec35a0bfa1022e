// attune fit: tunes and trains a network on a table.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/by_name.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/tabular/fit.h"
#include "cli/command.h"
#include "cli/csv_options.h"
#include "cli/interrupt.h"
#include "cli/output_file.h"
#include "cli/progress.h"
#include "cli/terminal.h"

namespace attune::cli {
namespace {

struct FitArguments : Common {
  std::string data, target, task = "automatic", timeout, score, group, time, folds = "0";
  std::string validation = "0.2", test = "0.2";
  std::string sampler = "automatic", scheduler = "median", out = "model.safetensors";
  CsvArguments csv;
  std::vector<std::string> missing;
  bool keep_index = false;
  int64_t trials = 50, networks = 0;
  int threads = 1;

  void declare(Options options) {
    options.required("DATA", data, "A CSV file");
    options.required("--target", target, "The column to predict");
    options.one_of("--task", task, "automatic, classification, regression",
                   {"automatic", "classification", "regression"});
    options.text("--score", score,
                 "What is tuned for: accuracy (default), balanced_accuracy, log_loss, auc, f1; r2 "
                 "(default for numbers), rmse, mae");
    options.text("--group", group, "A column: rows with equal cells stay in one part");
    options.text("--time", time, "A column: the last rows by it are the test");
    options.text("--folds", folds,
                 "Trials train on so many folds: 0 (default: one validation part), 5, …, or "
                 "automatic: 5 below 1,000 rows");
    options.text("--validation", validation, "The share of the rows to choose by (default: 0.2)");
    options.text(
        "--test", test,
        "The share of the rows for the sealed test (default: 0.2); 0: no test, and the model "
        "is trained on all rows");
    options.number("--trials", trials, "Trials of the study in all (default: 50)");
    options.number(
        "--networks", networks,
        "The model is the mean of the networks of so many of the best trials (default: a "
        "tenth of the trials, 5 at most)");
    options.text("--timeout", timeout, "Of the whole call: 30s, 5m, 1h");
    options.text("--sampler", sampler, tune::sampler_names(), tune::sampler_names());
    options.text("--scheduler", scheduler, tune::scheduler_names() + " (default: median)",
                 tune::scheduler_names());
    options.text("--pruner", scheduler, "An older name of --scheduler", tune::scheduler_names());
    options.text("--out", out, "The model (default: model.safetensors)");
    options.number("--threads", threads, "Threads of the kernels of each trial (default: 1)", 1,
                   1024);
    options.list("--missing", missing, "Further texts that mean \"not known\": -99,unknown");
    options.flag("--keep-index", keep_index, "Learn from an index or identifiers too");
    csv.declare(options);
    csv.declare_decimal(options);
    storage_option(options, *this);
    study_option(options, *this);
    seed_option(options, *this);
    jobs_option(options, *this);
    json_option(options, *this);
    quiet_option(options, *this);
    plain_option(options, *this);
  }
};

int64_t folds_of(const std::string& text) {
  if (text == "automatic") return tune::kAutomaticFolds;
  int64_t folds = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, folds);
  if (at != end || error != std::errc() || folds < 0 || folds == 1 || folds > 100) {
    throw WrongInput(
        fmt::format("--folds must be 0, 2 to 100 or automatic, got {}", in_quotes(text)));
  }
  return folds;
}

double share_of(const std::string& name, const std::string& text) {
  const std::optional<double> share = tune::json::number_in(text);
  if (!share || !(*share >= 0) || !(*share < 1)) {
    throw WrongInput(
        fmt::format("{} must be a share from 0 to less than 1, got {}", name, in_quotes(text)));
  }
  return *share;
}

tune::FitOptions options_of(const FitArguments& a) {
  tune::FitOptions o{.data = a.data, .csv = a.csv.options(), .target = a.target};
  o.missing = a.missing;
  if (!a.score.empty()) {
    o.score = tune::score_named(a.score);
    if (!o.score) {
      std::vector<std::string> names = tune::score_names(tune::Task::classification);
      for (const std::string& name : tune::score_names(tune::Task::regression)) {
        names.push_back(name);
      }
      throw WrongInput(fmt::format("--score: unknown score {}; there are {}", in_quotes(a.score),
                                   fmt::join(names, ", ")));
    }
  }
  o.group = a.group;
  o.time = a.time;
  o.folds = folds_of(a.folds);
  o.validation = share_of("--validation", a.validation);
  o.test = share_of("--test", a.test);
  o.keep_index = a.keep_index;
  if (a.task == "classification") o.task = tune::Task::classification;
  if (a.task == "regression") o.task = tune::Task::regression;
  o.trials = a.trials;
  o.networks = a.networks;
  if (!a.timeout.empty()) {
    o.timeout = parse_duration(a.timeout);
    if (o.timeout->count() <= 0) {
      throw WrongInput(fmt::format("--timeout must be more than 0, got {}", in_quotes(a.timeout)));
    }
  }
  o.sampler = tune::sampler_by_name(a.sampler);
  if (a.scheduler == "none") {
    o.pruner = tune::no_pruning();
  } else if (a.scheduler != "median") {  // fit's own waits a little
    o.scheduler = tune::scheduler_by_name(a.scheduler);
  }
  o.study = a.study;
  o.storage = a.storage_or(kDefaultStorage);
  o.seed = a.seed.value_or(0);
  o.jobs = a.jobs;
  o.threads = a.threads;
  o.stop = interrupted;
  return o;
}

// Everything that can fail at saving fails before the first trial.
void rehearse_saving(const tune::Recipe& recipe, const std::string& out) {
  save_output([&] { recipe.untrained_model().rehearse_saving(out); });
}

// The columns that are left out, those of the same reason together.
std::vector<std::string> left_out(const tune::Recipe& recipe) {
  std::vector<std::pair<std::string, std::vector<std::string>>> reasons;
  for (const tune::LeftOut& column : recipe.encoder().left_out()) {
    auto found = std::ranges::find(reasons, column.reason, &decltype(reasons)::value_type::first);
    if (found == reasons.end()) found = reasons.insert(found, {column.reason, {}});
    found->second.push_back(column.name);
  }
  std::vector<std::string> remarks;
  for (const auto& [reason, names] : reasons) {
    remarks.push_back(fmt::format("left out: {}: {}{}", list_in_quotes(names, 6),
                                  names.size() > 1 ? "of each, " : "", reason));
  }
  return remarks;
}

void note_start(const Common& common, const tune::Recipe& recipe, const tune::Study& study,
                int64_t kept) {
  note(common,
       fmt::format(
           "{} rows ({} train, {} validation, {} test), {} inputs; {}: {}{}", recipe.rows(),
           recipe.train_rows(), recipe.validation_rows(), recipe.test_rows(), recipe.inputs(),
           in_quotes(recipe.target().column()), recipe.target().reading(),
           kept > 0 ? fmt::format("; study {} goes on after {} trials", study.name(), kept) : ""));
  if (recipe.rows_without_target() > 0) {
    note(common, fmt::format("{} row{} no {} and {} left out", recipe.rows_without_target(),
                             recipe.rows_without_target() == 1 ? " has" : "s have",
                             in_quotes(recipe.target().column()),
                             recipe.rows_without_target() == 1 ? "is" : "are"));
  }
  if (const int64_t most = tune::StudyOptions{}.lag + 1; common.jobs > most) {
    note(common, fmt::format("--jobs {}: {} trials run at a time, as results must not depend on it",
                             common.jobs, most));
  }
  notes(common, left_out(recipe));
  notes(common, recipe.remarks());
}

Json document(const tune::FitResult& r, const std::string& model) {
  Json json = {{"task", tune::name_of(r.task)}, {"rows", r.rows}};
  if (r.task == tune::Task::classification) json.set("classes", r.classes);
  json.set("trials", r.trials);
  json.set("seconds", r.seconds);
  json.set("steps", r.steps);
  json.set("best", {{"number", r.best.number}, {"params", json_of(r.best.params)}});
  json.set("networks", r.networks);
  json.set("score", tune::name_of(r.score));
  json.set("validation", r.validation);
  json.set("default_validation", r.default_validation);
  json.set("linear_validation", r.linear_validation);
  json.set("baseline_validation", r.baseline_validation);
  json.set("test", r.test);
  json.set("default_test", r.default_test);
  json.set("linear_test", r.linear_test);
  json.set("baseline_test", r.baseline_test);
  json.set("model", model);
  json.set("study", r.study);
  json.set("train_rows", r.train_rows);
  json.set("validation_rows", r.validation_rows);
  json.set("test_rows", r.test_rows);
  json.set("weights", r.weights);
  json.set("test_reopened", r.reopened);
  return json;
}

std::string table(const tune::FitResult& r, const std::string& model) {
  const bool classes = r.task == tune::Task::classification;
  const std::string_view score = r.score == tune::Score::r2 ? "R^2" : tune::name_of(r.score);
  std::string text = fmt::format("{:<24}{:>12}{:>12}\n", score, "validation", "test");
  const auto row = [&](std::string_view name, double validation, double test) {
    const auto figure = [](double x) { return std::isnan(x) ? "-" : fmt::format("{:.4f}", x); };
    text += fmt::format("{:<24}{:>12}{:>12}\n", name, figure(validation), figure(test));
  };
  row(classes ? "most frequent class" : "mean", r.baseline_validation, r.baseline_test);
  row("linear model", r.linear_validation, r.linear_test);
  row("default configuration", r.default_validation, r.default_test);
  row(r.networks > 1 ? fmt::format("tuned, mean of {}", r.networks) : "tuned", r.validation,
      r.test);
  text += fmt::format("{:<24}{:>12}{:>12}\n", "rows", r.validation_rows, r.test_rows);
  text += fmt::format("\nbest of {} trials: number {}: {}\n", r.trials, r.best.number,
                      short_text(r.best.params));
  text += fmt::format("{} training steps, {:.1f} s; study {}\n", r.steps, r.seconds, r.study);
  text += fmt::format("model: {}\n", model);
  return text;
}

int run(const FitArguments& a) {
  if (a.networks < 0) {
    throw WrongInput(fmt::format("--networks must be 0 or more, got {}", a.networks));
  }
  if (a.trials < 1) throw WrongInput(fmt::format("--trials must be 1 or more, got {}", a.trials));
  tune::FitOptions options = options_of(a);
  if (is_stdout(a.out)) {
    throw WrongInput("--out: a model is a file; it cannot be written to stdout");
  }
  check_storage(options.storage.url);
  check_output("--out", a.out, {{"the table", a.data}, database_of(options.storage.url)});
  ProgressLine progress(a.quiet, a.plain);
  int64_t kept = 0;  // trials that the study has from before
  options.on_start = [&](const tune::Recipe& recipe, const tune::Study& study) {
    // Before that, nothing is lost when Ctrl-C ends the command at once.
    watch_signals("\nattune: ending after the running trials; Ctrl-C again to end at once\n");
    const auto trials = study.trials();
    kept = std::ranges::count_if(
        trials, [](const tune::TrialResult& trial) { return tune::finished(trial.state); });
    note_start(a, recipe, study, kept);
    rehearse_saving(recipe, a.out);
  };
  options.progress = [&](const tune::Progress& p) { progress.show(p, kept); };
  const tune::FitResult result = tune::fit(options);
  progress.end();
  if (result.interrupted) {
    error_line(fmt::format(
        "attune: interrupted; {} trials are kept in study {}{}; the same command goes on from "
        "there",
        result.trials, result.study,
        result.best.params.empty() ? "" : fmt::format(" (best {:.4f})", result.validation)));
    return kInterrupted;
  }
  save_output([&] { result.model.save(a.out); });
  notes(a, result.remarks);
  if (result.reopened) {
    note(a,
         "attune: the test part of this study was opened before, for another winner: the test "
         "score is now optimistic");
  }
  if (a.json) {
    answer(document(result, a.out));
  } else {
    answer(table(result, a.out));
  }
  return kFine;
}

}  // namespace

void add_fit(CommandLine& commands) {
  commands.add("fit", "Tunes and trains a network on a table", run);
}

}  // namespace attune::cli
