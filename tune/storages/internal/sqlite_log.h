#pragma once
// One study in a SQLite file: events become rows of Optuna's tables, and rows become events.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "attune/tune/storage.h"
#include "attune/tune/storages/internal/sqlite_database.h"
#include "attune/tune/storages/internal/sqlite_schema.h"

namespace attune::tune {

class SqliteLog : public StudyLog {
 public:
  SqliteLog(const std::string& path, int64_t study_id, Database::Open how);

  const std::vector<Direction>& directions() const override { return directions_; }
  std::optional<Appended> append(std::span<const Event> events, std::span<const Expect> expects,
                                 bool durable) override;
  Position read(Position after, const Sink& sink) override;
  bool gather() const override { return true; }
  std::string worker() const override { return worker_; }
  void beat(std::span<const int64_t> trials) override;
  std::vector<int64_t> lapsed(double grace_seconds) override;
  void settle() override;
  std::string folder() const override;
  void give_up_when(std::function<bool()> condition) override;
  void hurry_when(std::function<bool()> condition) override;

 private:
  void connect();
  void read_directions();
  void check_study();  // StorageError when it has been deleted, or another one is in its place

  // Writing; inside a transaction.
  bool holds(const Expect& expect);
  int64_t next_number();
  Position last_position();
  void beat(int64_t id);
  void write(const Event& event, std::span<const Event> nearby);
  void insert_trial(int64_t number, const Claimed* claim);
  void write(const Claimed& claim);
  void write(const Paused& pause);
  void write(const Decided& decision);
  void write(const Forked& fork);
  void write(const Retried& retry);
  void note(Happened kind, int64_t trial, int64_t item);
  void write(const ParamSet& set);
  void write(const Reported& report);
  void write(const Attribute& attribute);
  void write(const Finished& end);
  void set_system(int64_t trial, const char* name, std::string json);
  bool may_change(int64_t trial);                              // false: it has ended
  std::string system_attribute(int64_t id, const char* name);  // "": it has none
  int64_t id_of(int64_t number) const;

  // Reading; inside a transaction.
  Position read_events(Position after, bool anew, const Sink& sink);  // anew: list all again
  struct Row {
    Happened kind;
    int64_t trial_id, item;
  };
  void pass_on(const Row& row, const Sink& sink);
  int64_t number_of(int64_t id, bool fresh);
  int64_t checked_step(int64_t step, int64_t number) const;  // StorageError: no step is so large
  void read_trial(const Row& row, int64_t number, const Sink& sink);
  void read_report(const Row& row, int64_t number, const Sink& sink);
  void read_attribute(const Row& row, int64_t number, const Sink& sink);
  std::shared_ptr<const Param> param_of(const std::string& name, const std::string& distribution);
  const std::string& distribution_of(const std::shared_ptr<const Param>& param);

  std::string path_;
  int64_t study_id_;
  Database::Open how_;
  std::unique_ptr<Database> db_;
  bool temporary_ = false;  // the list of events is a connection's own
  std::string identity_;    // of the study: a number may be given to another one
  std::vector<Direction> directions_;
  std::string worker_;

  std::vector<int64_t> ids_;   // trial number -> trial_id, ascending
  int64_t inserted_ = -1;      // the number of the trial made last
  Position read_to_ = -1;      // what the last read() returned
  int64_t data_version_ = -1;  // when read last
  bool wrote_ = true;          // since then
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const Param>> params_;
  std::map<std::shared_ptr<const Param>, std::string> distributions_;

  // When this program saw the heartbeat of another machine's trial change last.
  struct Heard {
    std::string heartbeat = {};
    std::chrono::steady_clock::time_point since = {};
  };
  std::map<int64_t, Heard> heard_;
};

}  // namespace attune::tune
