#pragma once
// Which parameters matter: how much of what a study saw each parameter explains by itself.
//   for (const auto& [name, share] : study.importances()) std::cout << name << ' ' << share << ' ';

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "attune/tune/trial.h"

namespace attune::tune {

enum class ImportanceEvaluator : uint8_t {
  // The share of the variance over the whole space that the parameter's main effect has, in a
  // random forest fitted to the complete trials. Hutter, Hoos and Leyton-Brown, "An efficient
  // approach for assessing hyperparameter importance" (2014). Wants trials all over the space.
  fanova,
  // How far the distribution of the parameter in the best trials is from that in all trials:
  // what matters for being among the best. Watanabe, Bansal and Hutter, "PED-ANOVA: efficiently
  // quantifying hyperparameter importance in arbitrary subspaces" (2023).
  ped_anova,
};

struct ImportanceOptions {
  ImportanceEvaluator evaluator = ImportanceEvaluator::fanova;
  int64_t objective = 0;  // which, where a study has several
  // Explains this number of a complete trial (its seconds, say) instead of an objective; ped_anova
  // takes lower for better. What is not finite is left out.
  std::function<double(const TrialResult&)> target = {};
  double quantile = 0.1;  // ped_anova: the share of the trials that are the best
  bool normalize = true;  // to a sum of 1; else fanova gives shares of the whole variance
};

struct ParamImportance {
  std::string name;
  double importance = 0;
};

// Study::importances(options) returns one for each parameter of any complete trial, the highest
// first, the same for the same trials and seed. A conditional parameter counts by what it changes
// over the whole space: the trials without it say that there it changes nothing. With nothing to
// tell apart (one trial, a constant objective) all are the same. ValueError: no such objective, a
// quantile outside (0, 1), or no complete trial with a finite value.

// fanova, ped_anova. ValueError lists them.
ImportanceEvaluator importance_evaluator_by_name(std::string_view name);

}  // namespace attune::tune
