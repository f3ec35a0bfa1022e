#include "attune/tune/ask_tell.h"

#include <algorithm>
#include <cmath>
#include <istream>
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/tensor/error.h"
#include "attune/tune/internal/json.h"

namespace attune::tune {
namespace {

class Conversation {
 public:
  Conversation(Study& study, const Space& space, std::istream& in, std::ostream& out,
               const AskTellOptions& options)
      : study_(study), space_(space), in_(in), out_(out), options_(options) {}

  void run() {
    hand_out();
    std::string line;
    while (!open_.empty() && out_ && !stopped() && std::getline(in_, line)) {
      try {
        answer(line);
      } catch (const ValueError& e) {
        say(fmt::format(R"({{"error": {}}})", json::quote(e.what())));
      }
      hand_out();
    }
    open_.clear();  // fails what was never told
    say_best();
  }

 private:
  bool stopped() const { return options_.stop && options_.stop(); }

  void say(const std::string& line) { out_ << line << '\n' << std::flush; }

  void hand_out() {
    while (asked_ < options_.trials && static_cast<int64_t>(open_.size()) < options_.jobs &&
           !stopped() && !study_.exhausted()) {
      Trial trial = study_.ask(space_);
      ++asked_;
      const int64_t number = trial.number();
      say(fmt::format(R"({{"number": {}, "params": {}}})", number, json::text(trial.params())));
      open_.emplace(number, std::move(trial));
    }
  }

  void answer(const std::string& line) {
    const json::Value message = json::parse(line);
    if (!std::holds_alternative<json::Object>(message.it)) {
      throw ValueError("a line must be a JSON object");
    }
    constexpr std::string_view kKeys[] = {"number", "value", "values",
                                          "state",  "step",  "constraints"};
    for (const auto& [key, unused] : message.object()) {
      if (std::find(std::begin(kKeys), std::end(kKeys), key) == std::end(kKeys)) {
        throw ValueError(
            fmt::format("unknown key '{}'; there are {}", key, fmt::join(kKeys, ", ")));
      }
    }
    if (!message.find("number")) throw ValueError("no 'number' is given");
    const int64_t number = integer(message, "number");
    const auto trial = open_.find(number);
    if (trial == open_.end()) {
      throw ValueError(fmt::format("trial {} is not running", number));
    }
    if (message.find("step")) {
      if (message.find("state")) throw ValueError("a line has either 'step' or 'state'");
      if (message.find("constraints")) throw ValueError("constraints come with the trial's end");
      const int64_t step = integer(message, "step");
      const bool prune = trial->second.report(step, value(message)).should_stop();
      say(fmt::format(R"({{"number": {}, "prune": {}}})", number, prune));
      return;
    }
    const Outcome outcome = outcome_of(message);
    for (const auto& [name, value] : constraints(message)) {
      name.empty() ? trial->second.set_constraint(value)
                   : trial->second.set_constraint(name, value);
    }
    // Out of the map first: whatever tell() says, this trial is over.
    Trial told = std::move(trial->second);
    open_.erase(trial);
    study_.tell(told, outcome);
  }

  Outcome outcome_of(const json::Value& message) const {
    if (!message.find("state")) return values(message);
    const ParamValue& state = message.find("state")->scalar();
    if (state == "complete") return values(message);
    if (message.find("value") || message.find("values")) {
      throw ValueError("a trial that is not complete has no 'value'");
    }
    if (state == "failed") return Failed{"told so"};
    if (state == "pruned") return pruned;
    throw ValueError(
        fmt::format("unknown state '{}'; there are complete, pruned, failed", state.to_string()));
  }

  static int64_t integer(const json::Value& message, std::string_view key) {
    const ParamValue& given = message.find(key)->scalar();
    if (!std::holds_alternative<int64_t>(given.variant()) || given.as_int() < 0) {
      throw ValueError(
          fmt::format("'{}' must be a whole number from 0, not {}", key, given.to_string()));
    }
    return given.as_int();
  }

  static double value(const json::Value& message) {
    const json::Value* found = message.find("value");
    if (!found) throw ValueError("no 'value' is given");
    return number("value", *found);
  }

  static double number(std::string_view key, const json::Value& value) {
    const ParamValue& given = value.scalar();
    if (given.is_null()) return std::numeric_limits<double>::quiet_NaN();  // how JSON writes NaN
    if (std::holds_alternative<bool>(given.variant())) {
      throw ValueError(fmt::format("'{}' must be a number, not a truth value", key));
    }
    return given.as_double();
  }

  // One per objective.
  std::vector<double> values(const json::Value& message) const {
    const size_t objectives = study_.directions().size();
    const json::Value* found = message.find("values");
    if (!found) {
      if (objectives > 1 && message.find("value")) {
        throw ValueError(fmt::format("there are {} objectives: give 'values', a list", objectives));
      }
      return {value(message)};
    }
    if (message.find("value")) throw ValueError("a line has either 'value' or 'values'");
    std::vector<double> numbers;
    for (const json::Value& one : found->list()) numbers.push_back(number("values", one));
    if (numbers.size() != objectives) {
      throw ValueError(
          fmt::format("there are {} objectives, but {} 'values'", objectives, numbers.size()));
    }
    return numbers;
  }

  // A list, or an object from name to number.
  static std::vector<std::pair<std::string, double>> constraints(const json::Value& message) {
    std::vector<std::pair<std::string, double>> all;
    const json::Value* found = message.find("constraints");
    if (!found) return all;
    const auto add = [&](const std::string& name, const json::Value& given) {
      all.emplace_back(name, number("constraints", given));
      if (std::isnan(all.back().second)) throw ValueError("a constraint is NaN");
    };
    if (std::holds_alternative<json::Object>(found->it)) {
      for (const auto& [name, given] : found->object()) add(name, given);
    } else {
      for (const json::Value& given : found->list()) add("", given);
    }
    return all;
  }

  void say_front(const std::vector<TrialResult>& front) {
    std::string all;
    for (const TrialResult& t : front) {
      std::string numbers;
      for (const double v : t.values) numbers += (numbers.empty() ? "" : ", ") + json::number(v);
      all += fmt::format(R"({}{{"number": {}, "values": [{}], "params": {}}})",
                         all.empty() ? "" : ", ", t.number, numbers, json::text(t.params));
    }
    say(fmt::format(R"({{"best": [{}]}})", all));
  }

  void say_best() {
    const std::vector<TrialResult> best = study_.best_trials();
    if (study_.directions().size() > 1) return say_front(best);
    if (best.empty()) return say(R"({"best": null})");
    say(fmt::format(R"({{"best": {{"number": {}, "value": {}, "params": {}}}}})",
                    best.front().number, json::number(best.front().value),
                    json::text(best.front().params)));
  }

  Study& study_;
  const Space& space_;
  std::istream& in_;
  std::ostream& out_;
  const AskTellOptions& options_;
  std::map<int64_t, Trial> open_;
  int64_t asked_ = 0;
};

}  // namespace

void ask_tell(Study& study, const Space& space, std::istream& in, std::ostream& out,
              const AskTellOptions& options) {
  if (options.trials < 0) {
    throw ValueError(fmt::format("ask_tell: trials must not be negative, got {}", options.trials));
  }
  if (options.jobs < 1) {
    throw ValueError(fmt::format("ask_tell: jobs must be 1 or more, got {}", options.jobs));
  }
  Conversation(study, space, in, out, options).run();
}

}  // namespace attune::tune
