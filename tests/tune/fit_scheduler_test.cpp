// fit() under schedulers that pause and fork: the same results however it runs.
#include <doctest/doctest.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/format.h>

#include "attune/tune/by_name.h"
#include "attune/tune/schedulers.h"
#include "attune/tune/tabular/fit.h"
#include "attune/tune/tabular/replay.h"
#include "tests/cli/tables.h"

using namespace attune;
using namespace attune::tune;

namespace {

// A folder with a table, which goes away.
struct TableFolder {
  std::filesystem::path path;
  explicit TableFolder(const std::string& text) {
    path = std::filesystem::temp_directory_path() / fmt::format("attune_fit_{}", getpid());
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
    std::ofstream(path / "table.csv") << text;
  }
  ~TableFolder() { std::filesystem::remove_all(path); }

  FitOptions options(const std::string& scheduler) const {
    FitOptions o;
    o.data = (path / "table.csv").string();
    o.target = "loan";
    o.scheduler = scheduler_by_name(scheduler);
    o.trials = 12;
    o.seed = 3;
    return o;
  }
};

bool same(const FitResult& a, const FitResult& b) {
  return a.weights == b.weights && a.best.number == b.best.number && a.validation == b.validation &&
         a.test == b.test && a.trials == b.trials && a.steps == b.steps;
}

}  // namespace

TEST_CASE("fit: under each scheduler one job or two are the same, and every trial replays") {
  for (const char* scheduler :
       {"asha", "successive_halving", "hyperband", "population", "freeze_thaw"}) {
    CAPTURE(scheduler);
    const TableFolder folder(test::loans(150));
    FitOptions options = folder.options(scheduler);
    const bool forks_expected = std::string_view(scheduler) == "population";
    if (forks_expected) options.scheduler = population({.size = 6, .interval = 4});
    const auto storage = memory_storage();
    options.storage = storage;
    const FitResult one = fit(options);
    options.storage = memory_storage();
    options.jobs = 2;
    CHECK(same(one, fit(options)));

    const Study study(
        {.name = one.study, .storage = storage, .must_exist = true, .read_only = true});
    const Recipe recipe = recipe_of(study);
    int64_t paused = 0, forks = 0, resumed = 0;
    for (const TrialResult& trial : study.trials()) {
      CAPTURE(trial.number);
      CAPTURE(trial.error());
      CHECK(trial.state != State::failed);
      paused += trial.state == State::paused || trial.state == State::pruned;
      forks += trial.parent.has_value();
      resumed += trial.state == State::complete;
      if (!finished(trial.state) || trial.intermediate.empty()) continue;
      CHECK(replay(study, recipe, trial.number).same());
    }
    CHECK(paused > 0);
    CHECK(resumed > 0);
    CHECK((forks > 0) == forks_expected);
  }
}

TEST_CASE("fit: killed again and again, it goes on from the bits of what was paused") {
  const TableFolder folder(test::loans(300));
  FitOptions options = folder.options("asha");
  const FitResult whole = fit(options);
  options.storage = "sqlite:///" + (folder.path / "fit.db").string();
  for (int turn = 0; turn < 3; ++turn) {
    const pid_t child = fork();
    if (child == 0) {
      try {
        fit(options);
      } catch (...) {
      }
      _exit(0);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(300 + 300 * turn));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  const FitResult last = fit(options);
  CHECK(last.weights == whole.weights);
  CHECK(last.best.number == whole.best.number);
  CHECK(last.validation == whole.validation);
  CHECK(last.test == whole.test);
  CHECK(last.trials == whole.trials);
}

TEST_CASE("fit: with folds a scheduler's steps are the folds") {
  const TableFolder folder(test::loans(150));
  FitOptions options = folder.options("asha");
  options.trials = 8;
  options.folds = 4;
  const FitResult one = fit(options);
  options.storage = memory_storage();
  options.jobs = 2;
  CHECK(same(one, fit(options)));
  options.scheduler = scheduler_by_name("wilcoxon");
  options.storage = memory_storage();
  CHECK(fit(options).trials == 8);
}
