#pragma once
// Samplers, pruners, schedulers and directions by the names that commands and configuration files
// use.

#include <memory>
#include <string>
#include <string_view>

#include "attune/tune/study.h"

namespace attune::tune {

// automatic, bayesian and so on: each sampler of samplers.h that needs no argument. ValueError
// lists them.
std::shared_ptr<Sampler> sampler_by_name(std::string_view name);
std::string sampler_names();  // with commas between

// median, percentile, patient (a median that waits for three reports without a new best), wilcoxon,
// none. threshold() needs its bounds. ValueError lists them.
std::shared_ptr<Pruner> pruner_by_name(std::string_view name);
std::string pruner_names();

// asha, freeze_thaw, hyperband, population, successive_halving, and the pruners. ValueError lists
// them.
std::shared_ptr<const Scheduler> scheduler_by_name(std::string_view name);
std::string scheduler_names();

// minimize, maximize. ValueError lists them.
Direction direction_by_name(std::string_view name);

// waiting, running, paused, complete, pruned, failed; minimize, maximize.
std::string_view name_of(State state);
std::string_view name_of(Direction direction);

}  // namespace attune::tune
