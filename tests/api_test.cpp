// The public names, used as outside programs use them: what fails to compile here breaks somebody.
// Each thing's own tests stand in its room's folder.

#include <doctest/doctest.h>

#include <attune/attune.h>

#include <filesystem>
#include <sstream>

using namespace attune;
using namespace std::chrono_literals;

namespace {

struct Mlp : nn::Module {
  nn::Linear hidden, out;
  nn::Dropout drop;
  explicit Mlp(Rng& rng) : hidden(64, 128, rng), out(128, 10, rng), drop(0.2f, rng) {}
  Tensor forward(const Tensor& x) override { return out(drop(hidden(x).relu())); }
  void fields(nn::Fields& f) override { f("hidden", hidden)("drop", drop)("out", out); }
};

struct Folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / "attune-api-test";
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const char* name) const { return (path / name).string(); }
};

}  // namespace

TEST_CASE("api: tensors") {
  Rng rng(42);
  const Rng weights = rng.fork("weights"), t7 = rng.fork(7);
  CHECK(!(weights == t7));
  const Tensor a({{1.f, 2.f}, {3.f, 4.f}});
  const std::vector<float> values(6, 1.f);
  const Tensor c = Tensor::from(std::span<const float>(values), {2, 3});
  const Tensor d = Tensor::borrow(values.data(), {2, 3});
  CHECK(a.shape() == Shape{2, 2});
  CHECK(a.size(-1) * a.rank() == a.numel());
  CHECK(a.dtype() == DType::f32);
  CHECK(Tensor(3.f).item<float>() == 3);
  CHECK(c.to_vector<float>() == values);
  CHECK(d.data<float>().data() == values.data());
  std::ostringstream text;
  text << a.shape() << ' ' << a;
  CHECK(text.str() == "[2, 2] [[1., 2.],\n [3., 4.]]");

  const Tensor x = Tensor::rand({4, 6}, rng);
  CHECK(x.sum({0, 1}, keep_dims).shape() == Shape{1, 1});
  CHECK(x.reshape({-1, 4}).shape() == Shape{6, 4});
  CHECK(x[{0, Slice{1, -1}}].shape() == Shape{4});
  CHECK(x.matmul(x.t()).relu().shape() == Shape{4, 4});
  CHECK((1 - x * 2.0 + x / x).shape() == x.shape());
  CHECK(cat({x, x}, 0).size(0) + stack({x, x}).size(0) == 10);
  CHECK(where(x.gt(0.5), x, -x).abs().sum().item<float>() == x.sum().item<float>());

  const Folder folder;
  save_safetensors(folder / "w.safetensors", {{"w", a}});
  const auto tensors = load_safetensors(folder / "w.safetensors");
  CHECK(tensors.at("w").to_vector<float>() == a.to_vector<float>());
}

TEST_CASE("api: gradients") {
  const auto f = [](std::span<const Tensor> p) { return (p[0] * p[0]).sum(); };
  const std::vector<Tensor> params{Tensor({1., 2.})};
  const auto [value, gradients] = value_and_grad(f, params);
  CHECK(value.item<double>() == 5);
  CHECK(gradients[0].to_vector<double>() == std::vector<double>{2, 4});
  CHECK(gradcheck(f, params) < 1e-8);
  const ThreadScope threads(1);
  const Tensor y = custom_gradient(
      [](std::span<const Tensor> in) { return in[0] * 2; },
      [](std::span<const Tensor>, const Tensor&, const Tensor& dy) { return std::vector{dy * 2}; },
      params);
  CHECK(y.to_vector<double>() == std::vector<double>{2, 4});
}

