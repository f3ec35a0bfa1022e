// The second set's problems with choices, integers and conditions, made up after what trainings
// look like. All but the table are sums of squares above a known floor, which the note `best`
// reaches.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>

#include "attune/base/rng.h"
#include "problems.h"

namespace attune::quality {
namespace {

using namespace tune;

double square(double x) { return x * x; }
double log10_of(const Params& p, const char* name) {
  return std::log10(static_cast<double>(p.at(name)));
}
double number(const Params& p, const char* name) { return p.at(name); }
std::string word(const Params& p, const char* name) { return p.at(name); }

// A bounded loss: what is hopeless is about equally so.
double saturate(double loss, double chance) { return chance * (1 - std::exp(-loss / chance)); }

// Which model? Each has parameters of its own, and the kernel of one has its own again.
double models(const Params& p) {
  const std::string model = word(p, "model"), scale = word(p, "scale");
  const bool none = scale == "none", quantile = scale == "quantile";
  if (model == "svm") {
    const std::string kernel = word(p, "kernel");
    const double a = log10_of(p, "c") - 1.3, common = none ? .06 : quantile ? .015 : 0;
    if (kernel == "linear") return saturate(common + .13 + .01 * a * a, .5);
    const double g = log10_of(p, "gamma") + 2.2;
    if (kernel == "rbf") {
      return saturate(common + .062 + .012 * square(a + .6 * g) + .02 * g * g, .5);
    }
    const double d = number(p, "degree") - 3;
    return saturate(common + .09 + .015 * square(a + .3 * d) + .02 * g * g + .01 * d * d, .5);
  }
  if (model == "boosting") {
    const double rate = log10_of(p, "rate"), trees = std::log10(number(p, "trees") / 400);
    return saturate((none       ? 0
                     : quantile ? .004
                                : .002) +
                        .05 + .03 * square(rate + 1.5 + trees) + .008 * trees * trees +
                        .003 * square(number(p, "depth") - 5) +
                        .08 * square(number(p, "subsample") - .72),
                    .5);
  }
  return saturate((none       ? .03
                   : quantile ? .01
                              : 0) +
                      .14 + .01 * square(log10_of(p, "alpha") + 2) +
                      .02 * square(number(p, "l1") - .2),
                  .5);
}

Problem models_problem() {
  return {"models",
          Space{{"model", choice({"linear", "svm", "boosting"})},
                {"scale", choice({"none", "standard", "quantile"})},
                {"kernel", choice({"linear", "poly", "rbf"}).when("model", "svm")},
                {"c", log_range(1e-3, 1e3).when("model", "svm")},
                {"gamma", log_range(1e-5, 10).when_any("kernel", {"poly", "rbf"})},
                {"degree", int_range(2, 5).when("kernel", "poly")},
                {"rate", log_range(1e-3, 1).when("model", "boosting")},
                {"trees", log_int_range(20, 2000).when("model", "boosting")},
                {"depth", int_range(2, 12).when("model", "boosting")},
                {"subsample", range(.3, 1).when("model", "boosting")},
                {"alpha", log_range(1e-6, 10).when("model", "linear")},
                {"l1", range(0, 1).when("model", "linear")}},
          models,
          saturate(.05, .5),
          0,
          {{"model", "boosting"},
           {"scale", "none"},
           {"rate", std::pow(10, -1.5)},
           {"trees", 400},
           {"depth", 5},
           {"subsample", .72}}};
}

// Which optimizer? The learning rate is shared, its best value is not.
double optimizers(const Params& p) {
  const std::string which = word(p, "optimizer"), schedule = word(p, "schedule");
  const double lr = log10_of(p, "lr");
  double loss =
      .02 * square(log10_of(p, "weight_decay") + 3) + 2 * square(number(p, "warmup") - .06);
  if (which == "sgd") {
    const double heavy = -std::log10(1.001 - number(p, "momentum"));  // steps add up to 1/(1 - m)
    const bool nesterov = p.at("nesterov");
    loss += .31 + .1 * square(lr + heavy) + .03 * square(heavy - 1) + (nesterov ? 0 : .01);
  } else {
    const bool lion = which == "lion";
    loss += (lion ? .30 : .28) + .12 * square(lr + (lion ? 3.6 : 2.6)) +
            4 * square(number(p, "beta") - (lion ? .95 : .88));
  }
  if (schedule == "constant") loss += .04;
  if (schedule == "step") loss += .015 + .1 * square(number(p, "drop") - .2);
  return saturate(loss, 2.3);
}

Problem optimizers_problem() {
  return {"optimizers",
          Space{{"optimizer", choice({"sgd", "adam", "lion"})},
                {"lr", log_range(1e-5, 1)},
                {"weight_decay", log_range(1e-6, 1e-1)},
                {"warmup", stepped_range(0, .2, .02)},
                {"schedule", choice({"constant", "step", "cosine"})},
                {"momentum", range(0, .99).when("optimizer", "sgd")},
                {"nesterov", choice({false, true}).when("optimizer", "sgd")},
                {"beta", range(.8, .99).when_any("optimizer", {"adam", "lion"})},
                {"drop", range(.05, .9).when("schedule", "step")}},
          optimizers,
          saturate(.28, 2.3),
          0,
          {{"optimizer", "adam"},
           {"lr", std::pow(10, -2.6)},
           {"weight_decay", 1e-3},
           {"warmup", .06},
           {"schedule", "cosine"},
           {"beta", .88}}};
}

// As a table of trained networks would be: errors are multiples of 1/500, near ones are alike but
// for luck, and nothing changes within a cell. The lowest is found by looking at all 2,592.
class Table {
 public:
  Table() {
    for (int lr = 0; lr < 9; ++lr)
      for (int decay = 0; decay < 4; ++decay)
        for (int layers = 1; layers <= 4; ++layers)
          for (int act = 0; act < 3; ++act)
            for (int norm = 0; norm < 3; ++norm)
              for (const int width : {32, 128})
                lowest_ = std::min(lowest_, at(lr, decay, layers, act, norm, width));
  }
  double operator()(const Params& p) const {
    const int lr = std::min(8, static_cast<int>((log10_of(p, "lr") + 4) / 4 * 9));
    const int decay = std::min(3, static_cast<int>((log10_of(p, "weight_decay") + 6) / 6 * 4));
    const std::string act = word(p, "act"), norm = word(p, "norm");
    return at(lr, decay, p.at("layers"),
              act == "relu"   ? 0
              : act == "tanh" ? 1
                              : 2,
              norm == "none"    ? 0
              : norm == "batch" ? 1
                                : 2,
              p.at("width"));
  }
  double lowest() const { return lowest_; }

