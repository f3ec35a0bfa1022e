#pragma once
// How the space that a study is resumed with differs from the one it was searched in so far.

#include <string>

#include "attune/tune/study.h"

namespace attune::cli {

struct SpaceChanges {
  std::string ranges = {};  // "x: [0, 1] -> [0, 5]"; empty: none has changed
  std::string names = {};   // "'x' is not in the space, 'y' is new"; empty: the same parameters
};

// SearchSpaceError if a parameter is of another kind or scale: such a study cannot be resumed.
SpaceChanges changes_of(const tune::Study& study, const tune::Space& space);

}  // namespace attune::cli
