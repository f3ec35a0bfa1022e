// What tests/tune/optuna_interop.py runs: a study in a file that Optuna works on too.
//   optuna_driver run URL TRIALS     adds trials
//   optuna_driver show URL           prints each trial as a line of JSON

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>

#include "attune/tune/samplers.h"
#include "attune/tune/study.h"

using namespace attune;

namespace {

tune::Outcome objective(tune::Trial& t) {
  const double lr = t.suggest_float("lr", 1e-5, 1e-1, tune::log);
  const double keep = t.suggest_float("keep", 0, 1, tune::step(0.3));
  const double x = t.suggest_float("x", -1, 1);
  const int64_t width = t.suggest_int("width", 1, 1000, tune::log);
  const int64_t depth = t.suggest_int("depth", 0, 100, tune::step(7));
  const std::string act = t.suggest_categorical("act", {"relu", "gelu", "t\xc3\xa4nh"});
  const tune::ParamValue mix =
      t.suggest_categorical("mix", std::vector<tune::ParamValue>{nullptr, true, 2, 1.5, "s"});
  t.set_attribute("author", "attune");
  t.set_attribute_json("nested", R"({"list": [1, 2.5, null], "text": "\u00e4"})");
  t.set_constraint(x).set_constraint("depth", static_cast<double>(depth) - 50.0);
  if (t.number() % 3 == 0) t.set_constraint(-0.5);
  const double value = std::log10(lr) + keep + x + static_cast<double>(width % 7 + depth) / 10;
  for (int step = 0; step < 4; ++step) {
    const double report = step == 2 && t.number() % 5 == 1 ? INFINITY : value - step;
    if (t.report(step, report).should_stop()) return tune::pruned;
  }
  if (t.number() % 10 == 3) return std::numeric_limits<double>::quiet_NaN();
  if (t.number() % 10 == 7) return -INFINITY;
  return value + (mix.is_null() ? 1 : 0) + (act == "relu");
}

void show(const tune::TrialResult& t) {
  constexpr const char* kStates[] = {"WAITING", "RUNNING", "RUNNING", "COMPLETE", "PRUNED", "FAIL"};
  std::string values, params, reports, user, constraints;
  for (const double v : t.values) values += (values.empty() ? "" : ", ") + tune::to_json(v);
  for (const auto& [name, value] : t.params) {
    params += (params.empty() ? "" : ", ") + tune::to_json(name) + ": " + tune::to_json(value);
  }
  for (const auto& [step, value] : t.intermediate) {
    reports +=
        (reports.empty() ? "\"" : ", \"") + std::to_string(step) + "\": " + tune::to_json(value);
  }
  for (const auto& [name, value] : t.constraints) {
    constraints +=
        (constraints.empty() ? "" : ", ") + tune::to_json(name) + ": " + tune::to_json(value);
  }
  for (const auto& [name, json] : t.user) {
    user += (user.empty() ? "" : ", ") + tune::to_json(name) + ": " + json;
  }
  std::printf(
      "{\"number\": %lld, \"state\": \"%s\", \"values\": [%s], \"params\": {%s}, \"reports\": "
      "{%s}, "
      "\"user\": {%s}, \"constraints\": {%s}, \"seconds\": %s}\n",
      static_cast<long long>(t.number), kStates[static_cast<int>(t.state)], values.c_str(),
      params.c_str(), reports.c_str(), user.c_str(), constraints.c_str(),
      tune::to_json(t.seconds).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 2 ? argv[1] : "";
  try {
    if (command == "run" && argc > 3) {
      tune::Study study({.name = "shared",
                         .storage = argv[2],
                         .direction = tune::maximize,
                         .sampler = tune::random(),
                         .pruner = tune::median()});
      study.optimize(objective, {.trials = std::atoll(argv[3]), .jobs = 2});
      return 0;
    }
    if (command == "show") {
      tune::Study study({.name = "shared", .storage = argv[2], .must_exist = true});
      for (const tune::TrialResult& t : study.trials()) show(t);
      return 0;
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "optuna_driver: %s\n", e.what());
    return 1;
  }
  std::fprintf(stderr, "usage: optuna_driver run URL TRIALS | show URL\n");
  return 2;
}
