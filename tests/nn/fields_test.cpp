// Fields: what they take, how names are built, and tied weights.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "attune/nn/embedding.h"
#include "attune/nn/internal/visit.h"
#include "attune/nn/linear.h"
#include "attune/nn/module.h"
#include "attune/tensor/error.h"

using namespace attune;

namespace {

// A language model whose output layer uses the table of its embedding.
struct Tied : nn::Module {
  nn::Embedding embedding;
  nn::Linear decoder;
  explicit Tied(Rng& rng) : embedding(5, 3, rng), decoder(3, 5, rng) {
    decoder.weight = embedding.weight;
  }
  Tensor forward(const Tensor& x) override { return decoder(embedding(x)); }
  void fields(nn::Fields& f) override { f("embedding", embedding)("decoder", decoder); }
};

std::vector<std::string> names(const nn::NamedTensors& tensors) {
  std::vector<std::string> all;
  for (const auto& [name, x] : tensors) all.push_back(name);
  return all;
}

}  // namespace

TEST_CASE("tied weights: one parameter, in both fields, whoever writes it") {
  Rng rng(1);
  Tied model(rng);
  CHECK(names(model.named_parameters()) ==
        std::vector<std::string>{"embedding.weight", "decoder.bias"});
  CHECK(model.parameters().size() == 2);
  CHECK(model.parameter_count() == 20);
  const auto tied = [&] { return model.embedding.weight.block() == model.decoder.weight.block(); };
  {
    nn::internal::Writable parameters(model);
    REQUIRE(parameters.size() == 2);
    CHECK(internal::sole_owner(parameters[0]));
    parameters[0] = Tensor::zeros({5, 3});
  }
  CHECK(tied());
  CHECK(model.decoder.weight.abs().max().item<float>() == 0);
  try {
    nn::internal::Writable parameters(model);
    throw Error("in the middle of a step");
  } catch (const Error&) {
  }
  CHECK(tied());
  model.to(DType::f64);
  CHECK(tied());
  CHECK(model.decoder.weight.dtype() == DType::f64);
  model.restore(Tied(model).checkpoint());
  CHECK(tied());
}

TEST_CASE(
    "tied weights: among more parameters than fit a small table, and one field listed twice") {
  struct Many : nn::Module {
    std::vector<Tensor> all;
    Tensor forward(const Tensor& x) override { return x; }
    void fields(nn::Fields& f) override {
      for (Tensor& x : all) f("x", x);
      if (!all.empty()) f("again", all[0]);
    }
  } model;
  for (int i = 0; i < 300; ++i) {
    model.all.push_back(i % 3 == 2 ? model.all[static_cast<size_t>(i - 1)] : Tensor::ones({2}));
  }
  CHECK(model.parameters().size() == 200);
  CHECK(model.parameter_count() == 400);
  {
    nn::internal::Writable parameters(model);
    REQUIRE(parameters.size() == 200);
    for (size_t i = 0; i < 200; ++i) {
      parameters[i] = Tensor::full({2}, static_cast<double>(i));
    }
  }
  CHECK(model.all[0].data<float>()[0] == 0);
  for (size_t i = 2; i < 300; i += 3) CHECK(model.all[i].block() == model.all[i - 1].block());
  CHECK(model.all[299].data<float>()[0] == 199);
}
