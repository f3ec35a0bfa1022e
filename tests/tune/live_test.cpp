#include "attune/tune/report/live.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "attune/base/error.h"
#include "attune/tune/internal/document.h"
#include "attune/tune/report/report.h"
#include "attune/tune/samplers.h"
#include "attune/tune/study_view.h"
#include "doctest/doctest.h"

namespace attune::tune {
namespace {

// What a page knows: the state and the value of each trial, and what it was told last.
class Reader {
 public:
  Reader(LiveReports& live, const std::string& study)
      : follower_(live.follow(study, [this] {
          const std::lock_guard lock(mutex_);
          rung_ = true;
          bell_.notify_all();
        })) {}

  // Reads until the condition holds; false after 20 s.
  template <class Condition>
  bool until(const Condition& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (true) {
      for (const LiveMessage& m : follower_->news()) read(m);
      if (condition()) return true;
      std::unique_lock lock(mutex_);
      if (!bell_.wait_until(lock, deadline, [this] { return rung_; })) return false;
      rung_ = false;
    }
  }

  std::map<int64_t, std::pair<int64_t, std::string>> trials;
  std::map<std::string, int> told;  // messages by event
  std::string trouble, list;
  int64_t best = -1;

 private:
  void read(const LiveMessage& m) {
    ++told[m.event];
    const Document data = Document::parse(*m.json);
    if (m.event == "report") trials.clear();
    if (m.event == "report" || m.event == "trials") {
      const Document columns = data.at("trials");
      const auto numbers = columns.at("number").items(), states = columns.at("state").items();
      const auto values = columns.at("values").items().at(0).items();
      for (size_t i = 0; i < numbers.size(); ++i) {
        trials[numbers[i].as<int64_t>()] = {states[i].as<int64_t>(), values[i].dump()};
      }
    }
    if ((m.event == "report" || m.event == "found") && data.at("found").at("best").dump() != "null")
      best = data.at("found").at("best").as<int64_t>();
    if (m.event == "trouble") trouble = data.as<std::string>();
    if (m.event == "studies") list = *m.json;
  }

