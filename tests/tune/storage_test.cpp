// One suite over all storages, then what is special about SQLite files.
#include <doctest/doctest.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <fstream>
#include <set>
#include <thread>

#include "attune/base/error.h"
#include "attune/tune/study_view.h"
#include "tests/tune/outside.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

namespace {

Outcome objective(Trial& t) {
  const double lr = t.suggest_float("lr", 1e-4, 1e-1, tune::log);
  const int64_t n = t.suggest_int("n", 0, 100, tune::step(7));
  const ParamValue mix =
      t.suggest_categorical("mix", std::vector<ParamValue>{nullptr, true, 2, 1.5, "s"});
  for (int i = 0; i < 3; ++i) t.report(i, lr * i);
  return lr + static_cast<double>(n) + (mix.is_null() ? 1 : 0);
}

}  // namespace

TEST_CASE("storages: what goes in comes out, in another Study of the same storage") {
  for (const auto& [name, make] : all_storages()) {
    CAPTURE(name);
    const Folder folder;
    const auto storage = make(folder);
    Study study({.name = "a", .storage = storage, .direction = maximize, .seed = 3});
    study.set_attribute("note", "h\xc3\xa4llo");
    study.set_attribute_json("deep", R"({"a": [1, NaN]})");
    study.enqueue({{"lr", 0.01}, {"mix", nullptr}});
    study.optimize(objective, {.trials = 6});
    study.optimize(
        [](Trial& t) -> Outcome {
          t.set_attribute("why", 1);
          t.report(0, INFINITY);
          t.report(2, std::nan(""));
          return pruned;
        },
        {.trials = 1});
    study.optimize([](Trial&) -> Outcome { return INFINITY; }, {.trials = 1});
    study.optimize([](Trial&) -> Outcome { return std::nan(""); }, {.trials = 1});

    Study other({.name = "a", .storage = storage});
    CHECK(other.directions() == std::vector{maximize});
    CHECK(other.seed() == 3);
    CHECK(other.attribute("note") == "\"h\\u00e4llo\"");
    CHECK(other.attribute("deep") == R"({"a": [1, NaN]})");
    CHECK_FALSE(other.attribute("nothing"));
    CHECK(table(other) == table(study));
    CHECK(other.trial(0).params.at("mix").is_null());
    CHECK(other.trial(6).user.at("why") == "1");
    CHECK(other.trial(6).intermediate.at(0) == INFINITY);
    CHECK(other.trial(7).value == INFINITY);
    CHECK(other.trial(8).state == State::failed);
    CHECK(other.trial(3).seconds == doctest::Approx(study.trial(3).seconds).epsilon(1e-3));
    for (size_t i = 0; i < 5; ++i) {
      CHECK(other.trial(static_cast<int64_t>(i)).params.at("n").variant().index() == 2);
    }

    // Each sees what the other does.
    Trial t = other.ask();
    CHECK(study.size() == 10);
    other.tell(t, 1e9);
    CHECK(study.best_trial().number == 7);
    CHECK(study.trial(9).value == 1e9);
  }
}

TEST_CASE("storages: a study resumed goes on as if it had never stopped, with any sampler") {
  for (const auto& [sampler, make] : all_samplers()) {
    CAPTURE(sampler);
    Study whole({.sampler = make(), .seed = 5, .space = finite_space()});
    whole.optimize(rough, {.trials = 24});
    for (const auto& [name, make_storage] : all_storages()) {
      CAPTURE(name);
      const Folder folder;
      const auto kept = make_storage(folder);
      for (int part = 0; part < 4; ++part) {
        const bool in_memory = std::string(name) == "memory";
        Study study({.storage = in_memory ? kept : make_storage(folder),
                     .sampler = make(),
                     .seed = 5,
                     .space = finite_space()});
        study.optimize(rough, {.trials = 6});
        if (part == 3) CHECK(table(study) == table(whole));
      }
    }
  }
}

TEST_CASE("storages: several studies by name") {
  for (const auto& [name, make] : all_storages()) {
    CAPTURE(name);
    const Folder folder;
    const auto storage = make(folder);
    Study a({.name = "a", .storage = storage, .directions = {minimize, maximize, minimize}});
    Study b({.name = "b", .storage = storage, .seed = 1});
    b.optimize(objective, {.trials = 3});
    const auto studies = storage->studies();
    REQUIRE(studies.size() == 2);
    CHECK(studies[0].name == "a");
    CHECK(studies[0].directions == std::vector{minimize, maximize, minimize});
    CHECK(studies[1].trials == 3);
    CHECK_THROWS_AS(Study({.name = "a", .storage = storage, .direction = minimize}), ValueError);
    CHECK_THROWS_AS(Study({.name = "b", .storage = storage, .seed = 2}), ValueError);
    CHECK_THROWS_AS(Study({.name = "c", .storage = storage, .must_exist = true}), StorageError);
    CHECK(storage->remove("b"));
    CHECK_FALSE(storage->remove("b"));
    CHECK(storage->studies().size() == 1);
    CHECK(Study({.name = "b", .storage = storage}).size() == 0);
  }
}

