#pragma once
// What Optuna's tables have no column for is kept in system attributes of a trial, which Optuna
// carries along unread. To it a paused trial is running.

#include <optional>
#include <string>
#include <string_view>

#include "attune/tune/event.h"

namespace attune::tune {

inline constexpr char kPausedAttribute[] = "attune:paused";  // the last step; null: it was resumed
inline constexpr char kDecidedAttribute[] = "attune:decided";  // {"step": 3, "what": "stop"}

bool is_step(std::string_view json);  // a whole number; -1: before the first step
std::string decision_text(const Decided& decision);
// The event that the attribute stands for, if it is one of those above or names a worker.
std::optional<Event> event_of(int64_t trial, std::string_view name, const std::string& json,
                              double started);

}  // namespace attune::tune
