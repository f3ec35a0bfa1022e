// Trial k gets point k of one scrambled sequence; parameters met too late to have a coordinate of
// it are random.

#include "attune/tune/internal/math/sobol_sequence.h"
#include "attune/tune/samplers.h"

namespace attune::tune {
namespace {

class SobolSampler : public Sampler {
 public:
  std::vector<double> propose(const Question& question, Rng&) override {
    const uint64_t key = Rng(question.seed).fork("sobol").next_u64();
    const internal::SobolSequence sequence(question.space.size(), key);
    return sequence.point(static_cast<uint64_t>(question.number));
  }

  double sample(const Question&, const Param&, Rng& rng) override { return rng.uniform(); }
};

}  // namespace

std::shared_ptr<Sampler> sobol() { return std::make_shared<SobolSampler>(); }

}  // namespace attune::tune
