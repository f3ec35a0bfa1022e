// attune copy, delete, enqueue, ask, tell: studies are moved and corrected, trial by trial if need
// be.

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/by_name.h"
#include "attune/tune/copy_study.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/space_json.h"
#include "attune/tune/space_text.h"
#include "cli/command.h"
#include "cli/program_settings.h"
#include "cli/space_argument.h"
#include "cli/space_changes.h"
#include "cli/trial_json.h"

namespace attune::cli {
namespace {

struct CopyArguments : Common {
  std::string name, to, as;

  void declare(Options options) {
    options.required("STUDY", name, "Its name");
    options.text("--to", to, "The storage it is copied to (default: the same)");
    options.text("--as", as, "The copy's name (default: the same)");
    storage_option(options, *this);
    json_option(options, *this);
    quiet_option(options, *this);
  }
};

struct DeleteArguments : Common {
  std::string name;
  bool yes = false;

  void declare(Options options) {
    options.required("STUDY", name, "Its name");
    options.flag("--yes", yes, "Needed: what is deleted is gone");
    storage_option(options, *this);
    json_option(options, *this);
    quiet_option(options, *this);
  }
};

struct EnqueueArguments : Common {
  std::string name;
  std::vector<std::string> values;

  void declare(Options options) {
    options.required("STUDY", name, "Its name");
    options.repeated("VALUES", values, "lr=0.01 act=relu …; what is missing is sampled");
    storage_option(options, *this);
    json_option(options, *this);
  }
};

struct AskArguments : Common {
  std::vector<std::string> params, directions;
  std::string space, direction, sampler = "automatic", first = "defaults";

  void declare(Options options) {
    study_option(options, *this);
    options.repeated("--param", params, "A parameter: NAME=FORM, " + tune::param_forms());
    options.text("--space", space, "The space, or more of it, as JSON or a file that holds it");
    options.text("--sampler", sampler, tune::sampler_names(), tune::sampler_names());
    options.text("--direction", direction, "minimize (default), maximize", "minimize, maximize");
    options.list("--directions", directions, "Several objectives: minimize,maximize");
    options.one_of("--first", first,
                   "defaults: the default configuration is the first; none: the sampler's choice",
                   {"defaults", "none"});
    storage_option(options, *this);
    options.natural("--seed", seed,
                    "Seed of everything random (default: the study's; 0 for a new one)");
    json_option(options, *this);
    options.footer(
        "Prints what a shell can evaluate: number=0 lr=0.01 act='relu'. The trial runs until\n"
        "attune tell says how it went, in whatever process; nobody fails it.\n"
        "  eval \"$(attune ask --study s --param 'lr=log(1e-4,1e-1)')\"\n"
        "  attune tell s $number $(./train --lr $lr)");
  }
};

struct TellArguments : Common {
  std::string name, number, reason, state, step, pruner = "none";
  std::vector<std::string> values, params, user;

