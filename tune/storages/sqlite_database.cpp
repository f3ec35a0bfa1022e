#include "attune/tune/storages/internal/sqlite_database.h"

#include <sys/vfs.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string_view>

#include <fmt/format.h>

#include "attune/tensor/error.h"

namespace attune::tune {
namespace {

constexpr int kBusyMilliseconds = 60'000;
constexpr const char* kRevision = "v3.2.0.a";
constexpr std::string_view kOlderRevisions[] = {"v0.9.0.a", "v1.2.0.a", "v1.3.0.a",
                                                "v2.4.0.a", "v2.6.0.a", "v3.0.0.a",
                                                "v3.0.0.b", "v3.0.0.c", "v3.0.0.d"};

// The layout of Optuna 5.0.0, as its storage gives it.
constexpr const char* kTables = R"(
CREATE TABLE IF NOT EXISTS studies (study_id INTEGER NOT NULL, study_name VARCHAR(512) NOT NULL,
  PRIMARY KEY (study_id));
CREATE UNIQUE INDEX IF NOT EXISTS ix_studies_study_name ON studies (study_name);
CREATE TABLE IF NOT EXISTS version_info (version_info_id INTEGER NOT NULL, schema_version INTEGER,
  library_version VARCHAR(256), PRIMARY KEY (version_info_id), CHECK (version_info_id=1));
CREATE TABLE IF NOT EXISTS study_directions (study_direction_id INTEGER NOT NULL,
  direction VARCHAR(8) NOT NULL, study_id INTEGER NOT NULL, objective INTEGER NOT NULL,
  PRIMARY KEY (study_direction_id), UNIQUE (study_id, objective),
  FOREIGN KEY(study_id) REFERENCES studies (study_id));
CREATE TABLE IF NOT EXISTS study_user_attributes (study_user_attribute_id INTEGER NOT NULL,
  study_id INTEGER, "key" VARCHAR(512), value_json TEXT, PRIMARY KEY (study_user_attribute_id),
  UNIQUE (study_id, "key"), FOREIGN KEY(study_id) REFERENCES studies (study_id));
CREATE TABLE IF NOT EXISTS study_system_attributes (study_system_attribute_id INTEGER NOT NULL,
  study_id INTEGER, "key" VARCHAR(512), value_json TEXT, PRIMARY KEY (study_system_attribute_id),
  UNIQUE (study_id, "key"), FOREIGN KEY(study_id) REFERENCES studies (study_id));
CREATE TABLE IF NOT EXISTS trials (trial_id INTEGER NOT NULL, number INTEGER, study_id INTEGER,
  state VARCHAR(8) NOT NULL, datetime_start DATETIME, datetime_complete DATETIME,
  PRIMARY KEY (trial_id), FOREIGN KEY(study_id) REFERENCES studies (study_id));
CREATE INDEX IF NOT EXISTS ix_trials_study_id ON trials (study_id);
CREATE TABLE IF NOT EXISTS trial_user_attributes (trial_user_attribute_id INTEGER NOT NULL,
  trial_id INTEGER, "key" VARCHAR(512), value_json TEXT, PRIMARY KEY (trial_user_attribute_id),
  UNIQUE (trial_id, "key"), FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE IF NOT EXISTS trial_system_attributes (trial_system_attribute_id INTEGER NOT NULL,
  trial_id INTEGER, "key" VARCHAR(512), value_json TEXT, PRIMARY KEY (trial_system_attribute_id),
  UNIQUE (trial_id, "key"), FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE IF NOT EXISTS trial_params (param_id INTEGER NOT NULL, trial_id INTEGER,
  param_name VARCHAR(512), param_value FLOAT, distribution_json TEXT, PRIMARY KEY (param_id),
  UNIQUE (trial_id, param_name), FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE IF NOT EXISTS trial_values (trial_value_id INTEGER NOT NULL, trial_id INTEGER NOT NULL,
  objective INTEGER NOT NULL, value FLOAT, value_type VARCHAR(7) NOT NULL,
  PRIMARY KEY (trial_value_id), UNIQUE (trial_id, objective),
  FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE IF NOT EXISTS trial_intermediate_values (trial_intermediate_value_id INTEGER NOT NULL,
  trial_id INTEGER NOT NULL, step INTEGER NOT NULL, intermediate_value FLOAT,
  intermediate_value_type VARCHAR(7) NOT NULL, PRIMARY KEY (trial_intermediate_value_id),
  UNIQUE (trial_id, step), FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE IF NOT EXISTS trial_heartbeats (trial_heartbeat_id INTEGER NOT NULL,
  trial_id INTEGER NOT NULL, heartbeat DATETIME NOT NULL, PRIMARY KEY (trial_heartbeat_id),
  UNIQUE (trial_id), FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL,
  CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
INSERT OR IGNORE INTO version_info (version_info_id, schema_version, library_version)
  VALUES (1, 12, '5.0.0');
INSERT INTO alembic_version (version_num) SELECT 'v3.2.0.a'
  WHERE NOT EXISTS (SELECT 1 FROM alembic_version);
)";

// Optuna takes and finishes trials by an unconditional UPDATE; on an abort it goes on to the next
// trial.
constexpr const char* kGuard = R"(
CREATE TRIGGER IF NOT EXISTS attune_guard_trial_state BEFORE UPDATE OF state ON trials FOR EACH ROW
WHEN OLD.state IN ('COMPLETE','PRUNED','FAIL') OR (OLD.state='RUNNING' AND NEW.state='RUNNING')
BEGIN SELECT RAISE(ABORT, 'trial state already changed by another worker'); END;
)";

bool has_table(Database& db, const char* name) {
  Query q = db.query("SELECT 1 FROM sqlite_master WHERE type='table' AND name=?");
  q.bind(std::string_view(name));
  return q.row();
}

std::string revision(Database& db) {
  if (!has_table(db, "alembic_version")) return "";
  Query q = db.query("SELECT version_num FROM alembic_version");
  return q.row() ? q.text(0) : "";
}

void check_revision(Database& db, const std::string& found) {
  if (found == kRevision) return;
  const auto* end = std::end(kOlderRevisions);
  if (std::find(std::begin(kOlderRevisions), end, found) != end) {
    throw StorageError(fmt::format(
        "storage '{}': made by an older Optuna (schema {}); upgrade it with: optuna storage "
        "upgrade --storage sqlite:///{}",
        db.path(), found, db.path()));
  }
  throw StorageError(fmt::format(
      "storage '{}': its schema {} is newer than what this attune knows ({}); use a newer attune",
      db.path(), found, kRevision));
}

}  // namespace

Query::~Query() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Query& Query::bind(int64_t value) {
  if (sqlite3_bind_int64(statement_, ++bound_, value) != SQLITE_OK) db_.fail();
  return *this;
}

Query& Query::bind(double value) {
  const int code = std::isfinite(value) ? sqlite3_bind_double(statement_, ++bound_, value)
                                        : sqlite3_bind_null(statement_, ++bound_);
  if (code != SQLITE_OK) db_.fail();
  return *this;
}

Query& Query::bind(std::string_view text) {
  const char* data = text.empty() ? "" : text.data();
  const int code =
      sqlite3_bind_text64(statement_, ++bound_, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) db_.fail();
  return *this;
}

Query& Query::bind_null() {
  if (sqlite3_bind_null(statement_, ++bound_) != SQLITE_OK) db_.fail();
  return *this;
}

bool Query::row() {
  const int code = sqlite3_step(statement_);
  if (code != SQLITE_ROW && code != SQLITE_DONE) db_.fail();
  return code == SQLITE_ROW;
}

bool Query::null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}
int64_t Query::integer(int column) const { return sqlite3_column_int64(statement_, column); }
double Query::real(int column) const { return sqlite3_column_double(statement_, column); }

std::string Query::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return text ? std::string(text, static_cast<size_t>(sqlite3_column_bytes(statement_, column)))
              : "";
}

Database::Database(const std::string& path, bool create) : path_(path) {
  std::error_code error;
  if (!create && !std::filesystem::exists(path, error)) {
    throw StorageError(fmt::format("storage '{}': there is no such file", path));
  }
  const auto folder = std::filesystem::absolute(path, error).parent_path();
  if (!std::filesystem::is_directory(folder, error)) {
    throw StorageError(fmt::format("storage '{}': there is no folder '{}'", path, folder.string()));
  }
  sqlite3* db = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0) | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  db_.reset(db);
  if (code != SQLITE_OK) fail();
  sqlite3_busy_timeout(db_.get(), kBusyMilliseconds);
  sqlite3_extended_result_codes(db_.get(), 1);
  execute("PRAGMA foreign_keys=ON");
  Query mode = query("PRAGMA journal_mode");
  has_log_ = mode.row() && mode.text(0) == "wal";
  // The build's default may be less.
  execute("PRAGMA synchronous=FULL");
}

Query Database::query(const char* sql) {
  auto& kept = statements_[sql];
  if (!kept) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(db_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) !=
        SQLITE_OK) {
      fail();
    }
    kept.reset(statement);
  }
  return {*this, kept.get()};
}

