// What is special about journals: torn ends, broken lines, locks of the dead, Optuna's own lines.
#include <doctest/doctest.h>

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "attune/base/error.h"
#include "attune/base/internal/crc32c.h"
#include "attune/tune/storages/internal/heartbeat_files.h"
#include "attune/tune/storages/internal/journal_line.h"
#include "attune/tune/storages/internal/journal_lock.h"
#include "attune/tune/storages/internal/worker.h"
#include "attune/tune/study_view.h"
#include "tests/tune/outside.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;
using namespace std::chrono_literals;

namespace {

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write_to(const std::string& path, std::string_view text, bool append = true) {
  std::ofstream file(path, append ? std::ios::binary | std::ios::app : std::ios::binary);
  file << text;
}

Outcome simple(Trial& t) {
  const double x = t.suggest_float("x", 0, 1);
  for (int i = 0; i < 3; ++i) t.report(i, x + i);
  return x;
}

template <typename F>
std::string message_of(F f) {
  try {
    f();
  } catch (const StorageError& e) {
    return e.what();
  }
  return "none";
}

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("crc32c: the values of RFC 3720, at once and in pieces") {
  using attune::internal::crc32c;
  CHECK(crc32c("123456789") == 0xE3069283);
  CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AA);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62A8AB43);
  CHECK(crc32c("") == 0);
  const std::string text = "the quick brown fox jumps over the lazy dog";
  for (size_t i = 0; i <= text.size(); ++i) {
    CHECK(crc32c(text.substr(i), crc32c(text.substr(0, i))) == crc32c(text));
  }
}

TEST_CASE("journal: a line is read as it was written, and not when a bit of it has changed") {
  std::string text;
  journal::seal(
      text, R"({"op_code":5,"worker_id":"attune","param_name":"a\"b","value":[1,{"x":"}"}])", 3);
  REQUIRE(text.ends_with("\n"));
  text.pop_back();
  const auto line = journal::read_line(text);
  REQUIRE(line);
  CHECK(line->sealed);
  CHECK(line->more == 3);
  journal::Members members(line->object);
  std::string_view key, value;
  for (int i = 0; i < 3; ++i) REQUIRE(members.next(key, value));
  CHECK(journal::text(value) == "a\"b");
  REQUIRE(members.next(key, value));
  CHECK(value == R"([1,{"x":"}"}])");
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK_FALSE(journal::read_line(changed));
  }
  CHECK(journal::read_line(R"({"op_code": 4, "study_id": 0})"));  // another program's
  for (const char* bad : {"", "{", "x", "{}", R"({"op_code":4)", R"({"op_code":4,"a":[1})",
                          R"({"op_code":4,"wor{"op_code":5})", "\0\0\0"}) {
    CAPTURE(bad);
    CHECK_FALSE(journal::read_line(bad));
  }
}

TEST_CASE("journal: an end torn at any byte is cut, kept and told; nothing told is lost") {
  const Folder folder;
  const std::string path = folder.file("study.log");
  {
    Study study({.storage = folder.journal(), .sampler = tune::random(), .seed = 1});
    study.optimize(simple, {.trials = 3});
  }
  const std::string whole = bytes_of(path);
  const std::string before = table(Study({.storage = folder.journal(), .read_only = true}));
  // The append that ends one more trial, as its writer may have died in it.
  {
    Study study({.storage = folder.journal(), .sampler = tune::random()});
    study.optimize(simple, {.trials = 1});
  }
  const std::string more = bytes_of(path).substr(whole.size());
  const size_t claim = more.find('\n') + 1;  // an append of its own
  for (size_t length = claim + 1; length < more.size(); length += 7) {
    CAPTURE(length);
    std::filesystem::remove(path + ".cut");
    write_to(path, whole + more.substr(0, length), false);
    const StudyView view(folder.journal(), "study");
    CHECK(view.size() == 4);  // it looks only
    CHECK(view.trial(3).state == State::running);
    CHECK(bytes_of(path).size() == whole.size() + length);
    CHECK(open_existing_storage(folder.journal())->remarks().empty());
    Study study({.storage = folder.journal(), .sampler = tune::random()});
    study.enqueue({{"x", 0.5}});
    CHECK(study.trial(2).state == State::complete);
    CHECK(study.trial(3).intermediate.empty());
    const auto remarks = open_existing_storage(folder.journal())->remarks();
    REQUIRE(remarks.size() == 1);
    CHECK(holds(remarks[0], std::to_string(length - claim) + " bytes"));
    CHECK(holds(bytes_of(path + ".cut"), more.substr(claim, length - claim)));
  }
  write_to(path, whole, false);
  CHECK(table(Study({.storage = folder.journal(), .read_only = true})) == before);
}

