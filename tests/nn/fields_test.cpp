// Fields: what they take, and how names are built.
#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "attune/nn/activation.h"
#include "attune/nn/dropout.h"
#include "attune/nn/embedding.h"
#include "attune/nn/internal/visit.h"
#include "attune/nn/linear.h"
#include "attune/nn/module.h"
#include "attune/nn/sequential.h"
#include "tests/nn/support.h"

using namespace attune;
using namespace attune::support;

namespace {

template <class Inner>
struct Templated : nn::Module {
  Inner inner;
  Tensor forward(const Tensor& x) override { return inner(x); }
  void fields(nn::Fields& f) override { f("inner", inner); }
};

}  // namespace

TEST_CASE("fields: lists, optionals and owners, nested, by PyTorch's names") {
  struct Block : nn::Module {
    nn::Linear linear;
    std::optional<Tensor> scale;
    explicit Block(Rng& rng) : linear(2, 2, rng, {.bias = false}) {}
    Tensor forward(const Tensor& x) override { return linear(x); }
    void fields(nn::Fields& f) override { f("linear", linear)("scale", scale); }
  };
  struct Model : nn::Module {
    std::vector<Block> blocks;
    std::vector<std::vector<nn::Layer>> stages;
    std::array<Tensor, 2> gains{Tensor::ones({1}), Tensor()};
    std::optional<Block> extra, missing;
    std::unique_ptr<nn::Linear> owned;
    nn::Layer layer;
    std::vector<std::optional<Tensor>> maybe{std::nullopt, Tensor::ones({3})};
    std::vector<Block> none;
    explicit Model(Rng& rng) : layer(nn::Linear(2, 2, rng)) {
      for (int i = 0; i < 12; ++i) blocks.emplace_back(rng);
      blocks[1].scale = Tensor::ones({2});
      stages.resize(2);
      stages[1] = {nn::ReLU(), nn::Dropout(0.5, rng), nn::Linear(2, 2, rng)};
      extra.emplace(rng);
      owned = std::make_unique<nn::Linear>(2, 2, rng);
    }
    Tensor forward(const Tensor& x) override { return x; }
    void fields(nn::Fields& f) override {
      f("blocks", blocks)("stages", stages)("gains", gains)("extra", extra)("missing", missing);
      f("owned", owned)("layer", layer)("maybe", maybe)("none", none);
    }
  };
  Rng rng(1);
  Model model(rng);
  std::vector<std::string> expected;
  for (int i = 0; i < 12; ++i) {
    expected.push_back("blocks." + std::to_string(i) + ".linear.weight");
    if (i == 1) expected.emplace_back("blocks.1.scale");
  }
  expected.insert(expected.end(),
                  {"stages.1.2.weight", "stages.1.2.bias", "gains.0", "extra.linear.weight",
                   "owned.weight", "owned.bias", "layer.weight", "layer.bias", "maybe.1"});
  CHECK(names(model.named_parameters()) == expected);
  CHECK(model.parameters().size() == expected.size());
  model.eval();
  CHECK_FALSE(model.blocks[11].training());
  CHECK_FALSE(model.stages[1][1]->training());
  CHECK_FALSE(model.layer->training());
  CHECK(model.checkpoint().streams.size() == 1);
  model.to(DType::f64);
  CHECK(model.blocks[11].linear.weight.dtype() == DType::f64);

  const std::string table = model.summary({2, 2});
  CHECK(has(table, "\nblocks.11.linear "));
  CHECK(has(table, "\nstages.1.1 "));
  CHECK_FALSE(has(table, "missing"));

  const TemporaryFile file("attune_fields_lists.safetensors");
  model.save(file.path);
  Model other(rng);
  other.to(DType::f64);
  other.blocks[1].scale = Tensor::zeros({2}, DType::f64);
  other.load(file.path);
  CHECK(same(other.blocks[11].linear.weight, model.blocks[11].linear.weight));
  CHECK(same(*other.blocks[1].scale, *model.blocks[1].scale));
  CHECK(same(other.layer->parameters()[0], model.layer->parameters()[0]));

  static_assert(nn::internal::Holder<std::unique_ptr<nn::Linear>>);
  static_assert(!nn::internal::Holder<std::shared_ptr<nn::Linear>>, "copies would share it");
  static_assert(!nn::internal::Holder<nn::Linear*>);
}

TEST_CASE("fields: frozen parameters are saved and cast, not trained") {
  struct Transfer : nn::Module {
    nn::Sequential backbone;
    nn::Linear head;
    explicit Transfer(Rng& rng)
        : backbone{nn::Linear(2, 3, rng), nn::Dropout(0.5, rng)}, head(3, 2, rng) {}
    Tensor forward(const Tensor& x) override { return head(backbone(x)); }
    void fields(nn::Fields& f) override { f.frozen("backbone", backbone)("head", head); }
  };
  Rng rng(1);
  Transfer model(rng);
  CHECK(names(model.named_parameters()) == std::vector<std::string>{"head.weight", "head.bias"});
  CHECK(names(model.named_buffers()) ==
        std::vector<std::string>{"backbone.0.weight", "backbone.0.bias"});
  model.eval();
  const Tensor x = Tensor::randn({4, 2}, rng);
  CHECK(same(model(x), model(x)));
  const TemporaryFile file("attune_fields_frozen.safetensors");
  model.save(file.path);
  Transfer other(rng);
  other.load(file.path);
  CHECK(same(std::as_const(other)(x), model(x)));
}

