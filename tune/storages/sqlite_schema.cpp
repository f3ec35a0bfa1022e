#include "attune/tune/storages/internal/sqlite_schema.h"

#include <algorithm>
#include <random>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "attune/base/error.h"

namespace attune::tune {
namespace {

constexpr const char* kIdentity = "attune:id";
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

std::string revision(Database& db) {
  if (!db.has_table("alembic_version")) return "";
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

struct Trigger {
  const char *name, *when;
  Happened kind;
  const char *trial, *item, *study;
  bool may_run = false;  // a trial that is made may be running already
};
constexpr const char* kOfTrial = "(SELECT study_id FROM trials WHERE trial_id=NEW.trial_id)";
constexpr Trigger kTriggers[] = {
    {"created", "INSERT ON trials", Happened::created, "NEW.trial_id", "NULL", "NEW.study_id",
     true},
    {"claimed", "UPDATE OF state ON trials WHEN NEW.state='RUNNING'", Happened::claimed,
     "NEW.trial_id", "NULL", "NEW.study_id"},
    {"finished", "UPDATE OF state ON trials WHEN NEW.state IN ('COMPLETE', 'PRUNED', 'FAIL')",
     Happened::finished, "NEW.trial_id", "NULL", "NEW.study_id"},
    {"param", "INSERT ON trial_params", Happened::param, "NEW.trial_id", "NEW.param_id", kOfTrial},
    {"report", "INSERT ON trial_intermediate_values", Happened::report, "NEW.trial_id",
     "NEW.trial_intermediate_value_id", kOfTrial},
    {"report_change", "UPDATE ON trial_intermediate_values", Happened::report, "NEW.trial_id",
     "NEW.trial_intermediate_value_id", kOfTrial},
    {"user_new", "INSERT ON trial_user_attributes", Happened::user_attribute, "NEW.trial_id",
     "NEW.trial_user_attribute_id", kOfTrial},
    {"user_change", "UPDATE ON trial_user_attributes", Happened::user_attribute, "NEW.trial_id",
     "NEW.trial_user_attribute_id", kOfTrial},
    {"system_new", "INSERT ON trial_system_attributes", Happened::system_attribute, "NEW.trial_id",
     "NEW.trial_system_attribute_id", kOfTrial},
    {"system_change", "UPDATE ON trial_system_attributes", Happened::system_attribute,
     "NEW.trial_id", "NEW.trial_system_attribute_id", kOfTrial},
    {"study_user_new", "INSERT ON study_user_attributes", Happened::study_user_attribute, "NULL",
     "NEW.study_user_attribute_id", "NEW.study_id"},
    {"study_user_change", "UPDATE ON study_user_attributes", Happened::study_user_attribute, "NULL",
     "NEW.study_user_attribute_id", "NEW.study_id"},
    {"study_system_new", "INSERT ON study_system_attributes", Happened::study_system_attribute,
     "NULL", "NEW.study_system_attribute_id", "NEW.study_id"},
    {"study_system_change", "UPDATE ON study_system_attributes", Happened::study_system_attribute,
     "NULL", "NEW.study_system_attribute_id", "NEW.study_id"},
};

std::string row_of(const Trigger& t, Happened kind, const char* where) {
  return fmt::format(
      "INSERT INTO attune_events SELECT {0}, 1 + coalesce((SELECT max(seq) FROM attune_events "
      "WHERE "
      "study_id={0}), 0), {1}, {2}, {3} {4}; ",
      t.study, static_cast<int64_t>(kind), t.trial, t.item, where);
}

// One trigger for all that a change says: SQLite does not promise the order of several.
std::string text_of(const Trigger& t) {
  return fmt::format("CREATE TRIGGER IF NOT EXISTS attune_events_{} AFTER {} BEGIN {}{} END;",
                     t.name, t.when, row_of(t, t.kind, ""),
                     t.may_run ? row_of(t, Happened::claimed, "WHERE NEW.state='RUNNING'") : "");
}

// A study's number is given again once it has been deleted.
constexpr const char* kForget = R"(
CREATE TRIGGER IF NOT EXISTS attune_events_study_deleted AFTER DELETE ON studies
BEGIN DELETE FROM attune_events WHERE study_id=OLD.study_id; END;
CREATE TRIGGER IF NOT EXISTS attune_events_trial_deleted AFTER DELETE ON trials
BEGIN DELETE FROM attune_reports WHERE trial_id=OLD.trial_id; END;
)";
constexpr int64_t kAllTriggers = std::size(kTriggers) + 2;

// What all rows say: trials with what belongs to them by number, then their ends as they completed.
constexpr const char* kFromRows = R"(
SELECT study_id, kind, trial_id, item, phase, at, sort FROM (
  SELECT study_id, 8 AS kind, NULL AS trial_id, study_user_attribute_id AS item, 0 AS phase,
    '' AS at, 0 AS sort FROM study_user_attributes
  UNION ALL SELECT study_id, 9, NULL, study_system_attribute_id, 0, '', 0
    FROM study_system_attributes
  UNION ALL SELECT study_id, 1, trial_id, NULL, 1, '', trial_id FROM trials
  UNION ALL SELECT study_id, 2, trial_id, NULL, 1, '', trial_id FROM trials WHERE state<>'WAITING'
  UNION ALL SELECT t.study_id, 4, p.trial_id, param_id, 1, '', p.trial_id
    FROM trial_params p JOIN trials t ON t.trial_id=p.trial_id
  UNION ALL SELECT t.study_id, 5, r.trial_id, trial_intermediate_value_id, 1, '', r.trial_id
    FROM trial_intermediate_values r JOIN trials t ON t.trial_id=r.trial_id
  UNION ALL SELECT t.study_id, 6, a.trial_id, trial_user_attribute_id, 1, '', a.trial_id
    FROM trial_user_attributes a JOIN trials t ON t.trial_id=a.trial_id
  UNION ALL SELECT t.study_id, 7, a.trial_id, trial_system_attribute_id, 1, '', a.trial_id
    FROM trial_system_attributes a JOIN trials t ON t.trial_id=a.trial_id
  UNION ALL SELECT t.study_id, 12, a.trial_id, CAST(value_json AS INTEGER), 1, '', a.trial_id
    FROM trial_system_attributes a JOIN trials t ON t.trial_id=a.trial_id
    WHERE "key"='attune:paused' AND value_json GLOB '[-0-9]*' AND state='RUNNING'
  UNION ALL SELECT study_id, 3, trial_id, NULL, 2, coalesce(datetime_complete, ''), trial_id
    FROM trials WHERE state IN ('COMPLETE', 'PRUNED', 'FAIL')))";

// Adds what the rows say and the list does not.
void list_rows(Database& db) {
  db.execute(
      fmt::format("INSERT INTO attune_events SELECT study_id, first + row_number() OVER (PARTITION "
                  "BY study_id ORDER BY phase, at, sort, kind, item), kind, trial_id, item FROM "
                  "(SELECT r.*, coalesce((SELECT max(seq) FROM attune_events e WHERE "
                  "e.study_id=r.study_id), 0) AS first FROM ({}) r WHERE (kind, coalesce(trial_id, "
                  "-1), coalesce(item, -1)) NOT IN (SELECT kind, coalesce(trial_id, -1), "
                  "coalesce(item, -1) FROM attune_events))",
                  kFromRows)
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
    db.execute(kTables);
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
    return q.row() && q.integer(0) == kAllTriggers;
  };
  if (complete()) return;
  Transaction transaction(db);
  if (complete()) return;
  db.execute(kEvents);
  for (const Trigger& trigger : kTriggers) db.execute(text_of(trigger).c_str());
  db.execute(kForget);
  list_rows(db);
  transaction.commit();
}

std::string checkpoint_folder(const std::string& path, int64_t study_id) {
  const std::string all = path + ".checkpoints";
  return study_id < 0 ? all : fmt::format("{}/study-{}", all, study_id);
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
