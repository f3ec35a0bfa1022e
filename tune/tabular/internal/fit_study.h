#pragma once
// What a study of fit keeps of its table and its split, so that it goes on with the same and the
// recipe can be made again.

#include <string>

#include "attune/tune/tabular/fit.h"

namespace attune::tune {

// Reads the table, whose first row is names if it holds the target's, and makes the recipe.
Recipe recipe_for(const FitOptions& options);

std::string default_study_name(const FitOptions& options, const Recipe& recipe);

// A study of the same name must be of the same data, split and target: ValueError; a new one notes
// them.
void claim_study(Study& study, const FitOptions& options, const Recipe& recipe);

}  // namespace attune::tune
