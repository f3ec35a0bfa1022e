// Reading: what attune_events lists after a position, as events. All that is read is checked here,
// where rows become events; a file may be damaged.

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/storages/internal/optuna_text.h"
#include "attune/tune/storages/internal/optuna_attributes.h"
#include "attune/tune/storages/internal/sqlite_log.h"
#include "attune/tune/storages/internal/worker.h"

namespace attune::tune {
namespace {

double typed_value(const Query& q, int value, int type) {
  const std::string kind = q.text(type);
  if (kind == "INF_POS") return std::numeric_limits<double>::infinity();
  if (kind == "INF_NEG") return -std::numeric_limits<double>::infinity();
  if (kind == "NAN" || q.null(value)) return std::numeric_limits<double>::quiet_NaN();
  return q.real(value);
}

// Values out of the range may have been enqueued.
bool can_have(const Param& param, double value) {
  if (param.kind != Param::Kind::categorical) return std::isfinite(value);
  return value >= 0 && value < static_cast<double>(param.choices.size()) &&
         value == std::floor(value);
}

double time_in(const Query& q, int column) {
  return q.null(column) ? 0 : optuna::time_of(q.text(column));
}

}  // namespace

Position SqliteLog::read(Position after, const Sink& sink) {
  constexpr int kMostTries = 100;
  std::vector<Event> events;  // passed on once it is sure that they are of one moment
  const auto collect = [&events](const Event& event) { events.push_back(event); };
  for (int tries = 1;; ++tries) {
    const int64_t version = db_->data_version();
    const bool unchanged = version == data_version_ && !wrote_ && after == read_to_;
    if (unchanged && db_->undisturbed()) return after;
    const size_t known = ids_.size();
    bool whole = tries == kMostTries;
    Position position = after;
    try {
      const bool anew = temporary_ && version != data_version_;
      if (anew) ids_.clear();
      position = read_events(anew ? 0 : after, anew, collect);
      whole = whole || db_->undisturbed();
    } catch (const StorageError&) {  // what was written meanwhile may look like damage
      ids_.resize(std::min(known, ids_.size()));
      if (whole || db_->undisturbed()) throw;
    }
    if (whole) {
      data_version_ = version;
      wrote_ = false;
      for (const Event& event : events) sink(event);
      read_to_ = position;
      return position;
    }
    connect();
    ids_.clear();
    events.clear();
    after = 0;
  }
}

Position SqliteLog::read_events(Position after, bool anew, const Sink& sink) {
  Transaction transaction(*db_, Transaction::Kind::read);
  check_study();
  if (anew) remake_temporary_events(*db_);
  Query q = db_->query(
      "SELECT seq, kind, trial_id, item FROM attune_events WHERE study_id=? AND seq>? ORDER BY "
      "seq");
  q.bind(study_id_).bind(after);
  while (q.row()) {
    pass_on({static_cast<Happened>(q.integer(1)), q.integer(2), q.integer(3)}, sink);
    after = q.integer(0);
  }
  return after;
}

void SqliteLog::pass_on(const Row& row, const Sink& sink) {
  switch (row.kind) {
    case Happened::study_user_attribute:
    case Happened::study_system_attribute: return read_attribute(row, Attribute::kStudy, sink);
    case Happened::user_attribute:
    case Happened::system_attribute:
      return read_attribute(row, number_of(row.trial_id, false), sink);
    case Happened::created:
    case Happened::claimed:
    case Happened::finished:
      return read_trial(row, number_of(row.trial_id, row.kind == Happened::created), sink);
    case Happened::decided_to_stop:
    case Happened::decided_to_pause: {
      const bool pause = row.kind == Happened::decided_to_pause;
      const int64_t number = number_of(row.trial_id, false);
      return sink(Decided{number, checked_step(row.item, number),
                          pause ? Decided::What::pause : Decided::What::stop});
    }
    case Happened::paused: {
      const int64_t number = number_of(row.trial_id, false);
      return sink(Paused{number, checked_step(row.item, number)});
    }
    case Happened::report: return read_report(row, number_of(row.trial_id, false), sink);
    case Happened::param: {
      const int64_t number = number_of(row.trial_id, false);
      Query q = db_->query(
          "SELECT param_name, param_value, distribution_json FROM trial_params WHERE param_id=? "
          "AND "
          "trial_id=?");
      if (!q.bind(row.item).bind(row.trial_id).row()) return;
      const auto param = param_of(q.text(0), q.text(2));
      const double value = q.real(1);
      if (!can_have(*param, value)) {
        throw StorageError(fmt::format("storage '{}': trial {} has the value {} for '{}'", path_,
                                       number, value, param->name));
      }
      return sink(ParamSet{number, param, value});
    }
  }
  // Of a later attune: it does not matter here.
}

// A number is the count of the trials before; what refers to a trial that was not created is
// damaged.
int64_t SqliteLog::number_of(int64_t id, bool fresh) {
  const auto at = std::lower_bound(ids_.begin(), ids_.end(), id);
  if (at != ids_.end() && *at == id) return at - ids_.begin();
  if (!fresh || at != ids_.end()) {
    throw StorageError(
        fmt::format("storage '{}': the database is damaged: a row refers to trial_id {}, which the "
                    "study has not",
                    path_, id));
  }
  ids_.push_back(id);
  return static_cast<int64_t>(ids_.size()) - 1;
}

void SqliteLog::read_trial(const Row& row, int64_t number, const Sink& sink) {
  State state = State::waiting;
  double started = 0, ended = 0;
  {
    Query q = db_->query(
        "SELECT number, state, datetime_start, datetime_complete FROM trials WHERE trial_id=? AND "
        "study_id=?");
    if (!q.bind(row.trial_id).bind(study_id_).row() || q.integer(0) != number) {
      throw StorageError(fmt::format(
          "storage '{}': the database is damaged: trial_id {} should be trial {}; its row is {}",
          path_, row.trial_id, number, "missing or has another number"));
    }
    state = optuna::state_of(q.text(1));
    started = time_in(q, 2), ended = time_in(q, 3);
  }
  if (row.kind == Happened::created) return sink(Created{number});
  if (row.kind == Happened::claimed) {
    // Optuna makes a waiting trial as a running one and changes it before anybody can see it.
    if (state != State::waiting) sink(Claimed{number, started, {}});
    return;
  }
  if (!finished(state)) return;
  Finished end{.trial = number, .state = state, .values = {}, .time = ended};
  Query q =
      db_->query("SELECT value, value_type FROM trial_values WHERE trial_id=? ORDER BY objective");
  q.bind(row.trial_id);
  while (q.row()) end.values.push_back(typed_value(q, 0, 1));
  const bool wrong =
      std::any_of(end.values.begin(), end.values.end(), [](double v) { return std::isnan(v); });
  if (wrong || (state == State::complete && end.values.size() != directions_.size())) {
    throw StorageError(fmt::format(
        "storage '{}': the database is damaged: trial {} is complete with {} values{} for {} "
        "objectives",
        path_, number, end.values.size(), wrong ? ", one of them NaN," : "", directions_.size()));
  }
  if (end.values.size() > directions_.size()) end.values.resize(directions_.size());
  sink(end);
}

// Optuna lets steps be negative.
int64_t SqliteLog::checked_step(int64_t step, int64_t number) const {
  if (step >= -kLastStep && step <= kLastStep) return step;
  throw StorageError(fmt::format("storage '{}': the database is damaged: trial {} has a step {}",
                                 path_, number, step));
}

void SqliteLog::read_report(const Row& row, int64_t number, const Sink& sink) {
  Reported report{.trial = number};
  {
    Query q = db_->query(
        "SELECT step, intermediate_value, intermediate_value_type FROM trial_intermediate_values "
        "WHERE trial_intermediate_value_id=? AND trial_id=?");
    if (!q.bind(row.item).bind(row.trial_id).row()) return;
    report.step = checked_step(q.integer(0), number);
    report.value = typed_value(q, 1, 2);
  }
  if (directions_.size() > 1) {
    Query q = db_->query(
        "SELECT value, value_type FROM attune_reports WHERE trial_id=? AND step=? ORDER BY "
        "objective");
    q.bind(row.trial_id).bind(report.step);
    while (q.row()) report.further.push_back(typed_value(q, 0, 1));
  }
  sink(report);
}

void SqliteLog::read_attribute(const Row& row, int64_t number, const Sink& sink) {
  constexpr const char* kSql[2][2] = {
      {"SELECT \"key\", value_json FROM trial_user_attributes WHERE trial_user_attribute_id=?",
       "SELECT \"key\", value_json FROM trial_system_attributes WHERE trial_system_attribute_id=?"},
      {"SELECT \"key\", value_json FROM study_user_attributes WHERE study_user_attribute_id=?",
       "SELECT \"key\", value_json FROM study_system_attributes WHERE "
       "study_system_attribute_id=?"}};
  const bool of_study = number == Attribute::kStudy;
  const bool system =
      row.kind == Happened::system_attribute || row.kind == Happened::study_system_attribute;
  Query q = db_->query(kSql[of_study][system]);
  if (!q.bind(row.item).row()) return;
  std::string name = q.text(0), json = q.text(1);
  if (system && !of_study) {
    if (const auto event = event_of(number, name, json, 0)) sink(*event);
  }
  sink(Attribute{number, system, std::make_shared<const std::string>(std::move(name)),
                 std::make_shared<const std::string>(std::move(json))});
}

std::string SqliteLog::system_attribute(int64_t id, const char* name) {
  Query q =
      db_->query("SELECT value_json FROM trial_system_attributes WHERE trial_id=? AND \"key\"=?");
  return q.bind(id).bind(std::string_view(name)).row() ? q.text(0) : "";
}

std::shared_ptr<const Param> SqliteLog::param_of(const std::string& name, const std::string& text) {
  auto& param = params_[{name, text}];
  if (!param) param = std::make_shared<const Param>(optuna::distribution_of(name, text));
  return param;
}

}  // namespace attune::tune
