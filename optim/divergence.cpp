#include "attune/optim/divergence.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "attune/optim/clip.h"
#include "attune/optim/trainer.h"
#include "attune/tensor/tape.h"

namespace attune::nn {
namespace {

double largest(const std::vector<Tensor>& tensors) {
  double most = 0;
  for (const Tensor& tensor : tensors) {
    if (tensor.numel() == 0) continue;
    const double one = tensor.abs().max().cast(DType::f64).item<double>();
    if (!(one <= most)) most = one;  // NaN too
  }
  return most;
}

// In f64: the squares of f32 overflow long before their root does.
double norm_of(const std::vector<Tensor>& tensors) {
  double squares = 0;
  for (const Tensor& tensor : tensors) {
    const Tensor wide = tensor.cast(DType::f64);
    squares += (wide * wide).sum().item<double>();
  }
  return std::sqrt(squares);
}

std::string first_not_finite(const Module& model) {
  for (const auto& [name, tensor] : model.named_parameters()) {
    if (!std::isfinite(largest({tensor}))) return name;
  }
  return {};
}

std::string layer_of(const std::string& parameter) {
  const size_t dot = parameter.rfind('.');
  return dot == std::string::npos ? std::string() : parameter.substr(0, dot);
}

}  // namespace

std::string Divergence::to_string() const {
  return fmt::format(
      "diverged in step {} of epoch {}: {}{}; learning rate {:.4g}, gradient norm {:.4g}, largest "
      "weight {:.4g}",
      step, epoch, what, layer.empty() ? "" : fmt::format(" (in layer {})", layer), learning_rate,
      gradient_norm, largest_weight);
}

std::optional<Divergence> find_divergence(Module& model, optim::Optimizer& optimizer,
                                          const Dataset& data, const TrainOptions& options,
                                          int64_t epoch) {
  Loader batches(data, {.batch_size = options.batch_size, .shuffle = options.shuffle});
  batches.seek(epoch);
  const Loss loss_of = options.loss ? options.loss : default_loss(data);
  model.train();
  Divergence d{.epoch = epoch};
  for (const auto& [x, y] : batches) {
    d.learning_rate = optimizer.scheduled_learning_rate();
    d.largest_weight = largest(model.parameters());
    if (!std::isfinite(d.largest_weight)) {  // at the start of the epoch: a model that began so
      const std::string parameter = first_not_finite(model);
      d.op = "weight";
      d.layer = layer_of(parameter);
      d.what = fmt::format("{} is not finite", parameter);
      return d;
    }
    try {
      std::vector<Tensor> grads;
      {
        Tape tape(model.parameters(), {.trap_nonfinite = true});
        const Tensor loss = loss_of(model(x), y);
        grads = tape.gradient(loss, model.parameters());
      }
      d.gradient_norm = norm_of(grads);
      if (options.clip_norm > 0) optim::clip_grad_norm(grads, options.clip_norm);
      optimizer.update(model, grads);
    } catch (const NonFinite& e) {
      d.op = e.op();
      d.layer = e.layer();
      d.what = e.cause();
      return d;
    }
    if (const std::string parameter = first_not_finite(model); !parameter.empty()) {
      d.op = "update";
      d.layer = layer_of(parameter);
      d.what = fmt::format("the optimizer's update took {} beyond all numbers", parameter);
      return d;
    }
    ++d.step;
  }
  return {};
}

}  // namespace attune::nn
