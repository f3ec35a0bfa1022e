#pragma once
// A study as a sequence of turns. A turn is one stretch of a trial: from its claim to the pause or
// end that follows. All processes see the turns in the same order, that of the claims, so what
// turn k depends on can be said without a clock: on the turns below k - lag, once they are over.

#include <cstdint>
#include <memory>
#include <vector>

#include "attune/tune/history.h"

namespace attune::tune {

class Timeline {
 public:
  struct Turn {
    int64_t trial = 0;
    bool over = false;
    bool instant = false;  // the end of a trial that did not run then
    // How a pause left the trial. Absent: its end did, and it has not changed since.
    std::shared_ptr<const TrialRecord> after = {};
  };

  // `now` has taken the event in.
  void apply(const Event& event, const History& now);

  int64_t size() const { return static_cast<int64_t>(turns_.size()); }
  const Turn& operator[](int64_t turn) const { return turns_[static_cast<size_t>(turn)]; }
  // The first turn below `limit` that is not over; -1: all are.
  int64_t open_before(int64_t limit) const;
  int64_t last_of(int64_t trial) const;  // -1: it has had none

  // The trial as the turn left it. `now`: the present.
  const TrialRecord& result(int64_t turn, const History& now) const;

 private:
  void end(int64_t trial);

  std::vector<Turn> turns_;
  std::vector<int64_t> last_;     // by trial
  mutable int64_t all_over_ = 0;  // all turns below are
};

}  // namespace attune::tune
