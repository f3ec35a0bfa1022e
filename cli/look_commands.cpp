// attune studies, trials, best: looking at what is kept.

#include <cmath>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/tune/by_name.h"
#include "cli/command.h"

namespace attune::cli {
namespace {

struct Look : Common {
  std::string name;  // of the study, as an argument
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

Json json_of(const tune::TrialResult& trial) {
  Json object = {{"number", trial.number}, {"state", tune::name_of(trial.state)}};
  object["value"] = trial.values.empty() ? Json(nullptr) : Json(trial.value);
  if (trial.values.size() > 1) object["values"] = trial.values;
  object["params"] = cli::json_of(trial.params);
  object["intermediate"] = Json::array();
  for (const auto& [step, value] : trial.intermediate) {
    object["intermediate"].push_back({step, value});
  }
  object["user"] = Json::object();
  for (const auto& [name, text] : trial.user) {
    object["user"][name] = Json::parse(text, nullptr, false);
  }
  object["seconds"] = trial.seconds;
  return object;
}

int run_studies(const Look& o) {
  const std::shared_ptr<tune::Storage> storage = open_for_reading(o);
  Json list = Json::array();
  std::string table =
      fmt::format("{:<32} {:<12} {:>7}  {}\n", "study", "direction", "trials", "best");
  for (const tune::StudyInfo& info : storage->studies()) {
    const tune::Study study({.name = info.name, .storage = storage, .must_exist = true});
    const std::vector<tune::TrialResult> best = study.best_trials();
    Json object = {{"name", info.name},
                   {"directions", direction_names(info.directions)},
                   {"trials", info.trials}};
    const bool one = info.directions.size() == 1 && !best.empty();
    object["best"] = one ? Json(best.front().value) : Json(nullptr);
    list.push_back(std::move(object));
    table += fmt::format("{:<32} {:<12} {:>7}  {}\n", info.name,
                         fmt::format("{}", fmt::join(direction_names(info.directions), ",")),
                         info.trials, one ? value_text(best.front()) : "-");
  }
  if (o.json) {
    answer(list);
  } else {
    answer(table);
  }
  return kFine;
}

int run_trials(const Look& o) {
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
                      value_text(trial), seconds_text(trial.seconds), trial.params.to_string());
    }
  }
  if (o.json) {
    answer(list);
  } else {
    answer(table);
  }
  return kFine;
}

int run_best(const Look& o) {
  const tune::Study study = open_study(o, o.name);
  const std::vector<tune::TrialResult> best = study.best_trials();
  if (best.empty()) {
    throw WorkFailed(
        fmt::format("study '{}' has no complete trial among its {}", study.name(), study.size()));
  }
  const bool one = study.directions().size() == 1;
  Json list = Json::array();
  std::string text;
  for (const tune::TrialResult& trial : best) {
    list.push_back(json_of(trial));
    text += fmt::format("trial {}: {}\n", trial.number, value_text(trial));
    for (const auto& [name, value] : trial.params) {
      text += fmt::format("  {} = {}\n", name, value.to_string());
    }
    if (one) break;
  }
  if (!o.json) {
    answer(text);
  } else if (one) {
    answer(list.front());
  } else {
    answer(list);
  }
  return kFine;
}

void add(CLI::App& app, Run& run_chosen, const char* name, const char* help,
         int (*run)(const Look&), bool of_study) {
  auto o = std::make_shared<Look>();
  CLI::App* command = app.add_subcommand(name, help);
  if (of_study) {
    command->add_option("STUDY", o->name, "Its name; may be left out where there is just one");
    add_study(*command, *o);
  }
  add_storage(*command, *o);
  add_json(*command, *o);
  add_quiet(*command, *o);
  command->callback([o, run, &run_chosen] { run_chosen = [o, run] { return run(*o); }; });
}

}  // namespace

void add_studies(CLI::App& app, Run& run) {
  add(app, run, "studies", "The studies that are kept", run_studies, false);
}
void add_trials(CLI::App& app, Run& run) {
  add(app, run, "trials", "The trials of a study", run_trials, true);
}
void add_best(CLI::App& app, Run& run) {
  add(app, run, "best", "The best trial of a study, or all that none beats", run_best, true);
}

}  // namespace attune::cli
