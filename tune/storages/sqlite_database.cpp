#include "attune/tune/storages/internal/sqlite_database.h"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <string_view>
#include <thread>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/storages/internal/beside.h"

namespace attune::tune {
namespace {

constexpr auto kLongestWait = std::chrono::minutes(1);
constexpr auto kWaitWhenStopped = std::chrono::milliseconds(500);
constexpr auto kWaitToTell = std::chrono::milliseconds(10'000);  // how a trial ended

int64_t size_of(const std::string& path) {  // -1: there is no such file
  struct stat file {};
  return stat(path.c_str(), &file) == 0 ? int64_t{file.st_size} : -1;
}

// In nanoseconds since 1970.
int64_t modified(const std::string& path) {
  struct stat file {};
  if (stat(path.c_str(), &file) != 0) return 0;
  return file.st_mtim.tv_sec * 1'000'000'000 + file.st_mtim.tv_nsec;
}

// A file in write-ahead mode that nobody has open, as its empty log tells. The file is read through
// SQLite: were it opened and closed here, all locks that other connections of this process have on
// it would be gone (POSIX), and with them what they commit.
bool rests(sqlite3* db, const std::string& path) {
  sqlite3_file* file = nullptr;
  char header[20] = {};
  if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK) return false;
  if (!file || !file->pMethods) return false;
  if (file->pMethods->xRead(file, header, sizeof(header), 0) != SQLITE_OK) return false;
  return header[18] == 2 && size_of(path + "-wal") <= 0;
}

// The empty host of file:///… is there for paths that begin with two slashes: what follows them
// would be a host.
std::string uri_of(const std::string& path, bool immutable) {
  std::string uri = path.starts_with('/') ? "file://" : "file:";
  for (const char c : path) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) || c == '/' || c == '.' || c == '-' || c == '_';
    uri += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return immutable ? uri + "?immutable=1" : uri;
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

Database::Database(const std::string& path, Open how) : path_(path), how_(how) {
  std::error_code error;
  if (how != Open::create && !std::filesystem::exists(path, error)) {
    throw StorageError(fmt::format("storage '{}': there is no such file", path));
  }
  check_folder(path);
  // SQLite would make the log's files anew beside a file at rest, and they would be this user's; so
  // it is told that the file does not change, and undisturbed() tells whether that was true.
  const bool looks = how == Open::look;
  if (looks) {
    seen_ = modified(path);
    open(uri_of(path, true), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
    immutable_ = rests(db_.get(), path);
    if (!immutable_) open(uri_of(path, false), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
  } else {
    open(path, SQLITE_OPEN_READWRITE | (how == Open::create ? SQLITE_OPEN_CREATE : 0));
  }
  sqlite3_busy_handler(db_.get(), wait_for_lock, this);
  sqlite3_extended_result_codes(db_.get(), 1);
  if (looks) {
    execute("PRAGMA temp_store=MEMORY");
    return;
  }
  execute("PRAGMA foreign_keys=ON");
  Query mode = query("PRAGMA journal_mode");
  has_log_ = mode.row() && mode.text(0) == "wal";
  execute("PRAGMA synchronous=FULL");  // the build's default may be less
  struct stat file {};
  if (stat(path.c_str(), &file) == 0) device_ = file.st_dev, inode_ = file.st_ino;
}

void Database::open(const std::string& name, int flags) {
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &db, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  db_.reset(db);
  if (code != SQLITE_OK) fail();
}

bool Database::undisturbed() const {
  return !immutable_ || (modified(path_) == seen_ && rests(db_.get(), path_));
}

void Database::check_file() const {
  struct stat file {};
  if (stat(path_.c_str(), &file) == 0 && file.st_dev == device_ && file.st_ino == inode_) return;
  throw StorageError(
      fmt::format("storage '{}': the file has been deleted, moved or replaced while the study was "
                  "open; what is "
                  "told now would be lost",
                  path_));
}

// Called by SQLite while another connection holds a lock; 0: give up.
int Database::wait_for_lock(void* self, int tries) {
  auto& db = *static_cast<Database*>(self);
  const auto now = std::chrono::steady_clock::now();
  if (tries == 0) db.waiting_since_ = now;
  const auto waited = now - db.waiting_since_;
  if (waited > kLongestWait) return 0;
  const auto enough = db.patient_ ? kWaitToTell : kWaitWhenStopped;
  if (waited > enough && db.give_up_ && db.give_up_()) return 0;
  if (db.hurry_.over()) return 0;
  std::this_thread::sleep_for(std::chrono::milliseconds(std::min(tries + 1, 20)));
  db.hurry_.add(std::chrono::steady_clock::now() - now);
  return 1;
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

// SQLite does not wait for other connections when it changes the mode.
void Database::use_write_ahead_log() {
  if (on_network(path_)) return;
  for (int tries = 0;; ++tries) {
    const int code =
        sqlite3_exec(db_.get(), "PRAGMA journal_mode=WAL", nullptr, nullptr, nullptr) & 0xFF;
    if (code == SQLITE_OK) break;
    if (code != SQLITE_BUSY && code != SQLITE_LOCKED) fail();
    if (!wait_for_lock(this, tries)) fail();
  }
  has_log_ = true;
}

bool Database::has_table(const char* name) {
  Query q = query("SELECT 1 FROM sqlite_master WHERE type='table' AND name=?");
  return q.bind(std::string_view(name)).row();
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
    case SQLITE_CANTOPEN:
      what = errno == EMFILE || errno == ENFILE ? "it cannot be opened: too many files are open"
                                                : "it cannot be opened: is its folder writable?";
      break;
    case SQLITE_PERM: what = "no permission"; break;
    case SQLITE_NOTADB: what = "it is not a SQLite database"; break;
    case SQLITE_CORRUPT: what = "the database is damaged"; break;
    case SQLITE_BUSY:
      what = (give_up_ && give_up_()) || hurry_.holds()
                 ? "stopped while another program held its lock"
                 : "another program has kept it locked for a minute";
      break;
    case SQLITE_IOERR: what = "reading or writing failed"; break;
    case SQLITE_NOMEM: throw OutOfMemory(fmt::format("storage '{}': out of memory", path_));
    default: break;
  }
  throw StorageError(fmt::format("storage '{}': {} ({})", path_, what, detail));
}

Transaction::Transaction(Database& db, Kind kind) : db_(db) {
  if (kind != Kind::read) db_.set_durable(kind == Kind::write);
  db_.patient_ = kind == Kind::write;
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

}  // namespace attune::tune
