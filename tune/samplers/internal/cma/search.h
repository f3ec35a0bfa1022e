#pragma once
// CMA-ES as a function of a history. The finished trials, in the order in which they finished, make
// up the generations: one that the search itself would have suggested is a member, and a generation
// closes with its population's last member. What was computed is kept, as it follows from the
// trials alone (docs/cmaes.md).

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "attune/base/rng.h"
#include "attune/tune/internal/math/sobol_sequence.h"
#include "attune/tune/sampler.h"
#include "attune/tune/samplers.h"
#include "attune/tune/samplers/internal/cma/choices.h"
#include "attune/tune/samplers/internal/cma/distribution.h"
#include "attune/tune/samplers/internal/cma/restarts.h"
#include "attune/tune/samplers/internal/cma/space.h"
#include "attune/tune/samplers/internal/cma/history_ledger.h"

namespace attune::tune::internal {

class CmaSearch {
 public:
  CmaSearch(const CmaesOptions& options, const Space& space, Rng rng);

  bool serves(const Space& space, const Rng& rng) const;

  // Units for the trial; attempt: how often its suggestion was refused already.
  std::vector<double> suggest(const Question& question, uint64_t attempt);

 private:
  struct Generation {
    CmaRun run;
    CmaDistribution numbers;
    std::vector<CmaChoices> choices;
    std::vector<double> best;  // losses of the run's latest generations
    size_t begin = 0;          // its trials begin here in the order of finishing
    bool first = true;         // of all: nothing has been learnt yet
    // While it is the first: the loss of the trial it starts at.
    double start = std::numeric_limits<double>::infinity();
  };
  // What became of a point. Lower is better.
  struct Result {
    CmaPoint point;
    bool foreign = false;
    int standing = 0;  // complete, pruned, failed
    double loss = 0;   // of failed ones 0

    bool operator<(const Result& o) const {
      return standing != o.standing ? standing < o.standing : loss < o.loss;
    }
  };

  Generation first_generation() const;
  Generation begin_run(const CmaRun& run, std::vector<double> mean) const;
  CmaPoint sample(const Generation& generation, int64_t number, uint64_t attempt) const;

  void follow(const History& history);
  void rewind(size_t finished);
  void take(const History& history, const TrialRecord& trial);
  std::optional<Result> recognize(std::span<const double> values, int64_t number) const;
  void close();
  void open(Generation generation);
  void learn(Generation& next, const std::vector<Result>& ranked) const;

  CmaesOptions options_;
  CmaSpace space_;
  bool diagonal_, restricted_;
  size_t first_population_;
  Rng rng_;
  SobolSequence sequence_;

  HistoryLedger ledger_;
  std::deque<Generation> generations_;  // the latest ones, the last is open
  std::vector<Result> members_;         // of the open one
  std::optional<Result> guest_;         // the best other trial since it opened
};

}  // namespace attune::tune::internal
