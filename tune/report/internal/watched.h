#pragma once
// A study that is looked at while it goes on: which of its trials have changed since the last look,
// and the sum of it that a list of studies shows. Used by one thread.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attune/tune/history.h"
#include "attune/tune/internal/document.h"
#include "attune/tune/storage.h"

namespace attune::tune::internal {

class Watched {
 public:
  Watched(std::shared_ptr<Storage> storage, std::string name);

  // Reads what is new and returns whether anything is. StorageError when the study is gone or
  // cannot be read; the next look starts anew.
  bool look();

  // What has changed, as JSON: the columns of those trials, and their curves. Empty: nothing a page
  // shows.
  std::string changes();
  void pass_over() { touched_.clear(); }  // what changes() would return is known already

  // {"name", "directions", "trials", "running", ..., "best", "best_trial", "changed"}
  Document summary() const;

 private:
  void forget();

  std::shared_ptr<Storage> storage_;
  std::string name_;
  std::unique_ptr<StudyLog> log_;
  std::optional<History> history_;
  std::vector<Direction> directions_;
  Position position_ = 0;
  std::vector<int64_t> touched_;     // by events since the last changes()
  std::map<int64_t, size_t> shown_;  // the hash of what was last passed on of a trial
};

}  // namespace attune::tune::internal
