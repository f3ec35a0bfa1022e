#pragma once
// What all optimizers share: checking, groups, the schedule, state, saving and loading.
//
//   optim::Adam adam({.learning_rate = 1e-3});
//   adam.update(model, grads);       // grads in the order of model.parameters()
//
// An optimizer is a value: a copy of it is a checkpoint. Parameters and state are changed in place
// if nobody else holds them, and copied first if somebody does (a checkpoint, an open tape).

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "attune/nn/module.h"
#include "attune/optim/schedule.h"

namespace attune::optim {

// Settings for the parameters whose dotted name matches the pattern, in which * stands for any text
// and ? for one character: {.pattern = "*.bias", .weight_decay = 0}.
struct Group {
  std::string pattern;
  std::optional<double> learning_rate{};
  std::optional<double> weight_decay{};
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // One step. If it throws, nothing has changed: not the parameters, the state or steps().
  //   ValueError  no parameters, another number of gradients than parameters or of parameters than
  //               in earlier steps, an undefined tensor, one tensor given as two parameters, or a
  //               schedule that returns a negative number, NaN or infinity
  //   ShapeError  a gradient with another shape than its parameter
  //   DTypeError  a gradient with another dtype than its parameter, or a parameter that is neither
  //               f32 nor f64. An f16 or bf16 parameter would lose most updates to rounding: train
  //               in f32 and cast the trained model.
  //   Error       a parameter or gradient that an open tape tracks: a step cannot be recorded.
  //               Inside a NoGradScope it goes ahead; the moved parameters are new tensors, which
  //               the tape does not know.
  void update(nn::ModuleBase& model, std::span<const Tensor> grads);
  void update(nn::ModuleBase& model, std::initializer_list<Tensor> grads) {
    update(model, std::span<const Tensor>(grads.begin(), grads.size()));
  }
  // The same for parameters that are in no module. Groups go by name, so they do not apply.
  void update(std::span<Tensor> parameters, std::span<const Tensor> grads);
  void update(std::span<Tensor> parameters, std::initializer_list<Tensor> grads) {
    update(parameters, std::span<const Tensor>(grads.begin(), grads.size()));
  }

  // Only before the first update. The first matching group wins.
  void add_group(Group group);

  double learning_rate() const { return learning_rate_; }
  double scheduled_learning_rate() const;  // of the next step: times the schedule's factor
  void set_learning_rate(double rate);     // groups with a rate of their own keep it
  // Step n, counted from 0, multiplies every learning rate by schedule(n). See schedule.h.
  void set_schedule(Schedule schedule) { schedule_ = std::move(schedule); }
  int64_t steps() const { return steps_; }        // done so far
  size_t slots() const { return slots_.size(); }  // tensors of state for each parameter

  // Takes over what another optimizer has gathered on the same model (moments, step count), and
  // keeps this one's own settings, learning rate and schedule among them. ValueError unless it is
  // of the same kind. What a fork of a trial does with its parent's.
  void go_on_from(const Optimizer& other);

  // State (moments, step count, learning rate) as a safetensors file. Settings and schedule are
  // code: call load() on an optimizer constructed like the saved one. IoError if it was of another
  // kind; the optimizer is then as it was.
  void save(const std::string& path) const;
  void load(const std::string& path);

 protected:
  // A parameter in the step under way.
  struct Item {
    Tensor* parameter;                 // contiguous; may be written
    const Tensor* gradient = nullptr;  // contiguous, of the parameter's shape and dtype
    std::span<Tensor> state{};         // one for each slot, zeros at first; may be written
    double learning_rate = 0;          // of its group, times the schedule's factor
    double weight_decay = 0;
    Tensor dense{};  // the gradient, if it had to be made contiguous
  };

  // `slots` names the tensors of state kept for each parameter, as PyTorch calls them.
  Optimizer(const char* kind, std::vector<const char*> slots, double learning_rate,
            double weight_decay);
  Optimizer(const Optimizer&) = default;
  Optimizer& operator=(const Optimizer&) = default;

  // Moves all parameters in step number `step`, counted from 1. Everything has been checked and
  // made writable. Must not throw: what had moved by then would stay moved. A method that treats
  // all elements alike derives from FormulaOptimizer; one that needs all parameters at once, as
  // L-BFGS does, implements move().
  virtual void move(std::span<const Item> items, int64_t step) = 0;

 private:
  void step(std::vector<Item>& items, std::span<const Tensor> grads, const nn::ModuleBase* model);
  void validate(std::span<Item> items, std::span<const Tensor> grads,
                const nn::ModuleBase* model) const;
  void set_rates(std::span<Item> items, std::span<const int> group_of) const;

  const char* kind_;
  std::vector<const char*> slots_;
  double learning_rate_ = 0, weight_decay_;
  Schedule schedule_;
  int64_t steps_ = 0;
  size_t parameters_ = 0;      // of the model it serves; 0 before the first update
  std::vector<Tensor> state_;  // slots_.size() for each parameter
  std::vector<Group> groups_;
  std::vector<int> group_of_;  // by parameter; -1: none. Filled by the first update of a module.
};

}  // namespace attune::optim
