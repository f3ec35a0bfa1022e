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

void add_ask_tell(CLI::App& app, Run& run_chosen) {
  auto o = std::make_shared<AskTell>();
  CLI::App* command =
      app.add_subcommand("ask-tell", "The tuner over a pipe, one JSON object a line");
  command->add_option("--space", o->space, "The space as JSON, or a file that holds it")
      ->required();
  command->add_option("--sampler", o->sampler, tune::sampler_names());
  command->add_option("--pruner", o->pruner, "median, none");
  command->add_option("--direction", o->direction, "minimize, maximize");
  command->add_option("--directions", o->directions, "Several objectives: minimize,maximize")
      ->delimiter(',');
  command->add_option("--trials", o->trials, "Trials to hand out (default: 100)");
  command->add_option("--first", o->first, "defaults: the default configuration is the first; none")
      ->check(CLI::IsMember({"defaults", "none"}));
  add_storage(*command, *o);
  add_study(*command, *o);
  add_seed(*command, *o);
  add_jobs(*command, *o);
  add_quiet(*command, *o);
  command->callback([o, &run_chosen] { run_chosen = [o] { return run(*o); }; });
}

}  // namespace attune::cli
