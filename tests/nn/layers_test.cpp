// One suite, run on every layer. A new layer adds one line to all_layers().
#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <string>

#include "attune/nn/activation.h"
#include "attune/nn/batch_norm.h"
#include "attune/nn/conv.h"
#include "attune/nn/dropout.h"
#include "attune/nn/embedding.h"
#include "attune/nn/ensemble.h"
#include "attune/nn/group_norm.h"
#include "attune/nn/layer_norm.h"
#include "attune/nn/linear.h"
#include "attune/nn/piecewise_linear.h"
#include "attune/nn/pool.h"
#include "attune/nn/sequential.h"
#include "attune/nn/standardizer.h"
#include "attune/nn/transformer.h"
#include "attune/base/error.h"
#include "attune/tensor/tape.h"

using namespace attune;

namespace {

struct Case {
  std::string name;
  nn::Layer layer;
  Tensor x;  // f64, or integers for an Embedding
  std::vector<std::string> parameters, buffers{};
};

std::vector<Case> all_layers() {
  Rng rng(7);
  const Tensor x = Tensor::randn({3, 4}, rng, DType::f64);
  const Tensor deep = Tensor::randn({2, 3, 4}, rng, DType::f64);
  const Tensor image = Tensor::randn({2, 4, 5, 3}, rng, DType::f64);
  const std::vector<std::string> none, weight{"weight"}, both{"weight", "bias"};
  const std::vector<std::string> statistics{"running_mean", "running_var", "num_batches_tracked"};
  return {
      {"Linear", nn::Linear(4, 5, rng), x, both},
      {"Linear, 3 axes", nn::Linear(4, 5, rng), deep, both},
      {"Linear, no bias", nn::Linear(4, 5, rng, {.bias = false}), x, weight},
      {"LayerNorm", nn::LayerNorm(4), deep, both},
      {"LayerNorm, plain", nn::LayerNorm(4, {.affine = false}), x, none},
      {"Conv1d", nn::Conv1d(3, 2, 3, rng, {.padding = 1}), deep, both},
      {"Conv2d", nn::Conv2d(4, 6, {2, 3}, rng, {.stride = 2, .padding = 1, .groups = 2}), image,
       both},
      {"Conv2d, no bias", nn::Conv2d(4, 2, 3, rng, {.bias = false}), image, weight},
      {"ConvTranspose2d", nn::ConvTranspose2d(4, 2, 2, rng, {.stride = 2}), image, both},
      {"MaxPool1d", nn::MaxPool1d(2), deep, none},
      {"MaxPool2d", nn::MaxPool2d(2, {.stride = 1}), image, none},
      {"AvgPool1d", nn::AvgPool1d(2), deep, none},
      {"AvgPool2d", nn::AvgPool2d(3, {.padding = 1}), image, none},
      {"BatchNorm1d", nn::BatchNorm1d(4), x, both, statistics},
      {"BatchNorm2d", nn::BatchNorm2d(4, {.affine = false}), image, none, statistics},
      {"GroupNorm", nn::GroupNorm(2, 4), image, both},
      {"RMSNorm", nn::RMSNorm(4), deep, weight},
      {"TransformerEncoderLayer",
       nn::TransformerEncoderLayer(4, 2, rng, {.feedforward = 6, .gelu = true}),
       deep,
       {"self_attn.in_proj_weight", "self_attn.in_proj_bias", "self_attn.out_proj.weight",
        "self_attn.out_proj.bias", "linear1.weight", "linear1.bias", "linear2.weight",
        "linear2.bias", "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"}},
      {"PositionalEncoding", nn::PositionalEncoding(4), deep, none},
      {"Embedding", nn::Embedding(6, 3, rng), Tensor({{0, 5}, {2, 5}}), weight},
      {"Dropout", nn::Dropout(0.4, rng), x, none},
      {"ReLU", nn::ReLU(), x, none},
      {"LeakyReLU", nn::LeakyReLU(0.1), x, none},
      {"GELU", nn::GELU(), x, none},
      {"ReLU6", nn::ReLU6(), x, none},
      {"ReLU2", nn::ReLU2(), x, none},
      {"ELU", nn::ELU(), x, none},
      {"CELU", nn::CELU(0.5), x, none},
      {"SELU", nn::SELU(), x, none},
      {"QuickGELU", nn::QuickGELU(), x, none},
      {"Hardsigmoid", nn::Hardsigmoid(), x, none},
      {"LogSigmoid", nn::LogSigmoid(), x, none},
      {"Hardswish", nn::Hardswish(), x, none},
      {"Softsign", nn::Softsign(), x, none},
      {"Mish", nn::Mish(), x, none},
      {"Tanhshrink", nn::Tanhshrink(), x, none},
      {"Identity", nn::Identity(), x, none},
      {"Sigmoid", nn::Sigmoid(), x, none},
      {"SiLU", nn::SiLU(), x, none},
      {"Softplus", nn::Softplus(), x, none},
      {"Tanh", nn::Tanh(), x, none},
      {"Softmax", nn::Softmax(), x, none},
      {"LogSoftmax", nn::LogSoftmax(), x, none},
      {"Flatten", nn::Flatten(), deep, none},
      {"Residual", nn::Residual(nn::Linear(4, 4, rng)), x, {"inner.weight", "inner.bias"}},
      {"Standardizer", nn::Standardizer::fit(x), x, none, {"mean", "std"}},
      {"PiecewiseLinear",
       nn::PiecewiseLinear::fit(Tensor::randn({9, 4}, rng, DType::f64), 3),
       x,
       none,
       {"column", "low", "width"}},
      {"Ensemble",
       nn::Ensemble(nn::Mean::outputs).add(nn::Linear(4, 2, rng)).add(nn::Linear(4, 2, rng)),
       x,
       {"members.0.weight", "members.0.bias", "members.1.weight", "members.1.bias"}},
      {"Ensemble of probabilities",
       nn::Ensemble(nn::Mean::probabilities)
           .add(nn::Linear(4, 2, rng, {.bias = false}))
           .add(nn::Linear(4, 2, rng, {.bias = false})),
       x,
       {"members.0.weight", "members.1.weight"}},
      {"Sequential",
       nn::Sequential{nn::Linear(4, 6, rng), nn::ReLU(), nn::Dropout(0.2, rng),
                      nn::Linear(6, 2, rng, {.bias = false})},
       x,
       {"0.weight", "0.bias", "3.weight"}},
  };
}

// Puts other tensors in the places of a module's parameters.
struct Replace : nn::Fields {
  std::span<const Tensor> values;
  size_t next = 0;
  explicit Replace(std::span<const Tensor> with) : values(with) {}
  void on_parameter(std::string_view, Tensor& x) override { x = values[next++]; }
};

void set_parameters(nn::Module& module, std::span<const Tensor> values) {
  Replace replace(values);
  module.fields(replace);
}

// Moves every parameter, as training would.
void disturb(nn::Module& module) {
  std::vector<Tensor> moved;
  for (const Tensor& p : module.parameters()) moved.push_back(p * 1.5 + 0.25);
  set_parameters(module, moved);
}

bool same(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         a.eq(b).logical_or(a.isnan().logical_and(b.isnan())).all().item<bool>();
}

bool same(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  bool equal = a.size() == b.size();
  for (size_t i = 0; equal && i < a.size(); ++i) equal = same(a[i], b[i]);
  return equal;
}

std::string temporary(const char* name) {
  return (std::filesystem::temp_directory_path() / name).string();
}

}  // namespace

