#pragma once
// A study in another place: in another storage, or under another name.

#include <memory>
#include <string>

#include "attune/tune/storage.h"

namespace attune::tune {

// Copies all that the study holds, in its order: trials with their numbers, times, reports and
// attributes, and the seed, so that the copy goes on as the study would. A trial that runs is
// failed in the copy; its worker works for the study. All or nothing. StorageError: there is no
// such study; ValueError: the new name is taken.
void copy_study(const std::shared_ptr<Storage>& from, const std::string& name,
                const std::shared_ptr<Storage>& to, const std::string& new_name);
inline void copy_study(const std::shared_ptr<Storage>& from, const std::string& name,
                       const std::shared_ptr<Storage>& to) {
  copy_study(from, name, to, name);
}

}  // namespace attune::tune
