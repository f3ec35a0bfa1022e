// automatic(): the sampler that the figures of docs/search.md speak for, by the number of
// objectives, the parameters and how many trials there have been. Its reasons are kept in the
// study.

#include <fmt/format.h>

#include "attune/tune/samplers.h"

namespace attune::tune {
namespace {

constexpr size_t kModelDims = 60;       // more parameters than that are too many for a model of all
constexpr int64_t kModelTrials = 1000;  // until then a model's suggestion is worth its milliseconds
constexpr int64_t kFrontTrials = 300;   // the same with a model for each of several objectives
constexpr size_t kModelObjectives = 3;  // so far the expected hypervolume is cheap and exact

bool only_numbers(const Space& space) {
  for (const Param& p : space.params()) {
    if (p.kind == Param::Kind::categorical || !p.conditions.empty()) return false;
  }
  return true;
}

class AutomaticSampler : public Sampler {
 public:
  std::vector<double> propose(const Question& question, Rng& rng) override {
    return choose(question).sampler.propose(question, rng);
  }
  double sample(const Question& question, const Param& param, Rng& rng) override {
    return choose(question).sampler.sample(question, param, rng);
  }
  std::string note(const Question& question) const override {
    const Choice choice = choose(question);
    return fmt::format("{}: {}", choice.name, choice.why);
  }

 private:
  struct Choice {
    Sampler& sampler;
    const char* name;
    std::string why;
  };

  // The trial's number stands for how many there have been: it does not change while the trial
  // asks.
  Choice choose(const Question& question) const {
    const size_t objectives = question.history.objectives(), dims = question.space.size();
    if (objectives > 1) {
      const bool model =
          objectives <= kModelObjectives && dims <= kModelDims && question.number < kFrontTrials;
      const std::string what = fmt::format("{} objectives, {} parameters", objectives, dims);
      if (model) {
        return {*bayesian_, "bayesian",
                fmt::format("{}: models pay for the first {} trials", what, kFrontTrials)};
      }
      if (objectives <= kModelObjectives) {
        return {*nsga2_, "nsga2", what + ": too much for models, crowding keeps the front even"};
      }
      return {*nsga3_, "nsga3", what + ": reference points keep the front even"};
    }
    if (dims <= kModelDims && question.number < kModelTrials) {
      return {
          *bayesian_, "bayesian",
          fmt::format("{} parameters: models need the fewest trials, and milliseconds each, for "
                      "the first {}",
                      dims, kModelTrials)};
    }
    const std::string what =
        dims > kModelDims ? fmt::format("{} parameters are too many for a model", dims)
                          : fmt::format("after {} trials each should cost little", kModelTrials);
    if (only_numbers(question.space)) {
      return {*cmaes_, "cmaes", what + ", and all are numbers"};
    }
    return {*tpe_, "tpe", what + ", and some are choices or come and go"};
  }

  std::shared_ptr<Sampler> bayesian_ = bayesian(), cmaes_ = cmaes(), tpe_ = tpe(), nsga2_ = nsga2(),
                           nsga3_ = nsga3();
};

}  // namespace

std::shared_ptr<Sampler> automatic() { return std::make_shared<AutomaticSampler>(); }

}  // namespace attune::tune
