#include "attune/tune/by_name.h"

#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/samplers.h"
#include "attune/tune/schedulers.h"

namespace attune::tune {
namespace {

template <typename T>
struct Named {
  std::string_view name;
  T (*make)();
};

template <typename T>
T pick(std::string_view what, std::string_view name, std::span<const Named<T>> all) {
  std::vector<std::string_view> names;
  for (const Named<T>& one : all) {
    if (one.name == name) return one.make();
    names.push_back(one.name);
  }
  throw ValueError(
      fmt::format("unknown {} {}; there are {}", what, in_quotes(name), fmt::join(names, ", ")));
}

constexpr Named<std::shared_ptr<Sampler>> kSamplers[] = {
    {"automatic", [] { return automatic(); }},
    {"bayesian", [] { return bayesian(); }},
    {"brute_force", [] { return brute_force(); }},
    {"cmaes", [] { return cmaes(); }},
    {"grid", [] { return grid(); }},
    {"halton", [] { return halton(); }},
    {"latin_hypercube", [] { return latin_hypercube(); }},
    {"nsga2", [] { return nsga2(); }},
    {"nsga3", [] { return nsga3(); }},
    {"one_at_a_time", [] { return one_at_a_time(); }},
    {"random", [] { return random(); }},
    {"sobol", [] { return sobol(); }},
    {"tpe", [] { return tpe(); }},
};

constexpr int64_t kPatience = 3;  // reports

constexpr Named<std::shared_ptr<Pruner>> kPruners[] = {
    {"median", [] { return median(); }},
    {"none", [] { return no_pruning(); }},
    {"patient", [] { return patient(median(), kPatience); }},
    {"percentile", [] { return percentile(); }},
    {"wilcoxon", [] { return wilcoxon(); }},
};

using SchedulerPointer = std::shared_ptr<const Scheduler>;
constexpr Named<SchedulerPointer> kSchedulers[] = {
    {"asha", [] { return asha(); }},
    {"freeze_thaw", [] { return freeze_thaw(); }},
    {"hyperband", [] { return hyperband(); }},
    {"median", [] { return pruning(median()); }},
    {"none", [] { return SchedulerPointer(); }},
    {"patient", [] { return pruning(patient(median(), kPatience)); }},
    {"percentile", [] { return pruning(percentile()); }},
    {"pb2", [] { return pb2(); }},
    {"population", [] { return population(); }},
    {"successive_halving", [] { return successive_halving(); }},
    {"wilcoxon", [] { return pruning(wilcoxon()); }},
};

template <typename T, size_t n>
std::string names_of(const Named<T> (&all)[n]) {
  std::vector<std::string_view> names;
  for (const auto& one : all) names.push_back(one.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::shared_ptr<Sampler> sampler_by_name(std::string_view name) {
  return pick<std::shared_ptr<Sampler>>("sampler", name, kSamplers);
}

std::string sampler_names() { return names_of(kSamplers); }

std::shared_ptr<Pruner> pruner_by_name(std::string_view name) {
  return pick<std::shared_ptr<Pruner>>("pruner", name, kPruners);
}

std::string pruner_names() { return names_of(kPruners); }

SchedulerPointer scheduler_by_name(std::string_view name) {
  return pick<SchedulerPointer>("scheduler", name, kSchedulers);
}

std::string scheduler_names() { return names_of(kSchedulers); }

Direction direction_by_name(std::string_view name) {
  static constexpr Named<Direction> kAll[] = {
      {"minimize", [] { return Direction::minimize; }},
      {"maximize", [] { return Direction::maximize; }},
  };
  return pick<Direction>("direction", name, kAll);
}

std::string_view name_of(State state) {
  static constexpr std::string_view kNames[] = {"waiting",  "running", "paused",
                                                "complete", "pruned",  "failed"};
  return kNames[static_cast<size_t>(state)];
}

std::string_view name_of(Direction direction) {
  return direction == Direction::minimize ? "minimize" : "maximize";
}

}  // namespace attune::tune
