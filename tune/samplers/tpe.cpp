// tpe(): the tree-structured Parzen estimator (Bergstra et al., "Algorithms for hyper-parameter
// optimization", 2011). Trials are split into good and bad; of some draws from the density of the
// good ones, the one with the highest ratio of good to bad is tried. Parameters are chosen
// together, one by one, or in the groups that occur together; with the settings of Optuna's
// TPESampler, whose rules are explained by Watanabe, "Tree-structured Parzen estimator:
// understanding its algorithm components", 2023.

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/internal/math/sobol_sequence.h"
#include "attune/tune/samplers.h"
#include "attune/tune/samplers/internal/tpe/split_density.h"
#include "attune/tune/samplers/internal/tpe/trial_ledger.h"

namespace attune::tune {
namespace {

using namespace internal;

bool same(const Param& a, const Param& b) {
  return a.same_distribution(b) && a.grid == b.grid && a.conditions == b.conditions;
}

bool same(const std::vector<Param>& a, const std::vector<Param>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Param& x, const Param& y) { return same(x, y); });
}

// What has been computed of one history.
struct Memory {
  explicit Memory(const Question& question) : history(&question.history), seed(question.seed) {}

  const History* history;
  uint64_t seed;
  uint64_t used = 0;  // when last
  TrialLedger ledger = {};
  std::vector<std::unique_ptr<SplitDensity>> densities = {};

  // How the parameters of a space are put together, and for which state of the ledger.
  std::vector<Param> space = {};
  size_t kinds = 0;
  std::vector<std::vector<size_t>> groups = {};
  std::vector<SplitDensity*> group_densities = {};

  // The last group of which sample() was asked for one parameter.
  int64_t joint_number = -1;
  size_t joint_ranked = 0;
  std::vector<std::string> joint_names = {};
  std::vector<double> joint_units = {};
};

class TpeSampler : public Sampler {
 public:
  explicit TpeSampler(TpeOptions options) : options_(options) {}

  std::vector<double> propose(const Question& question, Rng& rng) override {
    const std::vector<Param>& params = question.space.params();
    if (params.empty()) return {};
    Memory& memory = remember(question);
    if (starting(memory)) return start(question, rng);
    put_together(memory, params, question.history);
    std::vector<double> units(params.size(), std::nan(""));
    for (size_t k = 0; k < memory.groups.size(); ++k) {
      const std::vector<double> chosen = choose(memory, *memory.group_densities[k], question, rng);
      for (size_t i = 0; i < chosen.size(); ++i) units[memory.groups[k][i]] = chosen[i];
    }
    return units;
  }

  // A parameter that is not in every trial: on its own, or with those that come and go with it.
  double sample(const Question& question, const Param& param, Rng& rng) override {
    Memory& memory = remember(question);
    if (starting(memory)) return rng.uniform();
    std::vector<std::string> names;
    if (options_.multivariate && options_.group) {
      names = memory.ledger.companions(question.history, param.name);
      std::erase_if(names, [&](const std::string& name) {
        return name != param.name && question.space.find(name);  // chosen already
      });
    }
    if (names.size() < 2) return choose(memory, density(memory, {param}), question, rng)[0];

    // All of them are drawn at once, whichever is asked for first.
    if (memory.joint_number != question.number || memory.joint_names != names ||
        memory.joint_ranked != memory.ledger.ranked().size()) {
      std::vector<Param> params;
      for (const std::string& name : names) {
        params.push_back(name == param.name ? param : *question.history.latest(name));
      }
      Rng joint = Rng(question.seed).fork("tpe").fork(question.number).fork(names.front());
      memory.joint_units = choose(memory, density(memory, std::move(params)), question, joint);
      memory.joint_number = question.number;
      memory.joint_ranked = memory.ledger.ranked().size();
      memory.joint_names = names;
    }
    const auto at = std::find(names.begin(), names.end(), param.name);
    return memory.joint_units[static_cast<size_t>(at - names.begin())];
  }

 private:
  static constexpr size_t kHistories = 64;   // a deterministic study shows lag + 1 in turn
  static constexpr size_t kDensities = 512;  // for parameters that change their ranges all the time