TEST_CASE("storages: a trial is finished once") {
  for (const auto& [name, make] : all_storages()) {
    CAPTURE(name);
    const Folder folder;
    const auto storage = make(folder);
    Study a({.storage = storage, .seed = 1});
    const auto log = storage->open("study", {}, {});
    Trial t = a.ask();
    t.suggest_float("x", 0, 1);
    log->read(0, [](const Event&) {});
    const Event end = Finished{0, State::failed, {}, 5};
    const Expect running{.trial = 0, .state = State::running};
    CHECK(log->append({&end, 1}, {&running, 1}, true));
    CHECK_FALSE(log->append({&end, 1}, {&running, 1}, true));
    CHECK_THROWS_AS(a.tell(t, 1), StorageError);
    CHECK(a.trial(0).state == State::failed);
  }
}

TEST_CASE("storages: numbers are handed out once among threads with studies of their own") {
  for (const auto& [name, make] : all_storages()) {
    CAPTURE(name);
    const Folder folder;
    const auto storage = make(folder);
    Study first({.storage = storage, .seed = 1});
    for (int i = 0; i < 10; ++i) first.enqueue({{"q", i}});
    {
      std::vector<std::jthread> threads;
      for (int k = 0; k < 3; ++k) {
        threads.emplace_back([&] {
          Study study({.storage = storage});
          study.optimize(objective, {.trials = 10});
        });
      }
    }
    CHECK(first.size() == 30);
    for (const auto& t : first.trials()) CHECK(t.state == State::complete);
  }
}

TEST_CASE("storages: two processes on one study") {
  for (const auto& [kind, url_in] : all_shared_storages()) {
    CAPTURE(kind);
    const Folder folder;
    const std::string url = url_in(folder);
    { const Study made({.storage = url, .seed = 1}); }
    pid_t children[2];
    for (pid_t& child : children) {
      child = in_child([&] {
        Study study({.storage = url, .sampler = tune::random()});
        study.optimize(objective, {.trials = 25, .jobs = 2});
      });
    }
    for (const pid_t child : children) CHECK(status_of(child) == 0);
    Study study({.storage = url});
    CHECK(study.size() == 50);
    Study alone({.sampler = tune::random(), .seed = 1});
    alone.optimize(objective, {.trials = 50});
    CHECK(table(study) == table(alone));  // random: whoever runs a number gets its values
  }
}