TEST_CASE("journal: zeros that a power cut left at the end are cut") {
  const Folder folder;
  Study study({.storage = folder.journal(), .sampler = tune::random(), .seed = 1});
  study.optimize(simple, {.trials = 3});
  write_to(folder.file("study.log"), std::string(9000, '\0'));
  study.optimize(simple, {.trials = 2});
  CHECK(StudyView(folder.journal(), "study").size() == 5);
  CHECK(open_existing_storage(folder.journal())->remarks().size() == 1);
}

TEST_CASE("journal: a broken line with others behind it is refused, and says where it is") {
  const Folder folder;
  const std::string path = folder.file("study.log");
  {
    Study study({.storage = folder.journal(), .sampler = tune::random(), .seed = 1});
    study.optimize(simple, {.trials = 5});
  }
  const std::string whole = bytes_of(path);
  size_t line = 0;
  for (int i = 0; i < 7; ++i) line = whole.find('\n', line) + 1;
  std::string broken = whole;
  broken[line + 20] = static_cast<char>(broken[line + 20] ^ 4);
  write_to(path, broken, false);
  const std::string where = "the line at byte " + std::to_string(line) + " is broken";
  CHECK(holds(message_of([&] { StudyView(folder.journal(), "study"); }), where));
  CHECK(holds(message_of([&] { Study({.storage = folder.journal()}); }), where));
  CHECK(holds(message_of([&] { open_storage(folder.journal())->studies(); }), where));
  CHECK(bytes_of(path) == broken);
}

TEST_CASE("journal: files that are none are refused and left as they are") {
  const Folder folder;
  const std::string path = folder.file("study.log");
  for (const char* text : {"hello\n", "SQLite format 3", "{\"a\": 1}\n", "\n"}) {
    CAPTURE(text);
    write_to(path, text, false);
    CHECK(holds(message_of([&] { Study({.storage = folder.journal()}); }), "is not a journal"));
    CHECK(holds(message_of([&] { open_existing_storage(folder.journal()); }), "is not a journal"));
    CHECK(bytes_of(path) == text);
  }
  CHECK(holds(message_of([&] { Study({.storage = "journal:///"}); }), "names no file"));
  CHECK(holds(message_of([&] { Study({.storage = folder.journal("none/study.log")}); }),
              "there is no folder"));
  CHECK(holds(message_of([&] { open_existing_storage(folder.journal("absent.log")); }),
              "there is no such file"));
  CHECK_FALSE(std::filesystem::exists(folder.file("absent.log")));
  std::filesystem::create_directory(folder.file("folder.log"));
  CHECK(message_of([&] { Study({.storage = folder.journal("folder.log")}); }) != "none");
  write_to(path, "", false);  // an empty one is as good as none
  CHECK(Study({.storage = folder.journal(), .seed = 1}).size() == 0);
}

TEST_CASE("journal: a file that is deleted, replaced or cut while it is open is noticed") {
  const Folder folder;
  const std::string path = folder.file("study.log");
  for (const char* what : {"deleted", "replaced", "cut"}) {
    CAPTURE(what);
    std::filesystem::remove(path);
    Study study({.storage = folder.journal(), .sampler = tune::random(), .seed = 1});
    study.optimize(simple, {.trials = 2});
    const std::string way = what, all = bytes_of(path);
    if (way != "cut") std::filesystem::rename(path, path + ".old");
    if (way == "replaced") write_to(path, all);
    if (way == "cut") std::filesystem::resize_file(path, all.size() / 2);
    CHECK_THROWS_AS(study.ask(), StorageError);
    CHECK_THROWS_AS(study.optimize(simple, {.trials = 1}), StorageError);
  }
}

