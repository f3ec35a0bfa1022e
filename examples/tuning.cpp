// The pieces of docs/tuning.md, which quotes them: each strategy and each practice of tuning, tried
// on the 1,797 handwritten digits. Prints a figure for every claim of that page.
//   example_tuning [SEEDS]: how many studies each figure is taken over (the page's: 20)

#include <attune/attune.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

using namespace attune;

struct Digits {
  nn::Split parts;

  static Digits load() {
    const Tensor all = read_csv("examples/data/digits.csv").to_tensor();
    const Tensor pixels = all.narrow(1, 0, 64) / 16.0;
    const Tensor labels = all.narrow(1, 64, 1).squeeze(1).cast(DType::i64);
    Rng rng(1);
    return {nn::split({pixels, labels}, {.validation = 0.2, .test = 0.2, .stratify = true}, rng)};
  }
};

// [objective]
struct Settings {
  double lr = 1e-3;
  int64_t batch = 64, width = 32, epochs = 8;
  double dropout = 0.1;
};

// The validation accuracy after training; `after_epoch` returns whether to go on.
double train(const Digits& digits, const Settings& s, Rng rng,
             const std::function<bool(int64_t epoch, double accuracy)>& after_epoch = {}) {
  Rng weights = rng.fork("weights"), drops = rng.fork("dropout");
  nn::Sequential net{nn::Linear(64, s.width, weights), nn::ReLU{},
                     nn::Dropout(static_cast<float>(s.dropout), drops),
                     nn::Linear(s.width, 10, weights)};
  tune::TrainingSettings settings{.epochs = s.epochs, .batch_size = s.batch, .learning_rate = s.lr};
  const tune::Training done = tune::train_scored(net, digits.parts.train, digits.parts.validation,
                                                 settings, rng.fork("order"), after_epoch);
  return done.score;
}
// [/objective]

// [search]
tune::Outcome objective(const Digits& digits, tune::Trial& trial) {
  Settings s;
  s.lr = trial.suggest_float("lr", 1e-4, 1e-1, tune::log);
  s.batch = trial.suggest("batch", tune::powers_of_two(16, 256));
  s.width = trial.suggest_int("width", 8, 64);
  s.dropout = trial.suggest_float("dropout", 0, 0.5);
  return train(digits, s, trial.rng("train"));
}

tune::Study search(const Digits& digits, std::shared_ptr<tune::Sampler> sampler, uint64_t seed,
                   int64_t trials) {
  tune::Study study({.direction = tune::maximize, .sampler = std::move(sampler), .seed = seed});
  study.optimize([&](tune::Trial& trial) { return objective(digits, trial); }, {.trials = trials});
  return study;
}
// [/search]

