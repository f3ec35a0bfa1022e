#include "attune/nn/module.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <filesystem>

#include "attune/nn/activation.h"
#include "attune/nn/dropout.h"
#include "attune/nn/init.h"
#include "attune/nn/linear.h"
#include "attune/nn/sequential.h"
#include "attune/base/error.h"
#include "attune/tensor/tape.h"

using namespace attune;

namespace {

struct Mlp : nn::Module {
  nn::Linear hidden, out;
  nn::Dropout drop;
  explicit Mlp(Rng& rng) : hidden(4, 8, rng), out(8, 3, rng), drop(0.5, rng) {}
  Tensor forward(const Tensor& x) override { return out(drop(hidden(x).relu())); }
  void fields(nn::Fields& f) override { f("hidden", hidden)("drop", drop)("out", out); }
};

bool same(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.eq(b).all().item<bool>();
}

std::string temporary(const char* name) {
  return (std::filesystem::temp_directory_path() / name).string();
}

}  // namespace

TEST_CASE("module: names, counts and modes reach all children") {
  Rng rng(1);
  Mlp model(rng);
  std::vector<std::string> names;
  for (const auto& [name, tensor] : model.named_parameters()) names.push_back(name);
  CHECK(names ==
        std::vector<std::string>{"hidden.weight", "hidden.bias", "out.weight", "out.bias"});
  CHECK(model.parameter_count() == 4 * 8 + 8 + 8 * 3 + 3);
  CHECK(model.drop.training());
  model.eval();
  CHECK_FALSE(model.drop.training());
  model.train();
  CHECK(model.drop.training());
}

TEST_CASE("module: a tape watches its parameters") {
  Rng rng(1);
  nn::Linear layer(4, 2, rng);
  const Tensor x = Tensor::randn({3, 4}, rng);
  Tape tape(layer);
  const std::vector<Tensor> grads = tape.gradient(layer(x).sum());
  REQUIRE(grads.size() == 2);
  CHECK(same(grads[1], Tensor::full({2}, 3.f)));
  nn::Module& any = layer;
  Tape of_base(any);
  CHECK(of_base.gradient(any(x).sum()).size() == 2);
}

TEST_CASE("module: summary is a table, and leaves modes and streams as they were") {
  Rng rng(1);
  Mlp model(rng);
  model.hidden.eval();
  const std::string table = model.summary({2, 4});
  const size_t last = table.rfind('\n', table.size() - 2) + 1;
  CHECK(table.substr(0, last) ==
        "layer   kind            output  parameters\n"
        "        Mlp             [2, 3]          67\n"
        "hidden  Linear(4 -> 8)  [2, 8]          40\n"
        "drop    Dropout(0.5)    [2, 8]            \n"
        "out     Linear(8 -> 3)  [2, 3]          27\n");
  CHECK(table.substr(last).starts_with("67 parameters; "));
  CHECK(table.ends_with(" bytes and 224 flop for this input\n"));  // 2 * 2 * (4 * 8 + 8 * 3)
  CHECK_FALSE(model.hidden.training());
  CHECK(model.drop.training());
  CHECK_THROWS_AS(model.summary({2, 5}), ShapeError);
  CHECK(model.drop.training());
}

TEST_CASE("module: load refuses what does not fit, and changes nothing then") {
  Rng rng(2);
  Mlp model(rng);
  const std::string path = temporary("attune_module_test.safetensors");
  const auto refuses = [&](nn::Module& other, const char* word) {
    other.save(path);
    const nn::Checkpoint before = model.checkpoint();
    std::string message;
    try {
      model.load(path);
    } catch (const Error& error) {
      message = error.what();
    }
    CAPTURE(message);
    CHECK(message.find(word) != std::string::npos);
    const nn::Checkpoint after = model.checkpoint();
    for (size_t i = 0; i < before.tensors.size(); ++i) {
      CHECK(after.tensors[i].block() == before.tensors[i].block());
    }
  };
  nn::Linear alone(4, 8, rng);
  refuses(alone, "hidden.weight");
  Mlp narrow(rng);
  narrow.out = nn::Linear(8, 2, rng);
  refuses(narrow, "out.weight");
  nn::Sequential more;
  more.add("hidden", nn::Linear(4, 8, rng)).add("out", nn::Linear(8, 3, rng));
  more.add("extra", nn::Linear(1, 1, rng));
  refuses(more, "extra.");
  CHECK_THROWS_AS(model.load(temporary("attune_no_such_file.safetensors")), IoError);

  Mlp wide(rng);  // a file of f64 loads into f32
  wide.to(DType::f64);
  wide.save(path);
  model.load(path);
  CHECK(model.hidden.weight.dtype() == DType::f32);
  CHECK(same(model.hidden.weight.cast(DType::f64), wide.hidden.weight));
  std::remove(path.c_str());

  CHECK_THROWS_AS(model.restore(alone.checkpoint()), ValueError);
}

