// Reading a study's rows as events: all trials at first, later those that are new or were
// unfinished.

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "attune/tensor/error.h"
#include "attune/tune/storages/internal/optuna_text.h"
#include "attune/tune/storages/internal/sqlite_log.h"

namespace attune::tune {
namespace {

double typed_value(const Query& q, int value, int type) {
  const std::string kind = q.text(type);
  if (kind == "INF_POS") return std::numeric_limits<double>::infinity();
  if (kind == "INF_NEG") return -std::numeric_limits<double>::infinity();
  if (kind == "NAN" || q.null(value)) return std::numeric_limits<double>::quiet_NaN();
  return q.real(value);
}

double time_in(const Query& q, int column) {
  return q.null(column) ? 0 : optuna::time_of(q.text(column));
}

}  // namespace

void SqliteLog::read(const std::function<void(const Event&)>& sink) {
  const std::lock_guard lock(mutex_);
  if (db_.data_version() != data_version_) {
    Transaction transaction(db_, Transaction::Kind::read);
    load(sink);
    transaction.commit();
  }
  std::vector<Event> own;
  own.swap(echo_);  // `sink` may throw; then they are not told twice
  for (const Event& event : own) sink(event);
}

// Inside a transaction, so that what is read is of one moment.
void SqliteLog::load(const Sink& sink) {
  const int64_t version = db_.data_version();
  load_attributes("SELECT \"key\", value_json FROM study_user_attributes WHERE study_id=?",
                  study_id_, Attribute::kStudy, false, sink);
  load_attributes("SELECT \"key\", value_json FROM study_system_attributes WHERE study_id=?",
                  study_id_, Attribute::kStudy, true, sink);
  std::vector<int64_t> ids(unfinished_.begin(), unfinished_.end());
  {
    Query q =
        db_.query("SELECT trial_id FROM trials WHERE study_id=? AND trial_id>? ORDER BY trial_id");
    q.bind(study_id_).bind(last_id_);
    while (q.row()) ids.push_back(q.integer(0));
  }
  for (const int64_t id : ids) load_trial(id, sink);
  data_version_ = version;
}

void SqliteLog::load_trial(int64_t id, const Sink& sink) {
  int64_t number = 0;
  State state = State::waiting;
  double started = 0, ended = 0;
  {
    Query q = db_.query(
        "SELECT number, state, datetime_start, datetime_complete FROM trials WHERE trial_id=? AND "
        "study_id=?");
    if (!q.bind(id).bind(study_id_).row()) {
      throw StorageError(
          fmt::format("storage '{}': the study has been deleted meanwhile", db_.path()));
    }
    number = q.integer(0), state = optuna::state_of(q.text(1));
    started = time_in(q, 2), ended = time_in(q, 3);
  }
  if (static_cast<size_t>(number) == ids_.size()) ids_.push_back(id);
  if (id_of(number) != id) {
    throw StorageError(fmt::format("storage '{}': trials {} and {} have the same number {}",
                                   db_.path(), id_of(number), id, number));
  }
  last_id_ = std::max(last_id_, id);
  sink(Created{number});
  if (state != State::waiting) sink(Started{number, started});
  load_children(id, number, sink);
  if (!finished(state)) {
    unfinished_.insert(id);
    return;
  }
  unfinished_.erase(id);
  Finished end{.trial = number, .state = state, .values = {}, .time = ended};
  Query q =
      db_.query("SELECT value, value_type FROM trial_values WHERE trial_id=? ORDER BY objective");
  q.bind(id);
  while (q.row()) end.values.push_back(typed_value(q, 0, 1));
  sink(end);
}

void SqliteLog::load_children(int64_t id, int64_t number, const Sink& sink) {
  {
    Query q = db_.query(
        "SELECT param_name, param_value, distribution_json FROM trial_params WHERE trial_id=? "
        "ORDER BY "
        "param_id");
    q.bind(id);
    while (q.row()) sink(ParamSet{number, param_of(q.text(0), q.text(2)), q.real(1)});
  }
  {
    Query q = db_.query(
        "SELECT step, intermediate_value, intermediate_value_type FROM trial_intermediate_values "
        "WHERE "
        "trial_id=? ORDER BY step");
    q.bind(id);
    while (q.row()) sink(Reported{number, q.integer(0), typed_value(q, 1, 2)});
  }
  load_attributes("SELECT \"key\", value_json FROM trial_user_attributes WHERE trial_id=?", id,
                  number, false, sink);
  load_attributes("SELECT \"key\", value_json FROM trial_system_attributes WHERE trial_id=?", id,
                  number, true, sink);
}

void SqliteLog::load_attributes(const char* sql, int64_t id, int64_t trial, bool system,
                                const Sink& sink) {
  Query q = db_.query(sql);
  q.bind(id);
  while (q.row()) {
    sink(Attribute{trial, system, std::make_shared<const std::string>(q.text(0)),
                   std::make_shared<const std::string>(q.text(1))});
  }
}

std::shared_ptr<const Param> SqliteLog::param_of(const std::string& name, const std::string& text) {
  auto& param = params_[{name, text}];
  if (!param) param = std::make_shared<const Param>(optuna::distribution_of(name, text));
  return param;
}

const std::string& SqliteLog::distribution_of(const std::shared_ptr<const Param>& param) {
  std::string& text = distributions_[param];
  if (text.empty()) text = optuna::distribution_text(*param);
  return text;
}

}  // namespace attune::tune
