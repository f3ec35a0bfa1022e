// Writing: trials, their rows, and their ends. Reading is in sqlite_read.cpp.

#include <algorithm>
#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include "attune/tensor/error.h"
#include "attune/tune/storages/internal/optuna_text.h"
#include "attune/tune/storages/internal/sqlite_log.h"
#include "attune/tune/storages/internal/worker.h"

namespace attune::tune {
namespace {

constexpr auto kFlushEvery = std::chrono::milliseconds(500);

const char* value_type(double v) {
  return std::isnan(v) ? "NAN" : std::isinf(v) ? (v > 0 ? "INF_POS" : "INF_NEG") : "FINITE";
}

int64_t trial_of(const Event& event) {
  return std::visit([](const auto& e) { return e.trial; }, event);
}

struct SetTrial {
  int64_t number;
  template <typename E>
  void operator()(E& e) const {
    e.trial = number;
  }
};

}  // namespace

SqliteLog::SqliteLog(const std::string& path, int64_t study_id)
    : db_(path, false), study_id_(study_id), worker_(this_worker()) {
  Query q = db_.query(
      "SELECT direction FROM study_directions WHERE study_id=? ORDER BY study_direction_id");
  q.bind(study_id_);
  while (q.row()) directions_.push_back(optuna::direction_of(q.text(0)));
}

SqliteLog::~SqliteLog() {
  if (flusher_.joinable()) {
    flusher_.request_stop();
    flusher_.join();
  }
  try {
    const std::lock_guard lock(mutex_);
    flush();
  } catch (const Error&) {  // reports of trials that nobody told the end of
  }
}

void SqliteLog::check_study() {
  Query q = db_.query("SELECT 1 FROM studies WHERE study_id=?");
  if (!q.bind(study_id_).row()) {
    throw StorageError(
        fmt::format("storage '{}': the study has been deleted meanwhile", db_.path()));
  }
}

int64_t SqliteLog::id_of(int64_t number) {
  if (number < 0 || static_cast<size_t>(number) >= ids_.size()) {
    throw StorageError(fmt::format("storage '{}': there is no trial {}", db_.path(), number));
  }
  return ids_[static_cast<size_t>(number)];
}

// Trials are numbered in the order of their ids, without gaps; the file's lock is held.
int64_t SqliteLog::insert_trial(State state, double time) {
  check_study();
  int64_t number = 0;
  {
    Query last =
        db_.query("SELECT number+1 FROM trials WHERE study_id=? ORDER BY trial_id DESC LIMIT 1");
    if (last.bind(study_id_).row()) number = last.integer(0);
  }
  Query insert =
      db_.query("INSERT INTO trials(number, study_id, state, datetime_start) VALUES(?, ?, ?, ?)");
  insert.bind(number).bind(study_id_).bind(std::string_view(optuna::state_label(state)));
  if (state == State::waiting) {
    insert.bind_null();
  } else {
    insert.bind(std::string_view(optuna::time_text(time)));
  }
  insert.run();
  if (static_cast<size_t>(number) == ids_.size()) ids_.push_back(db_.last_id());
  return number;
}

int64_t SqliteLog::create(std::vector<Event> events) {
  const std::lock_guard lock(mutex_);
  Transaction transaction(db_);
  if (db_.data_version() != data_version_) {  // ids_ must be complete up to the new trial
    load([this](const Event& e) { echo_.push_back(e); });
  }
  const auto* started = events.empty() ? nullptr : std::get_if<Started>(&events.front());
  const int64_t number =
      insert_trial(started ? State::running : State::waiting, started ? started->time : 0);
  if (started) {  // whose it is, should its process die
    write(Attribute{number, true, std::make_shared<const std::string>(kWorkerAttribute),
                    std::make_shared<const std::string>(worker_)});
  }
  std::vector<Event> done{Created{number}};
  for (Event& event : events) {
    std::visit(SetTrial{number}, event);
    if (const auto* end = std::get_if<Finished>(&event)) {
      finish(*end);
    } else {
      write(event);
    }
    done.push_back(std::move(event));
  }
  transaction.commit();
  unfinished_.insert(id_of(number));
  last_id_ = std::max(last_id_, id_of(number));
  echo_.insert(echo_.end(), done.begin(), done.end());
  return number;
}

int64_t SqliteLog::start(double time) {
  const std::lock_guard lock(mutex_);
  Transaction transaction(db_, Transaction::Kind::relaxed_write);
  if (db_.data_version() != data_version_) {
    load([this](const Event& e) { echo_.push_back(e); });
  }
  int64_t number = -1;
  {
    Query waiting = db_.query(
        "SELECT trial_id, number FROM trials WHERE study_id=? AND state='WAITING' ORDER BY "
        "trial_id "
        "LIMIT 1");
    if (waiting.bind(study_id_).row()) {
      number = waiting.integer(1);
      Query take = db_.query(
          "UPDATE trials SET state='RUNNING', datetime_start=? WHERE trial_id=? AND "
          "state='WAITING'");
      take.bind(std::string_view(optuna::time_text(time))).bind(waiting.integer(0)).run();
    }
  }
  if (number < 0) number = insert_trial(State::running, time);
  write(Attribute{number, true, std::make_shared<const std::string>(kWorkerAttribute),
                  std::make_shared<const std::string>(worker_)});
  transaction.commit();
  unfinished_.insert(id_of(number));
  last_id_ = std::max(last_id_, id_of(number));
  echo_.emplace_back(Created{number});
  echo_.emplace_back(Started{number, time});
  return number;
}

bool SqliteLog::append(std::span<const Event> events) {
  const std::lock_guard lock(mutex_);
  const auto is_end = [](const Event& e) { return std::holds_alternative<Finished>(e); };
  const auto of_study = [](const Event& e) { return trial_of(e) == Attribute::kStudy; };
  if (std::none_of(events.begin(), events.end(), is_end) &&
      std::none_of(events.begin(), events.end(), of_study)) {
    for (const Event& event : events) keep_for_later(event);
    echo_.insert(echo_.end(), events.begin(), events.end());
    return true;
  }

  Transaction transaction(db_);
  check_study();
  for (const Event& event : events) {
    const auto* end = std::get_if<Finished>(&event);
    if (!end) {
      if (trial_of(event) == Attribute::kStudy || may_change(trial_of(event))) write(event);
      continue;
    }
    if (may_change(end->trial)) {
      for (const Event& kept : later_) {
        if (trial_of(kept) == end->trial) write(kept);
      }
    }
    if (!finish(*end)) {
      std::erase_if(later_, [&](const Event& kept) { return trial_of(kept) == end->trial; });
      return false;
    }
  }
  transaction.commit();
  for (const Event& event : events) {
    if (!is_end(event)) continue;
    std::erase_if(later_, [&](const Event& kept) { return trial_of(kept) == trial_of(event); });
  }
  echo_.insert(echo_.end(), events.begin(), events.end());
  return true;
}

bool SqliteLog::may_change(int64_t trial) {
  Query q = db_.query("SELECT state FROM trials WHERE trial_id=? AND study_id=?");
  if (!q.bind(id_of(trial)).bind(study_id_).row()) {
    throw StorageError(
        fmt::format("storage '{}': trial {} has been deleted meanwhile", db_.path(), trial));
  }
  return !finished(optuna::state_of(q.text(0)));
}

void SqliteLog::write(const Event& event) {
  if (const auto* e = std::get_if<ParamSet>(&event)) {
    Query q = db_.query(
        "INSERT INTO trial_params(trial_id, param_name, param_value, distribution_json) "
        "VALUES(?, ?, ?, ?) ON CONFLICT (trial_id, param_name) DO NOTHING");
    q.bind(id_of(e->trial)).bind(std::string_view(e->param->name)).bind(e->value);
    q.bind(std::string_view(distribution_of(e->param))).run();
  } else if (const auto* r = std::get_if<Reported>(&event)) {
    Query q = db_.query(
        "INSERT INTO trial_intermediate_values(trial_id, step, intermediate_value, "
        "intermediate_value_type) VALUES(?, ?, ?, ?) ON CONFLICT (trial_id, step) DO NOTHING");
    q.bind(id_of(r->trial)).bind(r->step).bind(r->value);
    q.bind(std::string_view(value_type(r->value))).run();
  } else if (const auto* a = std::get_if<Attribute>(&event)) {
    const bool of_study = a->trial == Attribute::kStudy;
    constexpr const char* kSql[2][2] = {
        {"INSERT INTO trial_user_attributes(trial_id, \"key\", value_json) VALUES(?, ?, ?) "
         "ON CONFLICT (trial_id, \"key\") DO UPDATE SET value_json=excluded.value_json",
         "INSERT INTO trial_system_attributes(trial_id, \"key\", value_json) VALUES(?, ?, ?) "
         "ON CONFLICT (trial_id, \"key\") DO UPDATE SET value_json=excluded.value_json"},
        {"INSERT INTO study_user_attributes(study_id, \"key\", value_json) VALUES(?, ?, ?) "
         "ON CONFLICT (study_id, \"key\") DO UPDATE SET value_json=excluded.value_json",
         "INSERT INTO study_system_attributes(study_id, \"key\", value_json) VALUES(?, ?, ?) "
         "ON CONFLICT (study_id, \"key\") DO UPDATE SET value_json=excluded.value_json"}};
    Query q = db_.query(kSql[of_study][a->system]);
    q.bind(of_study ? study_id_ : id_of(a->trial)).bind(std::string_view(*a->name));
    q.bind(std::string_view(*a->json)).run();
  }
}

bool SqliteLog::finish(const Finished& end) {
  {
    Query q = db_.query(
        "UPDATE trials SET state=?, datetime_complete=?, datetime_start=coalesce(datetime_start, "
        "?) "
        "WHERE trial_id=? AND state IN ('RUNNING', 'WAITING')");
    const std::string time = optuna::time_text(end.time);
    q.bind(std::string_view(optuna::state_label(end.state))).bind(std::string_view(time));
    q.bind(std::string_view(time)).bind(id_of(end.trial)).run();
    if (db_.changes() != 1) return false;
  }
  for (size_t i = 0; i < end.values.size(); ++i) {
    Query q = db_.query(
        "INSERT INTO trial_values(trial_id, objective, value, value_type) VALUES(?, ?, ?, ?)");
    q.bind(id_of(end.trial)).bind(static_cast<int64_t>(i)).bind(end.values[i]);
    q.bind(std::string_view(value_type(end.values[i]))).run();
  }
  return true;
}

void SqliteLog::keep_for_later(const Event& event) {
  later_.push_back(event);
  if (!flusher_.joinable()) {
    flusher_ = std::jthread([this](std::stop_token stop) { flush_in_background(std::move(stop)); });
  }
  if (later_.size() == 1) wake_.notify_one();
}

// Writes what was kept back; what belongs to a trial that somebody else has ended is dropped.
void SqliteLog::flush() {
  if (later_.empty()) return;
  Transaction transaction(db_, Transaction::Kind::relaxed_write);
  for (const Event& event : later_) {
    if (may_change(trial_of(event))) write(event);
  }
  transaction.commit();
  later_.clear();
}

void SqliteLog::flush_in_background(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (!wake_.wait(lock, stop, [this] { return !later_.empty(); })) return;
    wake_.wait_for(lock, stop, kFlushEvery, [] { return false; });
    try {
      flush();
    } catch (const Error&) {
      // The events stay; whoever ends the trial writes them, and is told if that fails too.
    }
  }
}

}  // namespace attune::tune
