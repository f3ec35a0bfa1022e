#include <algorithm>
#include <deque>
#include <map>
#include <mutex>

#include "attune/tune/storage.h"

namespace attune::tune {
namespace {

// What all logs of one study share.
struct Shared {
  std::mutex mutex = {};
  std::vector<Direction> directions = {};
  std::deque<Event> events = {};
  std::vector<State> states = {};     // by trial number
  std::vector<int64_t> waiting = {};  // numbers, the first last
};

struct SetTrial {
  int64_t number;
  template <typename E>
  void operator()(E& e) const {
    e.trial = number;
  }
};

class MemoryLog : public StudyLog {
 public:
  explicit MemoryLog(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), directions_(shared_->directions) {}

  const std::vector<Direction>& directions() const override { return directions_; }

  int64_t create(std::vector<Event> events) override {
    const std::lock_guard lock(shared_->mutex);
    const auto number = static_cast<int64_t>(shared_->states.size());
    shared_->states.push_back(State::waiting);
    add(Created{number});
    for (Event& event : events) {
      std::visit(SetTrial{number}, event);
      add(std::move(event));
    }
    if (shared_->states.back() == State::waiting) {
      shared_->waiting.insert(shared_->waiting.begin(), number);
    }
    return number;
  }

  int64_t start(double time) override {
    const std::lock_guard lock(shared_->mutex);
    auto& waiting = shared_->waiting;
    while (!waiting.empty()) {
      const int64_t number = waiting.back();
      waiting.pop_back();
      if (shared_->states[static_cast<size_t>(number)] != State::waiting) continue;
      add(Started{number, time});
      return number;
    }
    const auto number = static_cast<int64_t>(shared_->states.size());
    shared_->states.push_back(State::running);
    add(Created{number});
    add(Started{number, time});
    return number;
  }

  bool append(std::span<const Event> events) override {
    const std::lock_guard lock(shared_->mutex);
    for (const Event& event : events) {
      const auto* end = std::get_if<Finished>(&event);
      if (end && finished(shared_->states[static_cast<size_t>(end->trial)])) return false;
    }
    for (const Event& event : events) add(event);
    return true;
  }

  void read(const std::function<void(const Event&)>& sink) override {
    const std::lock_guard lock(shared_->mutex);
    for (; read_ < shared_->events.size(); ++read_) sink(shared_->events[read_]);
  }

 private:
  void add(Event event) {
    if (const auto* e = std::get_if<Started>(&event)) state(e->trial) = State::running;
    if (const auto* e = std::get_if<Finished>(&event)) state(e->trial) = e->state;
    shared_->events.push_back(std::move(event));
  }
  State& state(int64_t trial) { return shared_->states[static_cast<size_t>(trial)]; }

  std::shared_ptr<Shared> shared_;
  std::vector<Direction> directions_;
  size_t read_ = 0;
};

class MemoryStorage : public Storage {
 public:
  std::unique_ptr<StudyLog> open(const std::string& name, const std::vector<Direction>& directions,
                                 const std::vector<Attribute>& attributes) override {
    const std::lock_guard lock(mutex_);
    auto& study = studies_[name];
    if (!study) {
      if (directions.empty()) return studies_.erase(name), nullptr;
      study = std::make_shared<Shared>();
      study->directions = directions;
      study->events.assign(attributes.begin(), attributes.end());
    }
    return std::make_unique<MemoryLog>(study);
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
    return studies_.erase(name) > 0;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Shared>> studies_;
};

}  // namespace

std::shared_ptr<Storage> memory_storage() { return std::make_shared<MemoryStorage>(); }

}  // namespace attune::tune
