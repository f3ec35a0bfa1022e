#include "attune/tune/storages/internal/optuna_schema.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "attune/base/error.h"

namespace attune::tune::optuna {
namespace {

constexpr std::string_view kOlderRevisions[] = {"v0.9.0.a", "v1.2.0.a", "v1.3.0.a",
                                                "v2.4.0.a", "v2.6.0.a", "v3.0.0.a",
                                                "v3.0.0.b", "v3.0.0.c", "v3.0.0.d"};

// The layout of Optuna 5.0.0, as its storage gives it.
constexpr const char* kTables = R"(
CREATE TABLE {if_new} studies (study_id {id}, study_name VARCHAR(512) NOT NULL, PRIMARY KEY
  (study_id));
CREATE UNIQUE INDEX {if_new} ix_studies_study_name ON studies (study_name);
CREATE TABLE {if_new} version_info (version_info_id INTEGER NOT NULL, schema_version INTEGER,
  library_version VARCHAR(256), PRIMARY KEY (version_info_id), CHECK (version_info_id=1));
CREATE TABLE {if_new} study_directions (study_direction_id {id}, direction {direction} NOT NULL,
  study_id INTEGER NOT NULL, objective INTEGER NOT NULL, PRIMARY KEY (study_direction_id),
  UNIQUE (study_id, objective), FOREIGN KEY(study_id) REFERENCES studies (study_id));
CREATE TABLE {if_new} study_user_attributes (study_user_attribute_id {id}, study_id INTEGER,
  "key" VARCHAR(512), value_json TEXT, PRIMARY KEY (study_user_attribute_id), UNIQUE (study_id,
  "key"), FOREIGN KEY(study_id) REFERENCES studies (study_id));
CREATE TABLE {if_new} study_system_attributes (study_system_attribute_id {id}, study_id INTEGER,
  "key" VARCHAR(512), value_json TEXT, PRIMARY KEY (study_system_attribute_id), UNIQUE
  (study_id, "key"), FOREIGN KEY(study_id) REFERENCES studies (study_id));
CREATE TABLE {if_new} trials (trial_id {id}, number INTEGER, study_id INTEGER, state {state} NOT
  NULL, datetime_start {time}, datetime_complete {time}, PRIMARY KEY (trial_id), FOREIGN
  KEY(study_id) REFERENCES studies (study_id));
CREATE INDEX {if_new} ix_trials_study_id ON trials (study_id);
CREATE TABLE {if_new} trial_user_attributes (trial_user_attribute_id {id}, trial_id INTEGER,
  "key" VARCHAR(512), value_json TEXT, PRIMARY KEY (trial_user_attribute_id), UNIQUE (trial_id,
  "key"), FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE {if_new} trial_system_attributes (trial_system_attribute_id {id}, trial_id INTEGER,
  "key" VARCHAR(512), value_json TEXT, PRIMARY KEY (trial_system_attribute_id), UNIQUE
  (trial_id, "key"), FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE {if_new} trial_params (param_id {id}, trial_id INTEGER, param_name VARCHAR(512),
  param_value {real}, distribution_json TEXT, PRIMARY KEY (param_id), UNIQUE (trial_id,
  param_name), FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE {if_new} trial_values (trial_value_id {id}, trial_id INTEGER NOT NULL, objective
  INTEGER NOT NULL, value {real}, value_type {value_type} NOT NULL, PRIMARY KEY
  (trial_value_id), UNIQUE (trial_id, objective), FOREIGN KEY(trial_id) REFERENCES trials
  (trial_id));
CREATE TABLE {if_new} trial_intermediate_values (trial_intermediate_value_id {id}, trial_id
  INTEGER NOT NULL, step INTEGER NOT NULL, intermediate_value {real}, intermediate_value_type
  {report_type} NOT NULL, PRIMARY KEY (trial_intermediate_value_id), UNIQUE (trial_id, step),
  FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE {if_new} trial_heartbeats (trial_heartbeat_id {id}, trial_id INTEGER NOT NULL,
  heartbeat {time} NOT NULL, PRIMARY KEY (trial_heartbeat_id), UNIQUE (trial_id), FOREIGN
  KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE {if_new} alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT
  alembic_version_pkc PRIMARY KEY (version_num));
INSERT INTO version_info (version_info_id, schema_version, library_version) SELECT 1, 12,
  '5.0.0' WHERE NOT EXISTS (SELECT 1 FROM version_info);
INSERT INTO alembic_version (version_num) SELECT 'v3.2.0.a' WHERE NOT EXISTS (SELECT 1 FROM
  alembic_version);
)";

constexpr const char* kTypes = R"(
CREATE TYPE studydirection AS ENUM ('NOT_SET', 'MINIMIZE', 'MAXIMIZE');
CREATE TYPE trialstate AS ENUM ('RUNNING', 'COMPLETE', 'PRUNED', 'FAIL', 'WAITING');
CREATE TYPE trialvaluetype AS ENUM ('FINITE', 'INF_POS', 'INF_NEG');
CREATE TYPE trialintermediatevaluetype AS ENUM ('FINITE', 'INF_POS', 'INF_NEG', 'NAN');
)";

constexpr const char* kRows = R"(
SELECT study_id, kind, trial_id, item, phase, at, sort FROM (
  SELECT study_id, 8 AS kind, {no_integer} AS trial_id, study_user_attribute_id AS item, 0 AS phase,
    '' AS at, 0 AS sort FROM study_user_attributes
  UNION ALL SELECT study_id, 9, {no_integer}, study_system_attribute_id, 0, '', 0
    FROM study_system_attributes
  UNION ALL SELECT study_id, 1, trial_id, {no_integer}, 1, '', trial_id FROM trials
  UNION ALL SELECT study_id, 2, trial_id, {no_integer}, 1, '', trial_id FROM trials WHERE state<>'WAITING'
  UNION ALL SELECT t.study_id, 4, p.trial_id, param_id, 1, '', p.trial_id
    FROM trial_params p JOIN trials t ON t.trial_id=p.trial_id
  UNION ALL SELECT t.study_id, 5, r.trial_id, trial_intermediate_value_id, 1, '', r.trial_id
    FROM trial_intermediate_values r JOIN trials t ON t.trial_id=r.trial_id
  UNION ALL SELECT t.study_id, 6, a.trial_id, trial_user_attribute_id, 1, '', a.trial_id
    FROM trial_user_attributes a JOIN trials t ON t.trial_id=a.trial_id
  UNION ALL SELECT t.study_id, 7, a.trial_id, trial_system_attribute_id, 1, '', a.trial_id
    FROM trial_system_attributes a JOIN trials t ON t.trial_id=a.trial_id
  UNION ALL SELECT t.study_id, 12, a.trial_id, CAST(value_json AS {long}), 1, '', a.trial_id
    FROM trial_system_attributes a JOIN trials t ON t.trial_id=a.trial_id
    WHERE "key"='attune:paused' AND value_json {like_number} AND state='RUNNING'
  UNION ALL SELECT study_id, 3, trial_id, {no_integer}, 2, coalesce({complete}, ''), trial_id
    FROM trials WHERE state IN ('COMPLETE', 'PRUNED', 'FAIL')))";

constexpr const char *kInsert = "INSERT", *kUpdate = "UPDATE";
constexpr Change kChanges[] = {
    {"created", kInsert, nullptr, "trials", nullptr, Happened::created, nullptr, false, true},
    {"claimed", kUpdate, "state", "trials", "NEW.state='RUNNING'", Happened::claimed, nullptr},
    {"finished", kUpdate, "state", "trials", "NEW.state IN ('COMPLETE', 'PRUNED', 'FAIL')",
     Happened::finished, nullptr},
    {"param", kInsert, nullptr, "trial_params", nullptr, Happened::param, "param_id"},
    {"report", kInsert, nullptr, "trial_intermediate_values", nullptr, Happened::report,
     "trial_intermediate_value_id"},
    {"report_change", kUpdate, nullptr, "trial_intermediate_values", nullptr, Happened::report,
     "trial_intermediate_value_id"},
    {"user_new", kInsert, nullptr, "trial_user_attributes", nullptr, Happened::user_attribute,
     "trial_user_attribute_id"},
    {"user_change", kUpdate, nullptr, "trial_user_attributes", nullptr, Happened::user_attribute,
     "trial_user_attribute_id"},
    {"system_new", kInsert, nullptr, "trial_system_attributes", nullptr, Happened::system_attribute,
     "trial_system_attribute_id"},
    {"system_change", kUpdate, nullptr, "trial_system_attributes", nullptr,
     Happened::system_attribute, "trial_system_attribute_id"},
    {"study_user_new", kInsert, nullptr, "study_user_attributes", nullptr,
     Happened::study_user_attribute, "study_user_attribute_id", true},
    {"study_user_change", kUpdate, nullptr, "study_user_attributes", nullptr,
     Happened::study_user_attribute, "study_user_attribute_id", true},
    {"study_system_new", kInsert, nullptr, "study_system_attributes", nullptr,
     Happened::study_system_attribute, "study_system_attribute_id", true},
    {"study_system_change", kUpdate, nullptr, "study_system_attributes", nullptr,
     Happened::study_system_attribute, "study_system_attribute_id", true},
};

}  // namespace

void check_revision(std::string_view found, std::string_view storage, std::string_view url) {
  if (found == kRevision) return;
  const auto* end = std::end(kOlderRevisions);
  if (std::find(std::begin(kOlderRevisions), end, found) != end) {
    throw StorageError(fmt::format(
        "storage '{}': made by an older Optuna (schema {}); upgrade it with: optuna storage "
        "upgrade --storage {}",
        storage, found, url));
  }
  throw StorageError(fmt::format(
      "storage '{}': its schema {} is newer than what this attune knows ({}); use a newer attune",
      storage, found, kRevision));
}

// SQLite may find tables that an interrupted program has made; in PostgreSQL all are made at once.
std::string tables(Dialect dialect) {
  const bool sqlite = dialect == Dialect::sqlite;
  const auto either = [&](const char* a, const char* b) { return sqlite ? a : b; };
  std::string text =
      fmt::format(fmt::runtime(kTables), fmt::arg("if_new", either("IF NOT EXISTS", "")),
                  fmt::arg("id", either("INTEGER NOT NULL", "SERIAL NOT NULL")),
                  fmt::arg("direction", either("VARCHAR(8)", "studydirection")),
                  fmt::arg("state", either("VARCHAR(8)", "trialstate")),
                  fmt::arg("value_type", either("VARCHAR(7)", "trialvaluetype")),
                  fmt::arg("report_type", either("VARCHAR(7)", "trialintermediatevaluetype")),
                  fmt::arg("time", either("DATETIME", "TIMESTAMP WITHOUT TIME ZONE")),
                  fmt::arg("real", either("FLOAT", "DOUBLE PRECISION")));
  return sqlite ? text : kTypes + text;
}

std::span<const Change> changes() { return kChanges; }

std::string listing(Dialect dialect) {
  const bool sqlite = dialect == Dialect::sqlite;
  const auto either = [&](const char* a, const char* b) { return sqlite ? a : b; };
  return fmt::format(
      fmt::runtime(kRows), fmt::arg("long", either("INTEGER", "BIGINT")),
      fmt::arg("like_number", either("GLOB '[-0-9]*'", "~ '^-?[0-9]+$'")),
      fmt::arg("complete", either("datetime_complete",
                                  "to_char(datetime_complete, 'YYYY-MM-DD HH24:MI:SS.US')")),
      fmt::arg("no_integer", either("NULL", "CAST(NULL AS INTEGER)")));
}

}  // namespace attune::tune::optuna