  std::mutex mutex_;
  std::condition_variable bell_;
  bool rung_ = false;
  std::unique_ptr<LiveReports::Follower> follower_;
};

constexpr LiveOptions kFast = {.every = 0.01, .between_reports = 0.02, .share = 0.9};

Outcome bowl(Trial& trial) {
  const double x = trial.suggest_float("x", -1, 1);
  for (int step = 0; step < 3; ++step) trial.report(step, x * x + 1.0 / (step + 1));
  return x * x;
}

bool has_all(const Reader& reader, const StudyView& view) {
  const std::vector<TrialResult> all = view.trials();
  if (reader.trials.size() != all.size()) return false;
  for (const TrialResult& t : all) {
    const auto known = reader.trials.find(t.number);
    const std::string value = Document(t.value).dump();
    if (known == reader.trials.end() ||
        known->second != std::pair(static_cast<int64_t>(t.state), value)) {
      return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("live: pages that come before, during and after a run all know every trial at its end") {
  const auto storage = memory_storage();
  Study study({.name = "bowl", .storage = storage, .sampler = random(), .seed = 1});
  study.optimize(bowl, {.trials = 20});
  LiveReports live(storage, kFast);
  Reader early(live, "bowl");
  REQUIRE(early.until([&] { return early.trials.size() == 20; }));
  std::thread run([&] { study.optimize(bowl, {.trials = 300, .jobs = 2}); });
  std::optional<Reader> during;
  early.until([&] { return early.trials.size() > 40; });
  during.emplace(live, "bowl");
  run.join();
  Reader late(live, "bowl");
  const StudyView view(storage, "bowl");
  for (Reader* reader : {&early, &*during, &late}) {
    CHECK(reader->until([&] { return has_all(*reader, view); }));
    CHECK(reader->until([&] { return reader->best == view.best_trial().number; }));
  }
  CHECK(early.told["trials"] > 0);
  CHECK(late.told["report"] == 1);
}

TEST_CASE("live: what is told of a study is what its report says") {
  const auto storage = memory_storage();
  Study study({.name = "bowl", .storage = storage, .seed = 1});
  study.optimize(bowl, {.trials = 12});
  LiveReports live(storage, kFast);
  std::mutex mutex;
  std::condition_variable bell;
  bool rung = false;
  const auto follower = live.follow("bowl", [&] {
    const std::lock_guard lock(mutex);
    rung = true;
    bell.notify_all();
  });
  std::vector<LiveMessage> news;
  for (int i = 0; i < 100 && news.empty(); ++i) {
    std::unique_lock lock(mutex);
    bell.wait_for(lock, std::chrono::milliseconds(200), [&] { return rung; });
    rung = false;
    lock.unlock();
    news = follower->news();
  }
  REQUIRE(news.size() == 1);
  CHECK(news[0].event == "report");
  CHECK(*news[0].json == report_json(StudyView(storage, "bowl")));
  CHECK(follower->news().empty());
}

TEST_CASE("live: a page may be there before its study") {
  const auto storage = memory_storage();
  LiveReports live(storage, kFast);
  Reader reader(live, "bowl");
  CHECK(reader.until([&] { return reader.trouble.find("no study 'bowl'") != std::string::npos; }));
  {
    Study study({.name = "bowl", .storage = storage, .seed = 1});
    study.optimize(bowl, {.trials = 5});
    CHECK(reader.until([&] { return reader.trials.size() == 5 && reader.trouble.empty(); }));
  }
}

TEST_CASE("live: the list has every study, its best and what is going on") {
  const auto storage = memory_storage();
  Study one({.name = "one", .storage = storage, .direction = maximize, .seed = 1});
  one.optimize(bowl, {.trials = 5});
  LiveReports live(storage, kFast);
  Reader reader(live, "");
  CHECK(reader.until([&] { return reader.list.find("\"one\"") != std::string::npos; }));
  const Document first = Document::parse(reader.list).items().at(0);
  CHECK(first.at("trials").as<int64_t>() == 5);
  CHECK(first.at("best").as<double>() == one.best_trial().value);
  CHECK(first.at("best_trial").as<int64_t>() == one.best_trial().number);
  Study two({.name = "two", .storage = storage, .directions = {minimize, maximize}, .seed = 1});
  Trial running = two.ask();
  CHECK(reader.until([&] { return reader.list.find("\"running\":1") != std::string::npos; }));
  two.tell(running, {1.0, 2.0});
  CHECK(reader.until([&] { return reader.list.find("\"running\":1") == std::string::npos; }));
}

TEST_CASE("live: with nobody following nothing is read") {
  struct Counting : Storage {
    std::unique_ptr<StudyLog> open(const std::string& name,
                                   const std::vector<Direction>& directions,
                                   const std::vector<Attribute>& attributes) override {
      return inside->open(name, directions, attributes);
    }
    std::unique_ptr<StudyLog> view(const std::string& name) override {
      ++views;
      return inside->view(name);
    }
    std::vector<StudyInfo> studies() override {
      ++lists;
      return inside->studies();
    }
    bool remove(const std::string& name) override { return inside->remove(name); }
    std::shared_ptr<Storage> inside = memory_storage();
    std::atomic<int> views = 0, lists = 0;
  };
  const auto storage = std::make_shared<Counting>();
  LiveReports live(storage, kFast);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(storage->views + storage->lists == 0);
  {
    Reader reader(live, "");
    CHECK(reader.until([&] { return reader.list == "[]"; }));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const int lists = storage->lists;
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  CHECK(storage->lists == lists);
}

TEST_CASE("live: the page that follows may talk to its server alone") {
  if (!has_report_page()) {
    CHECK_THROWS_AS(live_page(), Error);
    return;
  }
  const std::string page = live_page();
  CHECK(page.find("default-src 'none'; connect-src 'self';") != std::string::npos);
  CHECK(page.find("{\"live\":true}") != std::string::npos);
}

}  // namespace attune::tune
