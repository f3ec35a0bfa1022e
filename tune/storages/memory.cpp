// Studies kept in memory: a list of events, and the state of each trial for expectations.

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>

#include "attune/base/error.h"
#include "attune/tune/storage.h"

namespace attune::tune {
namespace {

// What all logs of one study share.
struct Shared {
  std::mutex mutex = {};
  std::vector<Direction> directions = {};
  std::deque<Event> events = {};
  std::vector<State> states = {};          // by trial number
  std::map<int64_t, int64_t> paused = {};  // trial -> the step it was paused after last
  bool removed = false;
};

class MemoryLog : public StudyLog {
 public:
  MemoryLog(std::shared_ptr<Shared> shared, bool read_only)
      : shared_(std::move(shared)), directions_(shared_->directions), read_only_(read_only) {}

  const std::vector<Direction>& directions() const override { return directions_; }

  std::optional<Appended> append(std::span<const Event> events, std::span<const Expect> expects,
                                 bool) override {
    if (read_only_) throw StorageError("storage 'memory': the study is open for reading only");
    const std::lock_guard lock(shared_->mutex);
    check_removed();
    for (const Expect& expect : expects) {
      if (!holds(expect)) return std::nullopt;
    }
    const auto before = static_cast<Position>(shared_->events.size());
    for (const Event& event : events) add(event);
    return Appended{before, static_cast<Position>(shared_->events.size())};
  }

  Position read(Position after, const Sink& sink) override {
    const std::lock_guard lock(shared_->mutex);
    check_removed();
    const auto end = static_cast<Position>(shared_->events.size());
    for (; after < end; ++after) sink(shared_->events[static_cast<size_t>(after)]);
    return end;
  }

 private:
  void check_removed() const {
    if (shared_->removed) {
      throw StorageError("storage 'memory': the study has been deleted meanwhile");
    }
  }

  bool holds(const Expect& expect) const {
    if (!expect.absent.empty()) {
      return std::none_of(shared_->events.begin(), shared_->events.end(), [&](const Event& event) {
        const auto* a = std::get_if<Attribute>(&event);
        return a && a->trial == Attribute::kStudy && a->system && *a->name == expect.absent;
      });
    }
    const auto count = static_cast<int64_t>(shared_->states.size());
    if (!expect.state) return expect.trial == count;
    if (expect.trial < 0 || expect.trial >= count) return false;
    if (shared_->states[static_cast<size_t>(expect.trial)] != *expect.state) return false;
    if (!expect.step) return true;
    const auto paused = shared_->paused.find(expect.trial);
    return paused != shared_->paused.end() && paused->second == *expect.step;
  }

  void add(const Event& event) {
    auto& states = shared_->states;
    const int64_t trial = trial_of(event);
    if (std::holds_alternative<Created>(event)) {
      states.push_back(State::waiting);
    } else if (trial != Attribute::kStudy) {
      State& state = states.at(static_cast<size_t>(trial));
      if (finished(state)) return;
      if (std::holds_alternative<Claimed>(event)) state = State::running;
      if (const auto* pause = std::get_if<Paused>(&event)) {
        state = State::paused;
        shared_->paused[trial] = pause->step;
      }
      if (const auto* end = std::get_if<Finished>(&event)) {
        state = end->state;
        shared_->paused.erase(trial);
      }
    }
    shared_->events.push_back(event);
  }

  std::shared_ptr<Shared> shared_;
  std::vector<Direction> directions_;
  bool read_only_;
};

class MemoryStorage : public Storage {
 public:
  std::unique_ptr<StudyLog> open(const std::string& name, const std::vector<Direction>& directions,
                                 const std::vector<Attribute>& attributes) override {
    const std::lock_guard lock(mutex_);
    auto& study = studies_[name];
    if (!study) {
      if (directions.empty()) {
        studies_.erase(name);
        return nullptr;
      }
      study = std::make_shared<Shared>();
      study->directions = directions;
      study->events.assign(attributes.begin(), attributes.end());
    }
    return std::make_unique<MemoryLog>(study, false);
  }

  std::unique_ptr<StudyLog> view(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    const auto study = studies_.find(name);
    if (study == studies_.end()) return nullptr;
    return std::make_unique<MemoryLog>(study->second, true);
  }

  std::vector<StudyInfo> studies() override {
    const std::lock_guard lock(mutex_);
    std::vector<StudyInfo> all;
    for (const auto& [name, study] : studies_) {
      const std::lock_guard study_lock(study->mutex);
      all.push_back({name, study->directions, static_cast<int64_t>(study->states.size())});
    }
    return all;
  }

  bool remove(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    const auto study = studies_.find(name);
    if (study == studies_.end()) return false;
    {
      const std::lock_guard study_lock(study->second->mutex);
      study->second->removed = true;
    }
    studies_.erase(study);
    return true;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Shared>> studies_;
};

}  // namespace

std::shared_ptr<Storage> memory_storage() { return std::make_shared<MemoryStorage>(); }

}  // namespace attune::tune
