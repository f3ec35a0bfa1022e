// attune replay: trains trials again and compares bit for bit.

#include <charconv>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/tensor/threads.h"
#include "attune/tune/by_name.h"
#include "attune/tune/tabular/fit.h"
#include "attune/tune/tabular/replay.h"
#include "cli/command.h"

namespace attune::cli {
namespace {

struct ReplayArguments : Common {
  std::string name, number, data;
  int threads = 1;
};

std::vector<int64_t> numbers_of(const ReplayArguments& a, const tune::Study& study) {
  std::vector<int64_t> numbers;
  if (a.number == "all") {
    for (const tune::TrialResult& trial : study.trials()) {
      if (tune::finished(trial.state) && !trial.intermediate.empty()) {
        numbers.push_back(trial.number);
      }
    }
    return numbers;
  }
  int64_t number = 0;
  const char* end = a.number.data() + a.number.size();
  if (std::from_chars(a.number.data(), end, number).ptr != end) {
    throw WrongInput(fmt::format("a trial's number or 'all' is needed, not '{}'", a.number));
  }
  return {number};
}

Json document(const tune::Replay& r) {
  return {{"number", r.number},
          {"state", tune::name_of(r.state)},
          {"reports", r.reports},
          {"different", r.different},
          {"weights", r.weights_now},
          {"weights_then", r.weights_then.empty() ? Json(nullptr) : Json(r.weights_then)},
          {"same", r.same()}};
}

std::string text_of(const tune::Replay& r) {
  if (r.same()) {
    return fmt::format("trial {}: {} reports and the weights ({}) are the same\n", r.number,
                       r.reports, r.weights_now);
  }
  std::string text = fmt::format("trial {}: DIFFERENT:", r.number);
  if (!r.different.empty()) text += fmt::format(" reports {};", fmt::join(r.different, ", "));
  if (r.weights_now != r.weights_then) {
    text += fmt::format(" weights {} then, {} now", r.weights_then, r.weights_now);
  }
  return text + "\n";
}

int run(const ReplayArguments& a) {
  const tune::Study study = open_study(a, a.name);
  const std::vector<int64_t> numbers = numbers_of(a, study);
  const ThreadScope threads(a.threads);
  const tune::Recipe recipe = tune::recipe_of(study, a.data);
  Json list = Json::array();
  bool same = true;
  for (const int64_t number : numbers) {
    const tune::Replay replay = tune::replay(study, recipe, number);
    same = same && replay.same();
    list.push_back(document(replay));
    if (!a.json) answer(text_of(replay));
  }
  if (a.json) answer(a.number == "all" ? list : list.front());
  return same ? kFine : kFailed;
}

}  // namespace

void add_replay(CLI::App& app, Run& run_chosen) {
  auto a = std::make_shared<ReplayArguments>();
  CLI::App* command =
      app.add_subcommand("replay", "Trains a trial of fit again and compares bit for bit");
  command->add_option("STUDY", a->name, "The study's name")->required();
  command->add_option("NUMBER", a->number, "The trial's number, or all")->required();
  command->add_option("--data", a->data, "The table, if it has moved");
  command->add_option("--threads", a->threads, "Threads of the kernels (default: 1)")
      ->check(CLI::Range(1, 1024));
  add_storage(*command, *a);
  add_json(*command, *a);
  add_quiet(*command, *a);
  command->callback([a, &run_chosen] { run_chosen = [a] { return run(*a); }; });
}

}  // namespace attune::cli
