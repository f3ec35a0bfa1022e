// Nothing that an objective does disturbs a sampler: every sampler, every kind of loss, every shape
// of space.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "attune/base/error.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

namespace {

struct Disturbance {
  const char* name;
  std::function<Outcome(Trial&, const Params&, double)> tell;  // the last: a well-behaved loss
};

std::vector<Disturbance> disturbances() {
  constexpr double kTiny = std::numeric_limits<double>::denorm_min();
  const auto constant = [](double value) {
    return [value](Trial&, const Params&, double) -> Outcome { return value; };
  };
  const auto spread = [](double scale) {
    return [scale](Trial&, const Params&, double loss) -> Outcome { return loss * scale; };
  };
  return {
      {"constant", constant(1)},
      {"zero", constant(0)},
      {"NaN", constant(std::nan(""))},
      {"infinite", constant(INFINITY)},
      {"minus infinite", constant(-INFINITY)},
      {"the largest", constant(std::numeric_limits<double>::max())},
      {"1e300 and less", spread(1e300)},
      {"-1e300 and more", spread(-1e300)},
      {"1e-300", spread(1e-300)},
      {"denormal", spread(kTiny)},
      {"failed", [](Trial&, const Params&, double) -> Outcome { return Failed{"so"}; }},
      {"thrown", [](Trial&, const Params&, double) -> Outcome { throw std::runtime_error("so"); }},
      {"pruned without a report", [](Trial&, const Params&, double) -> Outcome { return pruned; }},
      {"pruned",
       [](Trial& t, const Params&, double loss) -> Outcome { return t.report(0, loss), pruned; }},
      {"pruned at NaN",
       [](Trial& t, const Params&, double) -> Outcome {
         return t.report(0, std::nan("")), pruned;
       }},
      {"all kinds",
       [](Trial& t, const Params&, double loss) -> Outcome {
         switch (t.number() % 8) {
           case 0: return loss;
           case 1: return 1e300;
           case 2: return -1e300;
           case 3: return INFINITY;
           case 4: return std::nan("");
           case 5: return pruned;
           case 6: return -INFINITY;
           default: return kTiny;
         }
       }},
  };
}

struct Shape {
  const char* name;
  Space space;
};

std::vector<Shape> shapes() {
  Space many;
  for (int i = 0; i < 60; ++i) {
    const std::string name = "x" + std::to_string(i);
    many.add(name, i % 3 == 0   ? int_range(0, 3)
                   : i % 3 == 1 ? choice({"a", "b"})
                                : linear_grid(0, 1, 3));
  }
  return {{"conditions and forbidden points", finite_space()},
          {"one parameter", Space{{"x", int_range(0, 40)}}},
          {"no parameter", Space{}},
          {"one choice", Space{{"x", choice({"only"})}}},
          {"one value each", Space{{"x", int_range(3, 3)}, {"y", range(2, 2)}, {"z", choice({1})}}},
          {"continuous", Space{{"x", range(-1, 1)}, {"y", log_range(1e-300, 1e300)}}},
          {"60 parameters", many}};
}

double well_behaved(const Params& p) {
  double sum = 0.1;
  for (const auto& [name, value] : p) {
    if (std::holds_alternative<std::string>(value.variant())) continue;
    sum += 1 / (1 + std::abs(value.as_double() - 0.3));
  }
  return sum / (1 + static_cast<double>(p.size()));
}

void check_inside(const Space& space, const Params& p) {
  std::vector<double> values = space.default_values();
  for (const auto& [name, value] : p) {
    const Param& param = *space.find(name);
    const double v = param.internal(value);
    CHECK(v >= param.low);
    CHECK(v <= param.high);
    if (param.levels() > 0) CHECK(param.level_value(param.level_of(v)) == v);
    values[static_cast<size_t>(&param - space.params().data())] = v;
  }
  CHECK(space.allowed(values));
  CHECK(space.to_params(values).size() == p.size());  // what is active, and nothing else
}

// Too many points to list.
bool too_large(const std::string& sampler, const std::string& shape) {
  return (sampler == "grid" && shape == "60 parameters") ||
         (is_listing(sampler) && shape == "continuous");
}

}  // namespace

TEST_CASE("disturbances: every suggestion lies in the space, whatever the objective does") {
  for (const auto& [name, make] : all_samplers()) {
    CAPTURE(name);
    for (const Shape& shape : shapes()) {
      if (too_large(name, shape.name)) continue;
      CAPTURE(shape.name);
      for (const Disturbance& disturbance : disturbances()) {
        CAPTURE(disturbance.name);
        Study study({.sampler = make(), .seed = 1, .space = shape.space});
        for (int i = 0; i < 14; ++i) {
          Trial trial = study.ask(shape.space);
          const Params p = trial.params();
          check_inside(shape.space, p);
          Outcome outcome = pruned;
          try {
            outcome = disturbance.tell(trial, p, well_behaved(p));
          } catch (const std::runtime_error& e) {
            outcome = Failed{e.what()};
          }
          study.tell(trial, outcome);
        }
        CHECK(study.size() == 14);
      }
    }
  }
}

TEST_CASE("disturbances: the same point over and over, with other losses each time") {
  for (const auto& [name, make] : all_samplers()) {
    CAPTURE(name);
    Study study({.sampler = make(), .seed = 1, .space = finite_space()});
    const Params point{{"lr", 1e-3}, {"layers", 1}, {"act", "relu"}, {"batch", 16}};
    for (int i = 0; i < 12; ++i) study.enqueue(point);
    for (int i = 0; i < 20; ++i) {
      Trial trial = study.ask(finite_space());
      const Params p = trial.params();
      check_inside(finite_space(), p);
      if (i < 12) CHECK(p == point);
      study.tell(trial, i % 2 == 0 ? bowl(p) : bowl(p) + i);
    }
  }
}

TEST_CASE("disturbances: by running, with objectives that change their minds") {
  for (const auto& [name, make] : all_samplers()) {
    if (name == std::string("grid")) continue;  // it must know the space
    CAPTURE(name);
    Study study({.sampler = make(), .seed = 1});
    for (int i = 0; i < 20; ++i) {
      Trial t = study.ask();
      double loss = 0;
      const auto high = static_cast<int64_t>(1 + i % 5);
      const int64_t n = t.suggest_int("n", 0, high);
      CHECK(n >= 0);
      CHECK(n <= high);
      if (i % 3 == 1) {
        const ParamValue a =
            t.suggest_categorical("a", std::vector<ParamValue>{nullptr, true, "s"});
        loss += a.is_null();
      }
      if (i % 4 == 2) {
        const double y = t.suggest_float("y" + std::to_string(i), 0, 1, tune::step(0.5));
        CHECK((y == 0 || y == 0.5 || y == 1));
      }
      if (i % 6 == 5) {
        study.tell(t, Failed{});
      } else {
        study.tell(t, loss + static_cast<double>(n));
      }
    }
    CHECK(study.size() == 20);
  }
}
