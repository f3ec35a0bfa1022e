// Studies in a SQLite file. Each open study has a connection of its own. Listing and viewing write
// nothing; the file is made, and gets attune's tables, when a study is opened to be worked on.

#include <filesystem>
#include <mutex>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/storage.h"
#include "attune/tune/storages/internal/beside.h"
#include "attune/tune/storages/internal/optuna_text.h"
#include "attune/tune/storages/internal/sqlite_database.h"
#include "attune/tune/storages/internal/sqlite_log.h"
#include "attune/tune/storages/internal/sqlite_schema.h"

namespace attune::tune {
namespace {

using Open = Database::Open;

class SqliteStorage : public Storage {
 public:
  SqliteStorage(std::string path, SqliteOptions options)
      : path_(std::move(path)), options_(options) {
    if (!made()) {
      check_folder(path_);
      return;
    }
    look_at(path_, has_studies);  // a file that will not do is refused at once
  }

  std::unique_ptr<StudyLog> open(const std::string& name, const std::vector<Direction>& directions,
                                 const std::vector<Attribute>& attributes) override {
    const std::lock_guard lock(mutex_);
    Database db(path_, options_.create ? Open::create : Open::write);
    if (directions.empty() && !has_studies(db)) return nullptr;
    make_schema(db, options_);
    int64_t id = find(db, name);
    if (id < 0) {
      if (directions.empty()) return nullptr;
      id = make(db, name, directions, attributes);
    } else if (identity_of(db, id).empty()) {  // made by Optuna, or an earlier attune
      Transaction transaction(db);
      give_identity(db, id);
      transaction.commit();
    }
    return std::make_unique<SqliteLog>(path_, id, Open::write);
  }

  std::unique_ptr<StudyLog> view(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    if (!made()) return nullptr;
    const int64_t id = look_at(
        path_, [&](Database& db) { return has_studies(db) ? find(db, name) : int64_t{-1}; });
    return id < 0 ? nullptr : std::make_unique<SqliteLog>(path_, id, Open::look);
  }

  std::vector<StudyInfo> studies() override {
    const std::lock_guard lock(mutex_);
    if (!made()) return {};
    return look_at(path_, list);
  }

  bool remove(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    if (!made()) return false;
    Database db(path_, Open::write);
    if (!has_studies(db)) return false;
    Transaction transaction(db);
    const int64_t id = find(db, name);
    if (id < 0) return false;
    for (const char* table : {"trial_user_attributes", "trial_system_attributes", "trial_params",
                              "trial_values", "trial_intermediate_values", "trial_heartbeats"}) {
      db.execute(fmt::format("DELETE FROM {} WHERE trial_id IN (SELECT trial_id FROM trials WHERE "
                             "study_id={})",
                             table, id)
                     .c_str());
    }
    for (const char* table : {"trials", "study_directions", "study_user_attributes",
                              "study_system_attributes", "studies"}) {
      db.execute(fmt::format("DELETE FROM {} WHERE study_id={}", table, id).c_str());
    }
    transaction.commit();
    remove_checkpoints(path_, id);
    return true;
  }

 private:
  bool made() const {  // a file that may be made is, with its first study
    std::error_code error;
    return !options_.create || std::filesystem::exists(path_, error);
  }

  static std::vector<StudyInfo> list(Database& db) {
    std::vector<StudyInfo> all;
    if (!has_studies(db)) return all;
    Transaction transaction(db, Transaction::Kind::read);
    std::vector<int64_t> ids;
    {
      Query q = db.query(
          "SELECT study_id, study_name, (SELECT count(*) FROM trials t WHERE "
          "t.study_id=s.study_id) FROM studies s ORDER BY study_id");
      while (q.row()) {
        ids.push_back(q.integer(0));
        all.push_back({q.text(1), {}, q.integer(2)});
      }
    }
    for (size_t i = 0; i < all.size(); ++i) {
      Query q = db.query(
          "SELECT direction FROM study_directions WHERE study_id=? ORDER BY study_direction_id");
      q.bind(ids[i]);
      while (q.row()) all[i].directions.push_back(optuna::direction_of(q.text(0)));
    }
    return all;
  }

  static int64_t find(Database& db, const std::string& name) {  // -1: there is none
    Query q = db.query("SELECT study_id FROM studies WHERE study_name=?");
    return q.bind(std::string_view(name)).row() ? q.integer(0) : -1;
  }

  static int64_t make(Database& db, const std::string& name,
                      const std::vector<Direction>& directions,
                      const std::vector<Attribute>& attributes) {
    Transaction transaction(db);
    if (const int64_t id = find(db, name); id >= 0) return id;  // another process was faster
    db.query("INSERT INTO studies(study_name) VALUES(?)").bind(std::string_view(name)).run();
    const int64_t id = db.last_id();
    for (size_t i = 0; i < directions.size(); ++i) {
      Query q =
          db.query("INSERT INTO study_directions(direction, study_id, objective) VALUES(?, ?, ?)");
      q.bind(std::string_view(optuna::direction_label(directions[i]))).bind(id);
      q.bind(static_cast<int64_t>(i)).run();
    }
    give_identity(db, id);
    for (const Attribute& a : attributes) {
      Query q =
          db.query(a.system ? "INSERT INTO study_system_attributes(study_id, \"key\", value_json) "
                              "VALUES(?, ?, ?)"
                            : "INSERT INTO study_user_attributes(study_id, \"key\", value_json) "
                              "VALUES(?, ?, ?)");
      q.bind(id).bind(std::string_view(*a.name)).bind(std::string_view(*a.json)).run();
    }
    transaction.commit();
    return id;
  }

  std::string path_;
  SqliteOptions options_;
  std::mutex mutex_;
};

}  // namespace

std::shared_ptr<Storage> sqlite_storage(const std::string& path, SqliteOptions options) {
  return std::make_shared<SqliteStorage>(path, options);
}

}  // namespace attune::tune