  Memory& remember(const Question& question) {
    auto at = std::find_if(memories_.begin(), memories_.end(), [&](const auto& memory) {
      return memory->history == &question.history;
    });
    if (at == memories_.end()) {
      if (memories_.size() == kHistories) {
        memories_.erase(std::min_element(memories_.begin(), memories_.end(),
                                         [](auto& a, auto& b) { return a->used < b->used; }));
      }
      at = memories_.insert(memories_.end(), std::make_unique<Memory>(question));
    }
    if ((*at)->seed != question.seed || !(*at)->ledger.read(question.history)) {
      *at = std::make_unique<Memory>(question);
      (*at)->ledger.read(question.history);
    }
    Memory& memory = **at;
    memory.used = ++clock_;
    if (memory.densities.size() > kDensities + 2 * question.space.size()) {
      memory.densities.clear();
      memory.space.clear();
    }
    return memory;
  }

  bool starting(const Memory& memory) const {
    return memory.ledger.ranked().size() < static_cast<size_t>(options_.startup_trials);
  }

  // Point number k of one scrambled sequence per study; random ones when that is forbidden.
  static std::vector<double> start(const Question& question, Rng& rng) {
    const bool first_try = rng.position() == 0;
    std::vector<double> units;
    for (size_t i = 0; i < question.space.size(); ++i) units.push_back(rng.uniform());
    if (!first_try) return units;
    const SobolSequence sequence(question.space.size(), Rng(question.seed).fork("tpe").key());
    return sequence.point(static_cast<uint64_t>(question.number));
  }

  std::vector<double> choose(Memory& memory, SplitDensity& density, const Question& question,
                             Rng& rng) const {
    density.update(memory.ledger, memory.ledger.good(question.history), question.history);
    std::vector<int64_t> pending;
    if (options_.constant_liar) {
      pending = memory.ledger.running(question.history, question.number);
    }
    return density.suggest(static_cast<size_t>(options_.candidates), pending, question.history,
                           rng);
  }

  static SplitDensity& density(Memory& memory, std::vector<Param> params) {
    for (const auto& known : memory.densities) {
      if (same(known->params(), params)) return *known;
    }
    memory.densities.push_back(std::make_unique<SplitDensity>(std::move(params)));
    return *memory.densities.back();
  }

  // Which parameters of the space propose() chooses, and which of them together.
  void put_together(Memory& memory, const std::vector<Param>& params,
                    const History& history) const {
    if (!memory.space.empty() && memory.kinds == memory.ledger.kinds() &&
        same(memory.space, params)) {
      return;
    }
    memory.groups.clear();
    std::vector<std::vector<std::string>> names;
    for (size_t i = 0; i < params.size(); ++i) {
      std::vector<std::string> together;
      if (!options_.multivariate) {
        together = {params[i].name};
      } else if (options_.group) {
        together = memory.ledger.companions(history, params[i].name);
      }
      // Without groups: those that every trial has are chosen together, the others one by one.
      const bool apart = together.empty() && (options_.group || !params[i].conditions.empty());
      if (apart) together = {params[i].name};
      const auto at = std::find(names.begin(), names.end(), together);
      const auto k = static_cast<size_t>(at - names.begin());
      if (at == names.end()) {
        names.push_back(together);
        memory.groups.emplace_back();
      }
      memory.groups[k].push_back(i);
    }
    memory.space.clear();
    memory.group_densities.clear();
    for (const std::vector<size_t>& group : memory.groups) {
      std::vector<Param> members;
      for (const size_t i : group) members.push_back(params[i]);
      memory.group_densities.push_back(&density(memory, std::move(members)));
    }
    memory.space = params;
    memory.kinds = memory.ledger.kinds();
  }

  TpeOptions options_;
  std::vector<std::unique_ptr<Memory>> memories_;
  uint64_t clock_ = 0;
};

}  // namespace

std::shared_ptr<Sampler> tpe(TpeOptions options) {
  if (options.startup_trials < 0 || options.candidates < 1) {
    throw ValueError(
        fmt::format("tpe: startup_trials is {} and candidates {}; give at least 0 and 1",
                    options.startup_trials, options.candidates));
  }
  return std::make_shared<TpeSampler>(options);
}

}  // namespace attune::tune
