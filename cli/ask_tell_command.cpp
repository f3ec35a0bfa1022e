// attune ask-tell: the tuner over a pipe.

#include <algorithm>
#include <istream>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "attune/base/internal/text.h"
#include "attune/tune/ask_tell.h"
#include "attune/tune/by_name.h"
#include "attune/tune/space_json.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/pipes.h"
#include "cli/space_argument.h"
#include "cli/space_changes.h"

namespace attune::cli {
namespace {

constexpr char kMessages[] = R"(Messages, one JSON object a line:
  attune  {"number": 0, "params": {"lr": 0.01, "act": "relu"}}      a trial to run
  client  {"number": 0, "step": 3, "value": 0.4}                    how it goes, if it likes
  attune  {"number": 0, "prune": false}
  client  {"number": 0, "value": 0.3}                               the trial's end
  client  {"number": 0, "state": "failed", "reason": "no memory"}   or "pruned"
  attune  {"best": {"number": 7, "value": 0.1, "params": {...}}}    at the end
  attune  {"error": "..."}                      to a line that was not understood; go on
With several objectives "values": [0.3, 12] in the place of "value". A line that ends a trial may
also have "constraints": [-1.5, 2] or {"memory": 2} (to be at most 0) and "user": {"epochs": 12}.
  client  {"cmd": "tell", "params": {"lr": 0.02, ...}, "value": 0.2}   a point of its own
  client  {"cmd": "enqueue", "params": {"lr": 0.05}}                   to be handed out next
  client  {"cmd": "ask", "count": 8}                                   trials beyond --jobs
  client  {"cmd": "best"}
A space:
  {"lr": {"type": "float", "low": 1e-4, "high": 0.1, "log": true},
   "layers": {"type": "int", "low": 1, "high": 4},
   "act": {"type": "categorical", "choices": ["relu", "gelu"]},
   "slope": {"type": "float", "low": 0, "high": 0.3, "when": {"act": "relu"}}})";

struct AskTell : Common {
  std::string space, sampler = "automatic", pruner = "none", direction;
  std::vector<std::string> directions;
  std::string first = "defaults";
  int64_t trials = 100, confirm = 0, repeats = 5;
  bool resume = false, stop_when_all_tried = false;

