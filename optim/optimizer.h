#pragma once
// What all optimizers share: parameter groups, schedule, state, and the walk over the parameters.
//
//   optim::Adam adam({.learning_rate = 1e-3});
//   adam.update(model, grads);       // grads in the order of model.parameters()
//
// An optimizer is a value: its copy is its checkpoint. Parameters and state are changed in place
// where nobody else holds them, and copied first where somebody does (a checkpoint, a tape).

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "attune/nn/module.h"
#include "attune/optim/schedule.h"

namespace attune::optim {

// Other settings for the parameters whose dotted name fits the pattern, in which * stands for any
// text and ? for one character: {.pattern = "*.bias", .weight_decay = 0}.
struct Group {
  std::string pattern;
  std::optional<double> learning_rate{};
  std::optional<double> weight_decay{};
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // One step. ShapeError or DTypeError if a gradient does not fit its parameter (f32 or f64).
  void update(nn::Module& model, std::span<const Tensor> grads);
  // The same for parameters that are in no module; groups, which go by name, do not apply.
  void update(std::span<Tensor> parameters, std::span<const Tensor> grads);

  // Before the first update. Of several groups that fit, the first counts.
  void add_group(Group group);

  double learning_rate() const { return learning_rate_; }
  void set_learning_rate(double rate);  // groups with a rate of their own keep it
  // Step n, from 0, uses every learning rate times schedule(n). See schedule.h.
  void set_schedule(Schedule schedule) { schedule_ = std::move(schedule); }
  int64_t steps() const { return steps_; }  // done so far

  // State (moments, step count, learning rate) as a safetensors file. The settings and the schedule
  // are code: load() into an optimizer made like the one saved. IoError if it was another kind.
  void save(const std::string& path) const;
  void load(const std::string& path);

 protected:
  struct Rates {
    double learning_rate, weight_decay;
  };

  // `slots`: the names of the tensors kept for each parameter, as PyTorch calls them.
  Optimizer(const char* kind, std::span<const char* const> slots, double learning_rate,
            double weight_decay);
  Optimizer(const Optimizer&) = default;
  Optimizer& operator=(const Optimizer&) = default;

  // Called once a step, before the first apply(), with steps() the number of the step from 1.
  virtual void begin_step() {}
  // Moves one parameter. All tensors are contiguous, of one type and shape; parameter and state
  // (zeros at first) may be written.
  virtual void apply(Tensor& parameter, const Tensor& grad, std::span<Tensor> state,
                     const Rates& rates) = 0;

 private:
  class Step;
  void step_begins(size_t parameters, size_t grads);
  void step(size_t i, Tensor& parameter, const Tensor& grad);

  const char* kind_;
  std::span<const char* const> slots_;  // of static storage
  double learning_rate_, weight_decay_;
  double factor_ = 1;  // the schedule's, for this step
  Schedule schedule_;
  int64_t steps_ = 0;
  size_t parameters_ = 0;      // of the model it serves; known from the first update on
  std::vector<Tensor> state_;  // slots_.size() for each parameter
  std::vector<Group> groups_;
  std::vector<int> group_of_;  // by parameter; -1: none. Filled by the first update.
};

}  // namespace attune::optim
