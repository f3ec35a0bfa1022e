#pragma once
// The tables of a study in a database, whichever it is: Optuna's, and attune's own list of what
// happened in which order.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace attune::tune::optuna {

enum class Dialect : uint8_t { sqlite, postgres };

inline constexpr char kRevision[] = "v3.2.0.a";  // of Optuna 5.0.0

// StorageError, in the name of the storage, unless the revision found is this one.
void check_revision(std::string_view found, std::string_view storage, std::string_view url);

// Makes Optuna's tables, in the layout that Optuna itself gives them, and says their revision.
std::string tables(Dialect dialect);

// What a row of attune_events says. Kept in files: never renumber.
enum class Happened : int64_t {
  created = 1,
  claimed = 2,
  finished = 3,
  param = 4,
  report = 5,
  user_attribute = 6,
  system_attribute = 7,
  study_user_attribute = 8,
  study_system_attribute = 9,
  // Told by no row, for an attribute keeps its last value only; the item is the step. In this
  // order, which is that of their happening.
  decided_to_stop = 10,
  decided_to_pause = 11,
  paused = 12,
};

// A change of Optuna's tables that attune_events lists.
struct Change {
  const char* name;
  const char* action;  // INSERT, UPDATE
  const char* column;  // updated; nullptr: any
  const char* table;
  const char* when;  // nullptr: always
  Happened kind;
  const char* item;       // of the table; nullptr: none
  bool of_study = false;  // not of a trial
  bool may_run = false;   // a trial that is made may be running already
};
std::span<const Change> changes();

// A query of all that the rows say, as (study_id, kind, trial_id, item, phase, at, sort): trials
// with what belongs to them by number, then their ends as they completed.
std::string listing(Dialect dialect);

}  // namespace attune::tune::optuna
