// Studies copied to other storages, and trials that are told by their number.
#include <doctest/doctest.h>

#include "attune/base/error.h"
#include "attune/tune/copy_study.h"
#include "attune/tune/study_view.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

TEST_CASE("copy_study: from any storage to any other, and the copy goes on as the study would") {
  for (const auto& [from_name, from] : all_storages()) {
    for (const auto& [to_name, to] : all_storages()) {
      CAPTURE(from_name);
      CAPTURE(to_name);
      const Folder here, there;
      const auto source = from(here), target = to(there);
      Study study({.storage = source, .sampler = tpe(), .pruner = median(), .seed = 3});
      study.optimize(rough, {.trials = 12});
      std::vector<Trial> open;
      for (int i = 0; i < 3; ++i) open.push_back(study.ask(finite_space()));
      for (const size_t i : {2, 0, 1}) study.tell(open[i], static_cast<double>(i));
      study.set_attribute("note", "kept");
      study.enqueue({{"layers", 2}});
      copy_study(source, "study", target, "copy");
      Study copy({.name = "copy", .storage = target, .sampler = tpe(), .pruner = median()});
      CHECK(copy.seed() == 3);
      CHECK(table(copy) == table(study));
      CHECK(copy.history().finished() == study.history().finished());
      CHECK(copy.attributes() == study.attributes());
      CHECK(copy.trial(0).seconds == doctest::Approx(study.trial(0).seconds).epsilon(1e-3));
      copy.optimize(rough, {.trials = 4});
      study.optimize(rough, {.trials = 4});
      CHECK(table(copy) == table(study));
      CHECK_THROWS_AS(copy_study(source, "study", target, "copy"), ValueError);
      CHECK_THROWS_AS(copy_study(source, "none", target, "x"), StorageError);
      copy_study(target, "copy", target, "again");
      CHECK(table(StudyView(target, "again").study()) == table(study));
      CHECK(target->studies().size() == 2);
    }
  }
}

TEST_CASE("copy_study: a trial that runs is failed in the copy, and goes on in the study") {
  const auto storage = memory_storage();
  Study study({.storage = storage, .seed = 1});
  Trial trial = study.ask();
  trial.suggest_float("x", 0, 1);
  trial.report(0, 1);
  copy_study(storage, "study", storage, "copy");
  const TrialResult copied = StudyView(storage, "copy").trial(0);
  CHECK(copied.state == State::failed);
  CHECK(copied.error() == "it was running when the study was copied");
  CHECK(copied.params.contains("x"));
  study.tell(trial, 1);
  CHECK(study.trial(0).state == State::complete);
}

TEST_CASE("study: a trial that is handed out is told by its number, in whatever process") {
  for (const auto& [name, make] : all_storages()) {
    CAPTURE(name);
    const Folder folder;
    const auto storage = make(folder);
    const StudyOptions options{.storage = storage, .sampler = tune::random(), .pruner = median()};
    TrialResult first, second;
    {
      Study study(options);
      first = study.hand_out(finite_space());
      second = study.hand_out(finite_space());
    }
    CHECK(first.state == State::running);
    CHECK(first.params.contains("lr"));
    Study study(options);
    study.optimize(rough, {.trials = 2});  // nobody fails them
    CHECK(study.trial(0).state == State::running);
    CHECK_FALSE(study.report(0, 3, {0.5}));
    study.set_attribute_json(0, "note", "[1]");
    study.tell(0, 0.25);
    study.tell(1, Failed{"no memory"});
    const StudyView view(storage, "study");
    CHECK(view.trial(0).value == 0.25);
    CHECK(view.trial(0).intermediate.at(3) == 0.5);
    CHECK(view.trial(0).user.at("note") == "[1]");
    CHECK(view.trial(1).error() == "no memory");
    CHECK_THROWS_AS(study.tell(0, 1), ValueError);
    CHECK_THROWS_AS(study.tell(77, 1), ValueError);
    CHECK_THROWS_AS(study.report(1, 4, {1}), ValueError);
  }
}
