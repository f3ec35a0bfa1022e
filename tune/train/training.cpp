#include "attune/tune/train/training.h"

#include <cmath>
#include <limits>
#include <string>
#include <variant>

#include <fmt/format.h>

#include "attune/optim/adam.h"
#include "attune/optim/adamw.h"
#include "attune/optim/schedule.h"
#include "attune/optim/sgd.h"
#include "attune/optim/trainer.h"
#include "attune/base/error.h"
#include "attune/base/internal/text.h"

namespace attune::tune {
namespace {

// One of those that settings name, as a value.
class AnyOptimizer {
 public:
  explicit AnyOptimizer(const TrainingSettings& settings) : optimizer_(made(settings)) {}

  optim::Optimizer& get() {
    return std::visit([](auto& one) -> optim::Optimizer& { return one; }, optimizer_);
  }
  const optim::Optimizer& get() const { return const_cast<AnyOptimizer*>(this)->get(); }
  void save(const std::string& path) const { get().save(path); }
  void load(const std::string& path) { get().load(path); }
  void go_on_from(const AnyOptimizer& other) { get().go_on_from(other.get()); }

 private:
  using Each = std::variant<optim::AdamW, optim::Adam, optim::SGD>;
  static Each made(const TrainingSettings& settings);

  Each optimizer_;
};

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

// What a model of unknown type keeps: a copy is a checkpoint, and assigning that restores the
// model.
class ModelState {
 public:
  explicit ModelState(nn::Module& model) : model_(&model) {}
  ModelState(const ModelState& other) : kept_(other.checkpoint()) {}
  ModelState& operator=(const ModelState& other) {
    if (this != &other) restore(other.checkpoint());
    return *this;
  }
  ~ModelState() = default;

  nn::Checkpoint checkpoint() const { return model_ ? model_->checkpoint() : kept_; }
  void restore(const nn::Checkpoint& saved) {
    if (model_) {
      model_->restore(saved);
    } else {
      kept_ = saved;
    }
  }
  void save(const std::string& path) const {  // the tensors; StateRef saves the streams
    NamedTensors named;
    for (const Tensor& tensor : checkpoint().tensors) {
      named.emplace_back(fmt::format("{}", named.size()), tensor);
    }
    save_safetensors(path, named);
  }
  void load(const std::string& path) {
    const TensorFile file = load_safetensors(path);
    nn::Checkpoint saved = checkpoint();
    for (size_t i = 0; i < saved.tensors.size(); ++i) {
      saved.tensors[i] = file.at(fmt::format("{}", i));
    }
    restore(saved);
  }

 private:
  nn::Module* model_ = nullptr;
  nn::Checkpoint kept_ = {};
};

void check(const TrainingSettings& s) {
  const auto need = [](bool holds, std::string_view what, double got) {
    if (!holds) throw ValueError(fmt::format("training: {}, got {}", what, got));
  };
  need(s.epochs >= 1, "epochs must be 1 or more", static_cast<double>(s.epochs));
  need(s.passes >= 1, "passes must be 1 or more", static_cast<double>(s.passes));
  need(s.batch_size >= 1, "batch_size must be 1 or more", static_cast<double>(s.batch_size));
  need(s.learning_rate >= 0 && std::isfinite(s.learning_rate), "lr must be 0 or more",
       s.learning_rate);
  need(s.weight_decay >= 0 && std::isfinite(s.weight_decay), "weight_decay must be 0 or more",
       s.weight_decay);
  if (s.schedule != "cosine" && s.schedule != "constant") {
    throw ValueError(fmt::format("training: unknown schedule {}; there are cosine, constant",
                                 in_quotes(s.schedule)));
  }
}

}  // namespace

TrainingSettings settings_from(const Params& params, const TrainingSettings& otherwise) {
  TrainingSettings s = otherwise;
  s.epochs = params.get("epochs", s.epochs);
  s.batch_size = params.get("batch_size", s.batch_size);
  s.learning_rate = params.get("lr", s.learning_rate);
  s.weight_decay = params.get("weight_decay", params.get("reg", s.weight_decay));
  s.optimizer = params.get("optimizer", s.optimizer);
  s.schedule = params.get("schedule", s.schedule);
  check(s);
  return s;
}

Training train_scored(nn::Module& model, const nn::Dataset& train, const nn::Dataset& validation,
                      const TrainingSettings& settings, const Rng& order, const OnScore& on_score,
                      const TrainingHooks& hooks) {
  check(settings);
  AnyOptimizer optimizer(settings);
  const int64_t batches = (train.size() + settings.batch_size - 1) / settings.batch_size;
  if (settings.schedule == "cosine") {
    optimizer.get().set_schedule(optim::cosine(settings.epochs * settings.passes * batches));
  }
  ModelState state(model);
  if (hooks.trial) {
    hooks.trial->checkpointable(state);
    hooks.trial->checkpointable(optimizer);
  }
  const bool scored = validation.x.defined() && validation.size() > 0;
  const auto score = [&] {
    if (!hooks.score) return nn::evaluate(model, validation).score;
    return hooks.score(nn::predict(model, validation.x), validation.y);
  };
  Training result;
  const int64_t first = hooks.trial ? hooks.trial->first_step() : 0;
  const nn::TrainReport report =
      nn::train(model, optimizer.get(), train,
                {.epochs = settings.epochs * settings.passes,
                 .first_epoch = first * settings.passes,
                 .batch_size = settings.batch_size,
                 .shuffle = order,
                 .on_epoch = [&](const nn::EpochReport& pass) {
                   if ((pass.epoch + 1) % settings.passes != 0) return true;
                   const int64_t epoch = first + result.epochs++;
                   if (scored) {
                     result.scores.push_back(score());
                     result.stopped = on_score && !on_score(epoch, result.scores.back());
                   }
                   const bool last = epoch + 1 == settings.epochs;
                   result.cut = !last && hooks.go_on && !hooks.go_on();
                   return !result.stopped && !result.cut;
                 }});
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  result.score = report.diverged || result.scores.empty() ? kNone : result.scores.back();
  result.steps = report.steps;
  return result;
}

uint64_t hash_bytes(const void* bytes, size_t count, uint64_t hash) {
  const auto* at = static_cast<const unsigned char*>(bytes);
  for (size_t i = 0; i < count; ++i) hash = (hash ^ at[i]) * 0x100000001b3;
  return hash;
}

uint64_t hash_tensor(const Tensor& tensor, uint64_t hash) {
  const bool half = is_floating(tensor.dtype()) && byte_size(tensor.dtype()) == 2;
  const Tensor x = half ? tensor.cast(DType::f32) : tensor.contiguous();
  switch (x.dtype()) {
    case DType::f32: return hash_bytes(x.data<float>().data(), x.data<float>().size_bytes(), hash);
    case DType::f64:
      return hash_bytes(x.data<double>().data(), x.data<double>().size_bytes(), hash);
    default: break;
  }
  const std::vector<int64_t> whole = x.cast(DType::i64).to_vector<int64_t>();
  return hash_bytes(whole.data(), whole.size() * sizeof(int64_t), hash);
}

uint64_t hash_weights(const nn::Module& model) {
  uint64_t hash = hash_bytes(nullptr, 0);
  for (const Tensor& tensor : model.parameters()) hash = hash_tensor(tensor, hash);
  for (const Tensor& tensor : model.buffers()) hash = hash_tensor(tensor, hash);
  return hash;
}

std::string hash_text(uint64_t hash) { return fmt::format("{:016x}", hash); }

}  // namespace attune::tune
