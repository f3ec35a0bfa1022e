// Values from scikit-learn 1.x: accuracy_score, balanced_accuracy_score, log_loss, roc_auc_score
// (multi_class="ovr"), f1_score, r2_score, mean_squared_error, mean_absolute_error.

#include <doctest/doctest.h>

#include <cmath>

#include "attune/tune/tabular/score.h"

using namespace attune;
using namespace attune::tune;

TEST_CASE("score: two classes") {
  const Tensor p = Tensor({{0.9f, 0.1f}, {0.2f, 0.8f}, {0.6f, 0.4f}, {0.7f, 0.3f}, {0.4f, 0.6f}});
  const Tensor y = Tensor::from(std::vector<int64_t>{0, 1, 1, 0, 0}, {5});
  const Tensor logits = p.log();
  CHECK(measure(Score::accuracy, logits, y) == doctest::Approx(0.6));
  CHECK(measure(Score::balanced_accuracy, logits, y) == doctest::Approx((2.0 / 3 + 0.5) / 2));
  const double loss =
      -(std::log(0.9) + std::log(0.8) + std::log(0.4) + std::log(0.7) + std::log(0.4)) / 5;
  CHECK(measure(Score::log_loss, logits, y) == doctest::Approx(loss).epsilon(1e-6));
  CHECK(measure(Score::auc, logits, y) == doctest::Approx(5.0 / 6));
  CHECK(measure(Score::f1, logits, y) == doctest::Approx(0.5));  // of class 1, the rarer
  // Of class 0, as it is the rarer one of the whole table that these rows are a part of.
  CHECK(measure(Score::f1, logits, y, 1, 0) == doctest::Approx(4.0 / 6));
  // Equal probabilities share their rank; one class alone has no area.
  CHECK(measure(Score::auc, Tensor::zeros({5, 2}), y) == doctest::Approx(0.5));
  CHECK(std::isnan(measure(Score::auc, logits, Tensor::zeros({5}, DType::i64))));
}

TEST_CASE("score: three classes, of which one may be absent") {
  const Tensor logits =
      Tensor({{3.f, 0.f, 0.f}, {0.f, 2.f, 1.f}, {0.f, 1.f, 2.f}, {2.f, 1.f, 0.f}});
  const Tensor y = Tensor::from(std::vector<int64_t>{0, 1, 1, 0}, {4});
  CHECK(measure(Score::accuracy, logits, y) == doctest::Approx(0.75));
  CHECK(measure(Score::balanced_accuracy, logits, y) == doctest::Approx(0.75));
  CHECK(measure(Score::f1, logits, y) == doctest::Approx((1 + 2.0 / 3 + 0) / 3));
  CHECK(measure(Score::auc, logits, y) == doctest::Approx((1 + 0.875) / 2));
  CHECK(measure(Score::log_loss, Tensor({{1000.f, 0.f, 0.f}}),
                Tensor::from(std::vector<int64_t>{1}, {1})) == doctest::Approx(1000));
}

TEST_CASE("score: numbers, in the target's unit") {
  const Tensor y = Tensor({{1.f}, {2.f}, {3.f}, {6.f}}), p = Tensor({{1.f}, {2.f}, {5.f}, {6.f}});
  CHECK(measure(Score::r2, p, y) == doctest::Approx(1 - 4.0 / 14));
  CHECK(measure(Score::rmse, p, y, 10) == doctest::Approx(10));
  CHECK(measure(Score::mae, p, y, 10) == doctest::Approx(5));
  CHECK(measure(Score::r2, Tensor::ones({2, 1}), Tensor::ones({2, 1})) == 1);
  CHECK(std::isnan(measure(Score::r2, Tensor::ones({1, 1}), Tensor::ones({1, 1}))));
  CHECK(std::isnan(measure(Score::mae, Tensor::zeros({0, 1}), Tensor::zeros({0, 1}))));
}

TEST_CASE("score: by name") {
  for (const Task task : {Task::classification, Task::regression}) {
    for (const std::string& name : score_names(task)) {
      CHECK(name_of(*score_named(name)) == name);
      CHECK(task_of(*score_named(name)) == task);
    }
  }
  CHECK(lower_is_better(Score::log_loss));
  CHECK(!lower_is_better(Score::auc));
  CHECK(!score_named("luck").has_value());
}