TEST_CASE("fields: the first call finds a layer that is not listed") {
  Rng rng(1);
  const Tensor x = Tensor::randn({8, 4}, rng);

  struct NoDropout : nn::Module {  // would go on dropping after eval()
    nn::Linear linear;
    nn::Dropout drop;
    explicit NoDropout(Rng& r) : linear(4, 4, r), drop(0.5, r) {}
    Tensor forward(const Tensor& in) override { return drop(linear(in)); }
    void fields(nn::Fields& f) override { f("linear", linear); }
  };
  NoDropout no_dropout(rng);
  for (int call = 0; call < 2; ++call) {  // it stays refused
    const std::string message = message_of([&] { no_dropout(x); });
    CAPTURE(message);
    CHECK(has(message, "NoDropout: forward() calls Dropout(0.5), which fields() does not list"));
  }
  CHECK_THROWS_AS(no_dropout.summary({8, 4}), ValueError);
  CHECK_THROWS_AS(std::as_const(no_dropout)(x), ValueError);
  no_dropout.linear(x);  // alone it is sound

  struct Nothing : nn::Module {  // would train to no effect
    nn::Linear linear;
    explicit Nothing(Rng& r) : linear(4, 4, r) {}
    Tensor forward(const Tensor& in) override { return linear(in).relu(); }
  };
  Nothing nothing(rng);
  CHECK(has(message_of([&] { nothing(x); }), "Nothing: forward() calls Linear(4 -> 4)"));
  CHECK(has(message_of([&] { nothing.save("unwritten.safetensors"); }), "has no parameters"));
  CHECK(has(message_of([&] { nothing.load("unwritten.safetensors"); }), "has no parameters"));

  // Deep inside, where the message names the layer at fault; and one that it makes while it runs.
  nn::Sequential deep{nn::Linear(4, 4, rng), nn::Residual(no_dropout)};
  CHECK(has(message_of([&] { deep(x); }), "NoDropout: forward() calls Dropout"));

  struct Lazy : nn::Module {
    std::optional<nn::Linear> linear;
    Rng rng{3};
    Tensor forward(const Tensor& in) override {
      if (!linear) linear.emplace(in.size(-1), 2, rng);
      const nn::ReLU relu;  // has nothing that could be forgotten
      return nn::Softmax()(relu((*linear)(in)));
    }
    void fields(nn::Fields& f) override { f("linear", linear); }
  } lazy;
  CHECK(lazy(x).shape() == Shape{8, 2});

  // A temporary layer around listed tensors.
  struct Shared : nn::Module {
    nn::Linear linear;
    explicit Shared(Rng& r) : linear(4, 4, r) {}
    Tensor forward(const Tensor& in) override {
      nn::Linear again = linear;
      return again(linear(in));
    }
    void fields(nn::Fields& f) override { f("linear", linear); }
  };
  CHECK(Shared(rng)(x).shape() == Shape{8, 4});
}

TEST_CASE("fields: a call that throws leaves the next one as it should be") {
  struct Picky : nn::Module {
    nn::Linear linear;
    explicit Picky(Rng& r) : linear(4, 4, r) {}
    Tensor forward(const Tensor& x) override { return linear(x); }
    void fields(nn::Fields& f) override { f("linear", linear); }
  };
  Rng rng(1);
  Picky model(rng);
  CHECK_THROWS_AS(model(Tensor::zeros({2, 5})), ShapeError);
  CHECK(model(Tensor::zeros({2, 4})).shape() == Shape{2, 4});
  CHECK_THROWS_AS(model(Tensor::zeros({2, 5})), ShapeError);
  CHECK_THROWS_AS(model.summary({2, 5}), ShapeError);
  CHECK(model(Tensor::zeros({2, 4})).shape() == Shape{2, 4});
}

TEST_CASE("EvalScope and const models: evaluation on this thread, whatever the mode") {
  Rng rng(1);
  nn::Sequential model{nn::Linear(4, 16, rng), nn::Dropout(0.5, rng)};
  const Tensor x = Tensor::randn({8, 4}, rng);
  const nn::Sequential& fixed = model;
  const nn::Checkpoint before = model.checkpoint();
  const Tensor y = fixed(x);
  CHECK(model.training());
  {
    const nn::EvalScope outer;
    {
      const nn::EvalScope inner;
      CHECK(same(model(x), y));
    }
    CHECK_FALSE(model.training());
    CHECK(same(model(x), y));
    bool elsewhere = false;
    std::thread([&] { elsewhere = model.training(); }).join();
    CHECK(elsewhere);
  }
  CHECK(model.checkpoint().streams == before.streams);  // nothing was drawn
  CHECK_FALSE(same(model(x), y));

  const nn::Sequential fresh{nn::Linear(4, 16, rng), nn::Dropout(0.5, rng)};
  std::vector<Tensor> results(4);
  std::vector<std::thread> threads;
  for (Tensor& result : results) threads.emplace_back([&] { result = fresh(x); });
  for (std::thread& thread : threads) thread.join();
  for (const Tensor& result : results) CHECK(same(result, results[0]));
}

TEST_CASE("describe: the type's own name, of templates and local types too") {
  struct Local : nn::Module {
    Tensor forward(const Tensor& x) override { return x; }
  };
  CHECK(Local().describe() == "Local");
  struct Wrapped : nn::ModuleOf<Wrapped> {};
  CHECK(Wrapped().describe() == "Wrapped");
  CHECK(Templated<nn::ReLU>().describe() == "Templated<attune::nn::ReLU>");
}
