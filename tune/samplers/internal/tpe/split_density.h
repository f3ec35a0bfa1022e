#pragma once
// Parameters that are chosen together: the density of good trials over that of bad ones, whose
// highest ratio is where the expected improvement is (Bergstra et al., 2011).

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "attune/tune/samplers/internal/tpe/parzen_estimator.h"
#include "attune/tune/samplers/internal/tpe/trial_ledger.h"

namespace attune::tune::internal {

class SplitDensity {
 public:
  // The bad among the newest trials only, this many. Their weights fall with age anyway, on a line;
  // here the line reaches nothing at the end of the window instead of at the first trial. Good
  // trials are kept however old they are. So the cost of a suggestion does not grow further, and
  // little is lost: no kernel is narrower than a hundredth of the range, and the region around the
  // good ones, where candidates are drawn, is the one that the window has filled.
  static constexpr size_t kWindow = 1000;

  explicit SplitDensity(std::vector<Param> params);

  const std::vector<Param>& params() const { return params_; }

  // Brings both densities up to date. The ledger has read `history`; it and `good`, its good
  // trials, must be of the same history every time.
  void update(const TrialLedger& ledger, std::span<const int64_t> good, const History& history);

  // The best of `candidates` draws from the good density: one unit per parameter. Trials in
  // `pending` count as bad this time (the constant liar of Ginsbourger et al., 2010).
  std::vector<double> suggest(size_t candidates, std::span<const int64_t> pending,
                              const History& history, Rng& rng);

 private:
  // The trial's coordinates, false when it lacks one of the parameters.
  bool read_point(const History& history, int64_t number);
  void become_bad(const History& history, int64_t number);

  std::vector<Param> params_;
  std::vector<size_t> axis_of_;  // parameter -> axis
  std::shared_ptr<const ParzenAxes> axes_;
  ParzenEstimator good_, bad_;
  std::vector<int64_t> good_numbers_;  // ascending, as all below
  std::vector<int64_t> window_;        // the newest kWindow trials with these parameters
  size_t taken_ = 0;                   // of TrialLedger::ranked()
  std::vector<double> point_;          // see read_point
};

}  // namespace attune::tune::internal