TEST_CASE("api: models and optimizers") {
  Rng rng(1);
  Mlp model(rng);
  const Mlp checkpoint = model;
  const Tensor x = Tensor::randn({8, 64}, rng), y = Tensor::randint({8}, 0, 10, rng);
  Tape tape(model.parameters());
  const Tensor loss = nn::cross_entropy(model(x), y);
  std::vector<Tensor> grads = tape.gradient(loss, model.parameters());
  optim::clip_grad_norm(grads, 1.0);
  optim::clip_grad_value(grads, 1.0);
  optim::SGD sgd({.learning_rate = 0.1,
                  .momentum = 0.9,
                  .dampening = 0,
                  .nesterov = true,
                  .weight_decay = 1e-4});
  optim::Adam adam({.learning_rate = 1e-3});
  optim::AdamW adamw({.learning_rate = 1e-3, .weight_decay = 0.01});
  adamw.set_schedule(optim::linear_warmup(10, optim::cosine(90)));
  sgd.update(model, grads);
  adam.update(model, grads);
  adamw.update(model, grads);
  CHECK(model.named_parameters()[0].first == "hidden.weight");
  model = checkpoint;
  model.eval();
  const Folder folder;
  model.save(folder / "m.safetensors");
  model.load(folder / "m.safetensors");

  nn::Sequential net{nn::Linear(64, 128, rng), nn::ReLU{}, nn::Dropout(0.2f, rng),
                     nn::Linear(128, 10, rng)};
  nn::Sequential grown;
  grown.add(nn::Linear(64, 10, rng));
  CHECK(net.parameters().size() == 4);
  CHECK(grown(x).shape() == Shape{8, 10});

  const nn::Dataset data{Tensor::randn({100, 4}, rng), Tensor::randint({100}, 0, 3, rng)};
  int64_t rows = 0;
  for (const auto& batch : nn::Loader(data, {.batch_size = 64, .shuffle = rng.fork("order")})) {
    rows += batch.x.size(0);
  }
  CHECK(rows == 100);
  nn::Split parts = nn::split(data, {.validation = 0.2, .test = 0.2, .stratify = true}, rng);
  CHECK(parts.train.size() + parts.validation.size() + parts.test.open().size() == 100);
  CHECK(nn::kfold(data, 5, rng).size() == 5);
}

TEST_CASE("api: studies and spaces") {
  const Folder folder;
  tune::Study study({.name = "digits",
                     .storage = "sqlite:///" + (folder / "digits.db"),
                     .direction = tune::maximize,
                     .sampler = tune::bayesian(),
                     .pruner = tune::median(),
                     .seed = 7});
  study.optimize(
      [](tune::Trial& trial) -> tune::Outcome {
        const double lr = trial.suggest_float("lr", 1e-4, 1e-1, tune::log);
        const int64_t layers = trial.suggest_int("layers", 1, 10);
        const auto act = trial.suggest_categorical("activation", {"relu", "gelu"});
        Rng rng = trial.rng("weights");
        const double accuracy =
            1 - lr - 0.01 * static_cast<double>(layers) + (act == "relu" ? 0 : 0.1);
        if (trial.report(0, accuracy + 1e-9 * rng.uniform()).should_stop()) return tune::pruned;
        return accuracy;
      },
      {.trials = 8, .jobs = 2, .timeout = 10min});
  const tune::TrialResult best = study.best_trial();
  CHECK(best.value == best.values[0]);
  CHECK(double(best.params.at("lr")) >= 1e-4);
  CHECK(study.best_trials().size() == 1);
  CHECK(study.trials().size() == 8);

  tune::Space space{{"lr", tune::log_range(1e-4, 1e-1)},
                    {"batch", tune::powers_of_two(16, 256)},
                    {"layers", tune::int_range(1, 10)},
                    {"act", tune::choice({"relu", "leaky"})},
                    {"slope", tune::log_range(1e-3, 1e-1).when("act", "leaky")}};
  space.forbid(
      [](const tune::Params& p) { return int(p.at("layers")) == 10 && double(p.at("lr")) > 0.05; });
  tune::Study by_hand({.sampler = tune::random(), .seed = 1, .space = space});
  tune::Trial trial = by_hand.ask();
  by_hand.tell(trial, 0.5);
  by_hand.enqueue({{"lr", 0.01}});
  CHECK(by_hand.step(
      [&](tune::Trial& t) -> tune::Outcome { return double(t.suggest(space).at("lr")); }));
  CHECK(by_hand.best_trial().value == 0.01);
  for (const auto& sampler : {tune::grid(), tune::sobol()}) CHECK(sampler != nullptr);
  for (const tune::Param& range :
       {tune::defaults::learning_rate(), tune::defaults::batch_size(), tune::defaults::layers(),
        tune::defaults::regularization(), tune::defaults::dropout(), tune::defaults::epochs()}) {
    CHECK(range.low < range.high);
  }
}

