// attune_quality SAMPLER SEEDS TRIALS DIGITS_CSV [PROBLEM ...]
// Runs a sampler on problems, one study per problem and seed, and writes a JSON line for each: the
// true value of the incumbent (best observed) after 10, 20, ... trials and the time of a
// suggestion. SAMPLER: any that tune::sampler_by_name knows; with _plain behind it, the default
// configuration (the middle of each range) is left out as first trial. SEEDS: 0-9. DIGITS_CSV: "-"
// leaves out digits_mlp. PROBLEM: a name, "ten" (also when none is given) or "more".
//
// attune_quality check
// Compares every noted optimum with the function's value there and with random draws.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/by_name.h"
#include "attune/tune/samplers.h"
#include "attune/tune/study.h"
#include "problems.h"

using namespace attune;

namespace {

constexpr std::string_view kPlain = "_plain";
constexpr double kNothing = 1e300;  // the incumbent's value before any trial was complete

// The problems asked for: ten, more, or by name; none named: the ten.
std::vector<quality::Problem> chosen(const std::string& digits_csv,
                                     const std::vector<std::string>& names) {
  std::vector<quality::Problem> ten = quality::problems(digits_csv == "-" ? "" : digits_csv);
  if (names.empty()) return ten;
  std::vector<quality::Problem> more = quality::more_problems(), found;
  for (const std::string& name : names) {
    const size_t before = found.size();
    for (const auto& [set, problems] : {std::pair("ten", &ten), std::pair("more", &more)}) {
      for (const quality::Problem& one : *problems) {
        if (name == set || name == one.name) found.push_back(one);
      }
    }
    if (found.size() == before) throw ValueError(name + ": no such problem; sets are ten and more");
  }
  return found;
}

std::string run(const std::string& name, const quality::Problem& problem, uint64_t seed,
                int64_t trials) {
  using Clock = std::chrono::steady_clock;
  constexpr int64_t kCheckpoints[] = {10, 20, 30, 50, 75, 100, 150, 200};
  const bool plain = name.ends_with(kPlain);
  const std::string sampler = plain ? name.substr(0, name.size() - kPlain.size()) : name;
  tune::Study study({.sampler = tune::sampler_by_name(sampler),
                     .seed = seed,
                     .space = problem.space,
                     .first = plain ? tune::First::sampler : tune::First::defaults});
  Rng noise = Rng(seed).fork("noise").fork(problem.name);

  double best_seen = std::numeric_limits<double>::infinity(), best_true = kNothing;
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
  const std::vector<quality::Problem> problems =
      chosen(arguments[3], {arguments.begin() + 4, arguments.end()});
  for (uint64_t seed = first; seed <= last; ++seed) {
    for (const quality::Problem& problem : problems) {
      std::puts(run(name, problem, seed, trials).c_str());
      std::fflush(stdout);
    }
  }
}

// How many of the problems' optima are wrong.
int check() {
  int wrong = 0;
  for (const quality::Problem& problem : quality::more_problems()) {
    const double noted = problem.best.empty() ? problem.optimum : problem.value(problem.best);
    double lowest = std::numeric_limits<double>::infinity();
    tune::Study study({.sampler = tune::random(), .seed = 1, .space = problem.space});
    for (int draw = 0; draw < 20'000; ++draw) {
      tune::Trial trial = study.ask();
      const double value = problem.value(trial.suggest(problem.space));
      if (value < lowest) lowest = value;
      study.tell(trial, value);
    }
    const bool fine = std::abs(noted - problem.optimum) < 1e-9 && lowest >= problem.optimum - 1e-9;
    wrong += !fine;
    fmt::print("{:14} optimum {:.10g}, at its place {:.10g}, best of 20,000 random {:.6g}{}\n",
               problem.name, problem.optimum, noted, lowest, fine ? "" : "  WRONG");
  }
  return wrong;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 1 && arguments[0] == "check") return check() == 0 ? 0 : 1;
  if (arguments.size() < 4) {
    std::fputs(
        "attune_quality SAMPLER SEEDS TRIALS DIGITS_CSV [PROBLEM ...]\n"
        "attune_quality check\n",
        stderr);
    return 2;
  }
  try {
    run_all(arguments);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "attune_quality: %s\n", e.what());
    return 2;
  }
}
