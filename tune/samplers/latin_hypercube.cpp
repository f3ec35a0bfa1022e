// Latin hypercubes one after the other: in each block of n trials every n-th part of every
// parameter has one trial, at a random place in it (McKay, Beckman and Conover, 1979). Each trial
// is a function of the seed and its number. The points of a block are not moved apart any further
// (maximin): what is gained by that is small beside a scrambled Sobol sequence, which needs no
// block to be finished.

#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/samplers.h"

namespace attune::tune {
namespace {

class LatinHypercubeSampler : public Sampler {
 public:
  explicit LatinHypercubeSampler(int64_t block) : block_(block) {}

  std::vector<double> propose(const Question& question, Rng&) override {
    const Rng block = Rng(question.seed).fork("latin hypercube").fork(question.number / block_);
    const auto place = static_cast<size_t>(question.number % block_);
    std::vector<double> units;
    std::vector<int64_t> part(static_cast<size_t>(block_));
    for (size_t i = 0; i < question.space.size(); ++i) {
      Rng rng = block.fork(static_cast<int64_t>(i));
      std::iota(part.begin(), part.end(), int64_t{0});
      for (size_t k = part.size(); k-- > 1;) std::swap(part[k], part[rng.below(k + 1)]);
      const double within = rng.fork(static_cast<int64_t>(place)).uniform();
      units.push_back((static_cast<double>(part[place]) + within) / static_cast<double>(block_));
    }
    return units;
  }

  double sample(const Question&, const Param&, Rng& rng) override { return rng.uniform(); }

 private:
  int64_t block_;
};

}  // namespace

std::shared_ptr<Sampler> latin_hypercube(int64_t block) {
  if (block < 1 || block > 1'000'000) {
    throw ValueError(
        fmt::format("latin_hypercube: a block must have 1 to 1000000 trials, not {}", block));
  }
  return std::make_shared<LatinHypercubeSampler>(block);
}

}  // namespace attune::tune
