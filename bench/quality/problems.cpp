#include "problems.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <numbers>
#include <sstream>

#include <fmt/format.h>

#include "attune/base/error.h"

namespace attune::quality {
namespace {

using std::numbers::pi;
using tune::Params;
using tune::Space;

double square(double x) { return x * x; }

double hartmann6(const std::vector<double>& x) {
  constexpr double kHeight[4] = {1, 1.2, 3, 3.2};
  constexpr double kWidth[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                                   {.05, 10, 17, .1, 8, 14},
                                   {3, 3.5, 1.7, 10, 17, 8},
                                   {17, 8, .05, 10, .1, 14}};
  constexpr double kCenter[4][6] = {{1312, 1696, 5569, 124, 8283, 5886},
                                    {2329, 4135, 8307, 3736, 1004, 9991},
                                    {2348, 1451, 3522, 2883, 3047, 6650},
                                    {4047, 8828, 8732, 5743, 1091, 381}};
  double sum = 0;
  for (int i = 0; i < 4; ++i) {
    double exponent = 0;
    for (size_t j = 0; j < 6; ++j) exponent += kWidth[i][j] * square(x[j] - 1e-4 * kCenter[i][j]);
    sum -= kHeight[i] * std::exp(-exponent);
  }
  return sum;
}

// The optimum is moved off the centre, where many tuners begin.
double ackley5(const std::vector<double>& x) {
  constexpr double kShift[5] = {.31, -.22, .17, -.41, .09};
  double squares = 0, cosines = 0;
  for (size_t i = 0; i < 5; ++i) {
    const double z = x[i] - 32.768 * kShift[i];
    squares += z * z / 5;
    cosines += std::cos(2 * pi * z) / 5;
  }
  return -20 * std::exp(-.2 * std::sqrt(squares)) - std::exp(cosines) + 20 + std::numbers::e;
}

double rosenbrock(const std::vector<double>& x) {
  double sum = 0;
  for (size_t i = 0; i + 1 < x.size(); ++i) {
    sum += 100 * square(x[i + 1] - x[i] * x[i]) + square(1 - x[i]);
  }
  return sum;
}

double levy(const std::vector<double>& x) {
  std::vector<double> w;
  for (const double v : x) w.push_back(1 + (v - 1) / 4);
  double sum = square(std::sin(pi * w.front()));
  for (size_t i = 0; i + 1 < w.size(); ++i) {
    sum += square(w[i] - 1) * (1 + 10 * square(std::sin(pi * w[i] + 1)));
  }
  return sum + square(w.back() - 1) * (1 + square(std::sin(2 * pi * w.back())));
}

double sphere10(const std::vector<double>& x) {
  constexpr double kCenter[10] = {1.5, -2.3, .7, 3.1, -1.1, 2.6, -3.4, .4, -.9, 1.9};
  double sum = 0;
  for (size_t i = 0; i < 10; ++i) sum += square(x[i] - kCenter[i]);
  return sum;
}

// A perceptron's validation loss as folklore has it: a bowl in the logarithm of the learning rate,
// five times steeper above than below, which moves with batch size and depth.
double mlp_toy(const Params& p) {
  const double batch = p.at("log2_batch"), layers = p.at("layers"), dropout = p.at("dropout");
  const double lr = p.at("lr"), decay = p.at("weight_decay");
  const double e = std::log10(lr) - (-2.5 + .3 * (batch - 6) - .08 * (layers - 1));
  double raw = (e < 0 ? .12 : .6) * e * e + .004 * square(batch - 5);
  raw += .03 * square(std::log(layers / 4)) + .6 * square(dropout - (.1 + .02 * layers));
  raw += .015 * square(std::log10(decay) + 2.5 + 2 * (dropout - .2));
  return .05 + 2.25 * (1 - std::exp(-raw / 2.25));
}

// Three models, each with parameters of its own.
double branches(const Params& p) {
  const double reg = p.at("reg");
  const double common = .02 * square(std::log10(reg) + 3);
  const std::string model = p.at("model");
  if (model == "net") {
    const double lr = p.at("lr"), layers = p.at("layers");
    return common + .05 + .07 * square(std::log10(lr) + 2.7) + .02 * square(layers - 3);
  }
  if (model == "tree") {
    const double depth = p.at("depth"), trees = p.at("trees");
    return common + .07 + .006 * square(depth - 7) + .05 * square(std::log10(trees) - 2.3);
  }
  return common + .12;
}

// 1,440 networks trained on the handwritten digits; a setting gets the error of the nearest.
class DigitsTable {
 public:
  explicit DigitsTable(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    if (!std::getline(file, line)) throw IoError(path + ": cannot be read, or is empty");
    for (int number = 2; std::getline(file, line); ++number) {
      std::array<double, 6> v{};  // lr, alpha, width, layers, batch, error
      std::istringstream cells(line);
      for (double& cell : v) {
        char comma = 0;
        if (!(cells >> cell)) {
          throw IoError(fmt::format("{}:{}: six numbers are needed", path, number));
        }
        cells >> comma;
      }
      const int batch = v[4] == 16 ? 0 : v[4] == 64 ? 1 : 2;
      error_[key(v[0], v[1], static_cast<int>(std::lround(std::log2(v[2]))), static_cast<int>(v[3]),
                 batch)] = v[5];
      lowest_ = std::min(lowest_, v[5]);
    }
  }

