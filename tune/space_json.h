#pragma once
// A search space as a JSON text, the form that programs in other languages hand over:
//   {"lr": {"type": "float", "low": 1e-4, "high": 0.1, "log": true},
//    "layers": {"type": "int", "low": 1, "high": 4},
//    "act": {"type": "categorical", "choices": ["relu", "gelu"]},
//    "slope": {"type": "float", "low": 0, "high": 0.3, "when": {"act": "relu"}}}

#include <string_view>

#include "attune/tune/space.h"

namespace attune::tune {

// An object from name to {"type", "low", "high", "log", "step", "choices", "when", "default",
// "prior", "frozen"}; "when" names other parameters and the value, or list of values, that each
// must have, "default" the value of the first trial, "frozen" that of all; "prior" is [mean,
// deviation], or a weight for each choice (Param::prior). SearchSpaceError names the parameter and
// what is wrong with it.
Space space_from_json(std::string_view text);

}  // namespace attune::tune
