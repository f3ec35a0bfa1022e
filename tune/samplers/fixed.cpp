// Some parameters held at a value, all others left to another sampler. The study takes what held()
// says out of the space before it asks (Space::given), so that there is nothing to do here.

#include "attune/base/error.h"
#include "attune/tune/samplers.h"

namespace attune::tune {
namespace {

class FixedSampler : public Sampler {
 public:
  FixedSampler(const Params& params, std::shared_ptr<Sampler> inner) : inner_(std::move(inner)) {
    held_ = inner_->held();
    for (const auto& [name, value] : params) held_.set(name, value);
  }

  std::vector<double> propose(const Question& question, Rng& rng) override {
    return inner_->propose(question, rng);
  }
  double sample(const Question& question, const Param& param, Rng& rng) override {
    return inner_->sample(question, param, rng);
  }
  bool starts_with_defaults() const override { return inner_->starts_with_defaults(); }
  const Space* space() const override { return inner_->space(); }
  const Params& held() const override { return held_; }
  std::string note(const Question& question) const override { return inner_->note(question); }
  bool exhausted(const Question& question) override { return inner_->exhausted(question); }

 private:
  Params held_;
  std::shared_ptr<Sampler> inner_;
};

}  // namespace

std::shared_ptr<Sampler> fixed(const Params& params, std::shared_ptr<Sampler> inner) {
  if (!inner) throw ValueError("fixed: no sampler is given for the other parameters");
  return std::make_shared<FixedSampler>(params, std::move(inner));
}

}  // namespace attune::tune
