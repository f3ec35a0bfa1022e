#pragma once
// What a study that is gone on with was made with, beside what it is to go on with now.

#include <string>

#include "attune/tune/study.h"

namespace attune::cli {

struct SpaceChanges {
  std::string ranges = {};  // "x: [0, 1] -> [0, 5]"; empty: none has changed
  std::string names = {};   // "'x' is not in the space, 'y' is new"; empty: the same parameters
};

// SearchSpaceError: a parameter is of another kind or scale, which a study cannot go on with.
SpaceChanges changes_of(const tune::Study& study, const tune::Space& space);

}  // namespace attune::cli
