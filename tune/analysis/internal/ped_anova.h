#pragma once
// Importance for being among the best: the Pearson divergence of a parameter's distribution in the
// best trials from that in all of them. Watanabe, Bansal and Hutter, "PED-ANOVA" (2023).

#include <vector>

#include "attune/tune/analysis/internal/effects.h"

namespace attune::tune::internal {

// `quantile`: the share of the rows that are the best, in (0, 1). One divergence per column, not
// normalised; where only some rows have a parameter, theirs is weighted by how often the best and
// how often all have it (the conditional PED-ANOVA of Optuna 5).
std::vector<double> ped_anova(const EffectsTable& table, double quantile);

}  // namespace attune::tune::internal