TEST_CASE("storages: killed at random moments, no told trial is lost and the study goes on") {
  for (const auto& [kind, url_in] : all_shared_storages()) {
    CAPTURE(kind);
    const Folder folder;
    const std::string url = url_in(folder);
    { const Study made({.storage = url, .seed = 1}); }
    Rng rng(77);
    int64_t running_seen = 0;
    for (int round = 0; round < 50; ++round) {
      const std::string told = folder.file("told" + std::to_string(round));
      const pid_t child = in_child([&] {
        Study study({.storage = url});
        std::ofstream file(told);
        study.optimize(objective,
                       {.trials = 100000, .jobs = 2, .on_trial = [&](const TrialResult& t) {
                          file << t.number << ' ' << to_json(t.value) << std::endl;
                        }});
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(15 + rng.below(120)));
      kill(child, SIGKILL);
      status_of(child);

      Study study({.storage = url});
      study.optimize(objective, {.trials = 1});  // what the dead left running is failed now
      const auto trials = study.trials();
      for (size_t i = 0; i < trials.size(); ++i) {
        CHECK(trials[i].number == static_cast<int64_t>(i));
        CHECK(finished(trials[i].state));
        running_seen += trials[i].state == State::failed;
      }
      std::ifstream file(told);
      int64_t number = 0;
      std::string value;
      while (file >> number >> value) {
        if (file.eof()) break;  // the line may be cut short
        REQUIRE(number < static_cast<int64_t>(trials.size()));
        CHECK(trials[static_cast<size_t>(number)].state == State::complete);
        CHECK(to_json(trials[static_cast<size_t>(number)].value) == value);
        CHECK(trials[static_cast<size_t>(number)].intermediate.size() == 3);
      }
    }
    Study study({.storage = url});
    const int64_t before = study.size();
    CHECK(before > 0);
    CHECK(running_seen > 0);
    study.optimize(objective, {.trials = 3});
    CHECK(study.size() == before + 3);
  }
}

TEST_CASE("storages: trials of the living are left alone") {
  for (const auto& [kind, url_in] : all_shared_storages()) {
    CAPTURE(kind);
    const Folder folder;
    const std::string url = url_in(folder);
    Study study({.storage = url});
    const Trial t = study.ask();
    Study other({.storage = url});
    CHECK(other.trial(0).state == State::running);
  }
}

TEST_CASE("storages: reports of a running trial reach others within a second") {
  for (const auto& [kind, url_in] : all_shared_storages()) {
    CAPTURE(kind);
    const Folder folder;
    const std::string url = url_in(folder);
    Study study({.storage = url});
    Trial t = study.ask();
    t.suggest_float("x", 0, 1);
    t.report(0, 1);
    Study other({.storage = url});
    for (int i = 0; i < 300 && other.trial(0).intermediate.empty(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    CHECK(other.trial(0).intermediate.size() == 1);
    CHECK(other.trial(0).params.contains("x"));
    CHECK(other.trial(0).state == State::running);
  }
}

TEST_CASE("sqlite: a path that begins with several slashes is the same file to all") {
  const Folder folder;
  const std::string url = "sqlite:////" + folder.file("study.db");  // as a shell adds $PWD
  Study({.storage = url, .sampler = tune::random(), .seed = 1}).ask();
  CHECK(StudyView(url, "study").size() == 1);
  CHECK(StudyView(folder.url("study.db"), "study").size() == 1);
}

TEST_CASE("sqlite: when the host is about to end, all waits for a lock take less than a second") {
  const Folder folder;
  std::atomic<bool> ends{false};
  StudyOptions options{.storage = folder.url("study.db"), .sampler = tune::random(), .seed = 1};
  options.stop = [&ends] { return ends.load(); };
  Study study(options);
  Trial trial = study.ask();
  sqlite3* other = nullptr;
  REQUIRE(sqlite3_open(folder.file("study.db").c_str(), &other) == SQLITE_OK);
  REQUIRE(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
  ends = true;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 4; ++i) {
    CHECK_THROWS_WITH_AS(study.set_attribute("a", i), doctest::Contains("held its lock"),
                         StorageError);
  }
  CHECK_THROWS_AS(study.tell(trial, 1.0), StorageError);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(2));
  REQUIRE(sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(other);
  ends = false;
  study.set_attribute("a", 7);
  CHECK(study.attribute("a") == "7");
}

TEST_CASE("sqlite: a step that cannot be is damage") {
  const Folder folder;
  {
    Study study({.storage = folder.url("study.db"), .sampler = tune::random(), .seed = 1});
    study.optimize([](Trial& t) { return t.report(3, 1.0), 1.0; }, {.trials = 1});
  }
  sql(folder.file("study.db"), "UPDATE trial_intermediate_values SET step = 9223372036854775807");
  CHECK_THROWS_WITH_AS(StudyView(folder.url("study.db"), "study"),
                       doctest::Contains("trial 0 has a step 9223372036854775807"), StorageError);
}

TEST_CASE("sqlite: files that will not do are told in words") {
  const Folder folder;
  const auto message = [](const std::string& url, bool existing = false) -> std::string {
    try {
      Study({.storage = url, .must_exist = existing});
    } catch (const StorageError& e) {
      return e.what();
    }
    return "none";
  };
  const auto holds = [](const std::string& text, const char* part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  {
    std::ofstream junk(folder.file("junk.db"));
    for (int i = 0; i < 1000; ++i) junk << "no database ";
  }
  holds(message(folder.url("junk.db")), "is not a SQLite database");
  holds(message(folder.url("none/study.db")), "there is no folder");
  holds(message(folder.url("absent.db"), true), "there is no such file");
  CHECK_FALSE(std::filesystem::exists(folder.file("absent.db")));
  holds(message("mysql://host/db"), "it must be memory, sqlite:///FILE");
  holds(message("postgresql://host/db"), "not supported yet");
  holds(message("sqlite:///"), "names no file");
  if (geteuid() != 0) {  // root may write anywhere
    std::filesystem::create_directory(folder.file("closed"));
    chmod(folder.file("closed").c_str(), 0555);
    holds(message(folder.url("closed/study.db")), "cannot be opened");
    { const Study made({.storage = folder.url("fixed.db")}); }
    chmod(folder.file("fixed.db").c_str(), 0444);
    holds(message(folder.url("fixed.db")), "none");
    Study study({.storage = folder.url("fixed.db")});
    CHECK_THROWS_AS(study.ask(), StorageError);
  }
  if (std::filesystem::exists("/dev/full")) {
    CHECK(message("sqlite:////dev/full") != "none");
  }
}

TEST_CASE("storages: a study deleted under a worker is told in words") {
  for (const auto& [kind, url_in] : all_shared_storages()) {
    CAPTURE(kind);
    const Folder folder;
    const std::string url = url_in(folder);
    Study study({.storage = url});
    study.optimize(objective, {.trials = 2});
    Trial t = study.ask();
    open_storage(url)->remove("study");
    CHECK_THROWS_AS(study.tell(t, 1), StorageError);
    CHECK_THROWS_AS(study.ask(), StorageError);
  }
}
