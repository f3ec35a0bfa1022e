#pragma once
// Functional analysis of variance: how much of a regression forest's variance over the unit cube
// the main effect of each parameter has. Hutter, Hoos and Leyton-Brown (2014).

#include <cstdint>
#include <vector>

#include "attune/tune/analysis/internal/effects.h"
#include "attune/tune/analysis/internal/regression_tree.h"

namespace attune::tune::internal {

struct ForestOptions {
  int trees = 64, max_depth = 64;
  int64_t draws = 8192;  // rows drawn for a tree, at most
};

// Exactly, by adding up leaves' boxes: Var over u_c of E[tree | u_c], as a share of the tree's
// variance. All 0 for a constant tree.
std::vector<double> main_effects(const RegressionTree& tree, size_t columns);

// The mean over trees on bootstrap samples. Where a trial lacks a parameter, the objective does not
// depend on it; each tree therefore takes another random value there, so that no tree finds a
// dependence that is not.
std::vector<double> fanova(const EffectsTable& table, uint64_t seed, ForestOptions options = {});

}  // namespace attune::tune::internal
