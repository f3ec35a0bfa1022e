// Stop and go: training that is interrupted at a random step, and resumed in new objects from
// files, ends with the same bits as training that was not; with every optimizer, dropout, batch
// norm, a schedule and a shuffled Loader with workers.
#include <doctest/doctest.h>

#include <memory>

#include "attune/nn/activation.h"
#include "attune/nn/batch_norm.h"
#include "attune/nn/dataset.h"
#include "attune/nn/dropout.h"
#include "attune/nn/linear.h"
#include "attune/nn/sequential.h"
#include "attune/optim/lbfgs.h"
#include "attune/tune/checkpointable.h"
#include "tests/optim/support.h"
#include "tests/support/folder.h"

using namespace attune;
using attune::optim::test::Case;

namespace {

constexpr int64_t kSteps = 25;  // of 7 an epoch

nn::Dataset data() {
  Rng rng(5);
  const Tensor x = Tensor::randn({50, 6}, rng);
  return {x, Tensor::randint({50}, 0, 3, rng)};
}

// Everything that a run consists of. A run that goes on is made with another seed, so that what is
// not taken from the files shows.
struct Run {
  nn::Sequential model;
  std::unique_ptr<optim::Optimizer> optimizer;
  nn::Loader loader;
  Rng noise;
  int64_t step = 0;

  Run(const Case& how, uint64_t seed)
      : model(network(seed)),
        optimizer(how.make()),
        loader(data(), {.batch_size = 8, .shuffle = Rng(9), .workers = 2}),
        noise(seed) {
    optimizer->set_schedule(optim::cosine(2 * kSteps, 0.1));
  }

  static nn::Sequential network(uint64_t seed) {
    Rng rng(seed);
    return nn::Sequential{nn::Linear(6, 12, rng), nn::BatchNorm1d(12), nn::ReLU{},
                          nn::Dropout(0.4, rng), nn::Linear(12, 3, rng)};
  }

  void train(int64_t until) {
    while (step < until) {
      loader.seek(step / loader.batches());
      auto batch = loader.begin();
      for (int64_t done = step % loader.batches(); done > 0; --done) ++batch;
      for (; batch != loader.end() && step < until; ++batch, ++step) {
        const auto [x, y] = *batch;
        const Tensor seen = x + Tensor::randn(x.shape(), noise) * 0.1;
        Tape tape(model);
        optimizer->update(model, tape.gradient(nn::cross_entropy(model(seen), y)));
      }
    }
  }

  void save(const support::Folder& folder) const {
    tune::keeping::save_state(model, folder.file("model"));
    optimizer->save(folder.file("optimizer"));
    tune::keeping::save_state(std::pair(noise, step), folder.file("rest"));
  }
  void load(const support::Folder& folder) {
    tune::keeping::load_state(model, folder.file("model"));
    optimizer->load(folder.file("optimizer"));
    std::pair rest(noise, step);
    tune::keeping::load_state(rest, folder.file("rest"));
    std::tie(noise, step) = rest;
  }

  // Parameters, buffers, and what the optimizer would do next.
  std::vector<std::string> bits() const {
    const support::Folder folder;
    save(folder);
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path)) {
      all.push_back(entry.path().filename().string() + support::bytes_of(entry.path().string()));
    }
    std::sort(all.begin(), all.end());
    return all;
  }
};

}  // namespace

TEST_CASE("stop and go: the same bits, for every optimizer") {
  std::vector<Case> cases = optim::test::all_optimizers();
  cases.push_back(optim::test::optimizer<optim::Adam>(
      "Adam, amsgrad", optim::AdamOptions{.learning_rate = 0.01, .amsgrad = true}, {}));
  cases.push_back(optim::test::optimizer<optim::LBFGS>(
      "LBFGS", optim::LBFGSOptions{.learning_rate = 0.02}, {}));
  Rng interruptions(11);
  for (const Case& how : cases) {
    CAPTURE(how.name);
    Run whole(how, 1);
    whole.train(kSteps);
    for (int time = 0; time < 2; ++time) {
      const auto stop = static_cast<int64_t>(interruptions.below(kSteps));
      CAPTURE(stop);
      const support::Folder folder;
      {
        Run first(how, 1);
        first.train(stop);
        first.save(folder);
      }
      Run second(how, 2);
      second.load(folder);
      CHECK(second.step == stop);
      second.train(kSteps);
      CHECK(second.bits() == whole.bits());
    }
  }
}
