// Who goes on, on histories written by hand: the corner cases that other tuners have stumbled over.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "attune/tune/schedulers.h"
#include "tests/tune/history_writer.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Field {
  HistoryWriter writer = HistoryWriter();
  Space space = {};

  int64_t start() { return writer.start({}, {}); }
  void pause(int64_t number, int64_t step, double loss) {
    writer.report(number, step, loss);
    writer.history.apply(Decided{number, step, Decided::What::pause});
    writer.history.apply(Paused{number, step});
  }
  int64_t paused(int64_t step, double loss) {
    const int64_t number = start();
    pause(number, step, loss);
    return number;
  }
  void resume(int64_t number) { writer.history.apply(Claimed{number, 1}); }
  Next next(const Scheduler& scheduler, bool may_start = true) const {
    const auto number = static_cast<int64_t>(writer.history.trials().size());
    return scheduler.next({writer.history, space, 1, number, may_start});
  }
  Verdict after(const Scheduler& scheduler, int64_t number, int64_t step, double loss) {
    writer.report(number, step, loss);
    return scheduler.after(writer.history.trials()[static_cast<size_t>(number)], writer.history);
  }
};

}  // namespace

TEST_CASE("asha: pauses at the rungs, also when reports pass over them") {
  const auto scheduler = asha();
  Field field;
  const int64_t even = field.start(), rare = field.start();
  CHECK(field.after(*scheduler, even, 0, 1) == Verdict::pause);
  field.pause(even, 0, 1);
  field.resume(even);
  CHECK(field.after(*scheduler, even, 1, 1) == Verdict::go_on);
  CHECK(field.after(*scheduler, even, 2, 1) == Verdict::pause);
  CHECK(field.after(*scheduler, rare, 6, 2) == Verdict::pause);  // past 1 and 3 at once
  CHECK(field.after(*scheduler, field.start(), 0, kNaN) == Verdict::stop);
}

TEST_CASE("asha: promotes the best third, from the highest rung on; others may still start") {
  const auto scheduler = asha();
  Field field;
  const int64_t a = field.paused(0, 3), b = field.paused(0, 1);
  CHECK(field.next(*scheduler).what == Next::What::start);
  field.paused(0, 2);
  Next next = field.next(*scheduler);
  REQUIRE(next.what == Next::What::resume);
  CHECK(next.trial == b);
  field.resume(b);
  CHECK(field.next(*scheduler).what == Next::What::start);
  const int64_t failed = field.start();  // does not count
  field.writer.report(failed, 0, 0.5);
  field.writer.end(failed, State::failed, {});
  CHECK(field.next(*scheduler).what == Next::What::start);
  field.paused(0, 9), field.paused(0, 9);
  const int64_t late = field.paused(0, 0.1);  // six of them now, and b is still among the two best
  CHECK(field.next(*scheduler).trial == late);
  (void)a;
}

TEST_CASE("asha: once none may start the best goes on to its end") {
  const auto scheduler = asha();
  Field field;
  const int64_t only = field.paused(0, 3);
  CHECK(field.next(*scheduler).what == Next::What::start);
  CHECK(field.next(*scheduler, false).trial == only);
  const int64_t running = field.start();
  CHECK(field.next(*scheduler, false).what == Next::What::wait);
  field.pause(running, 0, 1);
  CHECK(field.next(*scheduler, false).trial == running);
  field.resume(running);
  field.writer.end(running, State::complete, {1});
  CHECK(field.next(*scheduler, false).what == Next::What::start);  // nothing is left to do
}

TEST_CASE("halving: waits for all, then the best go on and the others end") {
  const auto scheduler = successive_halving({.reduction = 2, .size = 4});
  Field field;
  const int64_t a = field.paused(0, 4), b = field.paused(0, 3), c = field.paused(0, kNaN);
  CHECK(field.next(*scheduler).what == Next::What::start);
  const int64_t d = field.start();
  CHECK(field.next(*scheduler).what == Next::What::start);  // of the next four, meanwhile
  CHECK(field.next(*scheduler, false).what == Next::What::wait);
  field.pause(d, 0, 1);
  CHECK(field.next(*scheduler).trial == d);
  field.resume(d);
  CHECK(field.next(*scheduler).trial == b);
  field.resume(b);
  Next next = field.next(*scheduler);
  CHECK(next.what == Next::What::stop);
  CHECK(next.trial == a);
  field.writer.end(a, State::pruned, {4});
  next = field.next(*scheduler);
  CHECK(next.what == Next::What::stop);
  CHECK(next.trial == c);
  field.writer.end(c, State::pruned, {});
  CHECK(field.next(*scheduler, false).what == Next::What::wait);
  field.writer.end(d, State::failed, {});  // those who fail hold nobody up
  field.pause(b, 1, 3);
  CHECK(field.next(*scheduler, false).trial == b);
}

TEST_CASE("halving: few trials end too") {
  for (const auto& scheduler : {successive_halving(), hyperband()}) {
    Field field;
    const int64_t only = field.paused(0, 3);
    CHECK(field.next(*scheduler).what == Next::What::start);
    CHECK(field.next(*scheduler, false).trial == only);
  }
}

TEST_CASE("hyperband: brackets as in the paper") {
  const auto scheduler = hyperband();  // 81, 34, 15, 8 and 5 trials
  Field field;
  for (int i = 0; i < 143 + 1; ++i) field.start();
  const auto first_pause = [&](int64_t number) {
    for (int64_t step = 0; step < 81; ++step) {
      if (field.after(*scheduler, number, step, 1) == Verdict::pause) return step + 1;
    }
    return int64_t{81};
  };
  CHECK(first_pause(0) == 1);
  CHECK(first_pause(80) == 1);
  CHECK(first_pause(81) == 3);
  CHECK(first_pause(114) == 3);
  CHECK(first_pause(115) == 9);
  CHECK(first_pause(130) == 27);
  CHECK(first_pause(138) == 81);
  CHECK(first_pause(142) == 81);
  CHECK(first_pause(143) == 1);
}

TEST_CASE("several objectives: by domination, feasible ones first") {
  const auto scheduler = asha({.reduction = 2});
  History history({1, 1});
  const auto add = [&](double a, double b, const char* constraint) {
    const auto number = static_cast<int64_t>(history.trials().size());
    history.apply(Created{number});
    history.apply(Claimed{number});
    history.apply(Attribute{number, true, std::make_shared<const std::string>("constraints"),
                            std::make_shared<const std::string>(constraint)});
    history.apply(Reported{number, 0, a, {b}});
    history.apply(Decided{number, 0, Decided::What::pause});
    history.apply(Paused{number, 0});
  };
  add(0, 0, "[1]");  // best, if only it were feasible
  add(2, 2, "[0]");  // behind the next
  add(1, 1.5, "[0]");
  add(5, 1, "[-1]");
  const Space space;
  std::vector<int64_t> order;
  for (int i = 0; i < 2; ++i) {
    const Next next = scheduler->next({history, space, 1, 4, true});
    REQUIRE(next.what == Next::What::resume);
    order.push_back(next.trial);
    history.apply(Claimed{next.trial});
  }
  CHECK(order == std::vector<int64_t>{2, 3});
  CHECK(scheduler->next({history, space, 1, 4, true}).what == Next::What::start);
}
