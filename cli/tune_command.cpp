// attune tune, attune worker: tune any program.

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/by_name.h"
#include "attune/tune/internal/kept_space.h"
#include "attune/tune/program/program.h"
#include "attune/tune/space_json.h"
#include "attune/tune/space_text.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/program_settings.h"
#include "cli/progress.h"
#include "cli/space_argument.h"
#include "cli/terminal.h"
#include "cli/trial_json.h"

namespace attune::cli {
namespace {

constexpr char kHowTo[] =
    R"(The command follows "--". {lr} is the parameter's value; {trial}, {seed}, {dir} and {repeat} are known
too, and in the environment as ATTUNE_TRIAL and so on. Its value is the last number on its last
line, or JSON: {"value": 0.91}. A line "attune: step=3 value=0.9" reports how it goes.
  attune tune --param 'lr=log(1e-4,1e-1)' --param 'batch=choice(16,32)' --direction maximize \
      --trials 50 --jobs 2 -- python train.py --lr {lr} --batch {batch}
docs/any_program.md says more.)";

struct TuneArguments : Common {
  std::vector<std::string> params, command, directions;
  std::string space, direction, sampler = "automatic", scheduler = "none", reduce = "mean", folder;
  std::string timeout, trial_timeout, trial_memory, grace, first = "defaults";
  int64_t trials = 100, repeats = 1, retries = 0;
  bool resume = false;

  void declare(Options options) {
    options.repeated("--param", params, "A parameter: NAME=FORM, " + tune::param_forms());
    options.text("--space", space, "The space, or more of it, as JSON or a file that holds it");
    options.text("--direction", direction, "minimize (default), maximize", "minimize, maximize");
    options.list("--directions", directions, "Several objectives: minimize,maximize");
    options.number("--trials", trials, "Trials of the study in all (default: 100)");
    options.text("--sampler", sampler, tune::sampler_names(), tune::sampler_names());
    options.text("--scheduler", scheduler,
                 "Ends or pauses what reports badly: " + tune::scheduler_names(),
                 tune::scheduler_names());
    options.text("--pruner", scheduler, "An older name of --scheduler", tune::scheduler_names());
    options.one_of("--first", first,
                   "defaults: the default configuration is the first; none: the sampler's choice",
                   {"defaults", "none"});
    options.number("--repeats", repeats, "Runs of each trial (default: 1)");
    options.text("--reduce", reduce, "What their values become: mean, median, min, max");
    options.number("--retries", retries, "Further attempts at a trial that fails (default: 0)");
    options.text("--timeout", timeout, "No trial starts after this time: 90s, 5m, 1.5h");
    options.text("--trial-timeout", trial_timeout, "A trial that takes longer fails");
    options.text("--trial-memory", trial_memory, "One that takes more fails: 500M, 2G");
    options.text("--grace", grace, "From SIGTERM to SIGKILL (default: 5s)");
    options.text("--dir", folder, "Where trials have their folders (default: beside the storage)");
    options.flag("--resume", resume, "Go on with a study though the command or space has changed");
    storage_option(options, *this);
    options.text("--study", study, "Name of the study (default: that of the program)");
    options.natural("--seed", seed,
                    "Seed of everything random (default: the study's; 0 for a new one)");
    jobs_option(options, *this);
    json_option(options, *this);
    quiet_option(options, *this);
    plain_option(options, *this);
    options.tail(command);
    options.footer(kHowTo);
  }
};

struct WorkerArguments : Common {
  std::vector<std::string> command;
  int64_t retries = -1;  // -1: as the study says