TEST_CASE(
    "journal: the lock of a process that has died is broken at once, another's after a while") {
  const Folder folder;
  const std::string path = folder.file("study.log"), lock = path + ".lock";
  Study study({.storage = folder.journal(), .sampler = tune::random(), .seed = 1});
  const pid_t dead = in_child([&] { write_to(lock, this_worker()); });
  CHECK(status_of(dead) == 0);
  const auto begin = std::chrono::steady_clock::now();
  study.optimize(simple, {.trials = 1});
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  CHECK_FALSE(std::filesystem::exists(lock));

  std::FILE* file = std::fopen(path.c_str(), "ab");
  REQUIRE(file);
  const auto wait = [&](const journal::Patience& patience) {
    return message_of([&] { journal::Lock(path, fileno(file), this_worker(), patience); });
  };
  write_to(lock, R"({"host": "far away", "pid": 7, "started": 7})");
  CHECK(holds(wait({.longest = 200ms}), "process 7 on far"));
  CHECK(std::filesystem::exists(lock));
  CHECK(holds(wait({.give_up = [] { return true; }, .at_least = 50ms}), "stopped while"));
  CHECK(wait({.longest = 5s, .grace = 300ms}) == "none");  // and it lets go of it
  CHECK_FALSE(std::filesystem::exists(lock));
  std::filesystem::create_symlink(path, lock);  // Optuna's
  CHECK(wait({.longest = 5s, .grace = 300ms}) == "none");
  // One of a living process is waited for, however long it takes.
  write_to(lock, this_worker());
  CHECK(wait({.longest = 400ms, .grace = 100ms}) != "none");
  CHECK(std::filesystem::exists(lock));
  {  // The holder whose lock was taken for dead sees that.
    std::filesystem::remove(lock);
    const journal::Lock mine(path, fileno(file), this_worker(), {});
    CHECK(mine.held());
    std::filesystem::remove(lock);
    CHECK_FALSE(mine.held());
    write_to(lock, "somebody else's");
    CHECK_FALSE(mine.held());
  }
  CHECK(bytes_of(lock) == "somebody else's");
  std::fclose(file);
}

TEST_CASE("journal: a full disk is told, and the journal is as it was before") {
  const Folder folder;
  const std::string path = folder.file("study.log");
  {
    Study made({.storage = folder.journal(), .sampler = tune::random(), .seed = 1});
    made.optimize(simple, {.trials = 2});
  }
  const auto size = std::filesystem::file_size(path);
  const pid_t child = in_child([&] {
    signal(SIGXFSZ, SIG_IGN);
    const auto log = open_storage(folder.journal())->open("study", {}, {});
    log->read(0, [](const Event&) {});
    const rlimit limit{size + 100, size + 100};  // as if there were so much room
    setrlimit(RLIMIT_FSIZE, &limit);
    const Event events[] = {Created{2}, Claimed{2, 1e9, log->worker()}, Reported{2, 0, 1, {}}};
    const Expect fresh{.trial = 2};
    const std::string said = message_of([&] { log->append(events, {&fresh, 1}, true); });
    if (!holds(said, "cannot be written")) _exit(2);
  });
  CHECK(status_of(child) == 0);
  CHECK(std::filesystem::file_size(path) == size);
  CHECK(StudyView(folder.journal(), "study").size() == 2);
}

TEST_CASE("journal: another machine's trial is given up once its heartbeat has stopped") {
  const Folder folder;
  const auto log = open_storage(folder.journal())->open("s", {Direction::minimize}, {});
  log->read(0, [](const Event&) {});
  const Expect fresh{.trial = 0};
  const std::string far = R"({"host": "far away", "pid": 7, "started": 7})";
  const Event events[] = {Created{0}, Claimed{0, 1e9, far}};
  REQUIRE(log->append(events, {&fresh, 1}, true));
  CHECK(log->lapsed(0.4).empty());
  HeartbeatFiles beats(folder.file("study.log.workers"), far);
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(200ms);
    beats.beat();
    CHECK(log->lapsed(0.4).empty());
  }
  std::this_thread::sleep_for(600ms);
  CHECK(log->lapsed(0.4) == std::vector<int64_t>{0});
}

