#include "attune/tune/samplers/internal/genetic/generations.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/internal/math/sobol_sequence.h"
#include "attune/tune/samplers/internal/genetic/variation.h"

namespace attune::tune::internal {
namespace {

constexpr int kTries = 10;          // for a child unlike its parents
constexpr size_t kSobolLimit = 64;  // parameters
constexpr double kSameUnit = 1e-12;

bool same(const std::vector<double>& child, const std::vector<double>& other) {
  for (size_t i = 0; i < child.size(); ++i) {
    if (std::isnan(child[i]) != std::isnan(other[i])) return false;
    if (std::abs(child[i] - other[i]) > kSameUnit) return false;
  }
  return true;
}

std::vector<double> units_of(const Question& question, int64_t number) {
  const TrialRecord& trial = question.history.trials()[static_cast<size_t>(number)];
  std::vector<double> units;
  for (const Param& p : question.space.params()) units.push_back(question.history.unit(trial, p));
  return units;
}

}  // namespace

GenerationSampler::GenerationSampler(const char* name, const GenerationOptions& options)
    : name_(name), options_(options) {
  const auto check = [&](bool good, const char* option, double value, const char* wanted) {
    if (good) return;
    throw ValueError(fmt::format("{}: {} is {}; give {}", name, option, value, wanted));
  };
  const auto chance = [](double p) { return p >= 0 && p <= 1; };
  check(options.population >= 2, "population", static_cast<double>(options.population),
        "2 or more");
  check(options.offspring >= 0, "offspring", static_cast<double>(options.offspring),
        "1 or more, or 0 for a fifth of the population");
  check(chance(options.crossover), "crossover", options.crossover, "a chance from 0 to 1");
  check(chance(options.mutation), "mutation", options.mutation,
        "a chance up to 1, or 0 for one over the number of parameters");
  check(options.crossover_index >= 0, "crossover_index", options.crossover_index, "0 or more");
  check(options.mutation_index >= 0, "mutation_index", options.mutation_index, "0 or more");
  if (options.offspring == 0) options_.offspring = std::max<int64_t>(options.population / 5, 1);
}

std::vector<double> GenerationSampler::propose(const Question& question, Rng& rng) {
  if (question.space.empty()) return {};
  const std::vector<Parent>& all = parents(question);
  if (all.size() >= 2) return child(question, all, rng);
  // The first generation covers the space evenly.
  const size_t dims = question.space.size();
  std::vector<double> units(dims);
  if (dims <= kSobolLimit && rng.position() == 0) {
    const SobolSequence sequence(dims, Rng(question.seed).fork(name_).key());
    rng.skip(1);  // asked again, another point is wanted
    return sequence.point(static_cast<uint64_t>(question.number));
  }
  for (double& u : units) u = rng.uniform();
  return units;
}

double GenerationSampler::sample(const Question& question, const Param& param, Rng& rng) {
  Param alone = param;
  alone.conditions.clear();
  Space space;
  space.add(param.name, std::move(alone));
  const Question about{question.number, question.seed, space, question.history};
  const std::vector<Parent>& all = parents(about);
  const double unit = all.size() >= 2 ? child(about, all, rng)[0] : rng.uniform();
  return std::isnan(unit) ? rng.uniform() : unit;
}

// Whether what was computed for `remembered_generation_` is so for this history too: its trials are
// the very same ones, by when they ended and what they gave.
bool GenerationSampler::remembers(const Question& question, int64_t generation) const {
  if (remembered_generation_ == 0 || remembered_generation_ > generation) return false;
  if (remembered_seed_ != question.seed) return false;
  const auto& trials = question.history.trials();
  if (static_cast<int64_t>(trials.size()) < first_of(remembered_generation_)) return false;
  const auto unchanged = [&](const Parent& p) {
    const TrialRecord& trial = trials[static_cast<size_t>(p.individual.number)];
    return trial.ended == p.ended && trial.losses == p.individual.losses &&
           trial.violation() == p.individual.violation;
  };
  return std::all_of(remembered_.begin(), remembered_.end(), unchanged) &&
         std::all_of(last_consumed_.begin(), last_consumed_.end(), unchanged);
}

int64_t GenerationSampler::first_of(int64_t generation) const {
  return generation == 0 ? 0 : options_.population + (generation - 1) * options_.offspring;
}

const std::vector<GenerationSampler::Parent>& GenerationSampler::parents(const Question& question) {
  const auto& trials = question.history.trials();
  const int64_t after_first = question.number - options_.population;
  const int64_t generation = after_first < 0 ? 0 : 1 + after_first / options_.offspring;
  int64_t begin = 0;
  std::vector<Parent> population;
  if (remembers(question, generation)) {
    if (remembered_generation_ == generation) return remembered_;
    population = remembered_;
    begin = remembered_generation_;
  } else {
    remembered_generation_ = 0;
  }

  bool settled = true;
  for (int64_t g = begin; g < generation; ++g) {
    const int64_t first = first_of(g), end = first_of(g + 1);
    settled = settled && end <= static_cast<int64_t>(trials.size());
    std::vector<Parent> consumed;
    for (int64_t k = first; k < std::min(end, static_cast<int64_t>(trials.size())); ++k) {
      const TrialRecord& trial = trials[static_cast<size_t>(k)];
      settled = settled && finished(trial.state);
      if (trial.state != State::complete) continue;
      consumed.push_back({{k, trial.losses, trial.violation()}, 0, 0, trial.ended});
    }
    std::vector<Parent> candidates = std::move(population);
    candidates.insert(candidates.end(), consumed.begin(), consumed.end());
    std::vector<Individual> all;
    for (const Parent& p : candidates) all.push_back(p.individual);
    Rng rng = Rng(question.seed).fork(name_).fork(g);
    population.clear();
    for (const Survivor& s : survivors(all, static_cast<size_t>(options_.population), rng)) {
      population.push_back(candidates[s.index]);
      population.back().rank = s.rank;
      population.back().room = s.room;
    }
    if (!settled) continue;
    remembered_ = population;
    last_consumed_ = std::move(consumed);
    remembered_generation_ = g + 1;
    remembered_seed_ = question.seed;
  }
  current_ = std::move(population);
  return current_;
}

// Of two drawn by chance the better.
const GenerationSampler::Parent& GenerationSampler::tournament(const std::vector<Parent>& parents,
                                                               Rng& rng) const {
  const Parent& a = parents[rng.below(parents.size())];
  const Parent& b = parents[rng.below(parents.size())];
  if (a.rank != b.rank) return a.rank < b.rank ? a : b;
  if (a.room != b.room) return a.room > b.room ? a : b;
  return a;
}

std::vector<double> GenerationSampler::child(const Question& question,
                                             const std::vector<Parent>& all, Rng& rng) const {
  const auto& params = question.space.params();
  const double mutation =
      options_.mutation > 0 ? options_.mutation : 1 / static_cast<double>(params.size());
  std::vector<double> units;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const std::vector<double> mother = units_of(question, tournament(all, rng).individual.number);
    std::vector<double> father = mother;
    if (rng.uniform() < options_.crossover) {
      father = units_of(question, tournament(all, rng).individual.number);
    }
    units.assign(params.size(), std::nan(""));
    for (size_t i = 0; i < params.size(); ++i) {
      const bool choice = params[i].kind == Param::Kind::categorical;
      const double a = std::isnan(mother[i]) ? father[i] : mother[i];
      const double b = std::isnan(father[i]) ? mother[i] : father[i];
      if (std::isnan(a)) continue;  // new in this branch: drawn by sample()
      double u = choice ? either(a, b, rng) : crossed(a, b, options_.crossover_index, rng);
      if (rng.uniform() < mutation) {
        u = choice ? rng.uniform() : mutated(u, options_.mutation_index, rng);
      }
      units[i] = params[i].to_unit(params[i].from_unit(u));
    }
    if (!same(units, mother) && !same(units, father)) break;
  }
  return units;
}

}  // namespace attune::tune::internal
