// RNN, GRU, LSTM, attention and transformer layers: shapes, gradients, states that go on, masks,
// and mistakes. tests/differential/layers.py compares them with PyTorch's.
#include <doctest/doctest.h>

#include <algorithm>

#include "attune/nn/recurrent.h"
#include "attune/nn/transformer.h"
#include "attune/tensor/tape.h"
#include "attune/tensor/internal/recurrent.h"
#include "tests/nn/support.h"

using namespace attune;
using namespace attune::support;

namespace {

double gradient_error(const TensorFunction& f, const std::vector<Tensor>& at) {
  return gradcheck(f, at);
}

// Of the gradient of f squared and summed.
double second_gradient_error(const TensorFunction& f, const std::vector<Tensor>& at) {
  double worst = 0;
  for (size_t i = 0; i < at.size(); ++i) {
    const auto slope = [&](std::span<const Tensor> in) {
      Tape tape(in);
      return tape.gradient(f(in).square().sum(), in)[i];
    };
    worst = std::max(worst, gradcheck(slope, at));
  }
  return worst;
}

Tensor numbers(const Shape& shape, int64_t seed = 1) {
  Rng rng = Rng(9).fork(seed);
  return Tensor::randn(shape, rng, DType::f64);
}
double apart(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() ? (a - b).abs().max().cast(DType::f64).item<double>() : 1e9;
}

}  // namespace

TEST_CASE("recurrent layers: names, shapes, and a sequence in two parts") {
  Rng rng(1);
  nn::LSTM lstm(3, 4, rng, {.layers = 2, .bidirectional = true});
  CHECK(names(lstm.named_parameters())[4] == "weight_ih_l0_reverse");
  CHECK(lstm.named_parameters()[8].second.shape() == Shape({16, 8}));  // of both directions
  const auto [y, state] = lstm(numbers({2, 5, 3}).cast(DType::f32));
  CHECK(y.shape() == Shape({2, 5, 8}));
  CHECK(state.cell.shape() == Shape({4, 2, 4}));
  nn::GRU gru(3, 4, rng, {.layers = 2});
  gru.to(DType::f64);
  const Tensor x = numbers({2, 5, 3});
  const auto [whole, end] = gru(x);
  const auto [first, middle] = gru(x.narrow(1, 0, 2));
  const auto [rest, last] = gru(x.narrow(1, 2, 3), middle);
  CHECK(apart(cat({first, rest}, 1), whole) < 1e-14);
  CHECK(apart(last, end) < 1e-14);
}

TEST_CASE("recurrent layers: a cell steps as the layer does, and padding changes nothing") {
  Rng rng(2);
  nn::LSTMCell cell(3, 4, rng);
  cell.to(DType::f64);
  const Tensor x = numbers({2, 3, 3});
  nn::LstmState state;
  for (int64_t t = 0; t < 3; ++t) state = cell(x.narrow(1, t, 1).squeeze(1), state);
  CHECK(state.hidden.shape() == Shape({2, 4}));
  nn::RNN rnn(3, 4, rng, {.bidirectional = true});
  rnn.to(DType::f64);
  const Tensor lengths({3, 2});
  const auto [y, end] = rnn(x, Tensor(), lengths);
  const auto [alone, end_alone] = rnn(x.narrow(0, 1, 1).narrow(1, 0, 2));
  CHECK(apart(y.narrow(0, 1, 1).narrow(1, 0, 2), alone) < 1e-14);
  CHECK(apart(end.narrow(1, 1, 1), end_alone) < 1e-14);
  CHECK((y[{1, 2}].abs().max().item<double>() == 0));
  CHECK_THROWS_AS(rnn(x, Tensor(), Tensor({4, 2})), ValueError);
  CHECK_THROWS_AS(rnn(x, numbers({1, 2, 4})), ShapeError);
  CHECK_THROWS_AS(rnn(numbers({2, 3, 5})), ShapeError);
}

TEST_CASE("recurrent layers: gradients match central differences") {
  Rng rng(3);
  nn::GRU gru(2, 3, rng);
  nn::LSTM lstm(2, 3, rng);
  gru.to(DType::f64);
  lstm.to(DType::f64);
  const Tensor x = numbers({2, 4, 2}), lengths({4, 2});
  CHECK(gradient_error(
            [&](std::span<const Tensor> at) { return gru.forward(at[0], {}, lengths).first; },
            {x}) < 1e-6);
  CHECK(gradient_error([&](std::span<const Tensor> at) { return lstm.forward(at[0]).second.cell; },
                       {x}) < 1e-6);
}