TEST_CASE("journal: what Optuna writes is read, in its own form") {
  const Folder folder;
  const std::string path = folder.file("study.log");
  write_to(
      path,
      R"({"op_code":0,"worker_id":"w-1","study_name":"other","directions":[1]})"
      "\n"
      R"({"op_code":4,"worker_id":"w-1","study_id":0,"datetime_start":"2026-11-28T10:00:00.500000+00:00"})"
      "\n"
      R"({"op_code":0,"worker_id":"w-1","study_name":"study","directions":[2]})"
      "\n"
      R"({"op_code":2,"worker_id":"w-1","study_id":1,"user_attr":{"note":{"a":[1,NaN]}}})"
      "\n"
      R"({"op_code":4,"worker_id":"w-1","study_id":1,"datetime_start":"2026-11-28T10:00:00.500000+00:00"})"
      "\n"
      R"({"op_code":5,"worker_id":"w-1","trial_id":1,"param_name":"\u00e4","param_value_internal":1.0,"distribution":"{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [null, \"s\"]}}"})"
      "\n"
      R"({"op_code":7,"worker_id":"w-1","trial_id":1,"step":3,"intermediate_value":Infinity})"
      "\n"
      R"({"op_code":6,"worker_id":"w-1","trial_id":1,"state":1,"values":[0.25],"datetime_complete":"2026-11-28T12:00:01.500000+02:00"})"
      "\n"
      R"({"op_code":8,"worker_id":"w-2","trial_id":1,"user_attr":{"late":1}})"  // it has ended
      "\n"
      R"({"op_code":4,"worker_id":"w-1","study_id":1,"datetime_start":null,"state":4,"value":null,"values":null,"distributions":{},"params":{},"user_attrs":{},"system_attrs":{"fixed_params":{"x":0.5}},"intermediate_values":{}})"
      "\n"
      R"({"op_code":4,"worker_id":"w-1","study_id":1,"datetime_start":"2026-11-28T10:00:00.000000+00:00","state":2,"value":7,"values":null,"datetime_complete":"2026-11-28T10:00:01.000000+00:00","distributions":{"x":"{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 0.0, \"high\": 1.0, \"log\": false}}"},"params":{"x":0.125},"user_attrs":{"u":"v"},"system_attrs":{},"intermediate_values":{"0":7}})"
      "\n"
      R"({"op_code":10,"worker_id":"r-1","study_id":1})"
      "\n");
  Study study({.storage = folder.journal(), .sampler = tune::random()});
  REQUIRE(study.size() == 3);
  CHECK(study.directions() == std::vector{maximize});
  CHECK(study.attribute("note") == R"({"a": [1, NaN]})");
  const TrialResult first = study.trial(0);
  CHECK(first.state == State::complete);
  CHECK(first.value == 0.25);
  CHECK(first.seconds == doctest::Approx(1));
  CHECK(first.params.at("\xc3\xa4") == "s");
  CHECK(first.intermediate.at(3) == INFINITY);
  CHECK(first.user.empty());
  CHECK(study.trial(1).state == State::waiting);
  CHECK(study.trial(2).state == State::pruned);
  CHECK(study.trial(2).params.at("x") == 0.125);
  CHECK(study.trial(2).user.at("u") == "\"v\"");
  CHECK(study.trial(2).intermediate.at(0) == 7);
  study.optimize(simple, {.trials = 1});
  CHECK(study.trial(1).params.at("x") == 0.5);  // as it was queued
  CHECK(open_storage(folder.journal())->studies().size() == 2);
}

TEST_CASE("journal: several studies keep their own trials, and a deleted one's do not come back") {
  const Folder folder;
  const auto storage = open_storage(folder.journal());
  Study a({.name = "a", .storage = storage, .sampler = tune::random(), .seed = 1});
  Study b({.name = "b", .storage = storage, .sampler = tune::random(), .seed = 2});
  for (int i = 0; i < 5; ++i) {
    a.optimize(simple, {.trials = 1});
    b.optimize(simple, {.trials = 2});
  }
  const std::string as = table(a), bs = table(b);
  CHECK(table(Study({.name = "a", .storage = folder.journal()})) == as);
  CHECK(table(Study({.name = "b", .storage = folder.journal()})) == bs);
  CHECK(storage->remove("a"));
  Study again({.name = "a", .storage = storage, .sampler = tune::random(), .seed = 3});
  again.optimize(simple, {.trials = 2});
  CHECK(table(Study({.name = "b", .storage = folder.journal()})) == bs);
  CHECK(Study({.name = "a", .storage = folder.journal()}).size() == 2);
}

TEST_CASE("journal: a study that nobody reads for long is read anew where that is needed") {
  const Folder folder;
  const auto storage = open_storage(folder.journal());
  const auto log = storage->open("s", {Direction::minimize}, {});
  const auto other = storage->open("s", {}, {});
  const Position start = log->read(0, [](const Event&) {});
  other->read(0, [](const Event&) {});
  const Expect fresh{.trial = 0};
  const Event made = Created{0};
  REQUIRE(log->append({&made, 1}, {&fresh, 1}, false));
  for (int i = 0; i < 300; ++i) {
    std::vector<Event> events;
    for (int k = 0; k < 50; ++k) events.emplace_back(Reported{0, 50 * i + k, 1.0 * k, {}});
    REQUIRE(log->append(events, {}, false));
  }
  int64_t reports = 0, created = 0;
  const auto count = [&](const Event& event) {
    reports += std::holds_alternative<Reported>(event);
    created += std::holds_alternative<Created>(event);
  };
  const Position end = log->read(start, count);
  CHECK(reports == 15'000);
  CHECK(created == 1);
  CHECK(log->read(end, count) == end);
  CHECK(reports == 15'000);
  reports = 0;
  CHECK(other->read(0, count) == end);
  CHECK(reports == 15'000);
}
