#pragma once
// The part that nsga2() and nsga3() share: which trials are parents of which, and how a child comes
// of two. The first trials are generation 0, and of those to come `offspring` each make one more;
// the parents of a generation are what the selection left of all generations before it. So a
// trial's parents follow from its number and the finished trials, and parallel trials of one
// generation need not know of each other.

#include <cstdint>
#include <span>
#include <vector>

#include "attune/tune/internal/math/nondominated.h"
#include "attune/tune/sampler.h"

namespace attune::tune::internal {

struct Individual {
  int64_t number;  // the trial's
  Losses losses;
  double violation;
};

struct Survivor {
  size_t index;  // of the individual
  double rank;   // lower is better
  double room;   // of equal rank, more is better
};

struct GenerationOptions {
  int64_t population;      // at most so many parents; and trials of generation 0
  int64_t offspring;       // trials of each other generation; 0: a fifth of the population
  double crossover;        // the chance that a child has two parents
  double mutation;         // the chance of each parameter to change; 0: one over their number
  double crossover_index;  // the higher, the nearer to their parents are children
  double mutation_index;   // the higher, the smaller are changes
};

class GenerationSampler : public Sampler {
 public:
  // `name`: for messages, and to key random numbers by. ValueError where an option makes no sense.
  GenerationSampler(const char* name, const GenerationOptions& options);

  std::vector<double> propose(const Question& question, Rng& rng) override;
  // A parameter that comes up late is passed on for itself.
  double sample(const Question& question, const Param& param, Rng& rng) override;

 protected:
  // At most `count` of them, the best by the algorithm's own order.
  virtual std::vector<Survivor> survivors(std::span<const Individual> all, size_t count,
                                          Rng& rng) const = 0;

 private:
  struct Parent {
    Individual individual;
    double rank, room;
    double ended;  // tells one study's trial from another's
  };
  int64_t first_of(int64_t generation) const;  // its first trial's number
  const std::vector<Parent>& parents(const Question& question);
  bool remembers(const Question& question, int64_t generation) const;
  std::vector<double> child(const Question& question, const std::vector<Parent>& all,
                            Rng& rng) const;
  const Parent& tournament(const std::vector<Parent>& parents, Rng& rng) const;

  const char* name_;
  GenerationOptions options_;
  // Of the last generation before which all trials had ended: anew, they would be the same.
  std::vector<Parent> remembered_;
  std::vector<Parent> last_consumed_;
  int64_t remembered_generation_ = 0;
  uint64_t remembered_seed_ = 0;
  std::vector<Parent> current_;  // otherwise
};

}  // namespace attune::tune::internal
