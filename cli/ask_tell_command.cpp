// attune ask-tell: the tuner over a pipe.

#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "attune/tune/ask_tell.h"
#include "attune/tune/by_name.h"
#include "attune/tune/space_json.h"
#include "cli/command.h"
#include "cli/interrupt.h"

namespace attune::cli {
namespace {

struct AskTell : Common {
  std::string space, sampler = "automatic", pruner = "none", direction;
  std::vector<std::string> directions;
  std::string first = "defaults";
  int64_t trials = 100;

  void declare(Options options) {
    options.required("--space", space, "The space as JSON, or a file that holds it");
    options.text("--sampler", sampler, tune::sampler_names());
    options.text("--pruner", pruner, "median, none");
    options.text("--direction", direction, "minimize, maximize");
    options.list("--directions", directions, "Several objectives: minimize,maximize");
    options.number("--trials", trials, "Trials to hand out (default: 100)");
    options.one_of("--first", first,
                   "defaults: the default configuration is the first; none: the sampler's choice",
                   {"defaults", "none"});
    storage_option(options, *this);
    study_option(options, *this);
    seed_option(options, *this);
    jobs_option(options, *this);
    quiet_option(options, *this);
  }
};

std::string read_space(const std::string& given) {
  if (!given.empty() && given.find('{') != std::string::npos) return given;
  std::ifstream file(given);
  if (!file) throw WrongInput(fmt::format("--space: neither JSON nor a file: '{}'", given));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<tune::Direction> directions_of(const AskTell& o) {
  if (!o.direction.empty() && !o.directions.empty()) {
    throw WrongInput("give either --direction or --directions, not both");
  }
  std::vector<tune::Direction> all;
  for (const std::string& name : o.directions) all.push_back(tune::direction_by_name(name));
  if (all.empty()) {
    all.push_back(tune::direction_by_name(o.direction.empty() ? "minimize" : o.direction));
  }
  return all;
}

int run(const AskTell& o) {
  if (o.trials < 0) {
    throw WrongInput(fmt::format("--trials must not be negative, got {}", o.trials));
  }
  const tune::Space space = tune::space_from_json(read_space(o.space));
  // Nothing is kept unless it is said where, or under which name.
  const std::string storage =
      o.study.empty() && o.storage.empty() ? "memory" : o.storage_or(kDefaultStorage);
  tune::Study study({.name = o.study.empty() ? "ask-tell" : o.study,
                     .storage = storage,
                     .directions = directions_of(o),
                     .sampler = tune::sampler_by_name(o.sampler),
                     .pruner = tune::pruner_by_name(o.pruner),
                     .seed = o.seed,
                     .space = space,
                     .first = o.first == "none" ? tune::First::sampler : tune::First::defaults});
  watch_signals(nullptr);
  tune::ask_tell(study, space, std::cin, std::cout,
                 {.trials = o.trials, .jobs = o.jobs, .stop = interrupted});
  return interrupted() ? kInterrupted : std::cout ? kFine : kFailed;
}

}  // namespace

void add_ask_tell(CommandLine& commands) {
  commands.add("ask-tell", "The tuner over a pipe, one JSON object a line", run);
}

}  // namespace attune::cli