TEST_CASE("layers: names are PyTorch's") {
  for (Case& c : all_layers()) {
    CAPTURE(c.name);
    std::vector<std::string> names, buffers;
    for (const auto& [name, tensor] : c.layer->named_parameters()) names.push_back(name);
    for (const auto& [name, tensor] : c.layer->named_buffers()) buffers.push_back(name);
    CHECK(names == c.parameters);
    CHECK(buffers == c.buffers);
    CHECK(c.layer->parameters().size() == names.size());
    CHECK(c.layer->buffers().size() == buffers.size());
  }
}

TEST_CASE("layers: gradients of input and parameters match central differences") {
  for (Case& c : all_layers()) {
    CAPTURE(c.name);
    c.layer->to(DType::f64);
    const bool differentiable = c.x.dtype() == DType::f64;
    std::vector<Tensor> inputs = c.layer->parameters();
    if (differentiable) inputs.push_back(c.x);
    const auto f = [&](std::span<const Tensor> at) {
      nn::Layer copy = c.layer;  // with the same random stream each time
      set_parameters(*copy, at.first(at.size() - (differentiable ? 1 : 0)));
      return (*copy)(differentiable ? at.back() : c.x);
    };
    CHECK(gradcheck(f, inputs) < 1e-6);
  }
}