  void declare(Options options) {
    options.required("--space", space, "The space as JSON, or a file that holds it");
    options.text("--sampler", sampler, tune::sampler_names(), tune::sampler_names());
    options.text("--pruner", pruner, tune::pruner_names(), tune::pruner_names());
    options.text("--direction", direction, "minimize, maximize", "minimize, maximize");
    options.list("--directions", directions, "Several objectives: minimize,maximize");
    options.number("--trials", trials,
                   "Trials to hand out (default: 100); 0: none, read what the client brings");
    options.one_of("--first", first,
                   "defaults: the default configuration is the first; none: the sampler's choice",
                   {"defaults", "none"});
    options.number("--confirm", confirm, "At the end, run that many of the best again");
    options.number("--repeats", repeats, "Runs of each with --confirm (default: 5)");
    options.flag("--stop-when-all-tried", stop_when_all_tried,
                 "End once each configuration of a small space has been tried");
    options.text("--storage", storage,
                 "Where --study is kept: sqlite:///FILE (default: ATTUNE_STORAGE, else "
                 "sqlite:///attune.db). Without --study nothing is kept");
    options.text("--study", study, "Name of the study that is kept, and gone on with");
    options.flag("--resume", resume,
                 "Trials that --study has count towards --trials; the space may have changed");
    options.natural("--seed", seed,
                    "Seed of everything random (default: the study's; 0 for a new one)");
    jobs_option(options, *this);
    quiet_option(options, *this);
    options.footer(kMessages);
  }
};

void check(const AskTell& o) {
  if (o.trials < 0) {
    throw WrongInput(fmt::format("--trials must not be negative, got {}", o.trials));
  }
  if (o.confirm < 0) {
    throw WrongInput(fmt::format("--confirm must not be negative, got {}", o.confirm));
  }
  if (o.repeats < 2)
    throw WrongInput(fmt::format("--repeats must be 2 or more, got {}", o.repeats));
  if (!o.study.empty()) return;
  if (o.resume) throw WrongInput("--resume: which study? Give --study NAME");
  if (!o.storage.empty() && o.storage != "memory") {
    throw WrongInput("--storage keeps studies by name: give --study NAME too");
  }
}

// A new study of the command is reproducible; one that is gone on with has its own seed.
tune::Study open(const AskTell& o, const tune::Space& space) {
  const bool kept = !o.study.empty();
  if (kept) check_storage(o.storage_or(kDefaultStorage));
  const std::shared_ptr<tune::Storage> storage =
      tune::open_storage(kept ? o.storage_or(kDefaultStorage) : "memory");
  const std::vector<tune::StudyInfo> known = storage->studies();
  const bool exists = std::any_of(known.begin(), known.end(),
                                  [&](const tune::StudyInfo& s) { return s.name == o.study; });
  return tune::Study({.name = kept ? o.study : "ask-tell",
                      .storage = storage,
                      .directions = directions_of(o.direction, o.directions),
                      .sampler = tune::sampler_by_name(o.sampler),
                      .pruner = tune::pruner_by_name(o.pruner),
                      .seed = o.seed || exists ? o.seed : std::optional<uint64_t>(0),
                      .space = space,
                      .first = o.first == "none" ? tune::First::sampler : tune::First::defaults,
                      .stop = interrupted});
}

void look_at_changes(const AskTell& o, const tune::Study& study, const tune::Space& space) {
  const SpaceChanges changes = changes_of(study, space);
  const std::string name = in_quotes(study.name());
  if (!changes.names.empty() && !o.resume) {
    throw WrongInput(
        fmt::format("study {} has {} trials with other parameters: {}; give another --study, or "
                    "--resume to go on with it all the same",
                    name, study.size(), changes.names));
  }
  if (!changes.names.empty()) {
    note(o,
         fmt::format("study {}: {}; of its {} trials only those with the parameters of the space "
                     "can be the best",
                     name, changes.names, study.size()));
  }
  if (!changes.ranges.empty()) {
    note(o, fmt::format("study {}: {}; {} trials kept", name, changes.ranges, study.size()));
  }
}

// Trials of this call: with --resume without those that somebody has told of already.
int64_t trials_left(const AskTell& o, const tune::Study& study) {
  if (!o.resume) return o.trials;
  const std::vector<tune::TrialResult> all = study.trials();
  const auto told = std::count_if(all.begin(), all.end(), [](const tune::TrialResult& t) {
    return tune::finished(t.state) && t.error() != tune::kNeverTold;
  });
  return std::max<int64_t>(o.trials - told, 0);
}

int run(const AskTell& o) {
  check(o);
  const tune::Space space = tune::space_from_json(read_space(o.space));
  tune::Study study = open(o, space);
  look_at_changes(o, study, space);
  const int64_t left = trials_left(o, study);
  watch_signals(nullptr);
  InterruptibleInput input;
  CheckedOutput output;
  std::istream in(&input);
  std::ostream out(&output);
  out.exceptions(std::ios::badbit);  // the exception that says why
  tune::AskTellOptions options{.trials = left, .jobs = o.jobs};
  options.listen = o.trials == 0;
  options.confirm = o.confirm;
  options.repeats = o.repeats;
  options.stop_when_all_tried = o.stop_when_all_tried;
  options.note = [&o](const std::string& text) { note(o, text); };
  options.stop = interrupted;
  tune::ask_tell(study, space, in, out, options);
  return interrupted() ? kInterrupted : kFine;
}

}  // namespace

void add_ask_tell(CommandLine& commands) {
  commands.add("ask-tell", "The tuner over a pipe, one JSON object a line", run);
}

}  // namespace attune::cli
