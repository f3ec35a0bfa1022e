#pragma once
// A trial as the command prints it.

#include "attune/tune/trial.h"
#include "cli/command.h"

namespace attune::cli {

// A number, or the text "NaN", "Infinity" or "-Infinity", which JSON has no numbers for.
Json json_of_number(double number);

Json json_of(const tune::TrialResult& trial);

}  // namespace attune::cli
