// What other programs do to a study while it is open: it is deleted and made again, its rows change
// without a list of events, its reports are corrected; and reading fails after writing went well.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

#include "attune/base/error.h"
#include "attune/tune/study_view.h"
#include "tests/tune/outside.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;
using namespace std::chrono_literals;

namespace {

Outcome simple(Trial& trial) { return trial.suggest_float("x", 0, 1); }

// A storage whose reads fail on demand.
struct Switch {
  bool read_fails = false;
};

class FailingLog : public StudyLog {
 public:
  FailingLog(std::unique_ptr<StudyLog> log, std::shared_ptr<Switch> state)
      : log_(std::move(log)), switch_(std::move(state)) {}
  const std::vector<Direction>& directions() const override { return log_->directions(); }
  std::optional<Appended> append(std::span<const Event> events, std::span<const Expect> expects,
                                 bool durable) override {
    auto done = log_->append(events, expects, durable);
    if (done) --done->before;  // as if another program had written too, so that it is read
    return done;
  }
  Position read(Position after, const Sink& sink) override {
    if (switch_->read_fails) throw StorageError("storage 'test': it cannot be read now");
    return log_->read(after, sink);
  }

 private:
  std::unique_ptr<StudyLog> log_;
  std::shared_ptr<Switch> switch_;
};

class FailingStorage : public Storage {
 public:
  explicit FailingStorage(std::shared_ptr<Switch> state) : switch_(std::move(state)) {}
  std::unique_ptr<StudyLog> open(const std::string& name, const std::vector<Direction>& directions,
                                 const std::vector<Attribute>& attributes) override {
    return std::make_unique<FailingLog>(storage_->open(name, directions, attributes), switch_);
  }
  std::unique_ptr<StudyLog> view(const std::string& name) override { return storage_->view(name); }
  std::vector<StudyInfo> studies() override { return storage_->studies(); }
  bool remove(const std::string& name) override { return storage_->remove(name); }

 private:
  std::shared_ptr<Storage> storage_ = memory_storage();
  std::shared_ptr<Switch> switch_;
};

}  // namespace

TEST_CASE("storages: a study deleted and made again under an open handle is another study") {
  for (const auto& [name, make] : all_storages()) {
    CAPTURE(name);
    const Folder folder;
    const auto storage = make(folder);
    Study study({.storage = storage, .seed = 1});
    study.optimize(simple, {.trials = 2});
    Trial open = study.ask();
    const StudyView view(storage, "study");
    storage->remove("study");
    Study again({.storage = storage, .seed = 2});
    again.optimize(simple, {.trials = 5});  // more than before
    CHECK_THROWS_AS(study.tell(open, 1), StorageError);
    CHECK_THROWS_AS(study.ask(), StorageError);
    CHECK_THROWS_AS(study.trials(), StorageError);
    CHECK_THROWS_AS(view.trials(), StorageError);
    CHECK(again.size() == 5);
    CHECK(StudyView(storage, "study").size() == 5);
  }
}

TEST_CASE("study: an append stands though it cannot be read back") {
  const auto state = std::make_shared<Switch>();
  const std::shared_ptr<Storage> storage = std::make_shared<FailingStorage>(state);
  Study study({.storage = storage, .seed = 1});
  Trial trial = study.ask();
  trial.suggest_float("x", 0, 1);
  state->read_fails = true;
  CHECK_NOTHROW(study.tell(trial, 0.5));
  CHECK_THROWS_AS(study.trials(), StorageError);
  state->read_fails = false;
  CHECK(study.trial(0).value == 0.5);
  CHECK(study.size() == 1);
  study.optimize(simple, {.trials = 2});
  CHECK(study.size() == 3);
  for (const TrialResult& t : study.trials()) CHECK(t.state == State::complete);
}

TEST_CASE("storages: a step's first report stays, in every process") {
  for (const auto& [name, make] : all_storages()) {
    CAPTURE(name);
    const Folder folder;
    const auto storage = make(folder);
    Study study({.storage = storage, .seed = 1});
    Trial trial = study.ask();
    trial.report(0, 1).report(0, 2).report(1, 3);
    CHECK(study.trial(0).intermediate == std::map<int64_t, double>{{0, 1}, {1, 3}});
    study.tell(trial, 0);
    CHECK(study.trial(0).intermediate == std::map<int64_t, double>{{0, 1}, {1, 3}});
    CHECK(StudyView(storage, "study").trial(0).intermediate == study.trial(0).intermediate);
  }
}

