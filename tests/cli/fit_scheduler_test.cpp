// attune fit under schedulers that pause and fork: the same results however it runs.
#include <doctest/doctest.h>

#include <signal.h>

#include <chrono>
#include <thread>

#include "tests/cli/process.h"
#include "tests/cli/tables.h"

using namespace attune::test;

namespace {

std::vector<std::string> fit(const std::string& scheduler, std::vector<std::string> more) {
  std::vector<std::string> words = {"fit",    "table.csv", "--target",    "loan",   "--json",
                                    "--seed", "3",         "--scheduler", scheduler};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace

TEST_CASE("fit --scheduler: one job or two, the trials are the same, and they replay bit for bit") {
  for (const std::string scheduler :
       {"asha", "successive_halving", "hyperband", "population", "freeze_thaw"}) {
    CAPTURE(scheduler);
    Folder folder;
    folder.write("table.csv", loans(150));
    const Finished one = folder.attune(fit(scheduler, {"--trials", "12"}));
    CAPTURE(one.err);
    REQUIRE(one.code == 0);
    const auto first = one.json();
    const auto two = folder
                         .attune(fit(scheduler, {"--trials", "12", "--jobs", "2", "--storage",
                                                 "memory", "--out", "b"}))
                         .json();
    for (const char* key : {"best", "validation", "test", "weights", "steps", "trials"}) {
      CAPTURE(key);
      CHECK(two[key] == first[key]);
    }
    const Finished replay =
        folder.attune({"replay", first["study"].get<std::string>(), "all", "--json"});
    CAPTURE(replay.out);
    CHECK(replay.code == 0);
  }
}

TEST_CASE(
    "fit --scheduler: killed and begun again, no other model, and only lost steps are run again") {
  Folder folder;
  folder.write("table.csv", loans(400));
  const auto whole =
      folder.attune(fit("asha", {"--trials", "14", "--storage", "memory", "--out", "w"})).json();
  for (int turn = 0; turn < 3; ++turn) {
    const pid_t process = folder.start(fit("asha", {"--trials", "14"}));
    std::this_thread::sleep_for(std::chrono::milliseconds(1500 + 700 * turn));
    kill(process, SIGKILL);
    folder.wait(process);
  }
  const Finished last = folder.attune(fit("asha", {"--trials", "14"}));
  CAPTURE(last.err);
  REQUIRE(last.code == 0);
  for (const char* key : {"best", "validation", "test", "weights"}) {
    CAPTURE(key);
    CHECK(last.json()[key] == whole[key]);
  }
}

TEST_CASE(
    "fit --scheduler: folds are its steps; --pruner is its older name; what there is not is said") {
  Folder folder;
  folder.write("table.csv", loans(150));
  const Finished folds = folder.attune(fit("asha", {"--trials", "8", "--folds", "4"}));
  CAPTURE(folds.err);
  CHECK(folds.code == 0);
  const Finished older = folder.attune({"fit", "table.csv", "--target", "loan", "--trials", "3",
                                        "--pruner", "hyperband", "--storage", "memory"});
  CHECK(older.code == 0);
  const Finished none = folder.attune(fit("garden", {}));
  CHECK(none.code == 2);
  CHECK(none.says("unknown scheduler 'garden'; there are asha, "));
}