 private:
  static double at(int lr, int decay, int layers, int act, int norm, int width) {
    constexpr double kAct[3] = {.006, .014, 0}, kNorm[3] = {.012, 0, .004};
    const double best = 5.2 - .5 * (layers - 2) + (norm == 1 ? 1.1 : 0) - (width == 128 ? .6 : 0);
    const double e = lr - best;
    double error = .035 + (e < 0 ? .004 : .012) * e * e + .004 * square(layers - 2.6) + kAct[act] +
                   kNorm[norm] + .003 * square(decay - 1.7) + (width == 128 ? 0 : .009);
    if (e > 2.5 && norm == 0) error += .3;  // no longer trains
    int64_t cell = (lr * 4 + decay) * 4 + layers - 1;
    cell = ((cell * 3 + act) * 3 + norm) * 2 + (width == 128);
    error += .006 * Rng(20).fork(cell).normal();
    return std::round(std::clamp(error, .002, .9) * 500) / 500;
  }
  double lowest_ = 1;
};

Problem table_problem() {
  auto table = std::make_shared<const Table>();
  return {"table",
          Space{{"lr", log_range(1e-4, 1)},
                {"weight_decay", log_range(1e-6, 1)},
                {"layers", int_range(1, 4)},
                {"act", choice({"tanh", "relu", "gelu"})},
                {"norm", choice({"none", "batch", "layer"})},
                {"width", choice({32, 128})}},
          [table](const Params& p) { return (*table)(p); },
          table->lowest(),
          0,
          {}};
}

// Ten parameters of all kinds, several of them tied to one another.
double mixed10(const Params& p) {
  const double layers = number(p, "layers"), width = std::log2(number(p, "width") / 192);
  const double batch = std::log2(number(p, "batch") / 64), epochs = number(p, "epochs");
  const std::string act = word(p, "act"), norm = word(p, "norm");
  const double lr = log10_of(p, "lr") + 2.4 - .15 * batch + .1 * (layers - 3);
  double loss = .1 + (lr < 0 ? .1 : .4) * lr * lr + .01 * square(layers - 3) + .02 * width * width;
  loss += .003 * batch * batch + 2e-4 * square(epochs - 35);
  loss += .02 * square(log10_of(p, "weight_decay") + 3.2 + .3 * width);
  loss += .8 * square(number(p, "dropout") - .15 - .05 * width);
  loss += 2 * square(number(p, "smoothing") - .05);
  loss += act == "gelu" ? 0 : act == "silu" ? .01 : act == "relu" ? .02 : .06;
  loss += norm == "layer" ? 0 : norm == "batch" ? .01 + .004 * batch * batch : .05;
  return saturate(loss, 1.5);
}

Problem mixed10_problem() {
  return {"mixed10",
          Space{{"layers", int_range(1, 8)},
                {"width", int_range(16, 512, 16)},
                {"batch", powers_of_two(8, 1024)},
                {"epochs", int_range(5, 60)},
                {"lr", log_range(1e-5, 1)},
                {"weight_decay", log_range(1e-6, 1e-1)},
                {"dropout", range(0, .6)},
                {"smoothing", stepped_range(0, .3, .05)},
                {"act", choice({"tanh", "relu", "silu", "gelu"})},
                {"norm", choice({"none", "batch", "layer"})}},
          mixed10,
          saturate(.1, 1.5),
          0,
          {{"layers", 3},
           {"width", 192},
           {"batch", 64},
           {"epochs", 35},
           {"lr", std::pow(10, -2.4)},
           {"weight_decay", std::pow(10, -3.2)},
           {"dropout", .15},
           {"smoothing", .05},
           {"act", "gelu"},
           {"norm", "layer"}}};
}

// The best learning rate is close to where training diverges; there the loss is huge, or NaN.
double cliff(const Params& p, bool nan) {
  const double momentum = number(p, "momentum"), width = number(p, "width");
  const double step = log10_of(p, "lr") - std::log10(1 - momentum) + .5 * std::log10(width / 128);
  if (step > .25) return nan ? std::numeric_limits<double>::quiet_NaN() : 20 * std::pow(30, step);
  return .08 + (step < 0 ? .1 : .5) * step * step + .05 * square(momentum - .9) +
         .01 * square(std::log2(width / 256)) +
         .02 * square(log10_of(p, "lr") + log10_of(p, "weight_decay") + 4.5);
}

Problem cliff_problem(bool nan) {
  const double lr = .1 / std::sqrt(2);
  return {
      nan ? "cliff_nan" : "cliff",
      Space{{"lr", log_range(1e-5, 10)},
            {"weight_decay", log_range(1e-6, 1)},
            {"width", log_int_range(16, 1024)},
            {"momentum", range(0, .99)}},
      [nan](const Params& p) { return cliff(p, nan); },
      .08,
      0,
      {{"lr", lr}, {"weight_decay", std::pow(10, -4.5) / lr}, {"width", 256}, {"momentum", .9}}};
}

}  // namespace

std::vector<Problem> more_spaces() {
  return {models_problem(),  optimizers_problem(), table_problem(),
          mixed10_problem(), cliff_problem(false), cliff_problem(true)};
}

}  // namespace attune::quality
