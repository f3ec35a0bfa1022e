// attune replay: trains trials again and compares bit for bit.

#include <limits>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/base/internal/text.h"
#include "attune/base/threads.h"
#include "attune/tune/by_name.h"
#include "attune/tune/tabular/fit.h"
#include "attune/tune/tabular/replay.h"
#include "cli/command.h"

namespace attune::cli {
namespace {

struct ReplayArguments : Common {
  std::string name, number, data;
  int threads = 1;

  void declare(Options options) {
    options.required("STUDY", name, "The study's name");
    options.required("NUMBER", number, "The trial's number, or all");
    options.text("--data", data, "The table, if it has moved");
    options.number("--threads", threads, "Threads of the kernels (default: 1)", 1, 1024);
    storage_option(options, *this);
    json_option(options, *this);
    quiet_option(options, *this);
  }
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
  return {whole_number("NUMBER (or all)", a.number, 0, std::numeric_limits<int64_t>::max())};
}

Json document(const tune::Replay& r) {
  return {{"number", r.number},
          {"state", tune::name_of(r.state)},
          {"reports", r.reports},
          {"different", r.different},
          {"weights", r.weights_now},
          {"weights_then", r.weights_then.empty() ? Json() : Json(r.weights_then)},
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
    text += fmt::format(" weights {} then, {} now", printable(r.weights_then), r.weights_now);
  }
  return text + "\n";
}

int run(const ReplayArguments& a) {
  const tune::Study study = open_study(a, a.name);
  const std::vector<int64_t> numbers = numbers_of(a, study);
  const ThreadScope threads(a.threads);
  const tune::Recipe recipe = tune::recipe_of(study, a.data);
  if (numbers.empty()) note(a, "no trial has been trained yet: there is nothing to compare");
  Json list = Json::array();
  bool same = true;
  for (const int64_t number : numbers) {
    const tune::Replay replay = tune::replay(study, recipe, number);
    same = same && replay.same();
    list.push_back(document(replay));
    if (!a.json) answer(text_of(replay));
  }
  if (a.json) answer(a.number == "all" ? list : list.items().front());
  return same ? kFine : kFailed;
}

}  // namespace

void add_replay(CommandLine& commands) {
  commands.add("replay", "Trains a trial of fit again and compares bit for bit", run);
}

}  // namespace attune::cli
