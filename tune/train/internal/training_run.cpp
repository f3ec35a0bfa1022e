#include "tune/train/internal/training_run.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/optim/schedule.h"
#include "attune/tensor/tape.h"

namespace attune::tune {

AnyOptimizer::Each AnyOptimizer::made(const TrainingSettings& s) {
  const double rate = s.learning_rate, decay = s.weight_decay;
  if (s.optimizer == "adamw") {
    return optim::AdamW({.learning_rate = rate, .weight_decay = decay});
  }
  if (s.optimizer == "adam") return optim::Adam({.learning_rate = rate, .weight_decay = decay});
  if (s.optimizer == "sgd") {
    return optim::SGD(
        {.learning_rate = rate, .momentum = 0.9, .nesterov = true, .weight_decay = decay});
  }
  throw ValueError(fmt::format("training: unknown optimizer {}; there are adamw, adam, sgd",
                               in_quotes(s.optimizer)));
}

TrainingRun::TrainingRun(nn::Module& model, nn::Dataset train, nn::Dataset validation,
                         const TrainingSettings& settings, const Rng& order, TrainingHooks hooks)
    : model_(model),
      train_(std::move(train)),
      validation_(std::move(validation)),
      settings_(settings),
      hooks_(std::move(hooks)) {
  check(settings);
  optimizer_ = std::make_shared<AnyOptimizer>(settings);
  state_ = std::make_shared<ModelState>(model);
  const int64_t batches = (train_.size() + settings.batch_size - 1) / settings.batch_size;
  if (settings.schedule == "cosine") {
    optimizer_->get().set_schedule(optim::cosine(settings.epochs * settings.passes * batches));
  }
  options_ = {.batch_size = settings.batch_size, .shuffle = order};
}

void TrainingRun::keep_in(Trial& trial) {
  trial.checkpointable(state_);
  trial.checkpointable(optimizer_);
}

bool TrainingRun::train_epoch(int64_t epoch) {
  epoch_ = epoch;
  for (int64_t pass = epoch * settings_.passes; pass < (epoch + 1) * settings_.passes; ++pass) {
    // Copies, which share the tensors until the first step moves them.
    model_before_ = model_.checkpoint();
    optimizer_before_ = *optimizer_;
    options_.first_epoch = pass;
    options_.epochs = pass + 1;
    const nn::TrainReport report = nn::train(model_, optimizer_->get(), train_, options_);
    steps_ += report.steps;
    if (!report.diverged) continue;
    look_into(pass);
    return false;
  }
  return true;
}

// What an epoch computes depends on where it began alone: run again, it diverges in the same step.
void TrainingRun::look_into(int64_t pass) {
  model_.restore(*model_before_);
  *optimizer_ = *optimizer_before_;
  model_before_.reset();
  optimizer_before_.reset();
  divergence_ = nn::find_divergence(model_, optimizer_->get(), train_, options_, pass);
  if (!divergence_) {
    // All steps were finite, and led to weights with which the outputs are not.
    nn::Divergence after{.op = "predict",
                         .what = "the outputs on the validation rows are not finite"};
    after.step = (train_.size() + settings_.batch_size - 1) / settings_.batch_size - 1;
    after.learning_rate = optimizer_->get().scheduled_learning_rate();
    after.gradient_norm = std::numeric_limits<double>::quiet_NaN();
    for (const Tensor& weight : model_.parameters()) {
      after.largest_weight =
          std::max(after.largest_weight, weight.abs().max().cast(DType::f64).item<double>());
    }
    divergence_ = after;
  }
  divergence_->epoch = epoch_;
}

bool TrainingRun::has_validation() const {
  return validation_.x.defined() && validation_.size() > 0;
}

std::optional<double> TrainingRun::score() {
  const auto finite = [](const Tensor& outputs) {
    const NoGradScope not_recorded;
    return outputs.isfinite().all().item<bool>();
  };
  double score = 0;
  bool diverged = false;
  if (hooks_.score) {
    const Tensor outputs = nn::predict(model_, validation_.x);
    diverged = !finite(outputs);
    if (!diverged) score = hooks_.score(outputs, validation_.y);
  } else {
    const nn::Evaluation evaluation = nn::evaluate(model_, validation_);
    score = evaluation.score;
    // Of finite outputs the loss may overflow all the same.
    diverged = !std::isfinite(evaluation.loss) && !finite(nn::predict(model_, validation_.x));
  }
  if (!diverged) return score;
  look_into((epoch_ + 1) * settings_.passes - 1);
  return {};
}

}  // namespace attune::tune
