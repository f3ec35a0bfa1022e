#pragma once
// The training loop on one page, and the evaluation of the trained model.

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "attune/nn/dataset.h"
#include "attune/nn/module.h"
#include "attune/optim/optimizer.h"
#include "attune/base/rng.h"

namespace attune::nn {

// A loss to train on: any callable from prediction and target to one number, or one of attune's own
// by name, {.loss = nn::l1}, which is then reduced to its mean.
struct Loss : std::function<Tensor(const Tensor& prediction, const Tensor& target)> {
  using function::function;
  Loss(Tensor (*loss)(const Tensor&, const Tensor&, Reduction))  // NOLINT: {.loss = nn::l1}
      : function([loss](const Tensor& prediction, const Tensor& target) {
          return loss(prediction, target, Reduction::mean);
        }) {}
};

// cross_entropy for integer labels, mse for floating-point targets.
Loss default_loss(const Dataset& dataset);

struct EpochReport {
  int64_t epoch;  // counted from 0
  int64_t steps;  // so far, in this call
  double loss;    // mean over this epoch's rows, each as it was when its batch was trained on
};

struct TrainOptions {
  int64_t epochs = 20;  // in all
  // How many of them the model and the optimizer have had already: with the same `shuffle`, 3
  // epochs and then 3 with first_epoch = 3 are 6, bit for bit; also from copies of both, and from
  // files of both where the model draws nothing (a file does not hold Dropout's stream).
  int64_t first_epoch = 0;
  int64_t batch_size = 64;
  std::optional<Rng> shuffle{};  // a new order of the rows in each epoch; without, the data's order
  double clip_norm = 0;          // if above 0: clip_grad_norm(grads, clip_norm)
  Loss loss{};                   // default_loss by default
  // Called after each epoch; returning false ends the training.
  std::function<bool(const EpochReport&)> on_epoch{};
};

struct TrainReport {
  int64_t epochs = 0, steps = 0;  // completed in this call
  std::vector<double> losses;     // one per epoch, as in EpochReport
  // The loss became NaN or infinite, which ended the training before that step moved the weights;
  // find_divergence() in divergence.h says why.
  bool diverged = false;
};

// Puts the model into training mode and trains it for a number of epochs. Equal models, optimizers
// and shuffling generators end with the same weights, bit for bit, whatever the number of threads.
// ValueError for a negative number of epochs, a negative clip_norm, an empty data set, a model
// without parameters, or inside an EvalScope. A step cannot be recorded: where an outer tape is
// open, train in a NoGradScope.
TrainReport train(Module& model, optim::Optimizer& optimizer, const Dataset& data,
                  const TrainOptions& options = {});

struct EvaluateOptions {
  int64_t batch_size = 1024;
  Loss loss{};  // default_loss by default
};

struct Evaluation {
  int64_t rows = 0;
  double loss = 0;  // mean over the rows
  // Integer labels: the share of rows whose largest output is the label. Floating-point targets:
  // R^2, the share of the target's variance that is explained; 1 is perfect and 0 no better than
  // the mean. For a target without variance it is 1 if it is met exactly, else 0.
  double score = 0;
};

// Runs in evaluation mode and without recording. ShapeError unless outputs are [..., classes] for
// labels [...], or have the shape of floating-point targets.
Evaluation evaluate(const Module& model, const Dataset& data, const EvaluateOptions& options = {});

// The model's outputs for x [rows, ...], computed in the same way: [rows, ...].
Tensor predict(const Module& model, const Tensor& x, int64_t batch_size = 1024);

}  // namespace attune::nn
