#pragma once
// What a history tells a sampler that splits trials into good and bad: read once, trial by trial,
// and kept from one suggestion to the next. Nothing in it depends on when it was read.

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "attune/tune/history.h"

namespace attune::tune::internal {

class TrialLedger {
 public:
  // Takes in what is new. False: this is not the history that was read before; begin a new ledger.
  bool read(const History& history);

  // Complete trials without NaN, and pruned ones, as they were met.
  const std::vector<int64_t>& ranked() const { return ranked_; }
  // Trials that run, but not `asking`.
  std::vector<int64_t> running(const History& history, int64_t asking) const;

  // The numbers, ascending, of the best tenth of the ranked trials, rounded up, but at most 25.
  // Complete trials come first, by loss; then pruned ones, by how far they came and then by their
  // last report; then those that violate constraints, by how much; equals by number. With several
  // objectives: by nondominated fronts (NSGA-II: Deb et al., 2002), the front that is cut by
  // crowding distance.
  std::vector<int64_t> good(const History& history) const;
  static constexpr size_t kMostGood = 25;

  // The names of parameters that have been in the very same ranked trials as this one, itself too,
  // in alphabetical order; none when no ranked trial had it.
  std::vector<std::string> companions(const History& history, const std::string& name) const;
  size_t kinds() const { return kinds_.size(); }  // of trials, by the parameters they had

 private:
  using Rank = std::tuple<int, double, double, int64_t>;  // the number last
  struct Mark {                                           // of a trial that was read
    int64_t number;
    double ended, loss;
    size_t params;
    bool operator==(const Mark&) const = default;
  };

  static Mark mark(const TrialRecord& trial);
  void take(const TrialRecord& trial, const History& history);
  std::vector<int64_t> good_of_many(const History& history, size_t count) const;

  size_t seen_ = 0;            // trials below this number were looked at
  std::vector<int64_t> open_;  // of these, those that had not ended
  std::vector<int64_t> ranked_;
  std::vector<Rank> best_;                   // ascending
  std::vector<Mark> marks_;                  // of the last trials read
  std::vector<std::vector<int32_t>> kinds_;  // each sorted
  std::vector<int32_t> name_of_;             // params() index -> the first index with that name
  std::vector<int32_t> last_params_;
};

}  // namespace attune::tune::internal
