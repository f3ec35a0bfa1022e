#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include "attune/base/error.h"
#include "attune/tune/space.h"

using namespace attune;
using namespace attune::tune;

TEST_CASE("param: every level has an equal slice of [0, 1], and its unit leads back to it") {
  const std::vector<Param> all{int_range(1, 4),
                               int_range(-5, 100, 7),
                               powers_of_two(16, 256),
                               choice({"a", "b", "c"}),
                               stepped_range(0, 1, 0.1),
                               linear_grid(-1, 1, 5),
                               tune::values({0.5, 0.7, 3}),
                               int_range(3, 3)};
  for (const Param& p : all) {
    const int64_t levels = p.levels();
    CHECK(levels > 0);
    for (int64_t k = 0; k < levels; ++k) {
      const double low = p.from_unit((static_cast<double>(k) + 1e-9) / static_cast<double>(levels));
      const double high =
          p.from_unit((static_cast<double>(k) + 1 - 1e-9) / static_cast<double>(levels));
      CHECK(low == p.level_value(k));
      CHECK(high == p.level_value(k));
      CHECK(p.from_unit(p.to_unit(p.level_value(k))) == p.level_value(k));
      CHECK(p.level_of(p.level_value(k)) == k);
    }
    CHECK(p.from_unit(0) == p.level_value(0));
    CHECK(p.from_unit(1) == p.level_value(levels - 1));
  }
}

TEST_CASE("param: continuous ranges reach their ends and stay inside") {
  for (const Param& p : {range(-2, 3), log_range(1e-5, 10), log_range(1, 1000),
                         log_range(1e-300, 1e300), range(-1e308, 1e308), range(7, 7)}) {
    CHECK(p.from_unit(0) == p.low);
    CHECK(p.from_unit(1) == p.high);
    for (double u = 0; u <= 1; u += 0.01) {
      const double v = p.from_unit(u);
      CHECK(v >= p.low);
      CHECK(v <= p.high);
      if (p.low < p.high) CHECK(p.to_unit(v) == doctest::Approx(u).epsilon(1e-9));
    }
    CHECK(p.from_unit(NAN) >= p.low);
    CHECK(p.from_unit(-1) == p.from_unit(0));
  }
  const Param log_int = log_int_range(1, 1000);
  CHECK(log_int.from_unit(0) == 1);
  CHECK(log_int.from_unit(1) == 1000);
  for (int v = 1; v <= 1000; ++v) CHECK(log_int.from_unit(log_int.to_unit(v)) == v);
}

