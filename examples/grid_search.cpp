// Grid search over learning rate and regularization, both of which reach the training. The score is
// the validation score; the test part, which no trial has seen, is opened once at the end.

#include <attune/attune.h>

#include <iostream>

using namespace attune;

int main() {
  const Table table = read_csv("examples/data/digits.csv");
  const Tensor all = table.to_tensor();  // [1797, 65]: 64 pixels of 0 to 16, and the digit
  const Tensor data = all.narrow(1, 0, 64) / 16.0;
  const Tensor labels = all.narrow(1, 64, 1).squeeze(1).cast(DType::i64);

  tune::SearchResult best = tune::grid_search(
      {{"lr", tune::log_grid(1e-3, 1e-1, 3)}, {"reg", tune::linear_grid(0.0, 0.1, 3)}},
      [](const tune::Params&, Rng& rng) -> std::unique_ptr<nn::Module> {
        return std::make_unique<nn::Sequential>(nn::Linear(64, 64, rng), nn::ReLU{},
                                                nn::Linear(64, 10, rng));
      },
      data, labels, {.epochs = 15, .jobs = 2});

  for (const tune::TrialResult& trial : best.study.trials()) {
    std::cout << trial.params.to_string() << ": " << trial.value << '\n';
  }
  const double test = best.test();
  std::cout << "best " << best.params.to_string() << ": validation " << best.score << ", test "
            << test << '\n';
  return test > 0.9 ? 0 : 1;
}
