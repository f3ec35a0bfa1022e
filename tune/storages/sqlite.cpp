// Studies in a SQLite file. Each open study has a connection of its own.

#include <chrono>

#include <fmt/format.h>

#include "attune/tensor/error.h"
#include "attune/tune/storage.h"
#include "attune/tune/storages/internal/optuna_text.h"
#include "attune/tune/storages/internal/sqlite_database.h"
#include "attune/tune/storages/internal/sqlite_log.h"
#include "attune/tune/storages/internal/worker.h"

namespace attune::tune {
namespace {

class SqliteStorage : public Storage {
 public:
  SqliteStorage(const std::string& path, SqliteOptions options)
      : path_(path), db_(path, options.create) {
    prepare_schema(db_, options);
  }

  std::unique_ptr<StudyLog> open(const std::string& name, const std::vector<Direction>& directions,
                                 const std::vector<Attribute>& attributes) override {
    const std::lock_guard lock(mutex_);
    int64_t id = find(name);
    if (id < 0) {
      if (directions.empty()) return nullptr;
      id = make(name, directions, attributes);
    }
    if (!db_.read_only()) fail_trials_of_the_dead(id);
    return std::make_unique<SqliteLog>(path_, id);
  }

  std::vector<StudyInfo> studies() override {
    const std::lock_guard lock(mutex_);
    Transaction transaction(db_, Transaction::Kind::read);
    std::vector<StudyInfo> all;
    std::vector<int64_t> ids;
    {
      Query q = db_.query(
          "SELECT study_id, study_name, (SELECT count(*) FROM trials t WHERE "
          "t.study_id=s.study_id) "
          "FROM studies s ORDER BY study_id");
      while (q.row()) {
        ids.push_back(q.integer(0));
        all.push_back({q.text(1), {}, q.integer(2)});
      }
    }
    for (size_t i = 0; i < all.size(); ++i) {
      Query q = db_.query(
          "SELECT direction FROM study_directions WHERE study_id=? ORDER BY study_direction_id");
      q.bind(ids[i]);
      while (q.row()) all[i].directions.push_back(optuna::direction_of(q.text(0)));
    }
    transaction.commit();
    return all;
  }

  bool remove(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    Transaction transaction(db_);
    const int64_t id = find(name);
    if (id < 0) return false;
    for (const char* table : {"trial_user_attributes", "trial_system_attributes", "trial_params",
                              "trial_values", "trial_intermediate_values", "trial_heartbeats"}) {
      db_.execute(fmt::format("DELETE FROM {} WHERE trial_id IN (SELECT trial_id FROM trials WHERE "
                              "study_id={})",
                              table, id)
                      .c_str());
    }
    for (const char* table : {"trials", "study_directions", "study_user_attributes",
                              "study_system_attributes", "studies"}) {
      db_.execute(fmt::format("DELETE FROM {} WHERE study_id={}", table, id).c_str());
    }
    transaction.commit();
    return true;
  }

 private:
  int64_t find(const std::string& name) {  // -1: there is none
    Query q = db_.query("SELECT study_id FROM studies WHERE study_name=?");
    return q.bind(std::string_view(name)).row() ? q.integer(0) : -1;
  }

  int64_t make(const std::string& name, const std::vector<Direction>& directions,
               const std::vector<Attribute>& attributes) {
    Transaction transaction(db_);
    if (const int64_t id = find(name); id >= 0) return id;  // another process was faster
    db_.query("INSERT INTO studies(study_name) VALUES(?)").bind(std::string_view(name)).run();
    const int64_t id = db_.last_id();
    for (size_t i = 0; i < directions.size(); ++i) {
      Query q =
          db_.query("INSERT INTO study_directions(direction, study_id, objective) VALUES(?, ?, ?)");
      q.bind(std::string_view(optuna::direction_label(directions[i]))).bind(id);
      q.bind(static_cast<int64_t>(i)).run();
    }
    for (const Attribute& a : attributes) {
      Query q =
          db_.query(a.system ? "INSERT INTO study_system_attributes(study_id, \"key\", value_json) "
                               "VALUES(?, ?, ?)"
                             : "INSERT INTO study_user_attributes(study_id, \"key\", value_json) "
                               "VALUES(?, ?, ?)");
      q.bind(id).bind(std::string_view(*a.name)).bind(std::string_view(*a.json)).run();
    }
    transaction.commit();
    return id;
  }

  // A killed process leaves its trials running; nobody else can end them.
  void fail_trials_of_the_dead(int64_t study_id) {
    std::vector<int64_t> dead;
    {
      Query q = db_.query(
          "SELECT t.trial_id, a.value_json FROM trials t JOIN trial_system_attributes a ON "
          "a.trial_id=t.trial_id WHERE t.study_id=? AND t.state='RUNNING' AND a.\"key\"=?");
      q.bind(study_id).bind(std::string_view(kWorkerAttribute));
      while (q.row()) {
        if (worker_is_gone(q.text(1))) dead.push_back(q.integer(0));
      }
    }
    if (dead.empty()) return;
    const double now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    Transaction transaction(db_);
    for (const int64_t id : dead) {
      Query q = db_.query(
          "UPDATE trials SET state='FAIL', datetime_complete=? WHERE trial_id=? AND "
          "state='RUNNING'");
      q.bind(std::string_view(optuna::time_text(now))).bind(id).run();
    }
    transaction.commit();
  }

  std::string path_;
  std::mutex mutex_;
  Database db_;
};

}  // namespace

std::shared_ptr<Storage> sqlite_storage(const std::string& path, SqliteOptions options) {
  return std::make_shared<SqliteStorage>(path, options);
}

}  // namespace attune::tune