  void declare(Options options) {
    options.required("STUDY", name, "Its name");
    options.required("TRIAL", number, "The trial's number; new: a point of your own, by --param");
    options.repeated("VALUES", values, "Its value, or one for each objective");
    options.repeated("--param", params, "Of a new trial: lr=0.01, as often as needed");
    options.text("--step", step, "A report of this step, not the end; prints whether to prune");
    options.text("--pruner", pruner, "With --step: " + tune::pruner_names(), tune::pruner_names());
    options.one_of("--state", state, "How it ended, if without a value: failed, pruned",
                   {"failed", "pruned"});
    options.text("--reason", reason, "Why it failed");
    options.repeated("--user", user, "An attribute: NAME=JSON");
    storage_option(options, *this);
    json_option(options, *this);
  }
};

// The study of that name, to be worked on: WrongInput when there is none.
tune::Study open_to_change(const Common& common, const std::string& name,
                           const std::string& pruner = "none") {
  open_study(common, name);  // says what there is instead
  return tune::Study({.name = name,
                      .storage = tune::open_existing_storage(common.storage_or(kDefaultStorage)),
                      .pruner = tune::pruner_by_name(pruner),
                      .must_exist = true});
}

int run_copy(const CopyArguments& a) {
  open_study(a, a.name);
  const std::string url = a.storage_or(kDefaultStorage), to = a.to.empty() ? url : a.to;
  const std::string name = a.as.empty() ? a.name : a.as;
  if (to == url && name == a.name) throw WrongInput("copy: give --to URL, --as NAME, or both");
  if (to == "memory") throw WrongInput("copy: nothing would be left of a copy in memory");
  check_storage(to);
  tune::copy_study(tune::open_existing_storage(url), a.name, tune::open_storage(to), name);
  if (a.json) {
    answer({{"study", name}, {"storage", to}});
  } else {
    answer(fmt::format("{} is copied to {} in {}\n", printable(a.name), printable(name),
                       shown_path(to)));
  }
  return kFine;
}

int run_delete(const DeleteArguments& a) {
  const std::optional<ProgramSettings> settings = kept_settings(open_study(a, a.name));
  if (!a.yes)
    throw WrongInput(fmt::format("delete {}: say --yes if it is to be gone", in_quotes(a.name)));
  tune::open_existing_storage(a.storage_or(kDefaultStorage))->remove(a.name);
  const bool output = settings && std::filesystem::exists(settings->folder);
  if (output) {
    note(a, fmt::format("what its programs printed and kept stays in {}",
                        shown_path(settings->folder)));
  }
  if (a.json) {
    answer({{"study", a.name}, {"deleted", true}});
  } else {
    answer(fmt::format("{} is deleted\n", printable(a.name)));
  }
  return kFine;
}

int run_enqueue(const EnqueueArguments& a) {
  const tune::Params params = params_of(a.values);
  if (params.empty()) throw WrongInput("enqueue: give values, such as lr=0.01");
  tune::Study study = open_to_change(a, a.name);
  const tune::Space known = study.space();
  for (const auto& [name, value] : params) {
    const tune::Param* param = known.find(name);
    if (!known.empty() && !param) {
      throw WrongInput(
          fmt::format("study {} has no parameter {}", in_quotes(a.name), in_quotes(name)));
    }
  }
  if (const std::string flaw = known.flaw_of_some(params); !known.empty() && !flaw.empty()) {
    throw WrongInput(flaw);
  }
  const int64_t number = study.enqueue(params);
  if (a.json) {
    answer({{"number", number}, {"state", "waiting"}, {"params", json_of(params)}});
  } else {
    answer(fmt::format("trial {} waits with {}\n", number, printable(params.to_string(), 300)));
  }
  return kFine;
}

std::string shell_text(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

void check_shell_name(const std::string& name) {
  const bool plain = !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
                     std::all_of(name.begin(), name.end(), [](char c) {
                       return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
                     });
  if (plain && name != "number") return;
  throw WrongInput(fmt::format("{} is no name for a shell; use --json", in_quotes(name)));
}

std::string shell_line(const tune::TrialResult& trial) {
  std::string line = fmt::format("number={}", trial.number);
  for (const auto& [name, value] : trial.params) {
    const auto* text = std::get_if<std::string>(&value.variant());
    line += fmt::format(" {}={}", name, text ? shell_text(*text) : tune::json::text(value));
  }
  return line;
}

int run_ask(const AskArguments& a) {
  if (a.study.empty()) throw WrongInput("ask: which study? Give --study NAME");
  ProgramSettings settings;
  settings.params = a.params;
  if (!a.space.empty()) settings.space = read_space(a.space);
  const tune::Space space = settings.whole_space();
  if (space.empty()) throw WrongInput("ask: give the space, by --param or --space");
  for (const tune::Param& p : space.params()) {
    if (!a.json) check_shell_name(p.name);
  }
  const std::string url = a.storage_or(kDefaultStorage);
  if (url == "memory") throw WrongInput("ask: nothing would be left of a study in memory");
  check_storage(url);
  const std::shared_ptr<tune::Storage> storage = tune::open_storage(url);
  const std::vector<tune::StudyInfo> known = storage->studies();
  const bool exists =
      std::any_of(known.begin(), known.end(), [&](const auto& s) { return s.name == a.study; });
  tune::Study study({.name = a.study,
                     .storage = storage,
                     .directions = directions_of(a.direction, a.directions),
                     .sampler = tune::sampler_by_name(a.sampler),
                     .seed = a.seed || exists ? a.seed : std::optional<uint64_t>(0),
                     .space = space,
                     .first = a.first == "none" ? tune::First::sampler : tune::First::defaults});
  const SpaceChanges changes = changes_of(study, space);
  if (!changes.names.empty()) {
    throw WrongInput(fmt::format("study {} has {} trials with other parameters: {}",
                                 in_quotes(a.study), study.size(), changes.names));
  }
  if (study.exhausted()) throw WorkFailed("ask: the sampler has nothing left to try");
  const tune::TrialResult trial = study.hand_out(space);
  if (a.json) {
    answer({{"number", trial.number}, {"params", json_of(trial.params)}});
  } else {
    answer(shell_line(trial) + "\n");
  }
  return kFine;
}

std::vector<double> numbers_of(const TellArguments& a, size_t objectives) {
  std::vector<double> numbers;
  for (const std::string& text : a.values) {
    const std::optional<double> number = tune::json::number_in(text);
    if (!number) throw WrongInput(fmt::format("tell: {} is no number", in_quotes(text)));
    numbers.push_back(*number);
  }
  if (numbers.size() != objectives) {
    throw WrongInput(fmt::format("tell: {} value{} needed, not {}", objectives,
                                 objectives == 1 ? " is" : "s are", numbers.size()));
  }
  return numbers;
}

tune::Outcome outcome_of(const TellArguments& a, size_t objectives) {
  if (!a.reason.empty() && a.state != "failed") {
    throw WrongInput("tell: a --reason comes with --state failed");
  }
  if (a.state.empty()) return numbers_of(a, objectives);
  if (!a.values.empty()) throw WrongInput("tell: a trial that failed or is pruned has no value");
  if (a.state == "pruned") return tune::pruned;
  return tune::Failed{a.reason.empty() ? "reported as failed" : a.reason};
}

// As which a study without parameters takes a value.
tune::Param param_for(const tune::ParamValue& value) {
  if (std::holds_alternative<int64_t>(value.variant())) {
    return tune::int_range(value.as_int(), value.as_int());
  }
  if (std::holds_alternative<double>(value.variant())) {
    return tune::range(value.as_double(), value.as_double());
  }
  return tune::choice({value});
}

// The parameters of a point that the user brings, as the study knows them. WrongInput for one that
// the study cannot have; then nothing has been written.
tune::Space space_of_point(const tune::Study& study, const tune::Params& params) {
  const tune::Space shared = study.space();  // what every trial has
  const tune::History history = study.history();
  tune::Space space;
  tune::Params known;
  for (const auto& [name, value] : params) {
    const tune::Param* param = shared.find(name);
    if (param) known.set(name, value);
    if (!param) param = history.latest(name);
    if (!param && !history.params().empty()) {
      throw WrongInput(
          fmt::format("study {} has no parameter {}", in_quotes(study.name()), in_quotes(name)));
    }
    tune::Param own = param ? *param : param_for(value);
    own.conditions.clear();
    space.add(name, std::move(own));
  }
  if (const std::string flaw = shared.flaw(known); !flaw.empty()) throw WrongInput(flaw);
  if (const std::string flaw = space.flaw(params); !flaw.empty()) throw WrongInput(flaw);
  return space;
}

int tell_new(const TellArguments& a, tune::Study& study) {
  if (!a.step.empty()) throw WrongInput("tell: --step is of a trial that runs");
  const tune::Outcome outcome = outcome_of(a, study.directions().size());
  const tune::Params params = params_of(a.params);
  const tune::Space space = space_of_point(study, params);
  tune::Trial trial = study.begin(params);
  const int64_t number = trial.number();
  trial.suggest(space);
  for (const auto& [name, value] : params_of(a.user)) trial.set_attribute(name, value);
  study.tell(trial, outcome);
  if (a.json) {
    answer(json_of(study.trial(number)));
  } else {
    answer(fmt::format("trial {} is {}\n", number, tune::name_of(study.trial(number).state)));
  }
  return kFine;
}

int run_tell(const TellArguments& a) {
  tune::Study study = open_to_change(a, a.name, a.pruner);
  if (a.number == "new") return tell_new(a, study);
  if (!a.params.empty()) throw WrongInput("tell: --param is of a new trial");
  const int64_t number = trial_number("TRIAL", a.number, study);
  const size_t objectives = study.directions().size();
  const auto keep_user = [&] {
    for (const auto& [name, value] : params_of(a.user)) {
      study.set_attribute_json(number, name, tune::json::text(value));
    }
  };
  if (!a.step.empty()) {
    if (!a.state.empty()) throw WrongInput("tell: give either --step or --state");
    const int64_t step = whole_number("--step", a.step, 0, int64_t{1} << 53);
    const bool prune = study.report(number, step, numbers_of(a, objectives));
    keep_user();
    if (a.json) {
      answer({{"number", number}, {"prune", prune}});
    } else {
      answer(std::string(prune ? "prune\n" : "go on\n"));
    }
    return kFine;
  }
  const tune::Outcome outcome = outcome_of(a, objectives);
  keep_user();
  study.tell(number, outcome);
  if (a.json) {
    answer(json_of(study.trial(number)));
  } else {
    answer(fmt::format("trial {} is {}\n", number, tune::name_of(study.trial(number).state)));
  }
  return kFine;
}

}  // namespace

void add_copy(CommandLine& commands) {
  commands.add("copy", "Copies a study to another storage or name", run_copy);
}
void add_delete(CommandLine& commands) { commands.add("delete", "Deletes a study", run_delete); }
void add_enqueue(CommandLine& commands) {
  commands.add("enqueue", "Values that a study is to try next", run_enqueue);
}
void add_ask(CommandLine& commands) {
  commands.add("ask", "A trial to run, for scripts; see tell", run_ask);
}
void add_tell(CommandLine& commands) {
  commands.add("tell", "How a trial went, or goes", run_tell);
}

}  // namespace attune::cli