  void declare(Options options) {
    storage_option(options, *this);
    study_option(options, *this);
    options.number("--retries", retries,
                   "Further attempts at a trial that fails (default: the study's)");
    jobs_option(options, *this);
    json_option(options, *this);
    quiet_option(options, *this);
    plain_option(options, *this);
    options.tail(command);
    options.footer(
        "Runs trials of a study that attune tune has made, until it has all it was to have. A "
        "command\nafter \"--\" takes the place of the study's own, where paths differ.");
  }
};

// That of the program, or of the script that an interpreter runs.
std::string name_from(const std::vector<std::string>& command) {
  const auto last_part = [](const std::string& path) {
    return std::filesystem::path(path).filename().string();
  };
  const std::string program = last_part(command.front());
  for (const char* one : {"python", "Rscript", "julia", "node", "bash", "sh", "perl", "ruby"}) {
    if (program.starts_with(one) && command.size() > 1 && !command[1].starts_with('-')) {
      return last_part(command[1]);
    }
  }
  return program;
}

bool has_study(tune::Storage& storage, const std::string& name) {
  const std::vector<tune::StudyInfo> known = storage.studies();
  return std::any_of(known.begin(), known.end(), [&](const auto& s) { return s.name == name; });
}

// What is kept with the study is UTF-8.
void require_utf8(const char* what, const std::string& text) {
  if (utf8_flaw(text) == std::string::npos) return;
  throw WrongInput(fmt::format("{} {} is not UTF-8, and could not be kept with the study", what,
                               in_quotes(text)));
}

double time_of(const char* option, const std::string& text) {
  const double seconds = parse_duration(text).count();
  if (seconds > 0) return seconds;
  throw WrongInput(fmt::format("{} must be more than 0, got {}", option, in_quotes(text)));
}

ProgramSettings settings_of(const TuneArguments& a, const std::string& url,
                            const std::string& study) {
  ProgramSettings s;
  s.command = a.command;
  s.params = a.params;
  if (!a.space.empty()) s.space = read_space(a.space);
  s.folder =
      std::filesystem::absolute(a.folder.empty() ? tune::trials_folder(url, study) : a.folder);
  for (const std::string& word : s.command) require_utf8("the command's word", word);
  require_utf8("the folder", s.folder);
  s.sampler = a.sampler;
  s.scheduler = a.scheduler;
  s.reduce = a.reduce;
  s.trials = a.trials;
  s.repeats = a.repeats;
  s.retries = a.retries;
  if (!a.trial_timeout.empty()) s.trial_timeout = time_of("--trial-timeout", a.trial_timeout);
  if (!a.grace.empty()) s.grace = parse_duration(a.grace).count();
  if (!a.trial_memory.empty()) s.memory = parse_size(a.trial_memory);
  return s;
}

// The highest number that a folder in `folder` has for a name; -1: none has.
int64_t highest_trial_in(const std::string& folder) {
  int64_t highest = -1;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    int64_t number = -1;
    const char* const end = name.data() + name.size();
    const auto [at, flaw] = std::from_chars(name.data(), end, number);
    if (flaw == std::errc() && at == end) highest = std::max(highest, number);
  }
  return highest;
}

// What --dir names may hold the trials of another study, which would be lost to those of this one.
void check_trials_folder(const std::string& folder, int64_t highest, const std::string& study,
                         int64_t trials) {
  if (highest < trials) return;
  throw WrongInput(
      fmt::format("--dir: {} holds the folder {}, which is no trial of study {} and would be lost; "
                  "give another folder, or remove it",
                  shown_path(folder), highest, in_quotes(study)));
}

void check_same(const tune::Study& study, const ProgramSettings& now, bool resume) {
  const std::optional<ProgramSettings> then = kept_settings(study);
  const std::string name = in_quotes(study.name());
  if (resume || study.size() == 0) return;
  if (!then) {
    throw WrongInput(fmt::format(
        "study {} was not made by attune tune; give another --study, or --resume", name));
  }
  if (then->command != now.command) {
    throw WrongInput(
        fmt::format("study {} tunes another command: {}; give another --study, or --resume", name,
                    printable(fmt::format("{}", fmt::join(then->command, " ")), 300)));
  }
  if (then->params != now.params || then->space != now.space) {
    throw WrongInput(
        fmt::format("study {} has another space: {} {}; give another --study, or --resume", name,
                    printable(fmt::format("{}", fmt::join(then->params, " ")), 300),
                    printable(then->space, 300)));
  }
}

std::string best_text(const tune::Study& study, const std::vector<tune::TrialResult>& best) {
  std::string text;
  for (const tune::TrialResult& trial : best) {
    text += fmt::format("{}trial {}: {:.6g}\n", best.size() == 1 ? "best is " : "", trial.number,
                        fmt::join(trial.values, " "));
    for (const auto& [name, value] : trial.params) {
      text += fmt::format("  {} = {}\n", printable(name), printable(value.to_string(), 300));
    }
  }
  if (best.size() == 1) {
    text +=
        fmt::format("its output: attune log {} {}\n", printable(study.name()), best.front().number);
  }
  return text;
}

