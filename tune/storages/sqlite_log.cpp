// Writing: trials, their rows, and their ends. Reading is in sqlite_read.cpp.

#include "attune/tune/storages/internal/sqlite_log.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/storages/internal/beside.h"
#include "attune/tune/storages/internal/optuna_attributes.h"
#include "attune/tune/storages/internal/optuna_text.h"
#include "attune/tune/storages/internal/worker.h"

namespace attune::tune {
namespace {

const char* value_type(double v) {
  return std::isnan(v) ? "NAN" : std::isinf(v) ? (v > 0 ? "INF_POS" : "INF_NEG") : "FINITE";
}

constexpr double kGraceOfOthers = 600;  // seconds; Optuna's heartbeats may be minutes apart
constexpr size_t kNearby = 16;          // events in which the claim of a new trial is looked for
constexpr double kClocksDiffer = 600;   // seconds, between two machines

}  // namespace

SqliteLog::SqliteLog(const std::string& path, int64_t study_id, Database::Open how)
    : path_(path), study_id_(study_id), how_(how), worker_(this_worker()) {
  if (how_ == Database::Open::look) {
    constexpr int kMostTries = 100;
    for (int tries = 1;; ++tries) {
      try {
        connect();
        read_directions();
        if (db_->undisturbed() || tries == kMostTries) return;
      } catch (const StorageError&) {
        if (!db_ || db_->undisturbed() || tries == kMostTries) throw;
      }
    }
  }
  connect();
  read_directions();
}

void SqliteLog::connect() {
  db_ = std::make_unique<Database>(path_, how_);
  data_version_ = db_->data_version();
  read_to_ = -1;
  if (how_ == Database::Open::look) {
    temporary_ = make_temporary_events(*db_);
  } else {
    make_events(*db_);
  }
}

void SqliteLog::read_directions() {
  directions_.clear();
  Query q = db_->query(
      "SELECT direction FROM study_directions WHERE study_id=? ORDER BY study_direction_id");
  q.bind(study_id_);
  while (q.row()) directions_.push_back(optuna::direction_of(q.text(0)));
  if (directions_.empty()) {
    throw StorageError(fmt::format(
        "storage '{}': the database is damaged: a study has no row in study_directions", path_));
  }
  identity_ = identity_of(*db_, study_id_);
}

void SqliteLog::give_up_when(std::function<bool()> condition) {
  db_->give_up_when(std::move(condition));
}

void SqliteLog::hurry_when(std::function<bool()> condition) {
  db_->hurry_when(std::move(condition));
}

// Brings what is in the write-ahead log into the file, so that a copy of the file alone has it. It
// waits for nobody.
void SqliteLog::settle() { db_->execute("PRAGMA wal_checkpoint(PASSIVE)"); }

void SqliteLog::check_study() {
  Query q = db_->query("SELECT 1 FROM studies WHERE study_id=?");
  if (!q.bind(study_id_).row()) {
    throw StorageError(fmt::format("storage '{}': the study has been deleted meanwhile", path_));
  }
  const std::string identity = identity_of(*db_, study_id_);
  // A study of Optuna's that is looked at gets its identity when it is first worked on.
  if (identity_.empty()) identity_ = identity;
  if (identity == identity_) return;
  throw StorageError(fmt::format(
      "storage '{}': the study has been deleted meanwhile, and another been made in its place",
      path_));
}

int64_t SqliteLog::id_of(int64_t number) const {
  if (number < 0 || static_cast<size_t>(number) >= ids_.size()) {
    throw StorageError(fmt::format("storage '{}': there is no trial {}", path_, number));
  }
  return ids_[static_cast<size_t>(number)];
}

// Trials are numbered in the order of their ids, without gaps; the file's lock is held.
int64_t SqliteLog::next_number() {
  Query last =
      db_->query("SELECT number+1 FROM trials WHERE study_id=? ORDER BY trial_id DESC LIMIT 1");
  return last.bind(study_id_).row() ? last.integer(0) : 0;
}

Position SqliteLog::last_position() {
  Query last = db_->query("SELECT max(seq) FROM attune_events WHERE study_id=?");
  return last.bind(study_id_).row() ? last.integer(0) : 0;
}

std::optional<Appended> SqliteLog::append(std::span<const Event> events,
                                          std::span<const Expect> expects, bool durable) {
  if (how_ == Database::Open::look) {
    throw StorageError(fmt::format("storage '{}': it is open for reading only", path_));
  }
  db_->check_file();
  Transaction transaction(*db_,
                          durable ? Transaction::Kind::write : Transaction::Kind::relaxed_write);
  check_study();
  for (const Expect& expect : expects) {
    if (!holds(expect)) return std::nullopt;
  }
  Appended done{last_position(), 0};
  const size_t known = ids_.size();
  try {
    for (size_t i = 0; i < events.size(); ++i) {
      write(events[i], events.subspan(i, std::min(events.size() - i, kNearby)));
    }
    done.after = last_position();
    transaction.commit();
  } catch (...) {
    ids_.resize(known);  // what was inserted is undone
    throw;
  }
  wrote_ = true;
  return done;
}

bool SqliteLog::holds(const Expect& expect) {
  if (!expect.absent.empty()) {
    Query q = db_->query("SELECT 1 FROM study_system_attributes WHERE study_id=? AND \"key\"=?");
    return !q.bind(study_id_).bind(std::string_view(expect.absent)).row();
  }
  if (!expect.state) {
    return expect.trial == next_number() && expect.trial == static_cast<int64_t>(ids_.size());
  }
  const int64_t id = id_of(expect.trial);
  State state = State::waiting;
  {
    Query q = db_->query("SELECT state FROM trials WHERE trial_id=? AND study_id=?");
    if (!q.bind(id).bind(study_id_).row()) {
      throw StorageError(
          fmt::format("storage '{}': trial {} has been deleted meanwhile", path_, expect.trial));
    }
    state = optuna::state_of(q.text(0));
  }
  std::optional<int64_t> paused;  // Optuna knows no such state
  if (state == State::running) paused = step_of(system_attribute(id, kPausedAttribute));
  if (paused) state = State::paused;
  if (state != *expect.state || (expect.step && expect.step != paused)) return false;
  return expect.worker.empty() || expect.worker == system_attribute(id, kWorkerAttribute);
}

bool SqliteLog::may_change(int64_t trial) {
  Query q = db_->query("SELECT state FROM trials WHERE trial_id=? AND study_id=?");
  if (!q.bind(id_of(trial)).bind(study_id_).row()) {
    throw StorageError(
        fmt::format("storage '{}': trial {} has been deleted meanwhile", path_, trial));
  }
  return !finished(optuna::state_of(q.text(0)));
}

void SqliteLog::write(const Event& event, std::span<const Event> nearby) {
  if (const auto* made = std::get_if<Created>(&event)) {
    const Claimed* claim = nullptr;
    for (const Event& other : nearby) {
      const auto* found = std::get_if<Claimed>(&other);
      if (!claim && found && found->trial == made->trial) claim = found;
    }
    return insert_trial(made->trial, claim);
  }
  if (trial_of(event) != Attribute::kStudy && !may_change(trial_of(event))) return;
  std::visit(
      [this](const auto& e) {
        using E = std::decay_t<decltype(e)>;
        if constexpr (!std::is_same_v<E, Created>) write(e);
      },
      event);
}

void SqliteLog::insert_trial(int64_t number, const Claimed* claim) {
  Query insert =
      db_->query("INSERT INTO trials(number, study_id, state, datetime_start) VALUES(?, ?, ?, ?)");
  const State state = claim ? State::running : State::waiting;
  insert.bind(number).bind(study_id_).bind(std::string_view(optuna::state_label(state)));
  if (claim) {
    insert.bind(std::string_view(optuna::time_text(claim->time)));
  } else {
    insert.bind_null();
  }
  insert.run();
  ids_.push_back(db_->last_id());
  inserted_ = number;
}

// The row of a new trial is running already.
void SqliteLog::write(const Claimed& claim) {
  const int64_t id = id_of(claim.trial);
  {
    Query q = db_->query(
        "UPDATE trials SET state='RUNNING', datetime_start=? WHERE trial_id=? AND state='WAITING'");
    q.bind(std::string_view(optuna::time_text(claim.time))).bind(id).run();
  }
  if (claim.worker == kOutsideWorker) {  // no signs of life are to be expected
    db_->query("DELETE FROM trial_heartbeats WHERE trial_id=?").bind(id).run();
  } else if (db_->changes() == 0 && claim.trial != inserted_) {
    beat(id);  // its start was long ago
  }
  if (step_of(system_attribute(id, kPausedAttribute))) {
    set_system(claim.trial, kPausedAttribute, "null");
  }
  set_system(claim.trial, kWorkerAttribute, claim.worker);
}

// Optuna would take a trial without heartbeats for one whose program has died.
void SqliteLog::write(const Paused& pause) {
  db_->query("DELETE FROM trial_heartbeats WHERE trial_id=?").bind(id_of(pause.trial)).run();
  const int64_t step = std::max<int64_t>(pause.step, -1);
  set_system(pause.trial, kPausedAttribute, fmt::format("{}", step));
  note(Happened::paused, pause.trial, step);
}

void SqliteLog::write(const Decided& decision) {
  set_system(decision.trial, kDecidedAttribute, decision_text(decision));
  note(decision.what == Decided::What::pause ? Happened::decided_to_pause
                                             : Happened::decided_to_stop,
       decision.trial, decision.step);
}

void SqliteLog::write(const Forked& fork) {
  set_system(fork.trial, kForkAttribute, fork_text(fork));
}

void SqliteLog::write(const Retried& retry) {
  set_system(retry.trial, kRetryAttribute, fmt::format("{}", retry.of));
}

// Lists what no trigger lists.
void SqliteLog::note(Happened kind, int64_t trial, int64_t item) {
  Query q = db_->query("INSERT INTO attune_events VALUES(?, ?, ?, ?, ?)");
  q.bind(study_id_).bind(last_position() + 1).bind(static_cast<int64_t>(kind));
  q.bind(id_of(trial)).bind(item).run();
}

std::string SqliteLog::folder() const { return checkpoint_folder(path_, study_id_); }

void SqliteLog::write(const ParamSet& set) {
  Query q = db_->query(
      "INSERT INTO trial_params(trial_id, param_name, param_value, distribution_json) "
      "VALUES(?, ?, ?, ?) ON CONFLICT (trial_id, param_name) DO NOTHING");
  q.bind(id_of(set.trial)).bind(std::string_view(set.param->name)).bind(set.value);
  q.bind(std::string_view(distribution_of(set.param))).run();
}

// Optuna has one value for a step; those of further objectives are in a table of attune's own.
void SqliteLog::write(const Reported& report) {
  const int64_t id = id_of(report.trial);
  for (size_t i = 0; i < report.further.size(); ++i) {
    Query q = db_->query(
        "INSERT OR IGNORE INTO attune_reports(trial_id, step, objective, value, value_type) "
        "VALUES(?, ?, ?, ?, ?)");
    q.bind(id).bind(report.step).bind(static_cast<int64_t>(i) + 1).bind(report.further[i]);
    q.bind(std::string_view(value_type(report.further[i]))).run();
  }
  Query q = db_->query(
      "INSERT INTO trial_intermediate_values(trial_id, step, intermediate_value, "
      "intermediate_value_type) VALUES(?, ?, ?, ?) ON CONFLICT (trial_id, step) DO NOTHING");
  q.bind(id).bind(report.step).bind(report.value);
  q.bind(std::string_view(value_type(report.value))).run();
}

void SqliteLog::write(const Attribute& a) {
  const bool of_study = a.trial == Attribute::kStudy;
  constexpr const char* kSql[2][2] = {
      {"INSERT INTO trial_user_attributes(trial_id, \"key\", value_json) VALUES(?, ?, ?) "
       "ON CONFLICT (trial_id, \"key\") DO UPDATE SET value_json=excluded.value_json",
       "INSERT INTO trial_system_attributes(trial_id, \"key\", value_json) VALUES(?, ?, ?) "
       "ON CONFLICT (trial_id, \"key\") DO UPDATE SET value_json=excluded.value_json"},
      {"INSERT INTO study_user_attributes(study_id, \"key\", value_json) VALUES(?, ?, ?) "
       "ON CONFLICT (study_id, \"key\") DO UPDATE SET value_json=excluded.value_json",
       "INSERT INTO study_system_attributes(study_id, \"key\", value_json) VALUES(?, ?, ?) "
       "ON CONFLICT (study_id, \"key\") DO UPDATE SET value_json=excluded.value_json"}};
  Query q = db_->query(kSql[of_study][a.system]);
  q.bind(of_study ? study_id_ : id_of(a.trial)).bind(std::string_view(*a.name));
  q.bind(std::string_view(*a.json)).run();
}

void SqliteLog::set_system(int64_t trial, const char* name, std::string json) {
  write(Attribute{trial, true, std::make_shared<const std::string>(name),
                  std::make_shared<const std::string>(std::move(json))});
}

void SqliteLog::write(const Finished& end) {
  for (size_t i = 0; i < end.values.size(); ++i) {
    Query q = db_->query(
        "INSERT INTO trial_values(trial_id, objective, value, value_type) VALUES(?, ?, ?, ?)");
    q.bind(id_of(end.trial)).bind(static_cast<int64_t>(i)).bind(end.values[i]);
    q.bind(std::string_view(value_type(end.values[i]))).run();
  }
  Query q = db_->query(
      "UPDATE trials SET state=?, datetime_complete=?, datetime_start=coalesce(datetime_start, ?) "
      "WHERE trial_id=?");
  const std::string time = optuna::time_text(end.time);
  q.bind(std::string_view(optuna::state_label(end.state))).bind(std::string_view(time));
  q.bind(std::string_view(time)).bind(id_of(end.trial)).run();
}

// In the form and by the clock that Optuna uses.
void SqliteLog::beat(std::span<const int64_t> trials) {
  Transaction transaction(*db_, Transaction::Kind::relaxed_write);
  check_study();
  for (const int64_t trial : trials) {
    if (!may_change(trial)) continue;
    const int64_t id = id_of(trial);
    if (!step_of(system_attribute(id, kPausedAttribute))) beat(id);
  }
  transaction.commit();
}

void SqliteLog::beat(int64_t id) {
  Query q = db_->query(
      "INSERT INTO trial_heartbeats(trial_id, heartbeat) VALUES(?, CURRENT_TIMESTAMP) ON CONFLICT "
      "(trial_id) DO UPDATE SET heartbeat=CURRENT_TIMESTAMP");
  q.bind(id).run();
}

// A process of this machine is looked up. Of any other only its heartbeat can be known: that it has
// not changed for a while by this program's clock, or is so old that clocks which differ do not
// explain it.
std::vector<int64_t> SqliteLog::lapsed(double grace_seconds) {
  using Clock = std::chrono::steady_clock;
  std::vector<int64_t> lapsed;
  std::map<int64_t, Heard> heard;
  Query q = db_->query(
      "SELECT t.number, w.value_json, (julianday('now') - julianday(max(t.datetime_start, "
      "coalesce(h.heartbeat, '')))) * 86400, h.heartbeat IS NULL, coalesce(h.heartbeat, "
      "t.datetime_start, '') FROM trials t LEFT JOIN "
      "trial_system_attributes w ON w.trial_id=t.trial_id AND w.\"key\"=? LEFT JOIN "
      "trial_heartbeats h ON h.trial_id=t.trial_id WHERE t.study_id=? AND t.state='RUNNING'");
  q.bind(std::string_view(kWorkerAttribute)).bind(study_id_);
  while (q.row()) {
    if (q.text(1) == worker_) continue;
    const int64_t number = q.integer(0);
    const Fate fate = fate_of(q.text(1));
    if (fate == Fate::gone) lapsed.push_back(number);
    if (fate == Fate::gone || fate == Fate::alive) continue;
    // Optuna without heartbeats says nothing of when a trial is given up.
    const bool promised = fate == Fate::elsewhere || q.integer(3) == 0;
    if (!promised) continue;
    const double grace = fate == Fate::unknown ? kGraceOfOthers : grace_seconds;
    Heard now{q.text(4), Clock::now()};
    const auto before = heard_.find(number);
    if (before != heard_.end() && before->second.heartbeat == now.heartbeat) now = before->second;
    const double silence = std::chrono::duration<double>(Clock::now() - now.since).count();
    if (silence > grace || q.real(2) > grace + kClocksDiffer) lapsed.push_back(number);
    heard.emplace(number, std::move(now));
  }
  heard_ = std::move(heard);
  return lapsed;
}

const std::string& SqliteLog::distribution_of(const std::shared_ptr<const Param>& param) {
  std::string& text = distributions_[param];
  if (text.empty()) text = optuna::distribution_text(*param);
  return text;
}

}  // namespace attune::tune
