#pragma once
// The space and the directions of a study, as arguments give them.

#include <string>
#include <vector>

#include "attune/tune/study.h"

namespace attune::cli {

// JSON, or the contents of the file that holds it. WrongInput: it is neither.
std::string read_space(const std::string& given);

// --direction or --directions; none: empty. WrongInput: both, or no such direction.
std::vector<tune::Direction> directions_of(const std::string& direction,
                                           const std::vector<std::string>& directions);

// "lr=0.01", "act=relu": a JSON value, else a text. WrongInput: without '='.
tune::Params params_of(const std::vector<std::string>& words);

}  // namespace attune::cli