TEST_CASE("layers: a copy is a checkpoint") {
  for (Case& c : all_layers()) {
    CAPTURE(c.name);
    c.layer->to(DType::f64);
    nn::Layer copy = c.layer;
    const std::vector<Tensor> before = c.layer->parameters();
    for (size_t i = 0; i < before.size(); ++i) {  // shared until changed
      CHECK(copy->parameters()[i].block() == before[i].block());
    }
    const nn::Checkpoint checkpoint = c.layer->checkpoint();
    const Tensor y = (*copy)(c.x);
    disturb(*c.layer);
    (*c.layer)(c.x);  // draws random numbers
    CHECK(same(copy->parameters(), before));
    if (!before.empty()) CHECK_FALSE(same(c.layer->parameters(), before));
    c.layer->restore(checkpoint);
    CHECK(same((*c.layer)(c.x), y));
  }
}

TEST_CASE("layers: saved and loaded, they give the same outputs") {
  const std::string path = temporary("attune_layers_test.safetensors");
  for (Case& c : all_layers()) {
    CAPTURE(c.name);
    if (c.parameters.empty() && c.buffers.empty()) {
      CHECK_THROWS_AS(c.layer->save(path), ValueError);
      continue;
    }
    c.layer->to(DType::f64);
    c.layer->eval();
    const Tensor y = (*c.layer)(c.x);
    c.layer->save(path);
    disturb(*c.layer);
    c.layer->load(path);
    CHECK(same((*c.layer)(c.x), y));
  }
  std::remove(path.c_str());
}

TEST_CASE("layers: stored as f16 and bf16, saved and loaded") {
  const std::string path = temporary("attune_layers_half_test.safetensors");
  for (const DType half : {DType::f16, DType::bf16}) {
    CAPTURE(half);
    for (Case& c : all_layers()) {
      CAPTURE(c.name);
      nn::Layer full = c.layer;
      c.layer->to(half);
      std::vector<Tensor> tensors = c.layer->checkpoint().tensors, wide;
      for (const Tensor& x : tensors) CHECK((x.dtype() == half || !is_floating(x.dtype())));
      if (tensors.empty()) continue;
      c.layer->save(path);
      disturb(*full);
      full->load(path);  // casts: every half is an f32 and f64 too
      wide = full->checkpoint().tensors;
      for (size_t i = 0; i < wide.size(); ++i) {
        CHECK(wide[i].dtype() != half);
        CHECK(same(wide[i], tensors[i].cast(wide[i].dtype())));
      }
      full->save(path);
      nn::Layer again = c.layer;
      again->load(path);
      tensors = again->checkpoint().tensors;
      for (size_t i = 0; i < wide.size(); ++i) {
        CHECK(tensors[i].dtype() == (is_floating(wide[i].dtype()) ? half : wide[i].dtype()));
        CHECK(same(tensors[i].cast(wide[i].dtype()), wide[i]));
      }
    }
  }
  std::remove(path.c_str());
}

TEST_CASE("layers: summary names each layer and runs forward once, in evaluation mode") {
  for (Case& c : all_layers()) {
    CAPTURE(c.name);
    c.layer->to(DType::f64);
    const nn::Checkpoint before = c.layer->checkpoint();
    const std::string text = c.layer->summary(c.x.shape(), c.x.dtype());
    CAPTURE(text);
    CHECK(text.find(c.layer->describe()) != std::string::npos);
    CHECK(text.find((*c.layer)(c.x).shape().to_string()) != std::string::npos);
    CHECK(c.layer->training());
    if (!before.streams.empty()) {  // the forward above drew numbers in training; undo it, compare
      c.layer->restore(before);
      c.layer->summary(c.x.shape(), c.x.dtype());
      CHECK(c.layer->checkpoint().streams == before.streams);
    }
  }
}

