// Modules whose forward takes or returns more than one tensor, alone and inside bigger ones.
#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "attune/nn/activation.h"
#include "attune/nn/dropout.h"
#include "attune/nn/embedding.h"
#include "attune/nn/internal/visit.h"
#include "attune/nn/layer_norm.h"
#include "attune/nn/linear.h"
#include "attune/nn/sequential.h"
#include "attune/base/error.h"
#include "attune/tensor/tape.h"

using namespace attune;

namespace {

// A minimal gated unit: x [batch, in], h [batch, width] -> output and new state.
struct Cell : nn::ModuleOf<Cell> {
  nn::Linear gate, candidate;
  nn::Dropout drop;
  Cell(int64_t in, int64_t width, Rng& rng)
      : gate(in + width, width, rng), candidate(in + width, width, rng), drop(0.5, rng) {}

  std::pair<Tensor, Tensor> forward(const Tensor& x, const Tensor& h) {
    const Tensor z = gate(cat({x, h}, -1)).sigmoid();
    const Tensor next = h + z * (candidate(cat({x, h}, -1)).tanh() - h);
    return {drop(next), next};
  }
  // A second signature: from a state of zeros.
  std::pair<Tensor, Tensor> forward(const Tensor& x) {
    return forward(x, Tensor::zeros({x.size(0), gate.weight.size(0)}, x.dtype()));
  }
  void fields(nn::Fields& f) override { f("gate", gate)("candidate", candidate)("drop", drop); }
};

// x [batch, n, width] looks at memory [batch, m, width], where mask [m] allows it.
struct Attend : nn::ModuleOf<Attend> {
  nn::Linear query, key;
  nn::LayerNorm norm;
  Attend(int64_t width, Rng& rng)
      : query(width, width, rng), key(width, width, rng, {.bias = false}), norm(width) {}

  Tensor forward(const Tensor& x, const Tensor& memory, const Tensor& mask) {
    const Tensor scores = query(x).matmul(key(memory).transpose(-1, -2));
    return norm(x + scores.masked_fill(mask.logical_not(), -1e9).softmax().matmul(memory));
  }
  void fields(nn::Fields& f) override { f("query", query)("key", key)("norm", norm); }
};

// An encoder of two cells, one after the other, and a decoder that looks back at all its outputs.
struct Translator : nn::Module {
  nn::Embedding words;
  std::vector<Cell> cells;
  std::optional<Attend> look_back;
  nn::Layer head;
  Translator(bool attention, Rng& rng)
      : words(7, 4, rng), head(nn::Sequential{nn::Linear(4, 4, rng), nn::ReLU()}) {
    for (int i = 0; i < 2; ++i) cells.emplace_back(4, 4, rng);
    if (attention) look_back.emplace(4, rng);
  }
  Tensor forward(const Tensor& x) override {  // [batch, n] -> [batch, n, 4]
    std::vector<Tensor> outputs;
    std::vector<Tensor> states(cells.size());
    for (int64_t t = 0; t < x.size(1); ++t) {
      Tensor y = words(x[{Slice{}, t}]);
      for (size_t i = 0; i < cells.size(); ++i) {
        std::tie(y, states[i]) = t == 0 ? cells[i](y) : cells[i](y, states[i]);
      }
      outputs.push_back(y);
    }
    Tensor y = stack(outputs, 1);
    if (look_back) y = (*look_back)(y, y, Tensor::ones({x.size(1)}, DType::boolean));
    return (*head)(y);
  }
  void fields(nn::Fields& f) override {
    f("words", words)("cells", cells)("look_back", look_back)("head", head);
  }
};

static_assert(!std::is_constructible_v<nn::Layer, Cell>, "a Sequential could not call it");

std::vector<std::string> names(const nn::NamedTensors& tensors) {
  std::vector<std::string> all;
  for (const auto& [name, x] : tensors) all.push_back(name);
  return all;
}

void descend(nn::ModuleBase& module, const std::vector<Tensor>& grads) {
  nn::internal::Writable parameters(module);
  for (size_t i = 0; i < grads.size(); ++i) parameters[i] = (parameters[i] - grads[i]).detach();
}

bool same(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.eq(b).all().item<bool>();
}

}  // namespace

