#pragma once
// How Optuna's storage writes states, times and ranges as text (schema revision v3.2.0.a).

#include <string>
#include <string_view>

#include "attune/tune/event.h"

namespace attune::tune::optuna {

const char* state_label(State state);  // RUNNING, COMPLETE, PRUNED, FAIL, WAITING
State state_of(std::string_view label);
const char* direction_label(Direction direction);  // MINIMIZE, MAXIMIZE
Direction direction_of(std::string_view label);

// Seconds since 1970 <-> 2026-11-23 12:00:00.000000, UTC. Reading takes 0 to 6 digits of a fraction
// and a T for the space.
std::string time_text(double seconds);
double time_of(std::string_view text);

// {"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log":
// false}}
std::string distribution_text(const Param& param);
// Reads those of older Optunas too. Throws StorageError for anything else.
Param distribution_of(std::string_view name, std::string_view json);

}  // namespace attune::tune::optuna
