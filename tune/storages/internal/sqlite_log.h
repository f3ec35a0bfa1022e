#pragma once
// One study in a SQLite file: events become rows of Optuna's tables, and rows become events.

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "attune/tune/storage.h"
#include "attune/tune/storages/internal/sqlite_database.h"

namespace attune::tune {

class SqliteLog : public StudyLog {
 public:
  SqliteLog(const std::string& path, int64_t study_id);
  ~SqliteLog() override;

  const std::vector<Direction>& directions() const override { return directions_; }
  int64_t create(std::vector<Event> events) override;
  int64_t start(double time) override;
  bool append(std::span<const Event> events) override;
  void read(const std::function<void(const Event&)>& sink) override;

 private:
  using Sink = std::function<void(const Event&)>;

  // Writing; inside a transaction.
  int64_t insert_trial(State state, double time);  // its number
  void check_study();
  void write(const Event& event);
  bool finish(const Finished& end);
  bool may_change(int64_t trial);  // false: it has ended
  int64_t id_of(int64_t number);

  // Events that may wait: at most half a second, for the next write or for the flushing thread.
  void keep_for_later(const Event& event);
  void flush();
  void flush_in_background(std::stop_token stop);

  // Reading.
  void load(const Sink& sink);
  void load_trial(int64_t id, const Sink& sink);
  void load_children(int64_t id, int64_t number, const Sink& sink);
  void load_attributes(const char* sql, int64_t id, int64_t trial, bool system, const Sink& sink);
  std::shared_ptr<const Param> param_of(const std::string& name, const std::string& distribution);
  const std::string& distribution_of(const std::shared_ptr<const Param>& param);

  std::mutex mutex_;  // the flushing thread's and the callers'
  Database db_;
  int64_t study_id_;
  std::vector<Direction> directions_;
  std::string worker_;

  std::vector<int64_t> ids_;      // trial number -> trial_id
  std::set<int64_t> unfinished_;  // trial_ids seen, not yet ended
  int64_t last_id_ = 0;           // the largest trial_id seen
  int64_t data_version_ = -1;
  std::vector<Event> echo_;  // own events, for the next read
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const Param>> params_;
  std::map<std::shared_ptr<const Param>, std::string> distributions_;

  std::vector<Event> later_;
  std::condition_variable_any wake_;
  std::jthread flusher_;  // last: it ends before the rest goes
};

}  // namespace attune::tune
