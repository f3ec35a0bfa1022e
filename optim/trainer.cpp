#include "attune/optim/trainer.h"

#include <algorithm>
#include <cmath>

#include "attune/nn/loss.h"
#include "attune/optim/clip.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/tape.h"

namespace attune::nn {
namespace {

double number(const Tensor& loss) {
  if (loss.dtype() == DType::f32) return loss.item<float>();  // records nothing
  return loss.detach().cast(DType::f64).item<double>();
}

// R^2 of all elements, in double, in units of the target's largest distance from its mean: the
// squares neither overflow nor vanish.
double explained(const Tensor& prediction, const Tensor& target) {
  check<ShapeError>(prediction.shape() == target.shape(),
                    "evaluate: the outputs are {}, the targets {}", prediction.shape(),
                    target.shape());
  const std::vector<double> p = prediction.cast(DType::f64).to_vector<double>();
  const std::vector<double> t = target.cast(DType::f64).to_vector<double>();
  double mean = 0, unit = 0, off = 0, variance = 0;
  for (const double value : t) mean += value / static_cast<double>(t.size());
  for (const double value : t) unit = std::max(unit, std::abs(value - mean));
  if (unit == 0 && std::isfinite(mean)) return p == t ? 1 : 0;
  for (size_t i = 0; i < t.size(); ++i) {
    const double error = (p[i] - t[i]) / unit, distance = (t[i] - mean) / unit;
    off += error * error;
    variance += distance * distance;
  }
  return 1 - off / variance;
}

double accuracy(const Tensor& scores, const Tensor& labels) {
  const Tensor predicted = scores.argmax(-1);
  check<ShapeError>(predicted.shape() == labels.shape(),
                    "evaluate: outputs {} need labels {}, got {}", scores.shape(),
                    predicted.shape(), labels.shape());
  const Tensor right = predicted.eq(labels.cast(DType::i64));
  return static_cast<double>(right.sum().item<int64_t>()) / static_cast<double>(labels.numel());
}

}  // namespace

Loss default_loss(const Dataset& dataset) {
  if (is_floating(dataset.y.dtype())) {
    return [](const Tensor& prediction, const Tensor& target) { return mse(prediction, target); };
  }
  return [](const Tensor& logits, const Tensor& labels) { return cross_entropy(logits, labels); };
}

TrainReport train(Module& model, optim::Optimizer& optimizer, const Dataset& data,
                  const TrainOptions& options) {
  check<ValueError>(options.epochs >= 0, "train: epochs must not be negative, got {}",
                    options.epochs);
  check<ValueError>(options.first_epoch >= 0, "train: first_epoch must not be negative, got {}",
                    options.first_epoch);
  check<ValueError>(options.clip_norm >= 0, "train: clip_norm must not be negative, got {}",
                    options.clip_norm);
  check<ValueError>(!model.parameters().empty(),
                    "train: {} has no parameters; does its fields() name them?", model.describe());
  Loader batches(data, {.batch_size = options.batch_size, .shuffle = options.shuffle});
  batches.seek(options.first_epoch);
  const Loss loss_of = options.loss ? options.loss : default_loss(data);
  const auto rows = static_cast<double>(data.size());
  model.train();
  check<ValueError>(model.training(), "train: inside an EvalScope modules stay in evaluation mode");

  TrainReport report;
  for (int64_t epoch = options.first_epoch; epoch < options.epochs && !report.diverged; ++epoch) {
    double loss_sum = 0;
    for (const auto& [x, y] : batches) {
      Tape tape(model.parameters());
      const Tensor loss = loss_of(model(x), y);
      const double value = number(loss);
      loss_sum += value * static_cast<double>(x.size(0));
      if (!std::isfinite(value)) break;  // a step would only spoil the weights
      std::vector<Tensor> grads = tape.gradient(loss, model.parameters());
      if (options.clip_norm > 0) optim::clip_grad_norm(grads, options.clip_norm);
      optimizer.update(model, grads);
      ++report.steps;
    }
    ++report.epochs;
    report.losses.push_back(loss_sum / rows);
    report.diverged = !std::isfinite(loss_sum);
    if (options.on_epoch && !options.on_epoch({epoch, report.steps, report.losses.back()})) break;
  }
  return report;
}

Tensor predict(const Module& model, const Tensor& x, int64_t batch_size) {
  check<ValueError>(batch_size >= 1, "predict: batch_size must be at least 1, got {}", batch_size);
  check<ShapeError>(x.rank() > 0 && x.size(0) > 0, "predict: x has no rows: {}", x.shape());
  const NoGradScope not_recorded;
  std::vector<Tensor> parts;
  for (int64_t begin = 0; begin < x.size(0); begin += batch_size) {
    parts.push_back(model(x.narrow(0, begin, std::min(batch_size, x.size(0) - begin))));
  }
  return parts.size() == 1 ? parts[0] : cat(parts);
}

Evaluation evaluate(const Module& model, const Dataset& data, const EvaluateOptions& options) {
  const int64_t rows = data.size();
  check<ValueError>(rows > 0, "evaluate: the data set has no rows");
  const NoGradScope not_recorded;
  const Tensor prediction = predict(model, data.x, options.batch_size);
  const Loss loss_of = options.loss ? options.loss : default_loss(data);
  Evaluation result{.rows = rows, .loss = number(loss_of(prediction, data.y))};
  result.score =
      is_floating(data.y.dtype()) ? explained(prediction, data.y) : accuracy(prediction, data.y);
  return result;
}

}  // namespace attune::nn
