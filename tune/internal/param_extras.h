#pragma once
// The part of a parameter that samplers use but Optuna's distributions cannot express: its grid and
// its prior. A study keeps it in an attribute of its own, so that a study whose objective names its
// parameters one by one resumes as if it had never stopped.

#include <string>
#include <string_view>

#include "attune/tune/param.h"

namespace attune::tune::internal {

inline constexpr std::string_view kExtrasPrefix = "attune:param:";

std::string extras_of(const Param& param);  // JSON text; empty: it has none
// The parameter with these extras, or unchanged if they do not fit it.
Param with_extras(const Param& param, std::string_view json);

}  // namespace attune::tune::internal
