#pragma once
// What Optuna's distributions do not hold of a parameter but samplers go by: its grid and its
// prior. A study keeps it as an attribute of its own, so that an objective which names its
// parameters one by one is gone on with as if it had not been stopped.

#include <string>
#include <string_view>

#include "attune/tune/param.h"

namespace attune::tune::internal {

inline constexpr std::string_view kExtrasPrefix = "attune:param:";

std::string extras_of(const Param& param);  // JSON text; empty: it has none
// The parameter with them, or as it was if they do not fit.
Param with_extras(const Param& param, std::string_view json);

}  // namespace attune::tune::internal
