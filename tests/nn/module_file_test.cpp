// Tied weights, and what Module::save and load keep and refuse.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "attune/nn/embedding.h"
#include "attune/nn/internal/visit.h"
#include "attune/nn/linear.h"
#include "attune/nn/module.h"
#include "attune/tensor/io/safetensors.h"
#include "tests/nn/support.h"

using namespace attune;
using namespace attune::support;

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

TEST_CASE("tied weights: saved under both names, loaded from a file with either or both") {
  Rng rng(1);
  Tied model(rng), other(rng);
  const TemporaryFile file("attune_tied.safetensors");
  const auto tied = [&] { return other.embedding.weight.block() == other.decoder.weight.block(); };
  model.save(file.path);
  const auto saved = load_safetensors(file.path);
  CHECK(saved.size() == 3);  // as PyTorch's state_dict
  other.load(file.path);
  CHECK(tied());
  CHECK(same(other.decoder.weight, model.embedding.weight));
  for (const char* left_out : {"embedding.weight", "decoder.weight"}) {
    NamedTensors rest;
    for (const auto& [name, x] : saved) {
      if (name != left_out) rest.emplace_back(name, x);
    }
    save_safetensors(file.path, rest);
    other = Tied(rng);
    other.load(file.path);
    CHECK(tied());
    CHECK(same(other.decoder.weight, model.embedding.weight));
  }
  save_safetensors(file.path, {{"decoder.bias", model.decoder.bias}});
  CHECK_THROWS_AS(other.load(file.path), IoError);
  save_safetensors(file.path, {{"decoder.bias", model.decoder.bias},
                               {"decoder.weight", model.decoder.weight},
                               {"embedding.weight", model.decoder.weight + 1}});
  const Tensor before = other.decoder.weight;
  const std::string message = message_of([&] { other.load(file.path); });
  CHECK(has(message, "'embedding.weight' and 'decoder.weight' are one parameter of Tied"));
  CHECK(same(other.decoder.weight, before));
}

TEST_CASE(
    "tied weights: a view of a parameter is refused; buffers and frozen copies are not tied") {
  Rng rng(1);
  Tied model(rng);
  model.decoder.weight = model.embedding.weight.t().t();
  CHECK(has(message_of([&] { model(Tensor({1, 2})); }), "'decoder.weight' is a view of another"));

  struct Target : nn::Module {
    nn::Linear online, target;
    explicit Target(Rng& r) : online(2, 2, r), target(online) {}
    Tensor forward(const Tensor& x) override { return online(x) - target(x); }
    void fields(nn::Fields& f) override { f("online", online).frozen("target", target); }
  } pair(rng);
  CHECK(pair.parameters().size() == 2);
  {
    nn::internal::Writable parameters(pair);
    parameters[0] = Tensor::zeros({2, 2});
  }
  CHECK(pair.target.weight.abs().max().item<float>() > 0);
}

