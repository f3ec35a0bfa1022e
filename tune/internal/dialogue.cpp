#include "attune/tune/internal/dialogue.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/by_name.h"
#include "attune/tune/internal/json.h"

namespace attune::tune::dialogue {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
using Kind = Message::Kind;

const std::string* text_in(const json::Value& value) {
  const ParamValue* given = json::single(value);
  return given ? std::get_if<std::string>(&given->variant()) : nullptr;
}

// "'step' must be a whole number from 0, not "3" (a text); write 3 without the quotes"
[[noreturn]] void refuse(std::string_view key, std::string_view wanted, const json::Value& value) {
  std::string hint;
  if (const std::string* given = text_in(value); given && json::number_in(*given)) {
    hint = fmt::format(" (a text); write {} without the quotes", printable(*given));
  }
  throw ValueError(fmt::format("'{}' must be {}, not {}{}", key, wanted, json::shown(value), hint));
}

int64_t whole(std::string_view key, const json::Value& value) {
  const ParamValue* given = json::single(value);
  const auto* real = given ? std::get_if<double>(&given->variant()) : nullptr;
  const auto* integer = given ? std::get_if<int64_t>(&given->variant()) : nullptr;
  if (integer && *integer >= 0) return *integer;
  if (real && *real >= 0 && *real <= 0x1p53 && *real == std::trunc(*real)) {  // 3.0
    return static_cast<int64_t>(*real);
  }
  refuse(key, "a whole number from 0", value);
}

// NaN for null and NA; the texts that stand for what JSON has no numbers for are numbers.
double number(std::string_view key, const json::Value& value) {
  const ParamValue* given = json::single(value);
  if (given && given->is_null()) return kNaN;
  if (given && std::holds_alternative<double>(given->variant())) return given->as_double();
  if (given && std::holds_alternative<int64_t>(given->variant())) return given->as_double();
  if (const std::string* word = text_in(value)) {
    const std::optional<double> meant = *word == "NA" ? kNaN : json::number_in(*word);
    if (meant && !std::isfinite(*meant)) return *meant;
  }
  refuse(key, "a number", value);
}

// A client that prints its objects over several lines is told of it.
json::Value parse(std::string_view line) {
  try {
    return json::parse(line, json::Numbers::lenient);
  } catch (const ValueError& e) {
    const std::string what = e.what();
    const bool broken = !line.empty() && what.find("ends too early") != std::string::npos;
    throw ValueError(broken ? what + "; a message is one line" : what);
  }
}

class Reader {
 public:
  Reader(const json::Value& line, size_t objectives) : line_(line), objectives_(objectives) {}

  Message message(std::optional<int64_t>& known) const {
    if (!std::holds_alternative<json::Object>(line_.it)) {
      throw ValueError(fmt::format("a line must be a JSON object, such as {}, not {}",
                                   R"({"number": 0, "value": 0.3})", json::shown(line_)));
    }
    Message m;
    require_unique(line_.object());
    m.kind = kind();
    allow(m.kind);
    if (m.kind == Kind::ask && find("count")) m.count = whole("count", *find("count"));
    if (m.kind == Kind::ask || m.kind == Kind::best) return m;
    if (m.kind == Kind::end || m.kind == Kind::report) {
      if (!find("number")) throw ValueError("no 'number' is given");
      known = m.number = whole("number", *find("number"));
    } else {
      m.params = params();
    }
    if (m.kind == Kind::enqueue) return m;
    if (m.kind == Kind::report) {
      m.step = whole("step", *find("step"));
      m.values = values();
    } else {
      read_outcome(m);
      read_constraints(m);
    }
    read_user(m);
    return m;
  }

 private:
  // Of two values for one key a reader would have to guess which is meant.
  static void require_unique(const json::Object& object) {
    std::set<std::string_view> keys;
    for (const auto& [key, value] : object) {
      if (keys.insert(key).second) continue;
      throw ValueError(fmt::format("the key {} is given twice", in_quotes(key)));
    }
  }

  const json::Value* find(std::string_view key) const { return line_.find(key); }

