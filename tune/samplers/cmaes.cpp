// cmaes(): the CMA evolution strategy (Hansen, "The CMA evolution strategy: a tutorial", 2016).
// docs/cmaes.md tells how it became a function of the study's history; its parts are in internal/.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/samplers.h"
#include "attune/tune/samplers/internal/cma/search.h"

namespace attune::tune {
namespace {

using internal::CmaSearch;

class CmaesSampler : public Sampler {
 public:
  explicit CmaesSampler(CmaesOptions options) : options_(options) {}

  std::vector<double> propose(const Question& question, Rng& rng) override {
    if (question.space.empty()) return {};
    // A suggestion must be found again when its trial has finished: the stream is the search's own,
    // and `rng` only counts the attempts.
    const uint64_t attempt = rng.position();
    rng.skip(1);
    return search(question.space, Rng(question.seed).fork("cmaes"), question)
        .suggest(question, attempt);
  }

  // A parameter that comes up late is searched on its own: what the others do to the loss is noise
  // to it.
  double sample(const Question& question, const Param& param, Rng&) override {
    Param alone = param;
    alone.conditions.clear();
    Space space;
    space.add(param.name, std::move(alone));
    const Question about{question.number, question.seed, space, question.history};
    return search(space, Rng(question.seed).fork("cmaes alone").fork(param.name), question)
        .suggest(about, 0)[0];
  }

 private:
  static constexpr size_t kSearches = 64;

  CmaSearch& search(const Space& space, const Rng& rng, const Question& question) {
    if (question.history.objectives() > 1) {
      throw ValueError(fmt::format("cmaes: it minimises one loss; this study has {} objectives",
                                   question.history.objectives()));
    }
    const auto it = std::find_if(searches_.begin(), searches_.end(),
                                 [&](const auto& s) { return s->serves(space, rng); });
    if (it != searches_.end()) {
      std::rotate(searches_.begin(), it, it + 1);  // the latest first
      return *searches_.front();
    }
    if (searches_.size() >= kSearches) searches_.pop_back();
    return **searches_.insert(searches_.begin(), std::make_unique<CmaSearch>(options_, space, rng));
  }

  CmaesOptions options_;
  std::vector<std::unique_ptr<CmaSearch>> searches_;  // what can be computed anew
};

void check(bool holds, const std::string& what) {
  if (!holds) throw ValueError("cmaes: " + what);
}

}  // namespace

std::shared_ptr<Sampler> cmaes(CmaesOptions options) {
  check(options.startup_trials >= 0,
        fmt::format("startup_trials is {}; give 0 or more", options.startup_trials));
  check(
      options.sigma > 0 && options.sigma <= 1,
      fmt::format("sigma is {}; give a fraction of the range, above 0 and up to 1", options.sigma));
  check(options.population == 0 || (options.population >= 2 && options.population <= 1 << 20),
        fmt::format("population is {}; give 0 (chosen by the number of parameters), or 2 to 2^20",
                    options.population));
  check(options.full_covariance_limit >= 0,
        fmt::format("full_covariance_limit is {}; give 0 or more", options.full_covariance_limit));
  return std::make_shared<CmaesSampler>(options);
}

}  // namespace attune::tune