TEST_CASE("recurrent layers: one pass over the gates makes what ops make, with its derivatives") {
  using attune::internal::gru_step, attune::internal::lstm_step;
  for (const int64_t n : {1, 5, 16, 19}) {
    CAPTURE(n);
    const Tensor x = numbers({2, 3, 4 * n}), h = numbers({2, 4 * n}, 2), s = numbers({2, n}, 3);
    const Tensor input = x[{Slice{}, 1}].contiguous();
    const auto rows = [&](const Tensor& of, int64_t gates) { return of.narrow(-1, 0, gates * n); };
    const auto part = [&](const Tensor& of, int64_t i) { return of.narrow(-1, i * n, n); };

    const Tensor sum = input + h;
    const Tensor cell = part(sum, 1).sigmoid() * s + part(sum, 0).sigmoid() * part(sum, 2).tanh();
    const Tensor both = lstm_step(x[{Slice{}, 1}], h, s);  // its rows lie apart
    CHECK(apart(both[1], cell) < 1e-14);
    CHECK(apart(both[0], part(sum, 3).sigmoid() * cell.tanh()) < 1e-14);
    const auto lstm = [](std::span<const Tensor> at) { return lstm_step(at[0], at[1], at[2]); };
    CHECK(gradient_error(lstm, {input, h, s}) < 1e-6);
    CHECK(second_gradient_error(lstm, {input, h, s}) < 1e-4);

    const Tensor reset = (part(input, 0) + part(h, 0)).sigmoid();
    const Tensor update = (part(input, 1) + part(h, 1)).sigmoid();
    const Tensor fresh = (part(input, 2) + reset * part(h, 2)).tanh();
    const Tensor i3 = rows(input, 3), h3 = rows(h, 3);
    CHECK(apart(gru_step(i3, h3, s), (1 - update) * fresh + update * s) < 1e-14);
    const auto gru = [](std::span<const Tensor> at) { return gru_step(at[0], at[1], at[2]); };
    CHECK(gradient_error(gru, {i3, h3, s}) < 1e-6);
    CHECK(second_gradient_error(gru, {i3, h3, s}) < 1e-4);

    const auto halves = [](const Tensor& of) { return of.cast(DType::bf16); };
    const Tensor rough = lstm_step(halves(input), halves(h), halves(s));
    CHECK(rough.dtype() == DType::bf16);
    CHECK(apart(rough.cast(DType::f64), both) < 0.05);
  }
}

TEST_CASE("attention: blocks, masks and their gradients") {
  const Tensor q = numbers({2, 2, 30, 4}), k = numbers({2, 2, 40, 4}, 2),
               v = numbers({2, 2, 40, 3}, 3);
  const Tensor whole = ((q * 0.5).matmul(k.t())).softmax(-1).matmul(v);
  CHECK(apart(nn::attention(q, k, v), whole) < 1e-13);
  // So long that there are several blocks.
  const Tensor long_q = numbers({1, 3000, 4}, 4), long_k = numbers({1, 1500, 4}, 5);
  const Tensor y = nn::attention(long_q, long_k, long_k);
  CHECK(apart(y, ((long_q * 0.5).matmul(long_k.t())).softmax(-1).matmul(long_k)) < 1e-13);
  const Tensor mask = numbers({5, 7}, 6).gt(-0.3);
  const Tensor a = numbers({2, 5, 3}, 7), b = numbers({2, 7, 3}, 8);
  const auto f = [&](std::span<const Tensor> at) {
    return nn::attention(at[0], at[1], at[2], {.mask = mask});
  };
  CHECK(gradient_error(f, {a, b, b * 2}) < 1e-6);
  const auto slope = [&](std::span<const Tensor> at) {
    Tape tape(at);
    return tape.gradient(f(at).square().sum(), at)[1];
  };
  CHECK(gradient_error(slope, {a, b, b * 2}) < 1e-5);
  // A query that sees nothing returns 0, without NaN.
  const Tensor none = Tensor::zeros({5, 7}, DType::boolean);
  CHECK(nn::attention(a, b, b, {.mask = none}).abs().max().item<double>() == 0);
  CHECK(apart(nn::attention(a, a, a, {.causal = true}).narrow(1, 0, 1), a.narrow(1, 0, 1)) < 1e-14);
  CHECK_THROWS_AS(nn::attention(a, b, a), ShapeError);
  CHECK_THROWS_AS(nn::attention(a, b, b, {.mask = Tensor::zeros({4, 7})}), ShapeError);
  CHECK_THROWS_AS(nn::attention(a, b, b, {.dropout = 0.5}), ValueError);
}

TEST_CASE("transformer layers: padding of keys changes nothing, and the decoder looks back only") {
  Rng rng(4);
  nn::TransformerEncoderLayer encoder(8, 2, rng, {.feedforward = 16});
  encoder.to(DType::f64);
  encoder.eval();
  const Tensor x = numbers({1, 4, 8});
  const Tensor padded = cat({x, numbers({1, 2, 8}, 2)}, 1);
  const Tensor there({{true, true, true, true, false, false}});
  const Tensor y = encoder.forward(padded, {.keys = there});
  CHECK(apart(y.narrow(1, 0, 4), encoder(x)) < 1e-13);
  nn::TransformerDecoderLayer decoder(8, 2, rng, {.feedforward = 16, .norm_first = true});
  decoder.to(DType::f64);
  decoder.eval();
  const nn::AttentionMasks causal{.causal = true};
  const Tensor both = decoder(padded, x, causal), first = decoder(x, x, causal);
  CHECK(apart(both.narrow(1, 0, 4), first) < 1e-13);
  CHECK_THROWS_AS(nn::MultiheadAttention(8, 3, rng), ValueError);
}
