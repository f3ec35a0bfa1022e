#include "attune/tune/sampler.h"

namespace attune::tune {

std::vector<double> Sampler::propose(const Question&, Rng&) { return {}; }
bool Sampler::starts_with_defaults() const { return true; }
const Space* Sampler::space() const { return nullptr; }
const Params& Sampler::held() const {
  static const Params none;
  return none;
}
std::string Sampler::note(const Question&) const { return {}; }
bool Sampler::exhausted(const Question&) { return false; }

}  // namespace attune::tune
