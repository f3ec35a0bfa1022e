// Looking at a study changes nothing, and what is read from a damaged file is refused in words.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "attune/base/error.h"
#include "attune/tune/study_view.h"
#include "tests/tune/outside.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

namespace {

std::string bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::set<std::string> files_beside(const std::string& path) {
  std::set<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(path).parent_path())) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

void fill(const std::string& url, int64_t trials) {
  Study study({.storage = url, .sampler = tune::random(), .seed = 1});
  study.optimize(rough, {.trials = trials});
}

}  // namespace

TEST_CASE("looking: neither the file nor anything beside it changes") {
  const Folder folder;
  const std::string path = folder.file("study.db");
  fill(folder.url(), 5);
  sql(path, "DELETE FROM study_system_attributes");  // as Optuna leaves it: without a seed
  const std::string before = bytes(path);
  const auto beside = files_beside(path);
  const auto storage = open_existing_storage(folder.url());
  CHECK(storage->studies().size() == 1);
  const StudyView view(folder.url(), "study");
  CHECK(view.size() == 5);
  CHECK_FALSE(view.best_trials().empty());
  Study looked({.storage = folder.url(), .read_only = true});
  CHECK_THROWS_AS(looked.ask(), StorageError);
  CHECK_THROWS_AS(StudyView(folder.url(), "other"), StorageError);
  CHECK(bytes(path) == before);
  CHECK(files_beside(path) == beside);
}

TEST_CASE("looking: another program's database, an empty file and no file stay what they are") {
  const Folder folder;
  sql(folder.file("other.db"), "CREATE TABLE notes (text); INSERT INTO notes VALUES ('mine')");
  { std::ofstream(folder.file("empty.db")); }
  for (const char* name : {"other.db", "empty.db"}) {
    CAPTURE(name);
    const std::string before = bytes(folder.file(name));
    CHECK(open_existing_storage(folder.url(name))->studies().empty());
    CHECK_THROWS_AS(StudyView(folder.url(name), "study"), StorageError);
    CHECK(bytes(folder.file(name)) == before);
  }
  CHECK(open_storage(folder.url("none.db"))->studies().empty());
  CHECK_FALSE(std::filesystem::exists(folder.file("none.db")));
}

TEST_CASE("looking: damaged rows are refused, and no other study suffers") {
  struct Damage {
    const char* text;
    bool refused;  // else it does not matter
  };
  const Damage all[] = {
      {"DELETE FROM study_directions WHERE study_id=1", true},
      {"DELETE FROM trial_values WHERE trial_id=1", true},
      {"UPDATE trial_values SET value=NULL WHERE trial_id=1", true},
      {"UPDATE trial_params SET param_value=99 WHERE param_name='act'", true},
      {"UPDATE trial_params SET param_value=NULL WHERE param_name='act' AND trial_id=1", false},
      {"UPDATE trial_params SET distribution_json='{\"name\": 3}'", true},
      {"UPDATE trials SET number=7 WHERE trial_id=2", true},
      {"DROP TRIGGER attune_guard_trial_state; UPDATE trials SET state='ODD' WHERE trial_id=2",
       true},
      {"UPDATE trials SET datetime_start='soon' WHERE trial_id=2", true},
      {"DROP TRIGGER attune_events_trial_deleted; PRAGMA foreign_keys=OFF; DELETE FROM trials "
       "WHERE "
       "trial_id=2",
       true},
      {"UPDATE attune_events SET kind=99 WHERE kind=4", false},
      {"UPDATE attune_events SET trial_id=4711 WHERE kind=3", true},
      {"UPDATE study_system_attributes SET value_json='{'", true},
      {"UPDATE trial_system_attributes SET value_json=NULL", false},
  };
  for (const Damage& damage : all) {
    CAPTURE(damage.text);
    const Folder folder;
    fill(folder.url(), 5);
    {
      Study other({.name = "other", .storage = folder.url(), .seed = 2});
      other.optimize([](Trial& t) -> Outcome { return t.suggest_float("x", 0, 1); }, {.trials = 2});
    }
    sql(folder.file("study.db"), damage.text);
    const auto look = [&] { return StudyView(folder.url(), "study").trials().size(); };
    const auto work = [&] { fill(folder.url(), 1); };
    if (damage.refused) {
      CHECK_THROWS_AS(look(), StorageError);
      CHECK_THROWS_AS(work(), StorageError);
      const auto studies = open_existing_storage(folder.url())->studies();
      CHECK(studies.size() == 2);
    } else {
      CHECK_NOTHROW(look());
    }
  }
}

TEST_CASE("sqlite: a file that is deleted, moved or replaced while it is open is noticed") {
  for (const char* how : {"deleted", "moved", "replaced"}) {
    CAPTURE(how);
    const Folder folder;
    Study study({.storage = folder.url(), .seed = 1});
    study.optimize(rough, {.trials = 2});
    const std::string path = folder.file("study.db");
    if (std::string(how) == "deleted") std::filesystem::remove(path);
    if (std::string(how) == "moved") std::filesystem::rename(path, path + ".old");
    if (std::string(how) == "replaced") {
      std::filesystem::copy_file(path, path + ".new");
      std::filesystem::rename(path + ".new", path);
    }
    CHECK_THROWS_AS(study.optimize(rough, {.trials = 1}), StorageError);
  }
}

TEST_CASE("sqlite: the order of finishing is the same for all, and kept") {
  const Folder folder;
  Study study({.storage = folder.url(), .sampler = tune::random(), .seed = 1});
  std::vector<Trial> trials;
  for (int i = 0; i < 5; ++i) trials.push_back(study.ask());
  for (const size_t i : {3, 0, 4, 2, 1}) study.tell(trials[i], static_cast<double>(i));
  const std::vector<int64_t> order{3, 0, 4, 2, 1};
  CHECK(study.history().finished() == order);
  CHECK(Study({.storage = folder.url()}).history().finished() == order);
  CHECK(StudyView(folder.url(), "study").history().finished() == order);
}

TEST_CASE("sqlite: a study kept by an earlier attune, or by Optuna, opens and goes on") {
  const Folder folder;
  fill(folder.url(), 12);
  const std::string before = table(Study({.storage = folder.url(), .read_only = true}));
  std::string drop = "DROP TABLE attune_events; DROP TABLE attune_reports;";
  for (const char* name :
       {"created", "claimed", "finished", "param", "report", "report_change", "user_new",
        "user_change", "system_new", "system_change", "study_user_new", "study_user_change",
        "study_system_new", "study_system_change", "study_deleted", "trial_deleted"}) {
    drop += std::string("DROP TRIGGER attune_events_") + name + ";";
  }
  sql(folder.file("study.db"), drop.c_str());
  CHECK(table(Study({.storage = folder.url(), .read_only = true})) == before);
  CHECK(table(StudyView(folder.url(), "study").study()) == before);
  fill(folder.url(), 5);
  Study whole({.sampler = tune::random(), .seed = 1});
  whole.optimize(rough, {.trials = 17});
  CHECK(table(Study({.storage = folder.url(), .read_only = true})) == table(whole));
}
