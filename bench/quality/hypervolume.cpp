// attune_hypervolume SAMPLER SEEDS TRIALS [PROBLEM ...]
// Runs a sampler on the problems of multi_objective.h, one study per problem and seed, and writes a
// JSON line for each: the hypervolume after 50, 100, 150 and 200 trials, the time of a suggestion.
// SAMPLER: what `attune ask-tell --sampler` takes. SEEDS: 0-9. All problems unless some are named.
// bench/peers/hypervolume.py does the same with Optuna's.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/by_name.h"
#include "attune/tune/internal/math/hypervolume.h"
#include "multi_objective.h"

using namespace attune;

namespace {

std::string run(const std::string& name, const quality::MultiObjective& problem, uint64_t seed,
                int64_t trials) {
  using Clock = std::chrono::steady_clock;
  constexpr int64_t kCheckpoints[] = {50, 100, 150, 200};
  tune::Study study(
      {.directions = std::vector<tune::Direction>(problem.reference.size(), tune::minimize),
       .sampler = tune::sampler_by_name(name),
       .seed = seed,
       .space = problem.space,
       .first = tune::First::sampler});  // no sampler of Optuna's starts in the middle
  std::vector<std::vector<double>> seen;
  std::vector<double> milliseconds;
  std::string curve;
  for (int64_t count = 1; count <= trials; ++count) {
    const auto start = Clock::now();
    tune::Trial trial = study.ask();
    const tune::Params params = trial.suggest(problem.space);
    milliseconds.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    seen.push_back(problem.value(params));
    study.tell(trial, seen.back());
    if (std::find(std::begin(kCheckpoints), std::end(kCheckpoints), count) !=
        std::end(kCheckpoints)) {
      curve += fmt::format("{}\"{}\": {}", curve.empty() ? "" : ", ", count,
                           tune::internal::hypervolume(seen, problem.reference));
    }
  }
  double mean = 0;
  for (const double ms : milliseconds) mean += ms / static_cast<double>(milliseconds.size());
  const size_t upto = std::min<size_t>(milliseconds.size(), 105);
  std::vector<double> around(milliseconds.begin() + static_cast<std::ptrdiff_t>(upto - upto / 10),
                             milliseconds.begin() + static_cast<std::ptrdiff_t>(upto));
  std::sort(around.begin(), around.end());
  return fmt::format(
      R"({{"problem": "{}", "opt": "attune_{}", "seed": {}, "n": {}, "curve": {{{}}}, "ms100": {:.3f}, "ms_mean": {:.3f}}})",
      problem.name, name, seed, trials, curve, around.empty() ? 0 : around[around.size() / 2],
      mean);
}

void run_all(const std::vector<std::string>& arguments) {
  const size_t dash = arguments[1].find('-');
  const uint64_t first = std::stoull(arguments[1]);
  const uint64_t last =
      dash == std::string::npos ? first : std::stoull(arguments[1].substr(dash + 1));
  const int64_t trials = std::stoll(arguments[2]);
  if (trials < 1) throw ValueError(fmt::format("{} trials: at least 1 is needed", trials));
  for (uint64_t seed = first; seed <= last; ++seed) {
    for (const quality::MultiObjective& problem : quality::multi_objective_problems()) {
      if (arguments.size() > 3 &&
          std::find(arguments.begin() + 3, arguments.end(), problem.name) == arguments.end()) {
        continue;
      }
      std::puts(run(arguments[0], problem, seed, trials).c_str());
      std::fflush(stdout);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 3) {
    std::fputs("attune_hypervolume SAMPLER SEEDS TRIALS [PROBLEM ...]\n", stderr);
    return 2;
  }
  try {
    run_all(arguments);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "attune_hypervolume: %s\n", e.what());
    return 2;
  }
}
