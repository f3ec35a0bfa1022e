// attune studies, trials, best: looking at what is kept.

#include <cmath>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/analysis/model_best.h"
#include "attune/tune/by_name.h"
#include "attune/tune/report/card.h"
#include "attune/tune/study_view.h"
#include "attune/tune/tabular/column_format.h"
#include "attune/tune/tabular/fit.h"
#include "cli/command.h"
#include "cli/trial_json.h"

namespace attune::cli {
namespace {

struct LookAtAll : Common {
  void declare(Options options) {
    storage_option(options, *this);
    json_option(options, *this);
    quiet_option(options, *this);
  }
};

struct LookAtOne : LookAtAll {
  std::string name;  // of the study, as an argument

  void declare(Options options) {
    options.text("STUDY", name, "Its name; may be left out where there is just one");
    study_option(options, *this);
    LookAtAll::declare(options);
  }
};

struct Best : LookAtOne {
  bool card = false;
  std::string data;

  void declare(Options options) {
    LookAtOne::declare(options);
    options.flag("--card", card, "A page of Markdown about the best model: data, scores, seeds");
    options.text("--data", data, "With --card: the table, if it has moved");
  }
};

std::vector<std::string> direction_names(const std::vector<tune::Direction>& directions) {
  std::vector<std::string> names;
  for (const tune::Direction d : directions) names.emplace_back(tune::name_of(d));
  return names;
}

std::string value_text(const tune::TrialResult& trial) {
  return trial.values.empty() ? "-" : fmt::format("{:.6g}", fmt::join(trial.values, " "));
}

std::string seconds_text(double seconds) {
  return std::isnan(seconds) ? "-" : fmt::format("{:.3f}", seconds);
}

// "  constraint memory = 2 (violated)", a line for each.
std::string constraints_text(const tune::TrialResult& trial) {
  std::string text;
  for (const auto& [name, value] : trial.constraints) {
    text += fmt::format("  constraint {} = {:.6g}{}\n", printable(name), value,
                        value > 0 ? " (violated)" : "");
  }
  return text;
}

// What is in a table may be any text: one line of it, and not an endless one.
std::string params_text(const tune::TrialResult& trial) {
  constexpr size_t kLongest = 300;
  std::string text = printable(trial.params.to_string(), kLongest);
  if (!trial.feasible()) text += text.empty() ? "infeasible" : "; infeasible";
  if (const std::string error = trial.error(); !error.empty()) {
    text += (text.empty() ? "failed: " : "; failed: ") + printable(error, kLongest);
  }
  return text;
}

Json json_of_model(const tune::ModelBest& best) {
  return {{"number", best.trial.number},
          {"mean", best.estimate.mean},
          {"deviation", best.estimate.deviation},
          {"noise", best.estimate.noise},
          {"params", cli::json_of(best.trial.params)}};
}

std::string model_text(const tune::ModelBest& best) {
  std::string text = fmt::format(
      "values scatter by {:.3g}, so the best of them is partly luck; likely to be the best is "
      "trial {}: {:.6g} ± {:.2g} in the mean\n",
      best.estimate.noise, best.trial.number, best.estimate.mean, best.estimate.deviation);
  for (const auto& [name, value] : best.trial.params) {
    text += fmt::format("  {} = {}\n", printable(name), printable(value.to_string(), 300));
  }
  return text;
}

int run_studies(const LookAtAll& o) {
  const std::shared_ptr<tune::Storage> storage = open_for_reading(o);
  Json list = Json::array();
  std::string table =
      fmt::format("{:<32} {:<12} {:>7}  {}\n", "study", "direction", "trials", "best");
  for (const tune::StudyInfo& info : storage->studies()) {
    std::vector<tune::TrialResult> best;
    std::string damage;
    try {
      best = tune::StudyView(storage, info.name).best_trials();
    } catch (const StorageError& e) {  // the others can be listed all the same
      damage = e.what();
      note(o, damage);
    }
    Json object = {{"name", info.name},
                   {"directions", direction_names(info.directions)},
                   {"trials", info.trials}};
    const bool one = info.directions.size() == 1 && !best.empty();
    object.set("best", one ? json_of_number(best.front().value) : Json());
    const bool feasible = best.empty() || best.front().feasible();
    if (!feasible) object.set("feasible", false);
    if (!damage.empty()) object.set("error", damage);
    list.push_back(object);
    table += fmt::format(
        "{:<32} {:<12} {:>7}  {}\n", printable(info.name),
        fmt::format("{}", fmt::join(direction_names(info.directions), ",")), info.trials,
        (one ? value_text(best.front()) : "-") + (feasible ? "" : " (infeasible)"));
  }
  if (o.json) {
    answer(list);
  } else {
    answer(table);
  }
  return kFine;
}

int run_trials(const LookAtOne& o) {
  const tune::Study study = open_study(o, o.name);
  Json list = Json::array();
  std::string table =
      fmt::format("{:>6} {:<9} {:>12} {:>9}  {}\n", "trial", "state", "value", "seconds", "params");
  for (const tune::TrialResult& trial : study.trials()) {
    if (o.json) {
      list.push_back(json_of(trial));
    } else {
      table +=
          fmt::format("{:>6} {:<9} {:>12} {:>9}  {}\n", trial.number, tune::name_of(trial.state),
                      value_text(trial), seconds_text(trial.seconds), params_text(trial));
    }
  }
  if (o.json) {
    answer(list);
  } else {
    answer(table);
  }
  return kFine;
}

// What a study of `attune fit` was made of, read again and checked by its hash.
tune::CardDetails details_of(const tune::Study& study, const Best& o) {
  tune::CardDetails d;
  d.version = "attune " ATTUNE_VERSION;
  const std::map<std::string, std::string> attributes = study.history().user();
  const auto kept = attributes.find("attune:recipe");
  if (kept == attributes.end()) return d;
  const Json recipe = Json::parse(kept->second);
  d.data = o.data.empty() ? recipe.at("data").as<std::string>() : o.data;
  d.hash = recipe.at("fingerprint").as<std::string>();
  d.target = recipe.at("target").as<std::string>();
  d.task = recipe.at("task").as<std::string>();
  d.score = recipe.at("score").as<std::string>();
  d.score_is_share = d.score == "accuracy";
  try {
    const tune::Recipe again = tune::recipe_of(study, o.data);
    d.rows = again.rows(), d.folds = again.folds();
    d.train_rows = again.train_rows(), d.validation_rows = again.validation_rows();
    d.test_rows = again.test_rows();
    for (const tune::ColumnFormat& c : again.encoder().formats()) {
      d.columns.push_back(c.name + ": " + std::string(tune::name_of(c.kind)));
    }
  } catch (const Error& e) {
    note(o, fmt::format("attune: the card has no columns and rows: {}", e.what()));
  }
  return d;
}

int run_best(const Best& o) {
  const tune::Study study = open_study(o, o.name);
  if (o.card) {
    if (o.json) throw WrongInput("--card is Markdown, and --json is not; give one of them");
    const tune::StudyView view(open_for_reading(o), study.name());
    answer(tune::model_card(view, details_of(study, o)));
    return kFine;
  }
  const std::vector<tune::TrialResult> best = study.best_trials();
  if (best.empty()) {
    throw WorkFailed(fmt::format("study {} has no complete trial{}", in_quotes(study.name()),
                                 tune::failures(study.trials())));
  }
  const bool one = study.directions().size() == 1;
  Json list = Json::array();
  std::string text;
  if (!best.front().feasible()) {
    text = "no complete trial meets its constraints; the least violation:\n";
  }
  for (const tune::TrialResult& trial : best) {
    list.push_back(json_of(trial));
    text += fmt::format("trial {}: {}\n", trial.number, value_text(trial));
    for (const auto& [name, value] : trial.params) {
      text += fmt::format("  {} = {}\n", printable(name), printable(value.to_string(), 300));
    }
    text += constraints_text(trial);
    if (one) break;
  }
  const std::optional<tune::ModelBest> model = one ? tune::model_best(study) : std::nullopt;
  if (model) text += model_text(*model);
  if (!o.json) {
    answer(text);
  } else if (one) {
    Json object = list.items().front();
    if (model) object.set("model_best", json_of_model(*model));
    answer(object);
  } else {
    answer(list);
  }
  return kFine;
}

}  // namespace

void add_studies(CommandLine& commands) {
  commands.add("studies", "The studies that are kept", run_studies);
}
void add_trials(CommandLine& commands) {
  commands.add("trials", "The trials of a study", run_trials);
}
void add_best(CommandLine& commands) {
  commands.add("best", "The best trial of a study, or all that none beats", run_best);
}

}  // namespace attune::cli
