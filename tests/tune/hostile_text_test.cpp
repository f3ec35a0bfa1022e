// Text that is not UTF-8, or made to harm, at the doors of a study; and why trials failed.

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "attune/base/error.h"
#include "attune/tune/samplers.h"
#include "attune/tune/study.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

namespace {

const std::string kLatin = "K\xf6ln";

template <class Action>
std::string message(Action&& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("hostile text: what is not UTF-8 is refused at the door, and leaves the study usable") {
  for (const auto& [kind, make] : all_storages()) {
    CAPTURE(kind);
    const Folder folder;
    const std::shared_ptr<Storage> storage = make(folder);
    CHECK(message([&] { Study({.name = kLatin, .storage = storage}); }) ==
          R"(study: the name 'K\xf6ln' is not UTF-8: byte 1 is 0xf6)");
    Study study({.name = "s", .storage = storage, .sampler = tune::random()});
    Trial trial = study.ask();
    for (const std::string& told :
         {message([&] { trial.suggest_float(kLatin, 0, 1); }),
          message([&] { trial.suggest_categorical("city", {ParamValue(kLatin)}); }),
          message([&] { trial.set_constraint(kLatin, 1); }),
          message([&] { trial.set_attribute(kLatin, 1); }),
          message([&] { trial.set_attribute_json("a", "\"" + kLatin + "\""); }),
          message([&] { study.set_attribute(kLatin, 1); }),
          message([&] { study.set_attribute_json("a", "\"" + kLatin + "\""); }), message([&] {
            study.enqueue({{kLatin, 1}});
          })}) {
      CAPTURE(told);
      CHECK(told.find("not UTF-8: byte ") != std::string::npos);
      CHECK(told.find(R"(K\xf6ln)") != std::string::npos);
    }
    CHECK(message([&] { trial.set_attribute_json("a", "\"two\nlines\""); }).find("control") !=
          std::string::npos);
    trial.suggest_float("größe", 0, 1);
    study.tell(trial, 1);
    CHECK(study.size() == 1);
    CHECK(study.best_trial().params.contains("größe"));
  }
}

TEST_CASE("hostile text: messages of a study are one line, short and without control characters") {
  const std::string evil = "\x1b[31m\n" + std::string(50'000, 'x');
  Study study({.name = evil, .sampler = tune::random()});
  Trial trial = study.ask();
  for (const std::string& told :
       {message([&] { study.best_trial(); }), message([&] { study.trial(7); }),
        message([&] { trial.suggest_float(evil, 1, 0); }), message([&] {
          trial.suggest_categorical(evil, {"a", "a"});
        }),
        message([&] { trial.set_constraint(evil, std::nan("")); }), message([&] {
          study.enqueue({{evil, std::nan("")}});
        }),
        message([&] {
          (Space{{evil, range(0, 1)}, {evil, range(0, 1)}});
        }),
        message([&] {
          (Space{{"x", range(0, 1).when(evil, evil)}});
        }),
        message([&] {
          Space{{"x", range(0, 1)}}.freeze(evil, 1);
        }),
        message([&] {
          Space{{"x", choice({"a"})}}.freeze("x", evil);
        }),
        message([&] {
          Space{{"x", choice({evil})}}.add("y", choice({"a"}).starting_at(evil));
        }),
        message([&] { study.set_attribute_json("a", evil); })}) {
    CAPTURE(told);
    CHECK(!told.empty());
    CHECK(told.size() < 400);
    CHECK(told.find_first_of("\x1b\n") == std::string::npos);
  }
}

TEST_CASE("failures: the first cause is in the trial, in progress and in the error") {
  Study study({.name = "f", .sampler = tune::random()});
  CHECK(message([&] { study.best_trial(); }) == "best_trial: study 'f' has no complete trial");
  std::string shown;
  int64_t calls = 0;
  study.optimize(
      [&](Trial&) -> Outcome {
        throw std::runtime_error("cause " + std::to_string(calls++) + "\n");
      },
      {.trials = 3, .progress = [&](const Progress& p) { shown = p.first_error; }});
  CHECK(shown == "cause 0\n");
  CHECK(study.trial(1).error() == "cause 1\n");
  CHECK(message([&] { study.best_trial(); }) ==
        "best_trial: study 'f' has no complete trial; 3 of 3 trials failed, the first (trial 0) "
        R"(with: cause 0\n)");
  CHECK(failures(study.trials()).starts_with("; 3 of 3"));
  study.optimize([](Trial&) { return 1.0; }, {.trials = 1});
  CHECK(study.trial(3).error().empty());
  study.optimize([](Trial&) -> Outcome { return Failed{}; }, {.trials = 1});
  CHECK(study.trial(4).error().empty());
}

TEST_CASE("begin and enqueue: points of the caller's own, which have to be possible") {
  for (const auto& [kind, make] : all_storages()) {
    CAPTURE(kind);
    const Folder folder;
    const std::shared_ptr<Storage> storage = make(folder);
    const Space space{{"x", range(0, 1)}, {"act", choice({"relu", "gelu"})}};
    Study study({.name = "s", .storage = storage, .sampler = tune::random(), .space = space});
    study.enqueue({{"x", 0.25}});
    Trial mine = study.begin({{"x", 0.75}, {"act", "gelu"}});
    CHECK(mine.number() == 1);  // the one that waits goes on waiting
    CHECK(mine.suggest(space) == Params{{"x", 0.75}, {"act", "gelu"}});
    study.tell(mine, 2.0);
    Trial next = study.ask(space);
    CHECK(next.number() == 0);
    CHECK(next.params().at("x") == 0.25);
    study.tell(next, 3.0);
    CHECK(study.best_trial().number == 1);

    CHECK(message([&] {
            study.enqueue({{"lr", 1}});
          }) == "enqueue: there is no parameter 'lr'; there is 'x', 'act'");
    CHECK(message([&] { study.enqueue({{"x", std::nan("")}}); }) == "param 'x': nan is not finite");
    CHECK(message([&] {
            study.enqueue({{"act", "tanh"}});
          }) == "param 'act': 'tanh' is none of the choices 'relu', 'gelu'");
    CHECK(message([&] { study.begin({{"x", "1"}}); }) == "param 'x': '1' is not a number");
    CHECK(study.size() == 2);
  }
  Study fixed({.sampler = tune::random(), .deterministic = true});
  CHECK_THROWS_AS(fixed.begin({{"x", 1}}), ValueError);
  Study open({.sampler = tune::random()});
  CHECK(message([&] { open.enqueue({{"x", INFINITY}}); }) == "enqueue: 'x' is inf");
  CHECK_NOTHROW(open.enqueue({{"x", 1.5}}));
}
