#pragma once
// A connection to a SQLite file, with statements and transactions that clean up after themselves,
// and SQLite's errors in words.

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "attune/tune/storage.h"

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
  Database(const std::string& path, bool create);

  // The statement is prepared on first use and kept; one Query of it at a time.
  Query query(const char* sql);
  void execute(const char* sql);

  int64_t changes() const { return sqlite3_changes64(db_.get()); }
  int64_t last_id() const { return sqlite3_last_insert_rowid(db_.get()); }
  bool read_only() const { return sqlite3_db_readonly(db_.get(), "main") == 1; }
  // Commits reach the disk before they return; or, in a file with a write-ahead log, with the next
  // that does: a power cut may lose such, but nothing breaks. Not inside a transaction.
  void set_durable(bool durable);
  void use_write_ahead_log();  // unless the file is on a network, where that does not work
  int64_t data_version();      // another number when another connection has written
  const std::string& path() const { return path_; }

  [[noreturn]] void fail();  // StorageError for the last error

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::string path_;
  std::unique_ptr<sqlite3, Close> db_;
  bool has_log_ = false, durable_ = true;
  std::unordered_map<const char*, std::unique_ptr<sqlite3_stmt, Close>> statements_;
};

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

// Optuna's tables, made where missing; with what the options say for new files, if it had none of
// them. StorageError when the file is of an older or newer Optuna.
void prepare_schema(Database& db, const SqliteOptions& options);

}  // namespace attune::tune
