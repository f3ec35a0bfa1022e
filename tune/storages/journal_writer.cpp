#include "attune/tune/storages/internal/journal_writer.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/storages/internal/optuna_attributes.h"
#include "attune/tune/storages/internal/optuna_text.h"
#include "attune/tune/storages/internal/worker.h"

namespace attune::tune::journal {
namespace {

constexpr size_t kNearby = 16;  // events in which the claim of a new trial is looked for

// 2026-11-23T12:00:00.000000+00:00, as Python's datetime writes it.
std::string time_text(double seconds) {
  std::string text = optuna::time_text(seconds);
  text[text.find(' ')] = 'T';
  return text + "+00:00";
}

OptunaState state_number(State state) {
  switch (state) {
    case State::waiting: return OptunaState::waiting;
    case State::running:
    case State::paused: break;  // to Optuna a paused trial is running
    case State::complete: return OptunaState::complete;
    case State::pruned: return OptunaState::pruned;
    case State::failed: return OptunaState::failed;
  }
  return OptunaState::running;
}

// A line has one line; line ends in JSON text stand between its values alone.
std::string on_one_line(std::string_view name, std::string_view json) {
  try {
    json::parse(json);
  } catch (const ValueError& e) {
    throw StorageError(
        fmt::format("storage: the attribute {} is no JSON text: {}", json::quote(name), e.what()));
  }
  std::string line(json);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return line;
}

void list_numbers(std::string& out, const char* name, const std::vector<double>& values) {
  fmt::format_to(std::back_inserter(out), ",\"{}\":[", name);
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    out += json::number(values[i]);
  }
  out += ']';
}

}  // namespace

std::string& Batch::object(Op op) {
  // Optuna wants to know who wrote a line, to tell its own ones.
  return objects_.emplace_back(
      fmt::format(R"({{"op_code":{},"worker_id":"attune")", static_cast<int64_t>(op)));
}

std::string Batch::text() const {
  std::string lines;
  size_t more = objects_.size();
  for (const std::string& object : objects_) seal(lines, object, --more);
  return lines;
}

void Batch::create_study(std::string_view name, const std::vector<Direction>& directions) {
  std::string numbers;
  for (const Direction d : directions) {
    if (!numbers.empty()) numbers += ',';
    numbers += d == Direction::maximize ? '2' : '1';
  }
  object(Op::create_study) +=
      fmt::format(R"(,"study_name":{},"directions":[{}])", json::quote(name), numbers);
}

void Batch::delete_study(int64_t study) {
  object(Op::delete_study) += fmt::format(R"(,"study_id":{})", study);
}

void Batch::study_attribute(int64_t study, const Attribute& a) {
  object(a.system ? Op::study_system_attribute : Op::study_user_attribute) +=
      fmt::format(R"(,"study_id":{},"{}":{{{}:{}}})", study, a.system ? "system_attr" : "user_attr",
                  json::quote(*a.name), on_one_line(*a.name, *a.json));
}

void Batch::trial_attribute(int64_t id, bool system, std::string_view name, std::string_view json) {
  object(system ? Op::system_attribute : Op::user_attribute) +=
      fmt::format(R"(,"trial_id":{},"{}":{{{}:{}}})", id, system ? "system_attr" : "user_attr",
                  json::quote(name), on_one_line(name, json));
}

void Batch::add(std::span<const Event> events, const Ground& ground) {
  std::vector<const Claimed*> written;  // with the line that makes their trial
  for (size_t i = 0; i < events.size(); ++i) {
    const auto* claim = std::get_if<Claimed>(&events[i]);
    if (claim && std::erase(written, claim) > 0) continue;
    const auto* made = std::get_if<Created>(&events[i]);
    if (!made) {
      add(events[i], ground);
      continue;
    }
    const Claimed* first = nullptr;
    for (size_t k = i + 1; k < std::min(events.size(), i + kNearby) && !first; ++k) {
      const auto* other = std::get_if<Claimed>(&events[k]);
      if (other && other->trial == made->trial) first = other;
    }
    if (first) written.push_back(first);
    make(*made, first, ground);
  }
}

