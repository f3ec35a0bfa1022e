#include "attune/tune/report/card.h"

#include <string>

#include "attune/base/error.h"
#include "attune/tune/samplers.h"
#include "doctest/doctest.h"

namespace attune::tune {

TEST_CASE("card: the best configuration, its scores, the data, and how to make it again") {
  const auto storage = memory_storage();
  Study study({.name = "digits | <b>*", .storage = storage, .direction = maximize, .seed = 7});
  study.optimize(
      [](Trial& trial) -> Outcome {
        const double x = trial.suggest_float("learning_rate", 1e-4, 1e-1, tune::log);
        trial.suggest_categorical("act", {"relu", "a|b"});
        trial.set_attribute("attune:weights", "12ab");
        return 1 - x;
      },
      {.trials = 12});
  study.set_attribute_json("attune:test", R"({"trial":3,"test":0.9,"opened":2,"weights":"77"})");
  CardDetails details;
  details.version = "attune 9";
  details.hash = "c0ffee";
  details.target = "digit";
  details.rows = 100, details.train_rows = 60, details.validation_rows = 20;
  details.test_rows = 20;
  details.columns = {"pixel_1: number", "<img>: category"};
  details.score = "accuracy", details.score_is_share = true;
  const std::string card = model_card(StudyView(storage, study.name()), details);
  for (const char* part :
       {"# digits \\| \\<b\\>\\*\n", "| learning\\_rate | ", "- hash of table and split: c0ffee\n",
        "- rows: 100: 60 to train on, 20 to choose by, 20 for the sealed test\n",
        "  - \\<img\\>: category\n", "- metric: accuracy\n",
        "- sealed test: 0.9 (0.699 to 0.9721)\n", "- the test was opened: 2 times",
        "- seed of the study: 7\n", "- hash of its weights: 12ab\n", "- made by: attune 9\n",
        "  - learning\\_rate: 0.0001 to 0.1, logarithmic\n", "  - act: relu, a\\|b\n"}) {
    CAPTURE(part);
    CHECK(card.find(part) != std::string::npos);
  }
  CHECK(card.find("- better than the default configuration by: ") != std::string::npos);
}

TEST_CASE("card: what is not known is left out, and of nothing there is no card") {
  const auto storage = memory_storage();
  Study study({.name = "s", .storage = storage, .seed = 1});
  CHECK_THROWS_AS(model_card(StudyView(storage, "s")), ValueError);
  study.optimize([](Trial& t) -> Outcome { return t.suggest_float("x", 0, 1); }, {.trials = 2});
  const std::string card = model_card(StudyView(storage, "s"));
  CHECK(card.find("## Data") == std::string::npos);
  CHECK(card.find("sealed") == std::string::npos);
}

TEST_CASE("card: Wilson's interval") {
  CHECK(share_interval(0.5, 10).first == doctest::Approx(0.236593).epsilon(1e-5));
  CHECK(share_interval(0.5, 10).second == doctest::Approx(0.763407).epsilon(1e-5));
  CHECK(share_interval(1, 20).first == doctest::Approx(0.838875).epsilon(1e-5));
  CHECK(share_interval(1, 20).second == doctest::Approx(1));
  CHECK(share_interval(0, 20).first == 0);
  CHECK(share_interval(0.5, 0) == std::pair(0.0, 1.0));
}

}  // namespace attune::tune
