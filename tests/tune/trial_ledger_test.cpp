// The split into good and bad trials that tpe() starts from.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "attune/base/rng.h"
#include "attune/tune/samplers/internal/tpe/trial_ledger.h"
#include "tests/tune/history_writer.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;
using namespace attune::tune::internal;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

std::vector<int64_t> good_of(const History& history) {
  TrialLedger ledger;
  REQUIRE(ledger.read(history));
  return ledger.good(history);
}

}  // namespace

TEST_CASE(
    "trial ledger: good is the best tenth, rounded up, at most 25; ties go to the earlier trial") {
  HistoryWriter w;
  Rng rng(1);
  std::vector<std::pair<double, int64_t>> all;
  TrialLedger ledger;
  for (int i = 0; i < 300; ++i) {
    const double loss = std::floor(rng.uniform() * 40);
    all.emplace_back(loss, w.add(loss));
    std::sort(all.begin(), all.end());
    const size_t count = std::min<size_t>(25, static_cast<size_t>(std::ceil(0.1 * (i + 1))));
    std::vector<int64_t> want;
    for (size_t k = 0; k < count; ++k) want.push_back(all[k].second);
    std::sort(want.begin(), want.end());
    REQUIRE(ledger.read(w.history));
    CHECK(ledger.good(w.history) == want);
    if (i % 50 == 0) CHECK(good_of(w.history) == want);
  }
}

TEST_CASE(
    "trial ledger: pruned trials rank after complete ones, by step, then by their last report") {
  HistoryWriter w;
  const auto prune = [&](std::vector<std::pair<int64_t, double>> reports) {
    const int64_t number = w.start({}, {});
    for (const auto& [step, loss] : reports) w.report(number, step, loss);
    w.end(number, State::pruned, {});
    return number;
  };
  const int64_t none = prune({}), nan = prune({{5, std::nan("")}}), late = prune({{0, 9}, {5, 3}});
  const int64_t early = prune({{1, 0}}), late_too = prune({{5, 2}}), complete = w.add(kInf);
  w.add(-5, State::failed);
  w.add(std::nan(""));
  const std::vector<int64_t> order{complete, late_too, late, nan, early, none};
  for (size_t count = 1; count <= order.size(); ++count) {
    // Trials without anything to say until the best tenth has `count`.
    while (w.history.count(State::complete) + w.history.count(State::pruned) - 1 <
           static_cast<int64_t>(10 * count - 5)) {
      prune({});
    }
    std::vector<int64_t> want(order.begin(), order.begin() + std::ptrdiff_t(count));
    std::sort(want.begin(), want.end());
    CHECK(good_of(w.history) == want);
  }
}

TEST_CASE(
    "trial ledger: with several objectives good are whole fronts, and the spread of the last") {
  HistoryWriter w(2);
  Rng rng(3);
  std::vector<std::vector<double>> losses;
  for (int i = 0; i < 120; ++i) {
    losses.push_back({rng.uniform(), rng.uniform()});
    const int64_t number = w.start({}, {});
    w.end(number, State::complete, losses.back());
    const std::vector<int64_t> good = good_of(w.history);
    CHECK(good.size() == static_cast<size_t>(std::ceil(0.1 * (i + 1))));
    // Whoever is good has nobody before him who is not.
    for (const int64_t g : good) {
      for (int64_t k = 0; k <= i; ++k) {
        const auto &a = losses[size_t(k)], &b = losses[size_t(g)];
        if (a[0] < b[0] && a[1] < b[1]) CHECK(std::binary_search(good.begin(), good.end(), k));
      }
    }
  }
}

TEST_CASE("trial ledger: companions are the parameters of the very same trials") {
  const Space space{{"model", choice({"net", "tree"})},
                    {"reg", log_range(1e-3, 1)},
                    {"lr", log_range(1e-4, 1).when("model", "net")},
                    {"layers", int_range(1, 4).when("model", "net")},
                    {"depth", int_range(1, 9).when("model", "tree")}};
  HistoryWriter w;
  using Names = std::vector<std::string>;
  const auto companions = [&](const char* name) {
    TrialLedger ledger;
    ledger.read(w.history);
    return ledger.companions(w.history, name);
  };
  w.end(w.start(space, {0, 0.1, 0.1, 2, 3}), State::complete, {1});
  CHECK(companions("lr") == Names{"layers", "lr", "model", "reg"});
  CHECK(companions("depth").empty());
  w.end(w.start(space, {1, 0.1, 0.1, 2, 3}), State::failed, {});
  CHECK(companions("depth").empty());
  w.end(w.start(space, {1, 0.1, 0.1, 2, 3}), State::complete, {1});
  CHECK(companions("model") == Names{"model", "reg"});
  CHECK(companions("lr") == Names{"layers", "lr"});
  CHECK(companions("depth") == Names{"depth"});
}