  Kind kind() const {
    const json::Value* given = find("cmd");
    if (!given) return find("step") ? Kind::report : Kind::end;
    const std::string* name = text_in(*given);
    if (name && *name == "tell") return Kind::tell;
    if (name && *name == "enqueue") return Kind::enqueue;
    if (name && *name == "ask") return Kind::ask;
    if (name && *name == "best") return Kind::best;
    throw ValueError(
        fmt::format("unknown cmd {}; there are tell, enqueue, ask, best", json::shown(*given)));
  }

  void allow(Kind kind) const {
    const auto keys = [&]() -> std::vector<std::string_view> {
      switch (kind) {
        case Kind::report: return {"number", "step", "value", "values", "user"};
        case Kind::tell:
          return {"cmd", "params", "value", "values", "state", "reason", "constraints", "user"};
        case Kind::enqueue: return {"cmd", "params"};
        case Kind::ask: return {"cmd", "count"};
        case Kind::best: return {"cmd"};
        case Kind::end: break;
      }
      return {"number", "value", "values", "state", "reason", "constraints", "user"};
    }();
    for (const auto& [key, unused] : line_.object()) {
      if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
      if (kind == Kind::report && key == "state") {
        throw ValueError("a line has either 'step' or 'state'");
      }
      if (kind == Kind::report && key == "constraints") {
        throw ValueError("constraints come with the trial's end");
      }
      ListInQuotes known(keys.size() + 1);
      for (const std::string_view one : keys) known.add(one);
      if (kind == Kind::end) known.add("step");
      throw ValueError(fmt::format("unknown key {}; there are {}", in_quotes(key), known.text()));
    }
  }

  // One per objective.
  std::vector<double> values() const {
    const json::Value *one = find("value"), *several = find("values");
    if (one && several) throw ValueError("a line has either 'value' or 'values'");
    if (!one && !several) {
      throw ValueError(objectives_ > 1 ? "no 'values' are given" : "no 'value' is given");
    }
    if (one && objectives_ > 1) {
      throw ValueError(fmt::format("there are {} objectives: give 'values', a list", objectives_));
    }
    if (one) return {number("value", *one)};
    std::vector<double> numbers;
    if (const auto* list = std::get_if<json::List>(&several->it)) {
      for (const json::Value& each : *list) numbers.push_back(number("values", each));
    } else if (objectives_ == 1) {
      numbers.push_back(number("values", *several));
    } else {
      refuse("values", "a list of numbers", *several);
    }
    if (numbers.size() != objectives_) {
      throw ValueError(fmt::format("there {} {} objective{}, but {} 'values'",
                                   objectives_ == 1 ? "is" : "are", objectives_,
                                   objectives_ == 1 ? "" : "s", numbers.size()));
    }
    return numbers;
  }

  State state() const {
    const json::Value* given = find("state");
    if (!given) return State::complete;
    const std::string* name = text_in(*given);
    std::string lower = name ? *name : "";
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (lower == "complete") return State::complete;
    if (lower == "pruned") return State::pruned;
    if (lower == "failed" || lower == "fail") return State::failed;
    throw ValueError(
        fmt::format("unknown state {}; there are complete, pruned, failed", json::shown(*given)));
  }

  void read_outcome(Message& m) const {
    const State wanted = state();
    const json::Value* reason = find("reason");
    if (reason && wanted != State::failed) {
      throw ValueError("a 'reason' comes with \"state\": \"failed\"");
    }
    if (wanted == State::complete) {
      std::vector<double> numbers = values();
      const auto bad =
          std::find_if(numbers.begin(), numbers.end(), [](double v) { return !std::isfinite(v); });
      if (bad == numbers.end()) {
        m.outcome = Outcome(std::move(numbers));
        return;
      }
      m.note = fmt::format("the value is {}", json::number(*bad));
      m.outcome = Failed{m.note};
      return;
    }
    if (find("value") || find("values")) {
      throw ValueError("a trial that is not complete has no 'value'");
    }
    if (wanted == State::pruned) return;
    const std::string* words = reason ? text_in(*reason) : nullptr;
    if (reason && !words) refuse("reason", "a text", *reason);
    m.outcome = Failed{words ? *words : "reported as failed by the client"};
  }