void Database::execute(const char* sql) {
  if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail();
}

void Database::set_durable(bool durable) {
  if (!has_log_ || durable == durable_) return;
  execute(durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
  durable_ = durable;
}

void Database::use_write_ahead_log() {
  constexpr int64_t kRemote[] = {0x6969, 0x517B, 0xFF534D42, 0xFE534D42,
                                 0x65735546};  // NFS SMB CIFS FUSE
  struct statfs file_system {};
  if (statfs(path_.c_str(), &file_system) != 0) return;
  const auto* end = std::end(kRemote);
  if (std::find(std::begin(kRemote), end, int64_t{file_system.f_type}) != end) return;
  execute("PRAGMA journal_mode=WAL");
}

int64_t Database::data_version() {
  Query q = query("PRAGMA data_version");
  return q.row() ? q.integer(0) : 0;
}

void Database::fail() {
  const int code = db_ ? sqlite3_extended_errcode(db_.get()) : SQLITE_NOMEM;
  const std::string detail = db_ ? sqlite3_errmsg(db_.get()) : "out of memory";
  const char* what = "SQLite failed";
  switch (code & 0xFF) {
    case SQLITE_FULL: what = "the disk is full; what was told before is kept"; break;
    case SQLITE_READONLY: what = "it cannot be written: the file or its folder is read-only"; break;
    case SQLITE_CANTOPEN: what = "it cannot be opened: is its folder writable?"; break;
    case SQLITE_PERM: what = "no permission"; break;
    case SQLITE_NOTADB: what = "it is not a SQLite database"; break;
    case SQLITE_CORRUPT: what = "the database is damaged"; break;
    case SQLITE_BUSY: what = "another program has kept it locked for a minute"; break;
    case SQLITE_IOERR: what = "reading or writing failed"; break;
    case SQLITE_NOMEM: throw OutOfMemory(fmt::format("storage '{}': out of memory", path_));
    default: break;
  }
  throw StorageError(fmt::format("storage '{}': {} ({})", path_, what, detail));
}

Transaction::Transaction(Database& db, Kind kind) : db_(db) {
  if (kind != Kind::read) db_.set_durable(kind == Kind::write);
  db_.execute(kind == Kind::read ? "BEGIN" : "BEGIN IMMEDIATE");
}

void Transaction::commit() {
  db_.execute("COMMIT");
  open_ = false;
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    db_.execute("ROLLBACK");
  } catch (const Error&) {  // SQLite has rolled back by itself
  }
}

void prepare_schema(Database& db, const SqliteOptions& options) {
  std::string found = revision(db);
  if (found.empty()) {
    if (options.write_ahead_log && !has_table(db, "studies")) db.use_write_ahead_log();
    Transaction transaction(db);
    found = revision(db);  // another process may have been faster
    if (found.empty()) {
      const bool fresh = !has_table(db, "studies");
      db.execute(kTables);
      if (options.guard && fresh) db.execute(kGuard);
      found = revision(db);
    }
    transaction.commit();
  }
  check_revision(db, found);
}

}  // namespace attune::tune