TEST_CASE("param: steps in decimals") {
  const Param p = stepped_range(0, 1, 0.1);
  CHECK(p.level_value(3) == 0.3);
  CHECK(p.level_value(7) == 0.7);
  CHECK(stepped_range(0, 1, 0.3).high == 0.9);
  CHECK(stepped_range(-1, 1, 0.25).high == 1);
  CHECK(int_range(0, 100, 7).high == 98);
  CHECK(last_step(0.1, 0.35, 0.1) == 0.3);
  CHECK(last_step(-0.35, 0, 0.1) == -0.05);
  CHECK(last_step(0, 0.05, 0.1) == 0);
  CHECK(stepped_range(1e-3, 1e-2, 1e-3).levels() == 10);
  CHECK(stepped_range(1, 1e20, 0.5).levels() > 1'000'000'000);  // too far apart for decimals
}

TEST_CASE("param: ranges that contradict themselves name the parameter") {
  const auto refused = [](const Param& p, const char* why) {
    Param named = p;
    named.name = "lr";
    std::string message;
    try {
      named.validate();
    } catch (const SearchSpaceError& e) {
      message = e.what();
    }
    CAPTURE(message);
    CHECK(message.find("param 'lr': ") == 0);
    CHECK(message.find(why) != std::string::npos);
  };
  refused(range(2, 1), "low <= high");
  refused(range(NAN, 1), "finite");
  refused(range(0, INFINITY), "finite");
  refused(log_range(0, 1), "above 0");
  refused(log_range(-1, 1), "above 0");
  refused(choice({}), "no choices");
  refused(choice({"a", "b", "a"}), "equal");
  refused(choice({1, true}), "equal");
  refused(choice({1, 1.0}), "equal");
  refused(int_range(0, 10, 0), "step");
  refused(int_range(0, 10, -1), "step");
  refused(int_range(5, 1), "low <= high");
  refused(int_range(0, int64_t{1} << 60), "integer");
  refused(tune::values({2, 1}), "low <= high");
  refused(tune::values({1, 3, 2, 4}), "ascend");
  refused(range(0, 1).starting_at(2), "first value");
  Param stepped = log_range(1, 10);
  stepped.step = 0.5;
  refused(stepped, "no step");
  refused(stepped_range(0, 1, 0), "step");
  refused(powers_of_two(16, 100), "power of two");
  refused(log_grid(0, 1, 3), "above 0");
  refused(linear_grid(0, 1, 0), "at least 1 value");
}

TEST_CASE("param: grids have the values one would write down") {
  CHECK(log_grid(1e-4, 1e-1, 4).grid == std::vector{1e-4, 1e-3, 1e-2, 1e-1});
  CHECK(linear_grid(0, 0.1, 5).grid == std::vector{0.0, 0.025, 0.05, 0.075, 0.1});
  CHECK(linear_grid(0.3, 0.3, 1).grid == std::vector{0.3});
}

TEST_CASE("param: what may change within a study") {
  Param a = range(0, 1);
  a.name = "x";
  Param b = a;
  b.high = 2;
  CHECK_NOTHROW(b.check_compatible(a));
  b.log = true, b.low = 1;
  CHECK_THROWS_AS(b.check_compatible(a), SearchSpaceError);
  Param c = int_range(0, 1);
  c.name = "x";
  CHECK_THROWS_AS(c.check_compatible(a), SearchSpaceError);
  const Param one = choice({1, 2}), other = choice({1.0, true}), more = choice({3, 2, 1});
  CHECK_THROWS_AS(other.check_compatible(one), SearchSpaceError);
  CHECK_NOTHROW(more.check_compatible(one));
  CHECK_NOTHROW(one.check_compatible(more));
  CHECK(more.value_from(one, 0) == 2);
  CHECK(one.value_from(more, 1) == 1);
  CHECK(std::isnan(one.value_from(more, 0)));
  CHECK(std::isnan(a.value_from(b, 1.5)));
  CHECK(std::isnan(a.value_from(one, 1)));
}

TEST_CASE("param: choices keep their kind") {
  const Param p = choice({nullptr, true, 2, 2.5, "s"});
  for (int64_t i = 0; i < 5; ++i) {
    const double v = static_cast<double>(i);
    CHECK(p.internal(p.external(v)) == v);
    CHECK(p.external(v).variant().index() == static_cast<size_t>(i));
  }
  CHECK_THROWS_WITH_AS(p.internal("t"),
                       "param '': 't' is none of the choices null, true, 2, 2.5, 's'", ValueError);
  CHECK(int_range(1, 4).external(3).variant() == ParamValue(3).variant());
  for (const double none : {-1.0, 5.0, 1e300, std::nan("")})
    CHECK_THROWS_AS(p.external(none), ValueError);
  for (const double none : {1e300, -HUGE_VAL, std::nan("")}) {
    CHECK_THROWS_AS(int_range(1, 4).external(none), ValueError);
  }
}

TEST_CASE("param: log ranges end exactly at their bounds") {
  // exp(log(1000)) is 999.9999999999998.
  for (const double high : {1000.0, 10.0, 1e-1, 3.0, 1e17, 7e5}) {
    const Param p = log_range(high / 1e4, high);
    CHECK(p.from_unit(1) == high);
    CHECK(p.from_unit(0) == high / 1e4);
    CHECK(p.from_unit(std::nextafter(1.0, 0.0)) == high);
    CHECK(p.from_unit(0.999) < high);
    CHECK(p.from_unit(p.to_unit(high)) == high);
  }
  CHECK(log_range(1, 1000).prior(10, 3).from_unit(1) == 1000);
}

TEST_CASE("param: a long list of choices is checked in time that grows with its length") {
  std::vector<ParamValue> choices;
  for (int i = 0; i < 20'000; ++i) choices.emplace_back("choice " + std::to_string(i));
  for (int i = 0; i < 20'000; ++i) choices.emplace_back(i);
  const auto begin = std::chrono::steady_clock::now();
  Space space{{"x", choice(choices)}};
  space.add("y", choice(choices));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
  choices.emplace_back(19'999.0);
  CHECK_THROWS_WITH_AS(space.add("z", choice(choices)),
                       "param 'z': choices 39999 and 40000 are equal: 19999 and 19999",
                       SearchSpaceError);
}

TEST_CASE("param: what Python cannot tell apart, and what it can") {
  const auto fine = [](std::vector<ParamValue> choices) {
    Param p = choice(std::move(choices));
    p.name = "x";
    try {
      p.validate();
    } catch (const SearchSpaceError&) {
      return false;
    }
    return true;
  };
  constexpr int64_t kBig = int64_t{1} << 53;
  CHECK(fine({kBig, kBig + 1, kBig + 2}));
  CHECK(fine({"1", 1, nullptr, "null", "=null", ""}));
  CHECK(fine({false, 1}));
  CHECK(fine({std::nan(""), std::nan("")}));
  CHECK_FALSE(fine({nullptr, 2, nullptr}));
  CHECK_FALSE(fine({false, 0.0}));
  CHECK_FALSE(fine({0.0, -0.0}));
  CHECK_FALSE(fine({static_cast<double>(kBig), kBig}));
}

TEST_CASE("param: names and choices are UTF-8") {
  CHECK_THROWS_WITH_AS(
      (Space{{"gr\xf6\xdf"
              "e",
              range(0, 1)}}),
      R"(param 'gr\xf6\xdfe': the name 'gr\xf6\xdfe' is not UTF-8: byte 2 is 0xf6)",
      SearchSpaceError);
  CHECK_THROWS_WITH_AS((Space{{"city", choice({"Bonn", "K\xf6ln"})}}),
                       R"(param 'city': the choice 'K\xf6ln' is not UTF-8: byte 1 is 0xf6)",
                       SearchSpaceError);
  CHECK_NOTHROW((Space{{"größe", choice({"Köln"})}}));
}

TEST_CASE("space: why a point is none of its own") {
  const Space space{{"act", choice({"relu", "leaky"})},
                    {"slope", range(0, 0.3).when("act", "leaky")},
                    {"layers", int_range(1, 7, 2)}};
  CHECK(space.flaw({{"act", "relu"}, {"layers", 3}}).empty());
  CHECK(space.flaw({{"act", "leaky"}, {"layers", 3.0}, {"slope", 0.3}}).empty());
  CHECK(space.flaw({{"act", "relu"}}) == "param 'layers' is missing");
  CHECK(space.flaw({{"act", "leaky"}, {"layers", 3}}) == "param 'slope' is missing");
  CHECK(space.flaw({{"act", "relu"}, {"layers", 3}, {"slope", 0}}) ==
        "param 'slope': its condition does not hold; leave it out");
  CHECK(space.flaw({{"lr", 1}}) == "there is no parameter 'lr'; there is 'act', 'slope', 'layers'");
  CHECK(space.flaw({{"act", "tanh"}}) ==
        "param 'act': 'tanh' is none of the choices 'relu', 'leaky'");
  CHECK(space.flaw({{"act", "relu"}, {"layers", 9}}) == "param 'layers': 9 is not in [1, 7]");
  CHECK(space.flaw({{"act", "relu"}, {"layers", 4}}) ==
        "param 'layers': 4 lies between the steps; 5 would do");
  CHECK(space.flaw({{"act", "relu"}, {"layers", 3.5}}) ==
        "param 'layers': 3.5 is not a whole number");
  CHECK(space.flaw({{"act", "relu"}, {"layers", "3"}}) ==
        "param 'layers': '3' is not a whole number");
  CHECK(space.flaw({{"slope", NAN}}).find("finite") != std::string::npos);
}

TEST_CASE("space: conditions and forbidden combinations") {
  Space space{{"slope", range(0, 0.3).when("act", "leaky")},
              {"act", choice({"relu", "leaky"})},
              {"fine", range(0, 1).when("slope_kind", "free")},
              {"slope_kind", choice({"fixed", "free"}).when("act", "leaky")}};
  CHECK(space.conditional());
  CHECK(space.active(std::vector<double>{0.1, 0, 0.5, 1}) ==
        std::vector<bool>{false, true, false, false});
  CHECK(space.active(std::vector<double>{0.1, 1, 0.5, 0}) ==
        std::vector<bool>{true, true, false, true});
  CHECK(space.active(std::vector<double>{0.1, 1, 0.5, 1}) == std::vector<bool>(4, true));
  CHECK(space.to_params(std::vector<double>{0.1, 0, 0.5, 1}) == Params{{"act", "relu"}});

  space.forbid([](const Params& p) { return p.at("act") == "leaky" && p.contains("fine"); });
  CHECK(space.allowed(std::vector<double>{0.1, 1, 0.5, 0}));
  CHECK_FALSE(space.allowed(std::vector<double>{0.1, 1, 0.5, 1}));

  CHECK_THROWS_AS((Space{{"a", range(0, 1).when("b", 1)}}), SearchSpaceError);
  CHECK_THROWS_AS((Space{{"a", range(0, 1)}, {"a", range(0, 2)}}), SearchSpaceError);
  CHECK_THROWS_AS((Space{{"a", choice({1, 2}).when("b", 1)}, {"b", choice({1, 2}).when("a", 1)}}),
                  SearchSpaceError);
  CHECK_THROWS_AS((Space{{"a", choice({1, 2})}, {"b", range(0, 1).when("a", 3)}}),
                  SearchSpaceError);
  CHECK_THROWS_AS((Space{{"", range(0, 1)}}), SearchSpaceError);
  Space grown;
  grown.add("a", int_range(1, 3));
  CHECK_THROWS_AS(grown.add("a", range(0, 1)), SearchSpaceError);
  CHECK(grown.size() == 1);
  CHECK(grown.combinations() == 3);
  CHECK(space.combinations() == 0);
}

TEST_CASE("space: the common starting ranges") {
  const Space space{{"lr", defaults::learning_rate()}, {"batch", defaults::batch_size()},
                    {"layers", defaults::layers()},    {"reg", defaults::regularization()},
                    {"dropout", defaults::dropout()},  {"epochs", defaults::epochs()}};
  const Params first = space.to_params(space.default_values());
  CHECK(first == Params{{"lr", 1e-3},
                        {"batch", 64},
                        {"layers", 2},
                        {"reg", 1e-3},
                        {"dropout", 0.1},
                        {"epochs", 20}});
  CHECK(space.find("batch")->levels() == 5);
  CHECK(space.find("lr")->low == 1e-4);
  CHECK(space.find("lr")->high == 1e-1);
  CHECK(space.find("layers")->high == 10);
}
