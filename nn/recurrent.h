#pragma once
// Recurrent layers: RNN, GRU and LSTM over sequences, and their cells, one step at a time.
//
//   nn::LSTM lstm(16, 32, rng, {.layers = 2});
//   auto [y, state] = lstm(x);            // x [batch, length, 16] -> y [batch, length, 32]
//   auto [more, end] = lstm(next, state); // goes on where the first part ended
//
// Parameters have PyTorch's names and shapes: weight_ih_l0 [gates hidden, in], weight_hh_l0 [gates
// hidden, hidden], bias_ih_l0, bias_hh_l0, and "_reverse" for the other direction. All start
// uniform within 1 / sqrt(hidden). Batches come first, unlike PyTorch's default.

#include <utility>
#include <vector>

#include "attune/nn/module.h"

namespace attune::nn {

struct RecurrentOptions {
  int64_t layers = 1;
  bool bias = true;
  bool bidirectional = false;  // a second pass from the end; its outputs stand behind the first's
};

struct LstmState {
  Tensor hidden, cell;  // [layers * directions, batch, hidden] each
};

namespace internal {

enum class Gates : uint8_t { tanh, relu, gru, lstm };

// The weights of one layer in one direction, and a step.
struct Step {
  Step(Gates kind, int64_t in, int64_t hidden, bool with_bias, Rng& rng);

  // The next state from x W_ih^T + b_ih [batch, gates hidden], which is computed for all steps at
  // once. `cell` is an LSTM's alone.
  Tensor next(const Tensor& input, const Tensor& hidden, Tensor& cell) const;
  Tensor inputs(const Tensor& x) const { return linear(x, weight_ih, bias_ih); }
  int64_t hidden() const { return weight_hh.size(1); }

  Gates gates;
  Tensor weight_ih, weight_hh, bias_ih, bias_hh;
};

// Layers and directions of steps.
class Recurrent {
 public:
  Recurrent(const char* kind, Gates gates, int64_t in, int64_t hidden, Rng& rng,
            const RecurrentOptions& options);
  // {outputs [batch, length, directions hidden], final states}. `lengths` [batch], or undefined:
  // sequences end there, their outputs are 0 behind and their states stay.
  std::pair<Tensor, LstmState> run(const Tensor& x, const LstmState& state,
                                   const Tensor& lengths) const;
  void fields(Fields& f);
  std::string describe() const;

 private:
  const char* kind_;
  int64_t in_, hidden_, directions_;
  std::vector<Step> steps_;  // layer by layer, direction by direction
};

}  // namespace internal

enum class Nonlinearity : uint8_t { tanh, relu };

// Elman (1990): h' = tanh(x W_ih^T + b_ih + h W_hh^T + b_hh), or relu.
class RNN : public ModuleOf<RNN> {
 public:
  RNN(int64_t in, int64_t hidden, Rng& rng, const RecurrentOptions& options = {},
      Nonlinearity nonlinearity = Nonlinearity::tanh);
  // {outputs, state [layers * directions, batch, hidden]}; an undefined state is 0. `lengths`
  // [batch] i64, or undefined, are those of the sequences of a padded batch. ShapeError for sizes
  // that do not fit, ValueError for a length outside.
  std::pair<Tensor, Tensor> forward(const Tensor& x, const Tensor& state = {},
                                    const Tensor& lengths = {});
  void fields(Fields& f) override { layers_.fields(f); }
  std::string describe() const override { return layers_.describe(); }

 private:
  internal::Recurrent layers_;
};

// Cho et al. (2014), with the reset gate behind the product, as PyTorch has it. Gates: r, z, n.
class GRU : public ModuleOf<GRU> {
 public:
  GRU(int64_t in, int64_t hidden, Rng& rng, const RecurrentOptions& options = {});
  std::pair<Tensor, Tensor> forward(const Tensor& x, const Tensor& state = {},
                                    const Tensor& lengths = {});
  void fields(Fields& f) override { layers_.fields(f); }
  std::string describe() const override { return layers_.describe(); }

 private:
  internal::Recurrent layers_;
};

// Hochreiter and Schmidhuber (1997). Gates: i, f, g, o.
class LSTM : public ModuleOf<LSTM> {
 public:
  LSTM(int64_t in, int64_t hidden, Rng& rng, const RecurrentOptions& options = {});
  std::pair<Tensor, LstmState> forward(const Tensor& x, const LstmState& state = {},
                                       const Tensor& lengths = {});
  void fields(Fields& f) override { layers_.fields(f); }
  std::string describe() const override { return layers_.describe(); }

 private:
  internal::Recurrent layers_;
};

struct CellOptions {
  bool bias = true;
};

// One step: x [batch, in] and the state [batch, hidden], 0 if undefined, to the next. Parameters
// are weight_ih, weight_hh, bias_ih and bias_hh.
class RNNCell : public ModuleOf<RNNCell> {
 public:
  RNNCell(int64_t in, int64_t hidden, Rng& rng, const CellOptions& options = {},
          Nonlinearity nonlinearity = Nonlinearity::tanh);
  Tensor forward(const Tensor& x, const Tensor& state = {});
  void fields(Fields& f) override;

 private:
  internal::Step step_;
};

class GRUCell : public ModuleOf<GRUCell> {
 public:
  GRUCell(int64_t in, int64_t hidden, Rng& rng, const CellOptions& options = {});
  Tensor forward(const Tensor& x, const Tensor& state = {});
  void fields(Fields& f) override;

 private:
  internal::Step step_;
};

class LSTMCell : public ModuleOf<LSTMCell> {
 public:
  LSTMCell(int64_t in, int64_t hidden, Rng& rng, const CellOptions& options = {});
  LstmState forward(const Tensor& x, const LstmState& state = {});  // each [batch, hidden]
  void fields(Fields& f) override;

 private:
  internal::Step step_;
};

}  // namespace attune::nn
