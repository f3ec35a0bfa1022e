// attune_budgets DIGITS_CSV SEEDS [SCHEDULER ...]
// How many epochs does a scheduler need on 1,440 recorded learning curves of ten epochs, of
// networks trained on the handwritten digits? For each scheduler and seed: the epochs after which
// some trial has reported a validation accuracy within 1 % of the best that 100 trials of the same
// seed reach which are all trained to the end, as a share of their 1,000 epochs. SCHEDULER: a name
// that tune::scheduler_by_name knows, with +tpe behind it for another sampler than random. SEEDS:
// 0-19.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/by_name.h"
#include "attune/tune/samplers.h"
#include "attune/tune/schedulers.h"
#include "attune/tune/study.h"

using namespace attune;

namespace {

constexpr int64_t kEpochs = 10, kTrials = 100;
constexpr double kWithin = 0.01;

class Curves {
 public:
  explicit Curves(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
      std::stringstream cells(line);
      std::vector<double> row;
      for (std::string cell; std::getline(cells, cell, ',');) row.push_back(std::stod(cell));
      if (row.size() < 6 + kEpochs) throw IoError(path + ": a row is too short");
      std::vector<double>& curve = curves_[key(row[0], row[1], row[2], row[3], row[4])];
      curve.assign(row.begin() + 6, row.begin() + 6 + kEpochs);
    }
    if (curves_.size() != 1440) throw IoError(path + ": it is not the table of 1,440 networks");
  }

  static tune::Space space() {
    return {{"lr", tune::log_grid(1e-4, std::pow(10, -0.5), 8)},
            {"alpha", tune::log_grid(1e-6, 1, 5)},
            {"width", tune::powers_of_two(16, 128)},
            {"layers", tune::int_range(1, 3)},
            {"batch", tune::log_grid(16, 256, 3)}};
  }

  const std::vector<double>& of(const tune::Params& p) const {
    return curves_.at(key(p.at("lr"), p.at("alpha"), p.at("width"), p.at("layers"), p.at("batch")));
  }

 private:
  using Key = std::array<long, 5>;
  static Key key(double lr, double alpha, double width, double layers, double batch) {
    return {std::lround(4 * std::log10(lr)), std::lround(4 * std::log10(alpha)), std::lround(width),
            std::lround(layers), std::lround(batch)};
  }
  std::map<Key, std::vector<double>> curves_;
};

std::shared_ptr<const tune::Scheduler> scheduler_of(std::string_view name) {
  if (name == "hyperband") return tune::hyperband({.max_steps = kEpochs});
  if (name == "freeze_thaw") return tune::freeze_thaw({.max_steps = kEpochs});
  return tune::scheduler_by_name(name);
}

struct Run {
  int64_t reached = -1;  // epochs; -1: not
  int64_t epochs = 0;
  double best = 0, best_at_end = 0;
};

Run run(const Curves& curves, std::string_view scheduler, bool tpe, uint64_t seed, double target) {
  Run result;
  tune::Study study({.direction = tune::maximize,
                     .sampler = tpe ? tune::tpe() : tune::random(),
                     .scheduler = scheduler_of(scheduler),
                     .seed = seed,
                     .space = Curves::space(),
                     .first = tune::First::sampler});
  study.optimize(
      [&](tune::Trial& t) -> tune::Outcome {
        const tune::Params params = t.suggest(Curves::space());
        const std::vector<double>& curve = curves.of(params);
        int64_t position = 0;  // stands for the weights
        t.checkpointable(position);
        double accuracy = 0;
        for (int64_t epoch = t.first_step(); epoch < kEpochs; ++epoch) {
          accuracy = curve[static_cast<size_t>(epoch)];
          ++position, ++result.epochs;
          result.best = std::max(result.best, accuracy);
          if (epoch + 1 == kEpochs) result.best_at_end = std::max(result.best_at_end, accuracy);
          if (result.reached < 0 && result.best >= target) {
            result.reached = result.epochs;
            study.stop();
          }
          if (t.report(epoch, accuracy).should_stop()) return t.stopped();
        }
        return accuracy;
      },
      {.trials = target > 1 ? kTrials : 10 * kTrials});
  return result;
}

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1) + 0.5)];
}

int compare(int count, char** arguments) {
  const Curves curves(arguments[1]);
  const std::string seeds = arguments[2];
  const size_t dash = seeds.find('-');
  const uint64_t first = std::stoull(seeds.substr(0, dash));
  const uint64_t last = dash == std::string::npos ? first : std::stoull(seeds.substr(dash + 1));
  std::vector<std::string> names(arguments + 3, arguments + count);
  if (names.empty()) names = {"none", "median", "asha", "successive_halving", "hyperband"};
  for (const std::string& name : names) {
    const bool tpe = name.ends_with("+tpe");
    const std::string scheduler = name.substr(0, name.find('+'));
    std::vector<double> shares;
    int64_t missed = 0;
    for (uint64_t seed = first; seed <= last; ++seed) {
      const double best = run(curves, "none", false, seed, 2).best_at_end;
      const Run r = run(curves, scheduler, tpe, seed, best * (1 - kWithin));
      missed += r.reached < 0;
      const int64_t epochs = r.reached < 0 ? r.epochs : r.reached;
      shares.push_back(static_cast<double>(epochs) / (kEpochs * kTrials));
    }
    double sum = 0;
    for (const double share : shares) sum += share;
    fmt::print("{:24} mean {:5.1f} %  median {:5.1f} %  worst {:5.1f} %  not reached {} of {}\n",
               name, 100 * sum / static_cast<double>(shares.size()), 100 * quantile(shares, 0.5),
               100 * quantile(shares, 1), missed, shares.size());
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    if (count < 3) throw ValueError("usage: attune_budgets DIGITS_CSV SEEDS [SCHEDULER ...]");
    return compare(count, arguments);
  } catch (const std::exception& e) {
    fmt::print(stderr, "attune_budgets: {}\n", e.what());
    return 1;
  }
}
