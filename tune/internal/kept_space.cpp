#include "attune/tune/internal/kept_space.h"

#include <algorithm>

#include "attune/base/error.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/internal/results.h"

namespace attune::tune {

KeptSpace KeptSpace::of(const Space& space) {
  KeptSpace kept;
  for (const Param& p : space.params()) kept.names_.push_back({p.name, p.conditions});
  return kept;
}

std::optional<KeptSpace> KeptSpace::in(const History& history) {
  const auto found = history.user().find(kSpaceAttribute);
  if (found == history.user().end()) return std::nullopt;
  try {
    KeptSpace kept;
    const json::Value document = json::parse(found->second);
    for (const auto& [name, conditions] : document.object()) {
      kept.names_.push_back({name});
      for (const auto& [parent, values] : conditions.object()) {
        Condition& condition = kept.names_.back().conditions.emplace_back(Condition{parent, {}});
        for (const json::Value& value : values.list()) condition.values.push_back(value.scalar());
      }
    }
    return kept;
  } catch (const ValueError&) {  // another program's
    return std::nullopt;
  }
}

const KeptSpace::Name* KeptSpace::find(std::string_view name) const {
  const auto found =
      std::find_if(names_.begin(), names_.end(), [&](const Name& n) { return n.name == name; });
  return found == names_.end() ? nullptr : &*found;
}

bool KeptSpace::fits(const Params& params) const {
  for (const auto& [name, value] : params) {
    if (!find(name)) return false;
  }
  return std::all_of(names_.begin(), names_.end(), [&](const Name& name) {
    const bool active =
        std::all_of(name.conditions.begin(), name.conditions.end(), [&](const Condition& c) {
          const ParamValue* parent = params.find(c.parent);
          return parent && std::find(c.values.begin(), c.values.end(), *parent) != c.values.end();
        });
    return !active || params.contains(name.name);
  });
}

bool KeptSpace::fits(const TrialRecord& trial, const History& history) const {
  return fits(params_of(trial, history));
}

Space KeptSpace::space(const History& history) const {
  Space space;
  for (const Name& name : names_) {
    const Param* latest = name.conditions.empty() ? history.latest(name.name) : nullptr;
    if (!latest) continue;
    Param param = *latest;
    param.conditions.clear();
    space.add(name.name, std::move(param));
  }
  return space;
}

std::string KeptSpace::json() const {
  json::Object document;
  for (const Name& name : names_) {
    json::Object conditions;
    for (const Condition& condition : name.conditions) {
      json::List values;
      for (const ParamValue& value : condition.values) values.push_back({value});
      conditions.emplace_back(condition.parent, json::Value{std::move(values)});
    }
    document.emplace_back(name.name, json::Value{std::move(conditions)});
  }
  return json::text(json::Value{std::move(document)});
}

void keep_space(Study& study, const Space& space) {
  const KeptSpace now = KeptSpace::of(space);
  const std::string text = now.json();
  if (const std::optional<std::string> then = study.attribute(kSpaceAttribute)) {
    if (*then == text) return;
  } else {
    const std::vector<TrialResult> trials = study.trials();
    const bool all_fit = std::all_of(trials.begin(), trials.end(), [&](const TrialResult& t) {
      return t.state != State::complete || now.fits(t.params);
    });
    if (all_fit) return;
  }
  study.set_attribute_json(kSpaceAttribute, text);
}

}  // namespace attune::tune