TEST_CASE("api: a training that pauses and goes on") {
  struct Mlp : nn::Module {
    nn::Linear hidden, out;
    explicit Mlp(Rng& rng) : hidden(4, 8, rng), out(8, 3, rng) {}
    Tensor forward(const Tensor& x) override { return out(hidden(x).relu()); }
    void fields(nn::Fields& f) override { f("hidden", hidden)("out", out); }
  };
  Rng rng(1);
  const nn::Dataset data{Tensor::randn({60, 4}, rng), Tensor::randint({60}, 0, 3, rng)};
  const auto train_one_epoch = [&](Mlp& model, optim::Adam& adam) {
    nn::train(model, adam, data, {.epochs = 1, .batch_size = 20});
    return nn::evaluate(model, data).score;
  };
  for (const auto& scheduler :
       {tune::asha(), tune::hyperband({.max_steps = 6}), tune::population({.size = 4}),
        tune::successive_halving({.min_steps = 1, .reduction = 3}),
        tune::freeze_thaw({.max_steps = 6})}) {
    std::vector<std::string> tables;
    for (const int jobs : {1, 2}) {
      tune::Study study({.direction = tune::maximize,
                         .sampler = tune::random(),
                         .scheduler = scheduler,
                         .seed = 3,
                         .deterministic = true});
      std::atomic<int64_t> epochs{0};
      study.optimize(
          [&](tune::Trial& trial) -> tune::Outcome {
            const double lr = trial.suggest_float("lr", 1e-4, 1e-1, tune::log);
            Rng weights = trial.rng("weights");
            Mlp model(weights);
            optim::Adam adam({.learning_rate = lr});
            trial.checkpointable(model);
            trial.checkpointable(adam);
            double accuracy = 0;
            for (int64_t epoch = trial.first_step(); epoch < 6; ++epoch) {
              accuracy = train_one_epoch(model, adam);
              ++epochs;
              if (trial.report(epoch, accuracy).should_stop()) return trial.stopped();
            }
            return accuracy;
          },
          {.trials = 12, .jobs = jobs, .timeout = 10min, .trial_timeout = 5min});
      CHECK(study.total_steps() == epochs);
      CHECK(study.best_trial().value > 0);
      std::string table;
      for (const tune::TrialResult& t : study.trials()) {
        for (const auto& [step, value] : t.intermediate) table += tune::to_json(value) + ' ';
        CHECK(study.lineage(t.number).back().trial == t.number);
      }
      tables.push_back(table);
    }
    CHECK(tables[0] == tables[1]);
  }
}

TEST_CASE("api: searches") {
  Rng rng(3);
  const Tensor x = Tensor::randn({100, 4}, rng), y = Tensor::randint({100}, 0, 3, rng);
  tune::SearchResult best = tune::grid_search(
      {{"lr", tune::log_grid(1e-4, 1e-1, 2)}, {"reg", tune::linear_grid(0.0, 0.1, 2)}},
      [](const tune::Params&, Rng& r) -> std::unique_ptr<nn::Module> {
        return std::make_unique<nn::Sequential>(
            nn::Sequential{nn::Linear(4, 8, r), nn::ReLU{}, nn::Linear(8, 3, r)});
      },
      x, y, {.epochs = 3});
  CHECK(best.study.size() == 4);
  CHECK(best.score >= 0);
  CHECK(double(best.params.at("lr")) > 0);
  CHECK(best.test() <= 1);
  CHECK_THROWS_AS(best.test(), Error);
}