TEST_CASE("sqlite: a report that another program corrects is seen") {
  const Folder folder;
  Study study({.storage = folder.url(), .seed = 1});
  Trial trial = study.ask();
  trial.report(3, 1);
  const StudyView view(folder.url(), "study");
  for (int i = 0; i < 300 && view.trial(0).intermediate.empty(); ++i) {
    std::this_thread::sleep_for(10ms);
  }
  REQUIRE(view.trial(0).intermediate.at(3) == 1);
  sql(folder.file("study.db"), "UPDATE trial_intermediate_values SET intermediate_value=7");
  CHECK(view.trial(0).intermediate.at(3) == 7);
  CHECK(study.trial(0).intermediate.at(3) == 7);
  CHECK(StudyView(folder.url(), "study").trial(0).intermediate.at(3) == 7);
}

TEST_CASE("sqlite: a view of a file without a list of events follows what is written") {
  const Folder folder;
  const std::string path = folder.file("study.db");
  {
    Study study({.storage = folder.url(), .sampler = tune::random(), .seed = 1});
    study.optimize(simple, {.trials = 2});
  }
  sql(path, "DROP TABLE attune_events; DROP TABLE attune_reports;");  // as Optuna makes it
  std::string drop;
  for (const char* name :
       {"created", "claimed", "finished", "param", "report", "report_change", "user_new",
        "user_change", "system_new", "system_change", "study_user_new", "study_user_change",
        "study_system_new", "study_system_change", "study_deleted", "trial_deleted"}) {
    drop += std::string("DROP TRIGGER attune_events_") + name + ";";
  }
  sql(path, drop.c_str());
  for (const bool at_rest : {true, false}) {
    CAPTURE(at_rest);
    sqlite3* other = nullptr;  // keeps the file open, so that it does not rest
    if (!at_rest) {
      REQUIRE(sqlite3_open(path.c_str(), &other) == SQLITE_OK);
      sqlite3_exec(other, "SELECT count(*) FROM trials", nullptr, nullptr, nullptr);
    }
    const StudyView view(folder.url(), "study");
    const int64_t before = view.size();
    const std::string number = std::to_string(before);
    sql(path, ("INSERT INTO trials(number, study_id, state) VALUES(" + number + ", 1, 'RUNNING')")
                  .c_str());
    CHECK(view.size() == before + 1);
    sql(path,
        ("INSERT INTO trial_intermediate_values(trial_id, step, intermediate_value, "
         "intermediate_value_type) SELECT trial_id, 0, 5, 'FINITE' FROM trials WHERE number=" +
         number)
            .c_str());
    CHECK(view.trial(before).intermediate.at(0) == 5);
    sql(path, "UPDATE trial_intermediate_values SET intermediate_value=6");
    CHECK(view.trial(before).intermediate.at(0) == 6);
    sqlite3_close(other);
  }
}

TEST_CASE("sqlite: a view of a file at rest reads again when its pages were moved meanwhile") {
  const Folder folder;
  {
    Study filler({.name = "filler", .storage = folder.url(), .seed = 1});
    filler.optimize(simple, {.trials = 60});
    Study study({.storage = folder.url(), .sampler = tune::random(), .seed = 1});
    study.optimize(simple, {.trials = 40});
  }
  const StudyView view(folder.url(), "study");
  const auto storage = open_existing_storage(folder.url());
  storage->remove("filler");
  sql(folder.file("study.db"),
      "CREATE TABLE zzz AS SELECT * FROM trials; VACUUM; DROP TABLE zzz; "
      "VACUUM");
  CHECK(view.trials().size() == 40);
  CHECK(storage->studies().size() == 1);
}

