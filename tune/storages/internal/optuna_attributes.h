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
inline constexpr char kForkAttribute[] = "attune:fork";        // {"parent": 3, "step": 7}
inline constexpr char kRetryAttribute[] = "failed_trial";  // Optuna's: the failed trial's number

// A whole number; -1: before the first step.
std::optional<int64_t> step_of(std::string_view json);
std::string decision_text(const Decided& decision);
std::optional<Decided> decision_of(int64_t trial, const std::string& json);
std::string fork_text(const Forked& fork);
// The event that the attribute stands for, if it makes a fork or a retry or names a worker. That a
// trial was paused, and what was decided, is listed by itself: an attribute keeps its last value
// only.
std::optional<Event> event_of(int64_t trial, std::string_view name, const std::string& json,
                              double started);

}  // namespace attune::tune
