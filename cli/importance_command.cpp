// attune importance: which parameters matter in a study.

#include <memory>

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
  return kFine;
}

}  // namespace

void add_importance(CommandLine& commands) {
  commands.add("importance", "How much each parameter matters, as shares that sum to 1",
               run_importance);
}

}  // namespace attune::cli
