// attune importance: which parameters matter in a study.

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "attune/base/internal/text.h"
#include "attune/tune/analysis/importance.h"
#include "cli/command.h"

namespace attune::cli {
namespace {

struct ImportanceCommand : Common {
  std::string name;  // of the study, as an argument
  std::string evaluator = "fanova";
  int64_t objective = 0;

  void declare(Options options) {
    options.text("STUDY", name, "Its name; may be left out where there is just one");
    options.text("--evaluator", evaluator,
                 "fanova (shares of the variance; the default) or ped_anova (what matters for "
                 "being among the best)");
    options.number("--objective", objective, "Which one, counted from 0 (default: 0)");
    study_option(options, *this);
    storage_option(options, *this);
    json_option(options, *this);
    quiet_option(options, *this);
  }
};

// Shares sum up to 1 even where they say nothing.
void warn(const ImportanceCommand& o, const tune::Study& study) {
  constexpr size_t kFewest = 10;
  std::vector<double> values;
  std::set<std::string> params;
  for (const tune::TrialResult& t : study.trials()) {
    const auto objective = static_cast<size_t>(o.objective);
    if (t.state != tune::State::complete || objective >= t.values.size()) continue;
    values.push_back(t.values[objective]);
    params.insert(t.params.to_string());
  }
  if (values.size() < 2) {
    note(o, "attune: only one trial is complete: the shares say nothing");
  } else if (std::ranges::count(values, values.front()) == std::ssize(values)) {
    note(o, "attune: all values are equal: nothing made a difference, and the shares say nothing");
  } else if (params.size() < 2) {
    note(o, "attune: no parameter varies: the shares say nothing");
  } else if (values.size() < kFewest) {
    note(o, fmt::format("attune: of {} complete trials the shares say little; ten are needed",
                        values.size()));
  }
}

int run_importance(const ImportanceCommand& o) {
  tune::ImportanceOptions options{.objective = o.objective};
  options.evaluator = tune::importance_evaluator_by_name(o.evaluator);
  const tune::Study study = open_study(o, o.name);
  if (study.best_trials().empty()) {
    throw WorkFailed(fmt::format("study {} has no complete trial{}", in_quotes(study.name()),
                                 tune::failures(study.trials())));
  }
  Json object = Json::object();
  std::string table = fmt::format("{:<32} {:>10}\n", "parameter", "importance");
  for (const auto& [name, importance] : study.importances(options)) {
    object.set(name, importance);
    table += fmt::format("{:<32} {:>10.4f}\n", printable(name), importance);
  }
  if (o.json) {
    answer(object);
  } else {
    answer(table);
  }
  warn(o, study);
  return kFine;
}

}  // namespace

void add_importance(CommandLine& commands) {
  commands.add("importance", "How much each parameter matters, as shares that sum to 1",
               run_importance);
}

}  // namespace attune::cli