TEST_CASE("load: casts between floating dtypes, and refuses what a dtype cannot hold") {
  struct Mixed : nn::Module {
    Tensor weight = Tensor::zeros({2}), count = Tensor::zeros({2}, DType::i64);
    Tensor forward(const Tensor& x) override { return x; }
    void fields(nn::Fields& f) override { f("weight", weight).buffer("count", count); }
  } model;
  const TemporaryFile file("attune_load_casts.safetensors");
  const auto load = [&](const Tensor& weight, const Tensor& count) {
    save_safetensors(file.path, {{"weight", weight}, {"count", count}});
    return message_of([&] { model.load(file.path); });
  };
  CHECK(load(Tensor({0.1, 1e-300}), Tensor({3.f, -4.f})) == "");
  CHECK(same(model.weight, Tensor({0.1f, 0.f})));
  CHECK(same(model.count, Tensor({int64_t{3}, int64_t{-4}})));
  CHECK(load(Tensor({double{INFINITY}, 1.0}), Tensor({1, 2})) == "");
  CHECK(load(Tensor({1, 2}), Tensor({1, 2})) == "");
  CHECK(has(load(Tensor({1e300, 1.0}), Tensor({1, 2})), "'weight' is f64"));
  CHECK(has(load(Tensor({1.f, 1.f}), Tensor({0.5f, 2.f})), "values that i64 cannot hold"));
  CHECK(has(load(Tensor({1.f, 1.f}), Tensor({NAN, 2.f})), "values that i64 cannot hold"));
  CHECK(has(load(Tensor({1.f, 1.f}), Tensor({1e30f, 2.f})), "values that i64 cannot hold"));
  CHECK(same(model.count, Tensor({int64_t{1}, int64_t{2}})));
  // 2^63 is one more than the largest i64, and an integer must not be rounded.
  const int64_t last = std::numeric_limits<int64_t>::max();
  CHECK(has(load(Tensor({1.f, 1.f}), Tensor({0x1p63f, 2.f})), "values that i64 cannot hold"));
  CHECK(has(load(Tensor({1.f, 1.f}), Tensor({0x1p63, 2.0})), "values that i64 cannot hold"));
  CHECK(load(Tensor({1.f, 1.f}), Tensor({-0x1p63f, 0x1p62f})) == "");
  CHECK(has(load(Tensor({last, int64_t{1}}), Tensor({1, 2})), "values that f32 cannot hold"));
  CHECK(has(load(Tensor({16'777'217, 1}), Tensor({1, 2})), "values that f32 cannot hold"));
  CHECK(load(Tensor({16'777'216, 1}), Tensor({1, 2})) == "");

  model.to(DType::bf16);
  CHECK(has(load(Tensor({INT32_MAX, 1}), Tensor({1, 2})), "values that bf16 cannot hold"));
  model.to(DType::f16);
  CHECK(load(Tensor({0.5f, 65504.f}), Tensor({1, 2}).cast(DType::i8)) == "");
  CHECK(load(Tensor({0.5f, 1e-9f}), Tensor({1, 2})) == "");
  CHECK(has(load(Tensor({0.5f, 7e4f}), Tensor({1, 2})), "'weight' is f32"));
  CHECK(has(load(Tensor({1, 70'000}), Tensor({1, 2})), "values that f16 cannot hold"));
  model.count = Tensor({1, 0}).cast(DType::u8);
  CHECK(has(load(Tensor({1, 1}), Tensor({1, 256})), "values that u8 cannot hold"));
  CHECK(has(load(Tensor({1, 1}), Tensor({-1, 2})), "values that u8 cannot hold"));
  CHECK(load(Tensor({1, 1}), Tensor({int64_t{255}, int64_t{0}})) == "");
  CHECK(load(Tensor({1, 1}), Tensor({3.0, 0.0}).cast(DType::bf16)) == "");
  const Tensor bytes = Tensor({255, 1}).cast(DType::u8);
  model.count = Tensor({1, 0}).cast(DType::i8);
  CHECK(has(load(Tensor({1, 1}), bytes), "values that i8 cannot hold"));
  model.count = Tensor({true, false});
  CHECK(has(load(Tensor({1, 1}), bytes), "values that boolean cannot hold"));
  CHECK(has(load(Tensor({1, 1}), Tensor({0.5, 1.0})), "values that boolean cannot hold"));
  CHECK(load(Tensor({1, 1}), Tensor({0, 1})) == "");
}

TEST_CASE("load: a file that keeps tied weights once, and says so in its metadata") {
  struct Two : nn::Module {
    Tensor a = Tensor::zeros({2}), b = Tensor::zeros({2});
    Tensor forward(const Tensor& x) override { return x + a + b; }
    void fields(nn::Fields& f) override { f("a", a)("b", b); }
  } two;
  const std::string path =
      (std::filesystem::temp_directory_path() / ("attune_alias_" + std::to_string(getpid())))
          .string();
  save_safetensors(path, {{"a", Tensor({1.f, 2.f})}}, {{"b", "a"}, {"c", "a"}});
  two.load(path);
  CHECK(two.a.to_vector<float>() == std::vector<float>{1, 2});
  CHECK(two.b.to_vector<float>() == std::vector<float>{1, 2});
  save_safetensors(path, {{"a", Tensor({1.f, 2.f})}}, {{"b", "none"}});
  CHECK_THROWS_AS(two.load(path), IoError);
  std::filesystem::remove(path);
}