TEST_CASE("sqlite: a program that also looks at the file it works on loses nothing") {
  const Folder folder;
  { const Study made({.storage = folder.url(), .seed = 1}); }
  int go[2];
  REQUIRE(pipe(go) == 0);
  const pid_t other = in_child([&] {  // before this process opens the file
    char word = 0;
    if (read(go[0], &word, 1) != 1) throw std::runtime_error("no word");
    Study same({.storage = folder.url(), .sampler = tune::random()});
    same.optimize(simple, {.trials = 1});
  });  // it is not the last to close the file
  {
    Study study({.storage = folder.url(), .sampler = tune::random()});
    study.optimize(simple, {.trials = 1});
    { CHECK(StudyView(folder.url(), "study").size() == 1); }
    { CHECK(open_existing_storage(folder.url())->studies().size() == 1); }
    Trial trial = study.ask();
    REQUIRE(write(go[1], "x", 1) == 1);
    CHECK(status_of(other) == 0);
    study.tell(trial, 0.5);
    CHECK(StudyView(folder.url(), "study").trial(1).state == State::complete);
  }
  close(go[0]);
  close(go[1]);
  CHECK(StudyView(folder.url(), "study").size() == 3);
}

TEST_CASE("sqlite: the file of a study that is quiet for a moment can be copied alone") {
  const Folder folder;
  Study study({.storage = folder.url(), .sampler = tune::random(), .seed = 1});
  study.optimize(simple, {.trials = 5});
  const Trial open = study.ask();
  const auto copied = [&] {
    // By another program: reading the file here would take away this process's locks.
    const std::string copy = "cp " + folder.file("study.db") + " " + folder.file("copy.db");
    REQUIRE(std::system(copy.c_str()) == 0);
    const auto storage = open_existing_storage(folder.url("copy.db"));
    const auto studies = storage->studies();
    return studies.empty() ? int64_t{0} : studies.front().trials;
  };
  for (int i = 0; i < 50 && copied() < 6; ++i) std::this_thread::sleep_for(100ms);
  CHECK(copied() == 6);
}

TEST_CASE("sqlite: a paused trial has no heartbeat, whoever is late with one") {
  const Folder folder;
  const auto log = open_storage(folder.url())->open("s", {Direction::minimize}, {});
  log->read(0, [](const Event&) {});
  const Expect fresh{.trial = 0};
  const Event events[] = {Created{0}, Claimed{0, 1e9, log->worker()}, Paused{0, 2}};
  REQUIRE(log->append(events, {&fresh, 1}, true));
  const int64_t number = 0;
  log->beat({&number, 1});
  sql(folder.file("study.db"),
      "CREATE TABLE t (ok CHECK (ok=0)); INSERT INTO t SELECT count(*) FROM trial_heartbeats");
}

TEST_CASE("sqlite: another machine's trial is given up by what is seen of it, not by its clock") {
  const Folder folder;
  const std::string path = folder.file("study.db");
  const auto log = open_storage(folder.url())->open("s", {Direction::minimize}, {});
  log->read(0, [](const Event&) {});
  const Expect fresh{.trial = 0};
  const Event events[] = {Created{0},
                          Claimed{0, 1e9, R"({"host": "far away", "pid": 7, "started": 7})"}};
  REQUIRE(log->append(events, {&fresh, 1}, true));
  const char* const kBeat =
      "INSERT OR REPLACE INTO trial_heartbeats(trial_id, heartbeat) VALUES(1, datetime('now', ";
  sql(path, (std::string(kBeat) + "'-120 seconds'))").c_str());  // its clock is two minutes behind
  CHECK(log->lapsed(0.5).empty());
  std::this_thread::sleep_for(300ms);
  sql(path, (std::string(kBeat) + "'-119 seconds'))").c_str());
  CHECK(log->lapsed(0.5).empty());
  std::this_thread::sleep_for(300ms);
  CHECK(log->lapsed(0.5).empty());
  std::this_thread::sleep_for(400ms);
  CHECK(log->lapsed(0.5) == std::vector<int64_t>{0});
  sql(path, (std::string(kBeat) + "'-1 day'))").c_str());  // no clock is that wrong
  CHECK(open_storage(folder.url())->open("s", {}, {})->lapsed(0.5) == std::vector<int64_t>{0});
}
