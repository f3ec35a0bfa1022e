// attune_quality SAMPLER SEEDS TRIALS DIGITS_CSV [PROBLEM ...]
// Runs a sampler on the ten problems, one study per problem and seed, and writes a JSON line for
// each: the true value of the incumbent (best observed) after 10, 20, ... trials and the time of a
// suggestion. SAMPLER: bayesian, random or sobol; bayesian_plain leaves out the default
// configuration (the middle of each range) as first trial. SEEDS: 0-9.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <limits>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "attune/tensor/error.h"
#include "attune/tune/samplers.h"
#include "attune/tune/study.h"
#include "problems.h"

using namespace attune;

namespace {

std::shared_ptr<tune::Sampler> sampler_by_name(const std::string& name) {
  if (name == "bayesian" || name == "bayesian_plain") return tune::bayesian();
  if (name == "random") return tune::random();
  if (name == "sobol") return tune::sobol();
  throw ValueError(name + ": not one of bayesian, bayesian_plain, random, sobol");
}

std::string run(const std::string& name, const quality::Problem& problem, uint64_t seed,
                int64_t trials) {
  using Clock = std::chrono::steady_clock;
  constexpr int64_t kCheckpoints[] = {10, 20, 30, 50, 75, 100, 150, 200};
  const bool plain = name == "bayesian_plain";
  tune::Study study({.sampler = sampler_by_name(name),
                     .seed = seed,
                     .space = problem.space,
                     .first = plain ? tune::First::sampler : tune::First::defaults});
  Rng noise = Rng(seed).fork("noise").fork(problem.name);

  double best_seen = std::numeric_limits<double>::infinity(), best_true = best_seen;
  std::vector<double> milliseconds;
  std::string curve;
  for (int64_t count = 1; count <= trials; ++count) {
    const auto start = Clock::now();
    tune::Trial trial = study.ask();
    const tune::Params params = trial.suggest(problem.space);
    std::chrono::duration<double, std::milli> spent = Clock::now() - start;
    const double value = problem.value(params);
    const double seen = problem.noise > 0 ? value + problem.noise * noise.normal() : value;
    const auto told = Clock::now();
    study.tell(trial, seen);
    spent += Clock::now() - told;
    milliseconds.push_back(spent.count());

    if (seen < best_seen) best_seen = seen, best_true = value;
    if (std::find(std::begin(kCheckpoints), std::end(kCheckpoints), count) !=
        std::end(kCheckpoints)) {
      curve += fmt::format("{}\"{}\": {}", curve.empty() ? "" : ", ", count, best_true);
    }
  }

  double mean = 0;
  for (const double ms : milliseconds) mean += ms / static_cast<double>(milliseconds.size());
  const size_t upto = std::min<size_t>(milliseconds.size(), 100),
               from = upto - std::min<size_t>(upto, 10);
  std::vector<double> last(milliseconds.begin() + static_cast<std::ptrdiff_t>(from),
                           milliseconds.begin() + static_cast<std::ptrdiff_t>(upto));
  std::sort(last.begin(), last.end());
  return fmt::format(
      R"({{"problem": "{}", "opt": "attune_{}", "seed": {}, "n": {}, "opt_value": {}, "curve": {{{}}}, "ms100": {:.3f}, "ms_mean": {:.3f}}})",
      problem.name, name, seed, trials, problem.optimum, curve, last[last.size() / 2], mean);
}

void run_all(const std::vector<std::string>& arguments) {
  const std::string& name = arguments[0];
  const size_t dash = arguments[1].find('-');
  const uint64_t first = std::stoull(arguments[1]);
  const uint64_t last =
      dash == std::string::npos ? first : std::stoull(arguments[1].substr(dash + 1));
  const int64_t trials = std::stoll(arguments[2]);
  if (trials < 1) throw ValueError(fmt::format("{} trials: at least 1 is needed", trials));
  for (uint64_t seed = first; seed <= last; ++seed) {
    for (const quality::Problem& problem : quality::problems(arguments[3])) {
      if (arguments.size() > 4 &&
          std::find(arguments.begin() + 4, arguments.end(), problem.name) == arguments.end()) {
        continue;
      }
      std::puts(run(name, problem, seed, trials).c_str());
      std::fflush(stdout);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 4) {
    std::fputs("attune_quality SAMPLER SEEDS TRIALS DIGITS_CSV [PROBLEM ...]\n", stderr);
    return 2;
  }
  try {
    run_all(arguments);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "attune_quality: %s\n", e.what());
    return 2;
  }
}
