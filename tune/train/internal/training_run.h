#pragma once
// A training that is under way: its model, optimizer and data, epoch by epoch, and what of it is
// kept while its trial pauses.

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include <fmt/format.h>

#include "attune/nn/dataset.h"
#include "attune/nn/module.h"
#include "attune/optim/adam.h"
#include "attune/optim/adamw.h"
#include "attune/optim/sgd.h"
#include "attune/optim/trainer.h"
#include "attune/tune/train/training.h"

namespace attune::tune {

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

class TrainingRun {
 public:
  // The model is to outlive it, and what is kept of it. ValueError for settings out of range.
  TrainingRun(nn::Module& model, nn::Dataset train, nn::Dataset validation,
              const TrainingSettings& settings, const Rng& order, TrainingHooks hooks);

  // A trial that is resumed has model and optimizer set back here to where they stood.
  void keep_in(Trial& trial);

  // Takes over what the optimizer of another run on the same model has gathered.
  void go_on_from(const TrainingRun& other) { optimizer_->go_on_from(*other.optimizer_); }
  // False: it diverged; the model and the optimizer are where it did.
  bool train_epoch(int64_t epoch);
  // Of the epoch that was trained last, on the validation rows. Nothing: the model's outputs are
  // not finite.
  std::optional<double> score();
  bool has_validation() const;

  int64_t steps() const { return steps_; }
  const std::optional<nn::Divergence>& divergence() const { return divergence_; }

 private:
  void look_into(int64_t pass);

  nn::Module& model_;
  nn::Dataset train_, validation_;
  TrainingSettings settings_;
  TrainingHooks hooks_;
  std::shared_ptr<AnyOptimizer> optimizer_;
  std::shared_ptr<ModelState> state_;
  nn::TrainOptions options_;
  int64_t steps_ = 0, epoch_ = 0;
  // As they were before the pass over the rows that is under way.
  std::optional<nn::Checkpoint> model_before_;
  std::optional<AnyOptimizer> optimizer_before_;
  std::optional<nn::Divergence> divergence_;
};

// ValueError for settings out of range.
void check(const TrainingSettings& settings);

}  // namespace attune::tune
