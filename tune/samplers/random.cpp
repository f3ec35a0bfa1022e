#include "attune/tune/samplers.h"

namespace attune::tune {
namespace {

class RandomSampler : public Sampler {
 public:
  double sample(const Question&, const Param&, Rng& rng) override { return rng.uniform(); }
};

}  // namespace

std::shared_ptr<Sampler> random() { return std::make_shared<RandomSampler>(); }

}  // namespace attune::tune
