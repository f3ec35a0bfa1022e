#include "attune/tune/storages/internal/sqlite_attributes.h"

#include <charconv>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/storages/internal/worker.h"

namespace attune::tune {
namespace {

std::optional<int64_t> step_of(std::string_view text) {
  int64_t step = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), step);
  if (error != std::errc() || end != text.data() + text.size() || step < -1) return std::nullopt;
  return step;
}

// Nothing for text that is no decision: another program may have written it.
std::optional<Event> decision_of(int64_t trial, const std::string& text) {
  try {
    const json::Value value = json::parse(text);
    const json::Value *step = value.find("step"), *what = value.find("what");
    if (!step || !what) return std::nullopt;
    const bool pause = what->scalar() == ParamValue("pause");
    return Decided{trial, step->scalar().as_int(),
                   pause ? Decided::What::pause : Decided::What::stop};
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

bool is_step(std::string_view json) { return step_of(json).has_value(); }

std::string decision_text(const Decided& decision) {
  return fmt::format(R"({{"step": {}, "what": "{}"}})", decision.step,
                     decision.what == Decided::What::pause ? "pause" : "stop");
}

std::optional<Event> event_of(int64_t trial, std::string_view name, const std::string& json,
                              double started) {
  if (name == kWorkerAttribute) return Claimed{trial, started, json};
  if (name == kDecidedAttribute) return decision_of(trial, json);
  if (name != kPausedAttribute) return std::nullopt;
  const std::optional<int64_t> step = step_of(json);
  if (!step) return std::nullopt;
  return Paused{trial, *step};
}

}  // namespace attune::tune