void Batch::make(const Created& made, const Claimed* claim, const Ground& ground) {
  std::string& line = object(Op::create_trial);
  fmt::format_to(std::back_inserter(line), R"(,"study_id":{},"datetime_start":{},"state":{})",
                 ground.study, claim ? '"' + time_text(claim->time) + '"' : "null",
                 static_cast<int64_t>(state_number(claim ? State::running : State::waiting)));
  if (claim && !claim->worker.empty()) {
    fmt::format_to(std::back_inserter(line), R"(,"system_attrs":{{"{}":{}}})", kWorkerAttribute,
                   on_one_line(kWorkerAttribute, claim->worker));
  }
  trials_[made.trial] = {ground.next_id + made_++, claim ? State::running : State::waiting};
}

Batch::Trial& Batch::trial(int64_t number, const Ground& ground) {
  const auto known = trials_.find(number);
  if (known != trials_.end()) return known->second;
  return trials_[number] = {ground.id_of(number), ground.state_of(number)};
}

void Batch::add(const Event& event, const Ground& ground) {
  if (const auto* a = std::get_if<Attribute>(&event); a && a->trial == Attribute::kStudy) {
    return study_attribute(ground.study, *a);
  }
  Trial& t = trial(trial_of(event), ground);
  if (finished(t.state)) return;
  if (const auto* a = std::get_if<Attribute>(&event)) {
    trial_attribute(t.id, a->system, *a->name, *a->json);
  } else if (const auto* claimed = std::get_if<Claimed>(&event)) {
    claim(*claimed, t);
  } else if (const auto* set = std::get_if<ParamSet>(&event)) {
    std::string& distribution = distributions_[set->param];
    if (distribution.empty()) {
      distribution = json::quote(optuna::distribution_text(*set->param));
    }
    object(Op::param) +=
        fmt::format(R"(,"trial_id":{},"param_name":{},"param_value_internal":{},"distribution":{})",
                    t.id, json::quote(set->param->name), json::number(set->value), distribution);
  } else if (const auto* report = std::get_if<Reported>(&event)) {
    std::string& line = object(Op::report);
    line += fmt::format(R"(,"trial_id":{},"step":{},"intermediate_value":{})", t.id, report->step,
                        json::number(report->value));
    // Optuna has one value for a step.
    if (!report->further.empty()) list_numbers(line, "further", report->further);
  } else if (const auto* pause = std::get_if<Paused>(&event)) {
    trial_attribute(t.id, true, kPausedAttribute,
                    fmt::format("{}", std::max<int64_t>(pause->step, -1)));
    t.state = State::paused;
  } else if (const auto* decision = std::get_if<Decided>(&event)) {
    trial_attribute(t.id, true, kDecidedAttribute, decision_text(*decision));
  } else if (const auto* fork = std::get_if<Forked>(&event)) {
    trial_attribute(t.id, true, kForkAttribute, fork_text(*fork));
  } else if (const auto* retry = std::get_if<Retried>(&event)) {
    trial_attribute(t.id, true, kRetryAttribute, fmt::format("{}", retry->of));
  } else if (const auto* last = std::get_if<Finished>(&event)) {
    end(*last, t);
  }
}

void Batch::claim(const Claimed& claim, Trial& t) {
  if (t.state == State::waiting) {
    object(Op::state_values) +=
        fmt::format(R"(,"trial_id":{},"state":{},"values":null,"datetime_start":"{}")", t.id,
                    static_cast<int64_t>(OptunaState::running), time_text(claim.time));
  } else if (t.state == State::paused) {
    trial_attribute(t.id, true, kPausedAttribute, "null");
  }
  if (!claim.worker.empty() || t.state != State::waiting) {
    trial_attribute(t.id, true, kWorkerAttribute, claim.worker.empty() ? "null" : claim.worker);
  }
  t.state = State::running;
}

void Batch::end(const Finished& end, Trial& t) {
  if (t.state == State::waiting) claim({end.trial, end.time, ""}, t);
  std::string& line = object(Op::state_values);
  line += fmt::format(R"(,"trial_id":{},"state":{})", t.id,
                      static_cast<int64_t>(state_number(end.state)));
  if (end.values.empty()) {
    line += ",\"values\":null";
  } else {
    list_numbers(line, "values", end.values);
  }
  line += fmt::format(R"(,"datetime_complete":"{}")", time_text(end.time));
  t.state = end.state;
}

}  // namespace attune::tune::journal