  double operator()(const Params& p) const {
    return error_.at(
        key(p.at("lr"), p.at("alpha"), p.at("log2_width"), p.at("layers"), p.at("batch_ix")));
  }
  double lowest() const { return lowest_; }

 private:
  using Key = std::array<int, 5>;

  static int nearest(double value, double low, double high, int count) {
    const double step = (std::log(high) - std::log(low)) / (count - 1);
    int best = 0;
    for (int i = 1; i < count; ++i) {
      const auto gap = [&](int k) { return std::abs(std::log(low) + k * step - std::log(value)); };
      if (gap(i) < gap(best)) best = i;
    }
    return best;
  }

  static Key key(double lr, double alpha, int width, int layers, int batch) {
    return {nearest(lr, 1e-4, std::pow(10, -.5), 8), nearest(alpha, 1e-6, 1, 5), width, layers,
            batch};
  }

  std::map<Key, double> error_;
  double lowest_ = std::numeric_limits<double>::infinity();
};

}  // namespace

Bounds box(size_t dims, double low, double high) { return Bounds(dims, {low, high}); }

Problem continuous(std::string name, const Bounds& bounds,
                   std::function<double(const std::vector<double>&)> f, double optimum,
                   double noise, const std::vector<double>& best) {
  Space space;
  for (size_t i = 0; i < bounds.size(); ++i) {
    space.add(fmt::format("x{}", i), tune::range(bounds[i].first, bounds[i].second));
  }
  Params at;
  for (size_t i = 0; i < best.size(); ++i) at.set(fmt::format("x{}", i), best[i]);
  auto value = [f = std::move(f), dims = bounds.size()](const Params& params) {
    std::vector<double> x;
    for (size_t i = 0; i < dims; ++i) x.push_back(params.at(fmt::format("x{}", i)));
    return f(x);
  };
  return {std::move(name), std::move(space), std::move(value), optimum, noise, std::move(at)};
}

double branin(const std::vector<double>& x) {
  const double t = x[1] - 5.1 / (4 * pi * pi) * x[0] * x[0] + 5 / pi * x[0] - 6;
  return t * t + 10 * (1 - 1 / (8 * pi)) * std::cos(x[0]) + 10;
}

std::vector<Problem> problems(const std::string& digits_csv) {
  using namespace tune;
  constexpr double kBranin = 0.39788735772973816, kHartmann = -3.32236801141551;
  std::vector<Problem> all = {
      continuous("branin", {{-5, 10}, {0, 15}}, branin, kBranin),
      continuous("hartmann6", box(6, 0, 1), hartmann6, kHartmann),
      continuous("ackley5", box(5, -32.768, 32.768), ackley5, 0),
      continuous("rosenbrock5", box(5, -5, 10), rosenbrock, 0),
      continuous("levy8", box(8, -10, 10), levy, 0),
      continuous("sphere10", box(10, -5, 5), sphere10, 0),
      continuous("noisy_h6", box(6, 0, 1), hartmann6, kHartmann, 0.1),
  };
  all.push_back({"mlp_toy",
                 Space{{"lr", log_range(1e-4, 1e-1)},
                       {"weight_decay", log_range(1e-4, 1e-1)},
                       {"log2_batch", int_range(4, 8)},
                       {"layers", int_range(1, 10)},
                       {"dropout", range(0, .5)}},
                 mlp_toy,
                 .05,
                 0,
                 {}});
  all.push_back({"branches",
                 Space{{"model", choice({"linear", "tree", "net"})},
                       {"reg", log_range(1e-6, 1)},
                       {"lr", log_range(1e-5, 1e-1).when("model", "net")},
                       {"layers", int_range(1, 6).when("model", "net")},
                       {"depth", int_range(1, 16).when("model", "tree")},
                       {"trees", int_range(10, 500).when("model", "tree")}},
                 branches,
                 .05,
                 0,
                 {}});
  if (digits_csv.empty()) return all;
  auto table = std::make_shared<const DigitsTable>(digits_csv);
  all.push_back({"digits_mlp",
                 Space{{"lr", log_range(1e-4, std::pow(10, -.5))},
                       {"alpha", log_range(1e-6, 1)},
                       {"log2_width", int_range(4, 7)},
                       {"layers", int_range(1, 3)},
                       {"batch_ix", int_range(0, 2)}},
                 [table](const Params& p) { return (*table)(p); },
                 table->lowest(),
                 0,
                 {}});
  return all;
}

}  // namespace attune::quality
