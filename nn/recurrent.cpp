#include "attune/nn/recurrent.h"

#include <cmath>
#include <string>

#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/recurrent.h"

namespace attune::nn {
namespace internal {
namespace {

int64_t gates_of(Gates gates) { return gates == Gates::lstm ? 4 : gates == Gates::gru ? 3 : 1; }

void name_fields(Step& step, const std::string& suffix, Fields& f) {
  f("weight_ih" + suffix, step.weight_ih)("weight_hh" + suffix, step.weight_hh);
  f("bias_ih" + suffix, step.bias_ih)("bias_hh" + suffix, step.bias_hh);
}

// i64 [batch, 1]; ShapeError and ValueError.
Tensor checked_lengths(const char* kind, const Tensor& lengths, int64_t batch, int64_t length) {
  check<ShapeError>(lengths.shape() == Shape{batch}, "{}: lengths must be [{}], got {}", kind,
                    batch, lengths.shape());
  check<DTypeError>(lengths.dtype() == DType::i64 || lengths.dtype() == DType::i32,
                    "{}: lengths must be i32 or i64, got {}", kind, lengths.dtype());
  const Tensor outside = lengths.lt(0).logical_or(lengths.gt(length));
  check<ValueError>(!outside.any().item<bool>(), "{}: a length is outside 0 to {}", kind, length);
  return lengths.unsqueeze(1);
}

}  // namespace

Step::Step(Gates kind, int64_t in, int64_t hidden, bool with_bias, Rng& rng) : gates(kind) {
  check<ValueError>(in > 0 && hidden > 0,
                    "recurrent layers: sizes must be positive, got in={}, hidden={}", in, hidden);
  const double bound = 1 / std::sqrt(static_cast<double>(hidden));
  const int64_t rows = gates_of(kind) * hidden;
  weight_ih = Tensor::uniform({rows, in}, -bound, bound, rng);
  weight_hh = Tensor::uniform({rows, hidden}, -bound, bound, rng);
  if (!with_bias) return;
  bias_ih = Tensor::uniform({rows}, -bound, bound, rng);
  bias_hh = Tensor::uniform({rows}, -bound, bound, rng);
}

Tensor Step::next(const Tensor& input, const Tensor& state, Tensor& cell) const {
  const Tensor product = linear(state, weight_hh, bias_hh);
  if (gates == Gates::tanh) return (input + product).tanh();
  if (gates == Gates::relu) return (input + product).relu();
  if (gates == Gates::gru) return attune::internal::gru_step(input, product, state);
  const Tensor both = attune::internal::lstm_step(input, product, cell);
  cell = both[1];
  return both[0];
}

Recurrent::Recurrent(const char* kind, Gates gates, int64_t in, int64_t hidden, Rng& rng,
                     const RecurrentOptions& o)
    : kind_(kind), in_(in), hidden_(hidden), directions_(o.bidirectional ? 2 : 1) {
  check<ValueError>(o.layers > 0, "{}: needs at least one layer, got {}", kind, o.layers);
  for (int64_t layer = 0; layer < o.layers; ++layer) {
    for (int64_t direction = 0; direction < directions_; ++direction) {
      steps_.emplace_back(gates, layer == 0 ? in : directions_ * hidden, hidden, o.bias, rng);
    }
  }
}

std::pair<Tensor, LstmState> Recurrent::run(const Tensor& x, const LstmState& given,
                                            const Tensor& lengths) const {
  check<ShapeError>(x.rank() == 3 && x.size(2) == in_, "{}: takes [batch, length, {}], got {}",
                    kind_, in_, x.shape());
  const int64_t batch = x.size(0), length = x.size(1), count = static_cast<int64_t>(steps_.size());
  check<ValueError>(length > 0, "{}: the sequences are empty: {}", kind_, x.shape());
  const Shape of_states{count, batch, hidden_};
  const auto state_or_zeros = [&](const Tensor& state) {
    if (!state.defined()) return Tensor::zeros(of_states, x.dtype());
    check<ShapeError>(state.shape() == of_states, "{}: the state must be {}, got {}", kind_,
                      of_states, state.shape());
    return state;
  };
  const Tensor hiddens = state_or_zeros(given.hidden), cells = state_or_zeros(given.cell);
  const Tensor ends = lengths.defined() ? checked_lengths(kind_, lengths, batch, length) : lengths;
  Tensor layer_input = x;
  if (ends.defined()) {  // what lies behind an end may be anything, even NaN
    const Tensor outside = Tensor::arange(0, length).ge(ends);
    layer_input = x.masked_fill(outside.unsqueeze(2), 0);
  }
  std::vector<Tensor> last_hidden, last_cell;
  for (int64_t i = 0; i < count; i += directions_) {
    std::vector<Tensor> sides;
    for (int64_t direction = 0; direction < directions_; ++direction) {
      const Step& step = steps_[static_cast<size_t>(i + direction)];
      const Tensor inputs = step.inputs(layer_input);
      Tensor hidden = hiddens[i + direction], cell = cells[i + direction];
      std::vector<Tensor> outputs(static_cast<size_t>(length));
      for (int64_t k = 0; k < length; ++k) {
        const int64_t t = direction == 0 ? k : length - 1 - k;
        Tensor next_cell = cell;
        const Tensor next = step.next(inputs.narrow(1, t, 1).squeeze(1), hidden, next_cell);
        Tensor& output = outputs[static_cast<size_t>(t)];
        if (!ends.defined()) {
          output = hidden = next;
          cell = next_cell;
          continue;
        }
        const Tensor lives = ends.gt(t);
        output = next.masked_fill(lives.logical_not(), 0);
        hidden = where(lives, next, hidden);
        cell = where(lives, next_cell, cell);
      }
      sides.push_back(stack(outputs, 1));
      last_hidden.push_back(hidden);
      last_cell.push_back(cell);
    }
    layer_input = sides.size() == 1 ? sides[0] : cat(sides, -1);
  }
  return {layer_input, {stack(last_hidden), stack(last_cell)}};
}

void Recurrent::fields(Fields& f) {
  for (size_t i = 0; i < steps_.size(); ++i) {
    const auto directions = static_cast<size_t>(directions_);
    name_fields(steps_[i],
                "_l" + std::to_string(i / directions) + (i % directions == 1 ? "_reverse" : ""), f);
  }
}

std::string Recurrent::describe() const {
  return fmt::format("{}({} -> {}{})", kind_, in_, hidden_,
                     directions_ == 2 ? ", bidirectional" : "");
}

namespace {

Gates gates_of(Nonlinearity nonlinearity) {
  return nonlinearity == Nonlinearity::tanh ? Gates::tanh : Gates::relu;
}

// One step of a cell.
Tensor stepped(const char* kind, const Step& step, const Tensor& x, const Tensor& hidden,
               Tensor& cell) {
  check<ShapeError>(x.rank() == 2 && x.size(1) == step.weight_ih.size(1),
                    "{}: takes [batch, {}], got {}", kind, step.weight_ih.size(1), x.shape());
  const Shape of_state{x.size(0), step.hidden()};
  for (const Tensor* state : {&hidden, static_cast<const Tensor*>(&cell)}) {
    check<ShapeError>(!state->defined() || state->shape() == of_state,
                      "{}: the state must be {}, got {}", kind, of_state,
                      state->defined() ? state->shape() : of_state);
  }
  const Tensor zeros = Tensor::zeros(of_state, x.dtype());
  if (!cell.defined()) cell = zeros;
  return step.next(step.inputs(x), hidden.defined() ? hidden : zeros, cell);
}

}  // namespace
}  // namespace internal

using internal::Gates;

RNN::RNN(int64_t in, int64_t hidden, Rng& rng, const RecurrentOptions& options,
         Nonlinearity nonlinearity)
    : layers_("RNN", internal::gates_of(nonlinearity), in, hidden, rng, options) {}

std::pair<Tensor, Tensor> RNN::forward(const Tensor& x, const Tensor& state,
                                       const Tensor& lengths) {
  auto [y, end] = layers_.run(x, {state, {}}, lengths);
  return {y, end.hidden};
}

GRU::GRU(int64_t in, int64_t hidden, Rng& rng, const RecurrentOptions& options)
    : layers_("GRU", Gates::gru, in, hidden, rng, options) {}

std::pair<Tensor, Tensor> GRU::forward(const Tensor& x, const Tensor& state,
                                       const Tensor& lengths) {
  auto [y, end] = layers_.run(x, {state, {}}, lengths);
  return {y, end.hidden};
}

LSTM::LSTM(int64_t in, int64_t hidden, Rng& rng, const RecurrentOptions& options)
    : layers_("LSTM", Gates::lstm, in, hidden, rng, options) {}

std::pair<Tensor, LstmState> LSTM::forward(const Tensor& x, const LstmState& state,
                                           const Tensor& lengths) {
  return layers_.run(x, state, lengths);
}

RNNCell::RNNCell(int64_t in, int64_t hidden, Rng& rng, const CellOptions& options,
                 Nonlinearity nonlinearity)
    : step_(internal::gates_of(nonlinearity), in, hidden, options.bias, rng) {}

Tensor RNNCell::forward(const Tensor& x, const Tensor& state) {
  Tensor cell;
  return internal::stepped("RNNCell", step_, x, state, cell);
}

void RNNCell::fields(Fields& f) { internal::name_fields(step_, "", f); }

GRUCell::GRUCell(int64_t in, int64_t hidden, Rng& rng, const CellOptions& options)
    : step_(Gates::gru, in, hidden, options.bias, rng) {}

Tensor GRUCell::forward(const Tensor& x, const Tensor& state) {
  Tensor cell;
  return internal::stepped("GRUCell", step_, x, state, cell);
}

void GRUCell::fields(Fields& f) { internal::name_fields(step_, "", f); }

LSTMCell::LSTMCell(int64_t in, int64_t hidden, Rng& rng, const CellOptions& options)
    : step_(Gates::lstm, in, hidden, options.bias, rng) {}

LstmState LSTMCell::forward(const Tensor& x, const LstmState& state) {
  Tensor cell = state.cell;
  const Tensor hidden = internal::stepped("LSTMCell", step_, x, state.hidden, cell);
  return {hidden, cell};
}

void LSTMCell::fields(Fields& f) { internal::name_fields(step_, "", f); }

}  // namespace attune::nn
