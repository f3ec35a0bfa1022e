#include "attune/tune/report/internal/trial_columns.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <variant>

#include "attune/tune/internal/ledger.h"

namespace attune::tune::internal {
namespace {

std::vector<std::string> param_names(const History& history) {
  std::vector<std::string> names;
  for (const std::shared_ptr<const Param>& p : history.params()) {
    if (std::find(names.begin(), names.end(), p->name) == names.end()) names.push_back(p->name);
  }
  return names;
}

Document document_of(const Param& p) {
  constexpr const char* kKinds[] = {"float", "int", "categorical"};
  Document object = {{"name", p.name},
                     {"kind", kKinds[static_cast<size_t>(p.kind)]},
                     {"low", p.low},
                     {"high", p.high},
                     {"log", p.log}};
  Document choices = Document::array();
  for (const ParamValue& choice : p.choices) choices.push_back(choice.to_string());
  object.set("choices", choices);
  return object;
}

// Which trial each comes from, and from which step. resumed: the step a paused trial went on with
// last; 0: it never was.
void add_lineage(Document& columns, const std::vector<const TrialRecord*>& records) {
  std::vector<int64_t> parents, fork_steps, retries, resumed;
  bool any = false;
  for (const TrialRecord* r : records) {
    parents.push_back(r->parent), fork_steps.push_back(r->fork_step);
    retries.push_back(r->retry_of), resumed.push_back(r->resume_step);
    any = any || r->parent >= 0 || r->retry_of >= 0 || r->resume_step > 0;
  }
  if (!any) return;
  columns.set("parent", parents);
  columns.set("fork_step", fork_steps);
  columns.set("retry_of", retries);
  columns.set("resumed", resumed);
}

}  // namespace

Document document_of(const ParamValue& value) {
  return std::visit(
      [](const auto& v) -> Document {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return {};
        } else {
          return v;
        }
      },
      value.variant());
}

Document document_of(const Params& params) {
  Document object = Document::object();
  for (const auto& [name, value] : params) object.set(name, document_of(value));
  return object;
}

Document param_list(const History& history) {
  Document list = Document::array();
  for (const std::string& name : param_names(history)) {
    list.push_back(document_of(*history.latest(name)));
  }
  return list;
}

Document trial_columns(const std::vector<TrialResult>& trials, const History& history) {
  std::vector<int64_t> numbers, states, worker_of, confirms, steps;
  std::vector<double> seconds, started, ended, violations;
  std::vector<std::string> errors, workers;
  std::vector<std::vector<double>> values(history.objectives());
  std::vector<const TrialRecord*> records;
  std::map<std::string, int64_t> places;
  Document user = Document::array();
  for (const TrialResult& t : trials) {
    const TrialRecord& record = history.trials().at(static_cast<size_t>(t.number));
    records.push_back(&record);
    numbers.push_back(t.number);
    states.push_back(static_cast<int64_t>(t.state));
    seconds.push_back(t.seconds);
    started.push_back(record.started), ended.push_back(record.ended);
    const auto [worker, fresh] = places.emplace(record.worker, std::ssize(workers));
    if (fresh) workers.push_back(record.worker);
    worker_of.push_back(worker->second);
    errors.push_back(t.error());
    confirms.push_back(t.system.contains(kRepeats));
    steps.push_back(std::ssize(record.reports));
    violations.push_back(record.violation());
    for (size_t k = 0; k < values.size(); ++k) {
      values[k].push_back(k < t.values.size() ? t.values[k] : std::nan(""));
    }
    Document attributes = Document::object();
    for (const auto& [name, text] : t.user) attributes.set(name, text);
    user.push_back(attributes);
  }
  Document all_values = Document::array();
  for (const std::vector<double>& of_one : values) all_values.push_back(of_one);
  Document columns = {{"number", numbers},   {"state", states},    {"values", all_values},
                      {"seconds", seconds},  {"started", started}, {"ended", ended},
                      {"worker", worker_of}, {"workers", workers}, {"confirms", confirms},
                      {"steps", steps},      {"error", errors},    {"user", user}};
  if (history.constrained()) columns.set("violation", violations);
  add_lineage(columns, records);
  Document params = Document::object();
  for (const std::string& name : param_names(history)) {
    Document column = Document::array();
    for (const TrialResult& t : trials) {
      const ParamValue* value = t.params.find(name);
      column.push_back(value ? document_of(*value) : Document());
    }
    params.set(name, column);
  }
  columns.set("params", params);
  return columns;
}

Document curve_of(const TrialResult& trial) {
  std::vector<int64_t> steps;
  std::vector<double> values;
  for (const auto& [step, value] : trial.intermediate) {
    steps.push_back(step), values.push_back(value);
  }
  return {{"trial", trial.number}, {"steps", steps}, {"values", values}};
}

}  // namespace attune::tune::internal
