#include "attune/tune/storages/internal/optuna_attributes.h"

#include <charconv>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/storages/internal/worker.h"

namespace attune::tune {
namespace {

// Nothing for text that is no fork's: another program may have written it.
std::optional<Event> fork_of(int64_t trial, const std::string& text) {
  try {
    const json::Value value = json::parse(text);
    const json::Value *parent = value.find("parent"), *step = value.find("step");
    if (!parent || !step) return std::nullopt;
    const Forked fork{trial, parent->scalar().as_int(), step->scalar().as_int()};
    if (fork.parent < 0 || fork.parent >= trial) return std::nullopt;
    if (fork.step < -1 || fork.step > kLastStep) return std::nullopt;
    return fork;
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

std::optional<int64_t> step_of(std::string_view text) {
  int64_t step = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), step);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (step < -1 || step > kLastStep) return std::nullopt;
  return step;
}

std::string decision_text(const Decided& decision) {
  return fmt::format(R"({{"step": {}, "what": "{}"}})", decision.step,
                     decision.what == Decided::What::pause ? "pause" : "stop");
}

std::optional<Decided> decision_of(int64_t trial, const std::string& text) {
  try {
    const json::Value value = json::parse(text);
    const json::Value *step = value.find("step"), *what = value.find("what");
    if (!step || !what) return std::nullopt;
    const std::string word = what->scalar().as_string();
    if (word != "pause" && word != "stop") return std::nullopt;
    return Decided{trial, step->scalar().as_int(),
                   word == "pause" ? Decided::What::pause : Decided::What::stop};
  } catch (const Error&) {  // another program's
    return std::nullopt;
  }
}

std::string fork_text(const Forked& fork) {
  return fmt::format(R"({{"parent": {}, "step": {}}})", fork.parent, fork.step);
}

std::optional<Event> event_of(int64_t trial, std::string_view name, const std::string& json,
                              double started) {
  if (name == kWorkerAttribute) return Claimed{trial, started, json};
  if (name == kForkAttribute) return fork_of(trial, json);
  if (name != kRetryAttribute) return std::nullopt;
  const std::optional<int64_t> of = step_of(json);
  if (!of || *of < 0 || *of >= trial) return std::nullopt;
  return Retried{trial, *of};
}

}  // namespace attune::tune
