#include "attune/tune/storages/internal/sqlite_schema.h"

#include <algorithm>
#include <random>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "attune/base/error.h"

namespace attune::tune {
namespace {

using optuna::Change;

constexpr const char* kIdentity = "attune:id";

// Optuna takes and finishes trials by an unconditional UPDATE; on an abort it goes on to the next
// trial.
constexpr const char* kGuard = R"(
CREATE TRIGGER IF NOT EXISTS attune_guard_trial_state BEFORE UPDATE OF state ON trials FOR EACH ROW
WHEN OLD.state IN ('COMPLETE','PRUNED','FAIL') OR (OLD.state='RUNNING' AND NEW.state='RUNNING')
BEGIN SELECT RAISE(ABORT, 'trial state already changed by another worker'); END;
)";

std::string revision(Database& db) {
  if (!db.has_table("alembic_version")) return "";
  Query q = db.query("SELECT version_num FROM alembic_version");
  return q.row() ? q.text(0) : "";
}

void check_revision(Database& db, const std::string& found) {
  optuna::check_revision(found, db.path(), "sqlite:///" + db.path());
}

// Optuna's tables do not tell the order in which trials ended, and an attribute that changes leaves
// no trace; so each change of a row is listed here. Optuna leaves tables alone that are not its
// own, and fires the triggers like everybody else.
constexpr const char* kEvents = R"(
CREATE TABLE IF NOT EXISTS attune_events (study_id INTEGER NOT NULL, seq INTEGER NOT NULL,
  kind INTEGER NOT NULL, trial_id INTEGER, item INTEGER, PRIMARY KEY (study_id, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS attune_reports (trial_id INTEGER NOT NULL, step INTEGER NOT NULL,
  objective INTEGER NOT NULL, value FLOAT, value_type VARCHAR(7) NOT NULL,
  PRIMARY KEY (trial_id, step, objective)) WITHOUT ROWID;
)";

std::string row_of(const Change& c, Happened kind, const char* where) {
  const std::string study = c.of_study || c.may_run || std::string_view(c.table) == "trials"
                                ? "NEW.study_id"
                                : "(SELECT study_id FROM trials WHERE trial_id=NEW.trial_id)";
  return fmt::format(
      "INSERT INTO attune_events SELECT {0}, 1 + coalesce((SELECT max(seq) FROM attune_events "
      "WHERE study_id={0}), 0), {1}, {2}, {3} {4}; ",
      study, static_cast<int64_t>(kind), c.of_study ? "NULL" : "NEW.trial_id",
      c.item ? fmt::format("NEW.{}", c.item) : "NULL", where);
}

// One trigger for all that a change says: SQLite does not promise the order of several.
std::string text_of(const Change& c) {
  return fmt::format(
      "CREATE TRIGGER IF NOT EXISTS attune_events_{} AFTER {}{} ON {}{} BEGIN {}{} END;", c.name,
      c.action, c.column ? fmt::format(" OF {}", c.column) : "", c.table,
      c.when ? fmt::format(" WHEN {}", c.when) : "", row_of(c, c.kind, ""),
      c.may_run ? row_of(c, Happened::claimed, "WHERE NEW.state='RUNNING'") : "");
}

// A study's number is given again once it has been deleted.
constexpr const char* kForget = R"(
CREATE TRIGGER IF NOT EXISTS attune_events_study_deleted AFTER DELETE ON studies
BEGIN DELETE FROM attune_events WHERE study_id=OLD.study_id; END;
CREATE TRIGGER IF NOT EXISTS attune_events_trial_deleted AFTER DELETE ON trials
BEGIN DELETE FROM attune_reports WHERE trial_id=OLD.trial_id; END;
)";
int64_t all_triggers() { return static_cast<int64_t>(optuna::changes().size()) + 2; }

// Adds what the rows say and the list does not.
void list_rows(Database& db) {
  db.execute(
      fmt::format("INSERT INTO attune_events SELECT study_id, first + row_number() OVER (PARTITION "
                  "BY study_id ORDER BY phase, at, sort, kind, item), kind, trial_id, item FROM "
                  "(SELECT r.*, coalesce((SELECT max(seq) FROM attune_events e WHERE "
                  "e.study_id=r.study_id), 0) AS first FROM ({}) r WHERE (kind, coalesce(trial_id, "
                  "-1), coalesce(item, -1)) NOT IN (SELECT kind, coalesce(trial_id, -1), "
                  "coalesce(item, -1) FROM attune_events))",
                  optuna::listing(optuna::Dialect::sqlite))
          .c_str());
}

}  // namespace

bool has_studies(Database& db) {
  const std::string found = revision(db);
  if (found.empty()) return false;
  check_revision(db, found);
  return true;
}

std::string identity_of(Database& db, int64_t study) {
  Query q =
      db.query("SELECT value_json FROM study_system_attributes WHERE study_id=? AND \"key\"=?");
  return q.bind(study).bind(std::string_view(kIdentity)).row() ? q.text(0) : "";
}

void give_identity(Database& db, int64_t study) {
  std::random_device source;
  const std::string text = fmt::format("\"{:08x}{:08x}\"", source(), source());
  Query q = db.query(
      "INSERT OR IGNORE INTO study_system_attributes(study_id, \"key\", value_json) VALUES(?, ?, "
      "?)");
  q.bind(study).bind(std::string_view(kIdentity)).bind(std::string_view(text)).run();
}

void make_schema(Database& db, const SqliteOptions& options) {
  if (has_studies(db)) return;
  if (options.write_ahead_log && !db.has_table("studies")) db.use_write_ahead_log();
  Transaction transaction(db);
  if (!has_studies(db)) {  // else another process was faster
    const bool fresh = !db.has_table("studies");
    db.execute(optuna::tables(optuna::Dialect::sqlite).c_str());
    if (options.guard && fresh) db.execute(kGuard);
    check_revision(db, revision(db));
  }
  transaction.commit();
}

void make_events(Database& db) {
  const auto complete = [&db] {
    Query q = db.query(
        "SELECT count(*) FROM sqlite_master WHERE type='trigger' AND name LIKE "
        "'attune\\_events\\_%' "
        "ESCAPE '\\'");
    return q.row() && q.integer(0) == all_triggers();
  };
  if (complete()) return;
  Transaction transaction(db);
  if (complete()) return;
  db.execute(kEvents);
  for (const Change& change : optuna::changes()) db.execute(text_of(change).c_str());
  db.execute(kForget);
  list_rows(db);
  transaction.commit();
}

bool make_temporary_events(Database& db) {
  if (db.has_table("attune_events")) return false;
  db.execute(
      "CREATE TEMP TABLE attune_events (study_id, seq, kind, trial_id, item, PRIMARY KEY "
      "(study_id, "
      "seq)) WITHOUT ROWID; "
      "CREATE TEMP TABLE attune_reports (trial_id, step, objective, value, value_type)");
  list_rows(db);
  return true;
}

void remake_temporary_events(Database& db) {
  db.execute("DELETE FROM temp.attune_events");
  list_rows(db);
}

}  // namespace attune::tune
