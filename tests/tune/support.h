#pragma once
// The lists that the suites of tune run over. A new sampler, pruner, scheduler or storage is one
// line here.

#include <cmath>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "attune/tune/samplers.h"
#include "attune/tune/schedulers.h"
#include "attune/tune/study.h"

namespace attune::tune::test {

// A folder that goes with the test.
class Folder {
 public:
  explicit Folder(const std::filesystem::path& root = std::filesystem::temp_directory_path()) {
    std::string path = (root / "attune-test-XXXXXX").string();
    path_ = mkdtemp(path.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  std::string url(const std::string& name = "study.db") const { return "sqlite:///" + file(name); }
  std::string journal(const std::string& name = "study.log") const {
    return "journal:///" + file(name);
  }

 private:
  std::string path_;
};

template <typename T>
struct Named {
  const char* name;
  std::function<T()> make;
};

inline std::vector<Named<std::shared_ptr<Sampler>>> all_samplers() {
  return {{"automatic", [] { return automatic(); }},
          {"bayesian", [] { return bayesian(); }},
          {"brute_force", [] { return brute_force(); }},
          {"cmaes", [] { return cmaes(); }},
          {"fixed",
           [] {
             return fixed({{"layers", 2}}, random());
           }},
          {"grid", [] { return grid(); }},
          {"halton", [] { return halton(); }},
          {"latin_hypercube", [] { return latin_hypercube(); }},
          {"nsga2", [] { return nsga2({.population = 6, .offspring = 3}); }},
          {"nsga3", [] { return nsga3({.population = 6, .offspring = 3}); }},
          {"one_at_a_time", [] { return one_at_a_time(); }},
          {"random", [] { return random(); }},
          {"sobol", [] { return sobol(); }},
          {"tpe", [] { return tpe(); }},
          {"tpe, univariate", [] { return tpe({.multivariate = false}); }}};
}

// They list what there is: no continuous range, and grid() no parameter that it was not told of.
inline bool is_listing(const std::string& sampler) {
  return sampler == "grid" || sampler == "brute_force";
}

// Its trials do not depend on the seed.
inline bool is_seedless(const std::string& sampler) {
  return sampler == "grid" || sampler == "one_at_a_time";
}

inline std::vector<Named<std::shared_ptr<Pruner>>> all_pruners() {
  return {{"no_pruning", [] { return no_pruning(); }},
          {"median", [] { return median(); }},
          {"percentile", [] { return percentile(); }},
          {"threshold", [] { return threshold({.high = 40}); }},
          {"patient", [] { return patient(median({.startup_trials = 2}), 1); }},
          {"wilcoxon", [] { return wilcoxon(); }}};
}

inline std::vector<Named<std::shared_ptr<const Scheduler>>> all_schedulers() {
  std::vector<Named<std::shared_ptr<const Scheduler>>> all = {
      {"asha", [] { return asha(); }},
      {"asha, by two", [] { return asha({.min_steps = 2, .reduction = 2}); }},
      {"freeze_thaw", [] { return freeze_thaw({.max_steps = 12, .interval = 2}); }},
      {"hyperband", [] { return hyperband({.max_steps = 9}); }},
      {"pb2", [] { return pb2({.size = 8, .interval = 3}); }},
      {"population", [] { return population({.size = 8, .interval = 3}); }},
      {"population, at each step", [] { return population({.size = 5}); }},
      {"successive_halving", [] { return successive_halving(); }},
      {"successive_halving, of five",
       [] { return successive_halving({.reduction = 2, .size = 5}); }}};
  for (const auto& [name, make] : all_pruners()) {
    all.push_back({name, [make = make] { return pruning(make()); }});
  }
  return all;
}

// Each call gives an empty storage; the URL form is what users write.
struct NamedStorage {
  const char* name;
  std::function<std::shared_ptr<Storage>(const Folder&)> make;
};

inline std::vector<NamedStorage> all_storages() {
  std::vector<NamedStorage> all = {{"memory", [](const Folder&) { return memory_storage(); }}};
#ifdef ATTUNE_WITH_SQLITE
  all.push_back({"sqlite", [](const Folder& f) { return open_storage(f.url()); }});
  all.push_back({"sqlite, rollback journal", [](const Folder& f) {
                   return sqlite_storage(f.file("study.db"), {.write_ahead_log = false});
                 }});
#endif
  all.push_back({"journal", [](const Folder& f) { return open_storage(f.journal()); }});
  return all;
}

// Storages that other processes can open, by their URL; each call is of an empty one.
inline std::vector<std::pair<const char*, std::function<std::string(const Folder&)>>>
all_shared_storages() {
  std::vector<std::pair<const char*, std::function<std::string(const Folder&)>>> all;
#ifdef ATTUNE_WITH_SQLITE
  all.emplace_back("sqlite", [](const Folder& f) { return f.url(); });
#endif
  all.emplace_back("journal", [](const Folder& f) { return f.journal(); });
  return all;
}

// A space that any sampler takes: finite, with every kind of parameter, conditions, forbidden
// points.
inline Space finite_space() {
  Space space{{"lr", log_grid(1e-4, 1e-1, 4)},
              {"layers", int_range(1, 3)},
              {"act", choice({"relu", "leaky"})},
              {"slope", stepped_range(0, 0.3, 0.1).when("act", "leaky")},
              {"batch", powers_of_two(16, 64)}};
  space.forbid([](const Params& p) { return p.at("layers") == 3 && p.at("batch") == 64; });
  return space;
}

inline double bowl(const Params& p) {
  const double lr = p.at("lr"), slope = p.get("slope", 0.05);
  const double layers = p.at("layers"), batch = p.at("batch");
  return std::pow(std::log10(lr) + 2.5, 2) + std::pow(layers - 2, 2) +
         std::pow(std::log2(batch) - 5, 2) + slope;
}

// An objective on it, with trials that are pruned, NaN, and thrown out of.
inline Outcome rough(Trial& trial) {
  const Params p = trial.suggest(finite_space());
  const double value = bowl(p);
  for (int step = 0; step < 3; ++step) {
    if (trial.report(step, value + 3 - step).should_stop()) return pruned;
  }
  if (trial.number() % 7 == 3) return std::nan("");
  if (trial.number() % 11 == 5) throw std::runtime_error("out of luck");
  return value;
}

// What must be equal when two studies are.
inline std::string table(const Study& study) {
  std::string text;
  for (const TrialResult& t : study.trials()) {
    text += std::to_string(t.number) + ' ' + std::to_string(static_cast<int>(t.state)) + ' ' +
            to_json(t.value) + ' ' + t.params.to_string();
    for (const auto& [step, value] : t.intermediate) text += ' ' + to_json(value);
    if (t.parent) text += " from " + std::to_string(*t.parent);
    text += '\n';
  }
  return text;
}

}  // namespace attune::tune::test