  // A list, or an object from name to number.
  void read_constraints(Message& m) const {
    const json::Value* found = find("constraints");
    if (!found) return;
    const auto add = [&](const std::string& name, const json::Value& given) {
      const std::string key = name.empty() ? "constraints" : "constraints." + name;
      const double value = number(key, given);
      if (std::isnan(value)) {
        throw ValueError(name.empty() ? "a constraint is NaN"
                                      : fmt::format("the constraint {} is NaN", in_quotes(name)));
      }
      m.constraints.emplace_back(name, value);
    };
    if (const auto* object = std::get_if<json::Object>(&found->it)) {
      require_unique(*object);
      for (const auto& [name, given] : *object) add(checked_name("constraints", name), given);
    } else if (const auto* list = std::get_if<json::List>(&found->it)) {
      for (const json::Value& given : *list) add("", given);
    } else {
      add("", *found);
    }
  }

  void read_user(Message& m) const {
    const json::Value* found = find("user");
    if (!found) return;
    const auto* object = std::get_if<json::Object>(&found->it);
    if (!object) refuse("user", "an object from name to value", *found);
    require_unique(*object);
    for (const auto& [name, value] : *object) {
      m.user.emplace_back(checked_name("user", name), json::text(value));
    }
  }

  Params params() const {
    const json::Value* found = find("params");
    if (!found) throw ValueError("no 'params' are given");
    const auto* object = std::get_if<json::Object>(&found->it);
    if (!object) refuse("params", "an object from name to value", *found);
    require_unique(*object);
    Params all;
    for (const auto& [name, value] : *object) {
      const ParamValue* one = json::single(value);
      if (!one) {
        throw ValueError(fmt::format("param {}: a single value is needed, not {}", in_quotes(name),
                                     json::shown(value)));
      }
      all.set(name, *one);
    }
    return all;
  }

  // \ud800 is JSON, but half a character cannot be kept.
  static const std::string& checked_name(std::string_view key, const std::string& name) {
    if (name.empty()) throw ValueError(fmt::format("a name in '{}' is empty", key));
    if (utf8_flaw(name) != std::string_view::npos) {
      throw ValueError(fmt::format("a name in '{}' is not UTF-8: {}", key, in_quotes(name)));
    }
    return name;
  }

  const json::Value& line_;
  size_t objectives_;
};

}  // namespace

Message read_message(std::string_view line, size_t objectives, std::optional<int64_t>& number) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  if (const size_t flaw = utf8_flaw(line); flaw != std::string_view::npos) {
    throw ValueError(fmt::format("the line is not UTF-8: byte {} is 0x{:02x}", flaw,
                                 static_cast<unsigned char>(line[flaw])));
  }
  const json::Value value = parse(line);
  return Reader(value, objectives).message(number);
}

std::string error_line(std::string_view what, std::optional<int64_t> number) {
  return fmt::format(R"({{{}"error": {}}})",
                     number ? fmt::format(R"("number": {}, )", *number) : "", json::quote(what));
}

std::string state_line(int64_t number, State state, std::string_view note) {
  return fmt::format(R"({{"number": {}, "state": "{}"{}}})", number, name_of(state),
                     note.empty() ? "" : fmt::format(R"(, "note": {})", json::quote(note)));
}

std::string list_of(std::span<const double> numbers) {
  std::string all;
  for (const double v : numbers) all += (all.empty() ? "" : ", ") + json::strict(v);
  return "[" + all + "]";
}

std::string trial_text(const TrialResult& trial, bool several) {
  return fmt::format(R"({{"number": {}, {}, "params": {}{}}})", trial.number,
                     several ? R"("values": )" + list_of(trial.values)
                             : R"("value": )" + json::strict(trial.value),
                     json::strict(trial.params), trial.feasible() ? "" : R"(, "feasible": false)");
}

}  // namespace attune::tune::dialogue
