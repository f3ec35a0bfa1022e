#include "cli/trial_json.h"

#include <cmath>

#include "attune/base/error.h"
#include "attune/tune/by_name.h"
#include "attune/tune/internal/json.h"

namespace attune::cli {

Json json_of_number(double number) {
  return std::isfinite(number) ? Json(number) : Json(tune::json::number(number));
}

namespace {

Json json_of(const tune::json::Value& value) {
  if (const auto* scalar = std::get_if<tune::ParamValue>(&value.it)) {
    const auto* number = std::get_if<double>(&scalar->variant());
    return number ? json_of_number(*number) : cli::json_of(*scalar);
  }
  if (const auto* list = std::get_if<tune::json::List>(&value.it)) {
    Json all = Json::array();
    for (const tune::json::Value& one : *list) all.push_back(json_of(one));
    return all;
  }
  Json object = Json::object();
  for (const auto& [key, one] : value.object()) object.set(key, json_of(one));
  return object;
}

// What another program stored may be JSON as Python writes it, with NaN, or none at all: then it is
// shown as text.
Json json_of_text(const std::string& text) {
  try {
    return json_of(tune::json::parse(text));
  } catch (const ValueError&) {
    return text;
  }
}

}  // namespace

Json json_of(const tune::TrialResult& trial) {
  Json object = {{"number", trial.number}, {"state", tune::name_of(trial.state)}};
  object.set("value", trial.values.empty() ? Json() : json_of_number(trial.value));
  if (trial.values.size() > 1) {
    Json values = Json::array();
    for (const double value : trial.values) values.push_back(json_of_number(value));
    object.set("values", values);
  }
  if (const std::string error = trial.error(); !error.empty()) object.set("error", error);
  object.set("params", cli::json_of(trial.params));
  if (!trial.constraints.empty()) {
    Json constraints = Json::object();
    for (const auto& [name, value] : trial.constraints) {
      constraints.set(name, json_of_number(value));
    }
    object.set("constraints", constraints);
    object.set("feasible", trial.feasible());
  }
  Json intermediate = Json::array();
  for (const auto& [step, value] : trial.intermediate) {
    Json report = Json::array({step, json_of_number(value)});
    const auto all = trial.intermediate_values.find(step);
    for (size_t i = 1; all != trial.intermediate_values.end() && i < all->second.size(); ++i) {
      report.push_back(json_of_number(all->second[i]));
    }
    intermediate.push_back(report);
  }
  object.set("intermediate", intermediate);
  Json user = Json::object();
  for (const auto& [name, text] : trial.user) user.set(name, json_of_text(text));
  object.set("user", user);
  object.set("seconds", trial.seconds);
  return object;
}

}  // namespace attune::cli