TEST_CASE("module: a cast that fails half-way changes nothing") {
  struct Parts : nn::Module {
    Tensor mean = Tensor::ones({2}), weight = Tensor::ones({2}), tied = weight;
    Tensor huge = Tensor({1.f}).expand({int64_t{1} << 50});  // no copy of it fits anywhere
    Tensor forward(const Tensor& x) override { return x; }
    void fields(nn::Fields& f) override {
      f.buffer("mean", mean)("weight", weight)("tied", tied)("huge", huge);
    }
  } parts;
  CHECK_THROWS_AS(parts.to(DType::f64), OutOfMemory);
  CHECK(parts.mean.dtype() == DType::f32);
  CHECK(parts.weight.dtype() == DType::f32);
  parts.huge = Tensor();
  parts.to(DType::f64);
  CHECK(parts.mean.dtype() == DType::f64);
  CHECK(parts.weight.dtype() == DType::f64);
  CHECK(parts.tied.block() == parts.weight.block());
}

TEST_CASE("Sequential: a value; adds by place and by name") {
  Rng rng(5);
  nn::Sequential net;
  const Tensor x = Tensor::randn({6, 4}, rng);
  CHECK(same(net(x), x));
  net.add(nn::Linear(4, 8, rng)).add(nn::ReLU()).add("head", nn::Linear(8, 2, rng));
  CHECK(net.size() == 3);
  CHECK(net.named_parameters()[2].first == "head.weight");
  CHECK_THROWS_AS(net.add("head", nn::ReLU()), ValueError);
  CHECK_THROWS_AS(net.add("a.b", nn::ReLU()), ValueError);
  CHECK(net[2].describe() == "Linear(8 -> 2)");
  CHECK_THROWS_WITH_AS(net[3], "Sequential: layer 3 of 3", IndexError);

  nn::Sequential drops;
  {
    const nn::EvalScope evaluating;  // while it lasts, not for good
    drops.add(nn::Dropout(0.5, rng));
    CHECK(!drops[0].training());
  }
  CHECK(drops[0].training());
  drops.eval();
  CHECK(!drops.add(nn::Dropout(0.5, rng))[1].training());
  nn::Layer moved = nn::ReLU();
  const nn::Layer taken = std::move(moved);
  CHECK_THROWS_WITH_AS(drops.add("r", std::move(moved)), "Sequential: the layer 'r' was moved from",
                       ValueError);

  const nn::Sequential copy{net};
  CHECK(copy.parameters().size() == 4);
  const Tensor before = net(x);
  static_cast<nn::Linear&>(net[0]).weight = Tensor::zeros({8, 4});
  CHECK_FALSE(same(net(x), before));
  net = copy;
  CHECK(same(net(x), before));
}

TEST_CASE("Sequential: Linear and ReLU in one pass give what two give") {
  Rng rng(6);
  nn::Linear first(5, 7, rng), last(7, 2, rng);
  nn::Sequential fused{first, nn::ReLU(), last};
  const Tensor x = Tensor::randn({9, 5}, rng);
  const Tensor weights = Tensor::randn({9, 2}, rng);
  const auto apart = [&] { return last(first(x).relu()); };
  CHECK(same(fused(x), apart()));
  const auto gradients = [&](auto forward) {
    Tape tape(fused.parameters());
    return tape.gradient((forward() * weights).sum(), fused.parameters());
  };
  const auto a = gradients([&] { return fused(x); }), b = gradients(apart);
  for (size_t i = 0; i < a.size(); ++i) CHECK((a[i] - b[i]).abs().max().item<float>() < 1e-5);
}

TEST_CASE("init: deviations are He's and Glorot's") {
  Rng rng(8);
  const Shape shape{200, 300};
  const auto deviation = [](const Tensor& x) { return double{x.std().item<float>()}; };
  CHECK(deviation(nn::init::kaiming_uniform(shape, rng)) ==
        doctest::Approx(std::sqrt(2.0 / 300)).epsilon(0.02));
  CHECK(deviation(nn::init::kaiming_normal(shape, rng, 1)) ==
        doctest::Approx(std::sqrt(1.0 / 300)).epsilon(0.02));
  CHECK(deviation(nn::init::xavier_uniform(shape, rng, 2)) ==
        doctest::Approx(2 * std::sqrt(2.0 / 500)).epsilon(0.02));
  CHECK(deviation(nn::init::xavier_normal(shape, rng)) ==
        doctest::Approx(std::sqrt(2.0 / 500)).epsilon(0.02));
  CHECK_THROWS_AS(nn::init::kaiming_normal({5}, rng), ShapeError);
  CHECK_THROWS_AS(nn::init::kaiming_normal({5, 0}, rng), ShapeError);
  CHECK_THROWS_AS(nn::init::kaiming_uniform({5, 5}, rng, NAN), ValueError);
  CHECK_THROWS_AS(nn::init::xavier_uniform({5, 5}, rng, -1), ValueError);
  CHECK_THROWS_AS(nn::init::xavier_normal({5, 5}, rng, INFINITY), ValueError);
}