int work(const Common& common, tune::Study study, const ProgramSettings& s,
         std::optional<std::chrono::duration<double>> timeout) {
  const tune::Program program(s.options(study.directions().size()));
  const int64_t before = study.size();
  note(common, fmt::format("study {}{}; output in {}", in_quotes(study.name()),
                           before > 0 ? fmt::format(" goes on after {} trials", before) : "",
                           shown_path(s.folder)));
  ProgressLine progress(common.quiet, common.plain);
  watch_signals("\nattune: ending after the running trials; Ctrl-C again to end at once\n");
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<tune::TrialResult> known = study.trials();
  const int64_t made =
      std::count_if(known.begin(), known.end(), [](const auto& trial) { return !trial.retry_of; });
  tune::OptimizeOptions options{.trials = std::max<int64_t>(s.trials - made, 0)};
  options.retries = s.retries;
  options.total = s.trials;
  options.jobs = common.jobs;
  options.timeout = timeout;
  options.stop = interrupted;
  options.progress = [&](const tune::Progress& p) { progress.show(p); };
  study.optimize(program, options);
  progress.end();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  const std::vector<tune::TrialResult> trials = study.trials();
  std::vector<tune::TrialResult> best = study.best_trials();
  if (study.directions().size() == 1 && best.size() > 1) best.resize(1);  // others are as good
  if (interrupted()) {
    error_line(fmt::format(
        "attune: interrupted; {} trials are kept in study {}; the same command goes on from there",
        trials.size(), in_quotes(study.name())));
    return kInterrupted;
  }
  if (best.empty()) {
    throw WorkFailed(fmt::format("study {} has no complete trial{}", in_quotes(study.name()),
                                 tune::failures(trials)));
  }
  if (!common.json) {
    answer(best_text(study, best));
    return kFine;
  }
  const auto count = [&](tune::State state) {
    return static_cast<int64_t>(std::count_if(trials.begin(), trials.end(),
                                              [&](const auto& t) { return t.state == state; }));
  };
  Json document = {{"study", study.name()},
                   {"trials", static_cast<int64_t>(trials.size())},
                   {"complete", count(tune::State::complete)},
                   {"pruned", count(tune::State::pruned)},
                   {"failed", count(tune::State::failed)},
                   {"seconds", seconds.count()},
                   {"folder", s.folder}};
  if (study.directions().size() == 1) {
    document.set("best", json_of(best.front()));
  } else {
    Json all = Json::array();
    for (const tune::TrialResult& trial : best) all.push_back(json_of(trial));
    document.set("best", all);
  }
  answer(document);
  return kFine;
}

void check_retries(int64_t retries) {
  if (retries < 0) throw WrongInput(fmt::format("--retries must be 0 or more, got {}", retries));
}

int run_tune(const TuneArguments& a) {
  if (a.command.empty())
    throw WrongInput("which command? It follows \"--\"; see attune tune --help");
  if (a.trials < 1) throw WrongInput(fmt::format("--trials must be 1 or more, got {}", a.trials));
  if (a.repeats < 1)
    throw WrongInput(fmt::format("--repeats must be 1 or more, got {}", a.repeats));
  check_retries(a.retries);
  std::optional<std::chrono::duration<double>> timeout;
  if (!a.timeout.empty()) timeout = std::chrono::duration<double>(time_of("--timeout", a.timeout));
  const std::string url = a.storage_or(kDefaultStorage);
  const std::string name = a.study.empty() ? name_from(a.command) : a.study;
  const ProgramSettings settings = settings_of(a, url, name);
  // All that can be wrong is found before a study is made.
  const std::vector<tune::Direction> directions = directions_of(a.direction, a.directions);
  const tune::Program checked(settings.options(std::max<size_t>(directions.size(), 1)));
  check_storage(url);
  const std::shared_ptr<tune::Storage> storage = tune::open_storage(url);
  // Before the study is asked for its trials: another process may start some meanwhile.
  const int64_t highest = a.folder.empty() ? -1 : highest_trial_in(settings.folder);
  const bool exists = has_study(*storage, name);
  if (!exists) check_trials_folder(settings.folder, highest, name, 0);
  tune::StudyOptions options = settings.study();
  options.name = name;
  options.storage = storage;
  options.directions = directions;
  options.seed = a.seed || exists ? a.seed : std::optional<uint64_t>(0);
  options.first = a.first == "none" ? tune::First::sampler : tune::First::defaults;
  options.stop = interrupted;
  tune::Study study(options);
  check_same(study, settings, a.resume);
  check_trials_folder(settings.folder, highest, name, study.size());
  keep_settings(study, settings);
  tune::keep_space(study, options.space);
  return work(a, study, settings, timeout);
}

int run_worker(const WorkerArguments& a) {
  const tune::Study looked = open_study(a, a.study);
  std::optional<ProgramSettings> settings = kept_settings(looked);
  if (!settings) {
    throw WrongInput(
        fmt::format("study {} was not made by attune tune, so it is not known what "
                    "is to be run",
                    in_quotes(looked.name())));
  }
  if (!a.command.empty()) settings->command = a.command;
  if (a.retries != -1) settings->retries = a.retries;
  check_retries(settings->retries);
  tune::StudyOptions options = settings->study();
  options.name = looked.name();
  options.storage = tune::open_existing_storage(a.storage_or(kDefaultStorage));
  options.must_exist = true;
  options.stop = interrupted;
  return work(a, tune::Study(options), *settings, std::nullopt);
}

}  // namespace

void add_tune(CommandLine& commands) { commands.add("tune", "Tunes any program", run_tune); }
void add_worker(CommandLine& commands) {
  commands.add("worker", "One of many workers on a study of attune tune", run_worker);
}

}  // namespace attune::cli