TEST_CASE("Linear: y = x W^T + b, from +-1/sqrt(in)") {
  Rng rng(3);
  nn::Linear layer(64, 50, rng);
  const double largest = layer.weight.abs().max().item<float>();
  CHECK(largest <= 0.125);
  CHECK(largest > 0.124);  // 3200 draws come this near
  CHECK(std::abs(layer.weight.mean().item<float>()) < 0.005);
  CHECK(layer.bias.abs().max().item<float>() <= 0.125);
  const Tensor x = Tensor::randn({3, 64}, rng);
  const Tensor y = layer(x), expected = x.matmul(layer.weight.t()) + layer.bias;
  CHECK((y - expected).abs().max().item<float>() < 1e-5);
  CHECK_THROWS_AS(nn::Linear(0, 3, rng), ValueError);
  CHECK_THROWS_AS(layer(Tensor::zeros({3, 65})), ShapeError);
}

TEST_CASE("LayerNorm, Embedding, Dropout: what they refuse") {
  Rng rng(3);
  CHECK_THROWS_WITH_AS(nn::LayerNorm(4)(Tensor::zeros({2, 5})),
                       "LayerNorm: the last axis of x must be 4, but x is [2, 5]", ShapeError);
  CHECK_THROWS_AS(nn::LayerNorm(0), ValueError);
  CHECK_THROWS_AS(nn::Embedding(3, 0, rng), ValueError);
  CHECK_THROWS_AS(nn::Embedding(3, 2, rng)(Tensor({0, 3})), IndexError);
  for (const DType dtype : {DType::i32, DType::i64}) {
    CHECK_THROWS_WITH_AS(nn::Embedding(3, 2, rng)(Tensor({0, -1}).cast(dtype)),
                         "Embedding: x holds -1, but the table has rows 0 to 2", IndexError);
    CHECK_THROWS_AS(nn::Embedding(3, 2, rng)(Tensor({0, 3}).cast(dtype)), IndexError);
  }
  CHECK(nn::Embedding(3, 2, rng)(Tensor::zeros({0, 4}, DType::i64)).shape() == Shape{0, 4, 2});
  CHECK(nn::Embedding(3, 2, rng)(Tensor(2)).shape() == Shape{2});
  CHECK_THROWS_AS(nn::Embedding(3, 2, rng)(Tensor({0.5f})), DTypeError);
  CHECK_THROWS_AS(nn::LayerNorm(4, {.epsilon = NAN}), ValueError);
  CHECK_THROWS_AS(nn::LayerNorm(4, {.epsilon = INFINITY}), ValueError);
  CHECK_THROWS_AS(nn::Dropout(NAN, rng), ValueError);
  CHECK_THROWS_WITH_AS(nn::Residual(nn::Linear(4, 1, rng))(Tensor::zeros({2, 4})),
                       "Residual: Linear(4 -> 1) takes [2, 4] to [2, 1]; the shape must not change",
                       ShapeError);
  CHECK_THROWS_AS(nn::Dropout(1.0, rng), ValueError);
  CHECK_THROWS_AS(nn::Dropout(-0.1, rng), ValueError);
}

TEST_CASE("Dropout: keeps the mean, is itself in evaluation, and no two layers draw alike") {
  Rng rng(11);
  nn::Dropout a(0.25, rng), b(0.25, rng);
  const Tensor ones = Tensor::ones({100, 100});
  const Tensor y = a(ones);
  CHECK(y.mean().item<float>() == doctest::Approx(1).epsilon(0.02));
  CHECK(y.max().item<float>() == doctest::Approx(1 / 0.75));
  CHECK_FALSE(same(y, b(ones)));
  CHECK_FALSE(same(y, a(ones)));
  a.eval();
  CHECK(same(a(ones), ones));
}