TEST_CASE("ModuleOf: a cell with a state has names, modes, copies, files and a summary") {
  Rng rng(1);
  Cell cell(3, 4, rng);
  const Tensor x = Tensor::randn({2, 3}, rng), h = Tensor::randn({2, 4}, rng);
  CHECK(names(cell.named_parameters()) ==
        std::vector<std::string>{"gate.weight", "gate.bias", "candidate.weight", "candidate.bias"});
  const Cell before = cell;
  const auto [dropped, next] = cell(x, h);
  CHECK_FALSE(same(dropped, next));
  cell.eval();
  CHECK_FALSE(cell.drop.training());
  const auto [y, state] = cell(x, h);
  CHECK(same(y, state));
  CHECK(same(y, next));
  CHECK(same(before(x, h).first, y));  // const: in evaluation mode
  CHECK(before.training());

  // Less the last line: a state that is given is memory of the caller's.
  const auto table = [](const std::string& summary) {
    return summary.substr(0, summary.rfind('\n', summary.size() - 2) + 1);
  };
  CHECK(table(cell.summary(x, h)) ==
        "layer      kind            output          parameters\n"
        "           Cell            [2, 4], [2, 4]          64\n"
        "gate       Linear(7 -> 4)  [2, 4]                  32\n"
        "candidate  Linear(7 -> 4)  [2, 4]                  32\n"
        "drop       Dropout(0.5)    [2, 4]                    \n");
  CHECK(table(cell.summary(x)) == table(cell.summary(x, h)));

  const std::string path =
      (std::filesystem::temp_directory_path() / "attune_module_of_test.safetensors").string();
  cell.save(path);
  Cell other(3, 4, rng);
  other.load(path);
  std::remove(path.c_str());
  other.eval();
  CHECK(same(other(x, h).first, y));

  cell.train();
  {
    Tape tape(cell.parameters());
    descend(cell, tape.gradient(cell(x, h).second.square().sum()));
  }
  CHECK_FALSE(same(cell(x, h).second, next));
  CHECK(same(before(x, h).second, next));
  cell = before;
  CHECK(same(cell(x, h).second, next));
}

TEST_CASE("ModuleOf: inside a bigger module, in lists and optionals") {
  Rng rng(2);
  for (const bool attention : {false, true}) {
    CAPTURE(attention);
    Translator model(attention, rng);
    std::vector<std::string> expected{"words.weight"};
    for (const char* cell : {"cells.0.", "cells.1."}) {
      for (const char* name : {"gate.weight", "gate.bias", "candidate.weight", "candidate.bias"}) {
        expected.push_back(std::string(cell) + name);
      }
    }
    if (attention) {
      for (const char* name :
           {"query.weight", "query.bias", "key.weight", "norm.weight", "norm.bias"}) {
        expected.push_back(std::string("look_back.") + name);
      }
    }
    expected.insert(expected.end(), {"head.0.weight", "head.0.bias"});
    CHECK(names(model.named_parameters()) == expected);

    const Tensor x({{1, 2, 3}, {4, 5, 6}});
    CHECK_FALSE(same(model(x), model(x)));
    model.eval();
    CHECK_FALSE(model.cells[1].drop.training());
    const Tensor y = model(x);
    CHECK(y.shape() == Shape{2, 3, 4});
    CHECK(same(model(x), y));

    const std::string table = model.summary({2, 3}, DType::i64);
    CAPTURE(table);
    CHECK(table.find("\ncells.1.gate ") != std::string::npos);
    CHECK((table.find("\nlook_back ") != std::string::npos) == attention);
    CHECK(table.find("[2, 4], [2, 4]") != std::string::npos);

    const Translator copy = model;
    const nn::Checkpoint checkpoint = model.checkpoint();
    Tape tape(model.parameters());
    const std::vector<Tensor> grads = tape.gradient(model(x).square().sum());
    for (const Tensor& g : grads) CHECK(g.isfinite().all().item<bool>());
    descend(model, grads);
    CHECK_FALSE(same(model(x), y));
    CHECK(same(copy(x), y));
    model.restore(checkpoint);
    CHECK(same(model(x), y));
  }
}