// The number of trials after which a study had a value of `goal`, or one more than it ran.
int64_t trials_to(const tune::Study& study, double goal) {
  for (const tune::TrialResult& trial : study.trials()) {
    if (trial.state == tune::State::complete && trial.value >= goal) return trial.number + 1;
  }
  return study.size() + 1;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

// [strategies]
void compare_strategies(const Digits& digits, uint64_t seeds, double goal) {
  const auto count = [&](const std::string& name, auto sampler) {
    std::vector<double> needed;
    for (uint64_t seed = 0; seed < seeds; ++seed) {
      needed.push_back(static_cast<double>(trials_to(search(digits, sampler(), seed, 80), goal)));
    }
    std::cout << name << ": " << median(needed) << " trials to " << goal << '\n';
  };
  count("random", [] { return tune::random(); });
  count("sobol", [] { return tune::sobol(); });
  count("tpe", [] { return tune::tpe(); });
  count("bayesian", [] { return tune::bayesian(); });
}
// [/strategies]

// [grid]
int64_t grid_trials_to(const Digits& digits, uint64_t seed, double goal) {
  tune::Study study({.direction = tune::maximize,
                     .sampler = tune::grid(),
                     .seed = seed,
                     .space = {{"lr", tune::log_grid(1e-4, 1e-1, 4)},
                               {"batch", tune::powers_of_two(16, 256)},
                               {"width", tune::linear_grid(8, 64, 4)},
                               {"dropout", tune::linear_grid(0, 0.5, 3)}},
                     .first = tune::First::sampler});
  study.optimize(
      [&](tune::Trial& trial) -> tune::Outcome {
        const tune::Params p = trial.suggest(study.space());
        return train(digits,
                     {.lr = p.at("lr"),
                      .batch = p.at("batch"),
                      .width = p.at("width"),
                      .dropout = p.at("dropout")},
                     trial.rng("train"));
      },
      {.trials = 240});
  return trials_to(study, goal);
}
// [/grid]

// [scales]
tune::Study by_scale(const Digits& digits, tune::Spacing scale, uint64_t seed) {
  tune::Study study({.direction = tune::maximize,
                     .sampler = tune::random(),
                     .seed = seed,
                     .first = tune::First::sampler});
  study.optimize(
      [&](tune::Trial& trial) -> tune::Outcome {
        const double lr = trial.suggest_float("lr", 1e-5, 10.0, scale);
        return train(digits, {.lr = lr, .dropout = 0}, trial.rng("train"));
      },
      {.trials = 60});
  return study;
}
// [/scales]

// [pruning]
struct Pruned {
  double best;
  int64_t epochs;
};
Pruned with_pruner(const Digits& digits, std::shared_ptr<tune::Pruner> pruner, uint64_t seed) {
  tune::Study study({.direction = tune::maximize,
                     .sampler = tune::random(),
                     .pruner = std::move(pruner),
                     .seed = seed});
  study.optimize(
      [&](tune::Trial& trial) -> tune::Outcome {
        const double lr = trial.suggest_float("lr", 1e-4, 1e-1, tune::log);
        bool stop = false;
        const double accuracy = train(digits, {.lr = lr, .epochs = 20}, trial.rng("train"),
                                      [&](int64_t epoch, double now) {
                                        stop = trial.report(epoch, now).should_stop();
                                        return !stop;
                                      });
        return stop ? trial.stopped() : tune::Outcome(accuracy);
      },
      {.trials = 40});
  int64_t epochs = 0;
  for (const tune::TrialResult& trial : study.trials()) {
    epochs += static_cast<int64_t>(trial.intermediate.size());
  }
  return {study.best_trial().value, epochs};
}
// [/pruning]

// [confirm]
tune::ConfirmResult confirm(const Digits& digits, tune::Study& study) {
  return study.confirm(3, [&](tune::Trial& trial) { return objective(digits, trial); },
                       {.repeats = 8});
}
// [/confirm]

// [stopping]
int64_t trials_until_done(const Digits& digits, uint64_t seed) {
  tune::Study study({.direction = tune::maximize, .seed = seed});
  study.optimize([&](tune::Trial& trial) { return objective(digits, trial); },
                 {.trials = 200, .stop_when = tune::stagnation(30)});
  return study.size();
}
// [/stopping]

int main(int count, char** arguments) {
  const uint64_t seeds = count > 1 ? std::stoul(arguments[1]) : 2;
  Digits digits = Digits::load();

  const double start = train(digits, {}, Rng(1));
  std::cout << "default settings: " << start << '\n';

  const double goal = 0.965;
  compare_strategies(digits, seeds, goal);
  std::cout << "grid of 240: " << grid_trials_to(digits, 0, goal) << " trials to " << goal << '\n';

  const double fair = 0.955;  // what the learning rate alone can reach
  std::vector<double> by_log, by_number;
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    by_log.push_back(static_cast<double>(trials_to(by_scale(digits, tune::log, seed), fair)));
    by_number.push_back(static_cast<double>(trials_to(by_scale(digits, {}, seed), fair)));
  }
  std::cout << "log scale: " << median(by_log) << " trials to " << fair
            << ", linear scale: " << median(by_number) << '\n';

  std::vector<double> saved, lost;
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    const Pruned all = with_pruner(digits, tune::no_pruning(), seed);
    const Pruned some = with_pruner(digits, tune::median(), seed);
    saved.push_back(1 - static_cast<double>(some.epochs) / static_cast<double>(all.epochs));
    lost.push_back(all.best - some.best);
  }
  std::cout << "median pruning saves " << 100 * median(saved) << " % of the epochs and loses "
            << median(lost) << '\n';

  tune::Study study = search(digits, tune::automatic(), 3, 40);
  std::cout << "what mattered:";
  for (const auto& [name, share] : study.importances()) std::cout << ' ' << name << ' ' << share;
  const tune::ConfirmResult sure = confirm(digits, study);
  std::cout << "\nbest of 40: " << study.best_trial().value << "; run again: " << sure.value << " ("
            << sure.value_low << " to " << sure.value_high << "), better than the default by "
            << sure.gain << '\n';

  std::cout << "stagnation(30) ends after " << trials_until_done(digits, 0) << " trials\n";

  const bool sensible = median(by_log) < median(by_number) && median(saved) > 0.2 &&
                        sure.value <= study.best_trial().value;
  return sensible ? 0 : 1;
}
