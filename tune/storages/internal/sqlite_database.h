#pragma once
// A connection to a SQLite file, with statements and transactions that clean up after themselves,
// and SQLite's errors in words.

#include <sqlite3.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "attune/base/error.h"
#include "attune/tune/storages/internal/hurry.h"

namespace attune::tune {

class Database;

// A prepared statement in use. Reset when it goes: an unfinished SELECT would keep writers out.
class Query {
 public:
  Query(Database& db, sqlite3_stmt* statement) : db_(db), statement_(statement) {}
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query();

  Query& bind(int64_t value);
  Query& bind(double value);  // infinities and NaN are told by the type column: bind nothing then
  Query& bind(std::string_view text);
  Query& bind_null();

  bool row();            // false: there are no more
  void run() { row(); }  // for statements that give no rows

  bool null(int column) const;
  int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;

 private:
  Database& db_;
  sqlite3_stmt* statement_;
  int bound_ = 0;
};

// Not safe for several threads at once.
class Database {
 public:
  // look: nothing is written, neither the file nor anything beside it.
  enum class Open : uint8_t { create, write, look };
  Database(const std::string& path, Open how);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // The statement is prepared on first use and kept; one Query of it at a time.
  Query query(const char* sql);
  void execute(const char* sql);

  // For looking: what has been read so far was of one moment. False: somebody began to write; read
  // again through a new connection.
  bool undisturbed() const;
  // StorageError when the file at the path is no longer the one that is open.
  void check_file() const;
  // Ends the wait for another connection's lock; without it, a minute does.
  void give_up_when(std::function<bool()> condition) { give_up_ = std::move(condition); }
  // As in StudyLog.
  void hurry_when(std::function<bool()> condition) { hurry_.when(std::move(condition)); }
  bool has_table(const char* name);

  int64_t changes() const { return sqlite3_changes64(db_.get()); }
  int64_t last_id() const { return sqlite3_last_insert_rowid(db_.get()); }
  bool for_looking() const { return how_ == Open::look; }
  // Commits reach the disk before they return; or, in a file with a write-ahead log, with the next
  // that does: a power cut may lose such, but nothing breaks. Not inside a transaction.
  void set_durable(bool durable);
  void use_write_ahead_log();  // unless the file is on a network, where that does not work
  int64_t data_version();      // another number when another connection has written
  const std::string& path() const { return path_; }

  [[noreturn]] void fail();  // StorageError for the last error

 private:
  friend class Transaction;
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  void open(const std::string& name, int flags);
  static int wait_for_lock(void* self, int tries);

  std::string path_;
  Open how_;
  bool immutable_ = false;
  int64_t seen_ = 0;  // when the file was modified last, of an immutable one
  std::unique_ptr<sqlite3, Close> db_;
  bool has_log_ = false, durable_ = true;
  bool patient_ = false;  // what waits is how a trial ended
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::function<bool()> give_up_;
  Hurry hurry_;
  std::chrono::steady_clock::time_point waiting_since_;
  std::unordered_map<const char*, std::unique_ptr<sqlite3_stmt, Close>> statements_;
};

// What `f(database)` reads of a file that is only looked at. It is read again, through a new
// connection, as long as somebody wrote in between: what was read then may be of two moments, and
// look damaged.
template <typename F>
auto look_at(const std::string& path, F&& f) {
  constexpr int kMostTries = 100;
  for (int tries = 1;; ++tries) {
    Database db(path, Database::Open::look);
    try {
      auto result = f(db);
      if (db.undisturbed() || tries == kMostTries) return result;
    } catch (const StorageError&) {
      if (db.undisturbed() || tries == kMostTries) throw;
    }
  }
}

// Writing: takes the file's lock at once. Reading: one consistent picture. Undone unless committed.
class Transaction {
 public:
  // relaxed: see Database::set_durable
  enum class Kind : uint8_t { write, relaxed_write, read };
  explicit Transaction(Database& db, Kind kind = Kind::write);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Database& db_;
  bool open_ = true;
};

}  // namespace attune::tune
