#include "attune/tune/export.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/by_name.h"
#include "attune/tune/internal/json.h"

namespace attune::tune {
namespace {

std::string cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string number_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return json::number(value);
}

std::string value_text(const ParamValue& value) {
  if (const auto* text = std::get_if<std::string>(&value.variant())) return cell(*text);
  if (const auto* real = std::get_if<double>(&value.variant())) return number_text(*real);
  return json::text(value);
}

// A text without its quotes; anything else as it is.
std::string attribute_text(const std::string& text) {
  try {
    return value_text(json::parse(text).scalar());
  } catch (const ValueError&) {
    return cell(text);
  }
}

template <typename Map>
void collect(const Map& map, std::vector<std::string>& names) {
  for (const auto& [name, value] : map) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
}

}  // namespace

std::string export_csv(const StudyView& view) {
  const std::vector<TrialResult> trials = view.trials();
  const size_t objectives = view.directions().size();
  std::vector<std::string> params, constraints, user;
  for (const TrialResult& trial : trials) {
    collect(trial.params, params);
    collect(trial.constraints, constraints);
    collect(trial.user, user);
  }
  std::string text = "number,state";
  for (size_t i = 0; i < objectives; ++i) {
    text += objectives == 1 ? ",value" : fmt::format(",value_{}", i);
  }
  text += ",seconds";
  for (const std::string& name : params) text += "," + cell("params_" + name);
  for (const std::string& name : constraints) text += "," + cell("constraints_" + name);
  for (const std::string& name : user) text += "," + cell("user_" + name);
  text += "\n";
  for (const TrialResult& trial : trials) {
    text += fmt::format("{},{}", trial.number, name_of(trial.state));
    for (size_t i = 0; i < objectives; ++i) {
      text += "," + (i < trial.values.size() ? number_text(trial.values[i]) : std::string());
    }
    text += "," + (std::isnan(trial.seconds) ? std::string() : number_text(trial.seconds));
    for (const std::string& name : params) {
      const ParamValue* value = trial.params.find(name);
      text += "," + (value ? value_text(*value) : std::string());
    }
    for (const std::string& name : constraints) {
      const auto found = trial.constraints.find(name);
      text += "," + (found == trial.constraints.end() ? std::string() : number_text(found->second));
    }
    for (const std::string& name : user) {
      const auto found = trial.user.find(name);
      text += "," + (found == trial.user.end() ? std::string() : attribute_text(found->second));
    }
    text += "\n";
  }
  return text;
}

}  // namespace attune::tune
