#include "attune/tune/space.h"

#include <algorithm>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/internal/json.h"

namespace attune::tune {
namespace {

bool has_value(const Param& p, const ParamValue& value) {
  try {
    const double v = p.internal(value);
    return v >= p.low && v <= p.high && (p.levels() == 0 || p.level_value(p.level_of(v)) == v);
  } catch (const ValueError&) {  // another kind of value, or none of the choices
    return false;
  }
}

}  // namespace

Space::Space(std::initializer_list<NamedParam> params) {
  for (const auto& [name, param] : params) {
    params_.push_back(param);
    params_.back().name = name;
  }
  check();
}

Space::Space(std::vector<NamedParam> params) {
  for (auto& [name, param] : params) {
    params_.push_back(std::move(param));
    params_.back().name = std::move(name);
  }
  check();
}

Space& Space::add(std::string name, Param param) {
  Space next = *this;  // so that a bad parameter leaves this one as it was
  param.name = std::move(name);
  next.params_.push_back(std::move(param));
  next.check();
  *this = std::move(next);
  return *this;
}

Space& Space::forbid(Predicate predicate) {
  if (!predicate) throw SearchSpaceError("space: forbid was given an empty function");
  forbidden_.push_back(std::move(predicate));
  return *this;
}

Space& Space::freeze(std::string_view name, const ParamValue& value) {
  const Param* p = find(name);
  if (!p) throw SearchSpaceError(fmt::format("param {}: it is not in the space", in_quotes(name)));
  if (!has_value(*p, value)) {
    throw SearchSpaceError(
        fmt::format("param {}: it cannot be frozen at {}, a value it cannot have", in_quotes(name),
                    json::shown(value)));
  }
  frozen_.set(name, p->external(p->internal(value)));
  return *this;
}

Space& Space::thaw(std::string_view name) {
  Params rest;
  for (const auto& [key, value] : frozen_) {
    if (key != name) rest.set(key, value);
  }
  frozen_ = std::move(rest);
  return *this;
}

const Param* Space::find(std::string_view name) const {
  const size_t i = index_of(name);
  return i < params_.size() ? &params_[i] : nullptr;
}

size_t Space::index_of(std::string_view name) const {
  const auto it =
      std::find_if(params_.begin(), params_.end(), [&](const Param& p) { return p.name == name; });
  return static_cast<size_t>(it - params_.begin());
}

// Checks each parameter and its conditions, and puts parents before children.
void Space::check() {
  conditional_ = false;
  for (size_t i = 0; i < params_.size(); ++i) {
    const Param& p = params_[i];
    p.validate();
    if (index_of(p.name) != i) {
      throw SearchSpaceError(fmt::format("param {}: it is in the space twice", in_quotes(p.name)));
    }
    for (const Condition& c : p.conditions) {
      conditional_ = true;
      const Param* parent = find(c.parent);
      if (!parent) {
        throw SearchSpaceError(fmt::format("param {}: it depends on {}, which is not in the space",
                                           in_quotes(p.name), in_quotes(c.parent)));
      }
      if (c.values.empty()) {
        throw SearchSpaceError(fmt::format("param {}: no value of {} is given", in_quotes(p.name),
                                           in_quotes(c.parent)));
      }
      for (const ParamValue& value : c.values) {
        if (has_value(*parent, value)) continue;
        throw SearchSpaceError(fmt::format("param {}: its condition {} = {} can never hold",
                                           in_quotes(p.name), in_quotes(c.parent),
                                           json::shown(value)));
      }
    }
  }
  order_.clear();
  std::vector<bool> placed(params_.size());
  while (order_.size() < params_.size()) {
    const size_t before = order_.size();
    for (size_t i = 0; i < params_.size(); ++i) {
      const auto& conditions = params_[i].conditions;
      const bool ready = std::all_of(conditions.begin(), conditions.end(), [&](const Condition& c) {
        return placed[index_of(c.parent)];
      });
      if (!placed[i] && ready) placed[i] = true, order_.push_back(i);
    }
    if (order_.size() > before) continue;
    const size_t i =
        static_cast<size_t>(std::find(placed.begin(), placed.end(), false) - placed.begin());
    throw SearchSpaceError(
        fmt::format("param {}: its conditions are cyclic", in_quotes(params_[i].name)));
  }
}

std::vector<double> Space::to_values(std::span<const double> units) const {
  std::vector<double> values(params_.size());
  for (size_t i = 0; i < params_.size(); ++i) values[i] = params_[i].from_unit(units[i]);
  return values;
}

std::vector<bool> Space::active(std::span<const double> values) const {
  std::vector<bool> active(params_.size(), true);
  if (!conditional_) return active;
  for (const size_t i : order_) {
    for (const Condition& c : params_[i].conditions) {
      const size_t parent = index_of(c.parent);
      const bool holds = std::any_of(c.values.begin(), c.values.end(), [&](const ParamValue& v) {
        return params_[parent].internal(v) == values[parent];
      });
      active[i] = active[i] && active[parent] && holds;
    }
  }
  return active;
}

Params Space::to_params(std::span<const double> values) const {
  const std::vector<bool> on = active(values);
  Params params;
  for (size_t i = 0; i < params_.size(); ++i) {
    if (on[i]) params.set(params_[i].name, params_[i].external(values[i]));
  }
  return params;
}

bool Space::allowed(std::span<const double> values) const {
  if (forbidden_.empty()) return true;
  return permits(to_params(values));
}

bool Space::permits(const Params& active) const {
  return std::none_of(forbidden_.begin(), forbidden_.end(),
                      [&](const Predicate& is_forbidden) { return is_forbidden(active); });
}

// A parameter that waits for one that is held waits for what that one waits for, or is never
// active.
Space Space::given(const Params& held) const {
  struct Held {
    std::string name;
    ParamValue value;
    std::vector<Condition> conditions;
  };
  std::vector<Held> fixed;
  std::vector<bool> never(params_.size());
  std::vector<std::vector<Condition>> settled(params_.size());
  for (const size_t i : order_) {
    for (const Condition& c : params_[i].conditions) {
      const size_t parent = index_of(c.parent);
      never[i] = never[i] || never[parent];
      const ParamValue* value = held.find(c.parent);
      if (!value) {
        settled[i].push_back(c);
        continue;
      }
      never[i] = never[i] || std::find(c.values.begin(), c.values.end(), *value) == c.values.end();
      settled[i].insert(settled[i].end(), settled[parent].begin(), settled[parent].end());
    }
    const ParamValue* value = held.find(params_[i].name);
    if (value && !never[i]) fixed.push_back({params_[i].name, *value, settled[i]});
  }

  Space rest;
  for (size_t i = 0; i < params_.size(); ++i) {
    if (never[i] || held.contains(params_[i].name)) continue;
    rest.params_.push_back(params_[i]);
    rest.params_.back().conditions = settled[i];
  }
  rest.check();
  for (const auto& [name, value] : frozen_) {
    if (rest.find(name)) rest.frozen_.set(name, value);
  }
  for (const Predicate& is_forbidden : forbidden_) {
    rest.forbidden_.emplace_back([is_forbidden, fixed](const Params& others) {
      Params all = others;
      for (const auto& [name, value, conditions] : fixed) {
        const bool active =
            std::all_of(conditions.begin(), conditions.end(), [&](const Condition& c) {
              const ParamValue* parent = others.find(c.parent);
              return parent &&
                     std::find(c.values.begin(), c.values.end(), *parent) != c.values.end();
            });
        if (active) all.set(name, value);
      }
      return is_forbidden(all);
    });
  }
  return rest;
}

std::string Space::flaw_of_some(const Params& params) const {
  for (const auto& [name, value] : params) {
    if (find(name)) continue;
    ListInQuotes names;
    for (const Param& p : params_) names.add(p.name);
    return fmt::format("there is no parameter {}; there is {}", in_quotes(name), names.text());
  }
  for (const Param& p : params_) {
    const ParamValue* given = params.find(p.name);
    if (!given) continue;
    double value = 0;
    try {
      value = p.internal(*given);
    } catch (const ValueError& e) {
      return e.what();
    }
    if (has_value(p, *given)) continue;
    if (value < p.low || value > p.high) {
      return fmt::format("param {}: {} is not in [{}, {}]", in_quotes(p.name), json::shown(*given),
                         p.low, p.high);
    }
    return fmt::format("param {}: {} lies between the steps; {} would do", in_quotes(p.name),
                       json::shown(*given), p.level_value(p.level_of(value)));
  }
  return {};
}

std::string Space::flaw(const Params& params) const {
  if (std::string flaw = flaw_of_some(params); !flaw.empty()) return flaw;
  std::vector<double> values = default_values();
  for (size_t i = 0; i < params_.size(); ++i) {
    const ParamValue* given = params.find(params_[i].name);
    if (given) values[i] = params_[i].internal(*given);
  }
  const std::vector<bool> on = active(values);
  for (size_t i = 0; i < params_.size(); ++i) {
    const std::string& name = params_[i].name;
    const bool there = params.contains(name);
    if (on[i] && !there) return fmt::format("param {} is missing", in_quotes(name));
    if (!on[i] && there) {
      return fmt::format("param {}: its condition does not hold; leave it out", in_quotes(name));
    }
  }
  return {};
}

std::vector<double> Space::default_values() const {
  std::vector<double> values(params_.size());
  for (size_t i = 0; i < params_.size(); ++i) values[i] = params_[i].default_value();
  return values;
}

int64_t Space::combinations() const {
  int64_t total = 1;
  for (const Param& p : params_) {
    const int64_t levels = p.levels();
    if (levels == 0 || __builtin_mul_overflow(total, levels, &total) || total > int64_t{1} << 62) {
      return 0;
    }
  }
  return total;
}

}  // namespace attune::tune
