// attune_grid_search DIGITS_CSV [grid|halving] [STORAGE]
// The job of bench/peers/grid_search.py, scikit-learn's GridSearchCV of an MLPClassifier: 18 points
// of learning rate and width, 5 stratified folds, Adam, 30 epochs in batches of 64, and the best
// one trained again on all rows; on one thread. `grid` trains every point to its end, as
// GridSearchCV does; `halving` compares them on the way. One JSON line: seconds by the clock and of
// the processor, the best point, each point's mean. With a STORAGE (sqlite:///FILE) a run that was
// killed goes on where it was.

#include <chrono>
#include <ctime>
#include <exception>
#include <iostream>
#include <string>

#include <fmt/format.h>

#include "attune/base/threads.h"
#include "attune/nn/activation.h"
#include "attune/nn/linear.h"
#include "attune/nn/sequential.h"
#include "attune/tensor/io/csv.h"
#include "attune/tune/train/search.h"

using namespace attune;

namespace {

std::unique_ptr<nn::Module> network(const tune::Params& p, Rng& rng) {
  const int64_t width = p.at("width");
  return std::make_unique<nn::Sequential>(nn::Linear(64, width, rng), nn::ReLU{},
                                          nn::Linear(width, 10, rng));
}

int run(const std::string& path, const std::string& how, const std::string& storage) {
  const Tensor all = read_csv(path).to_tensor();  // 64 pixels of 0 to 16, and the digit
  const Tensor x = all.narrow(1, 0, 64) / 16.0;
  const Tensor y = all.narrow(1, 64, 1).squeeze(1).cast(DType::i64);
  const tune::Space grid{{"lr", tune::choice({1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2})},
                         {"width", tune::choice({32, 64, 128})}};
  tune::SearchOptions options{.epochs = 30,
                              .batch_size = 64,
                              .optimizer = "adam",
                              .schedule = "constant",
                              .test = 0,
                              .folds = 5};
  if (!storage.empty()) options.storage = storage;
  const ThreadScope one(1);
  const std::clock_t cpu_began = std::clock();
  const auto began = std::chrono::steady_clock::now();
  const tune::SearchResult best = how == "halving"
                                      ? tune::halving_grid_search(grid, network, x, y, options)
                                      : tune::grid_search(grid, network, x, y, options);
  const auto model = best.refit();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const double cpu = static_cast<double>(std::clock() - cpu_began) / CLOCKS_PER_SEC;
  std::string points;
  for (const tune::SearchRow& row : best.table()) {
    if (row.state == tune::State::failed) continue;
    points += fmt::format("{}{{\"lr\": {}, \"width\": {}, \"epochs\": {}, \"mean\": {:.4f}}}",
                          points.empty() ? "" : ", ", static_cast<double>(row.params.at("lr")),
                          static_cast<int64_t>(row.params.at("width")), row.steps, row.mean);
  }
  std::cout << fmt::format(
      "{{\"how\": \"{}\", \"seconds\": {:.3f}, \"cpu\": {:.3f}, \"best\": {{\"lr\": {}, \"width\": "
      "{}}}, "
      "\"mean\": {:.4f}, \"points\": [{}]}}\n",
      how, took.count(), cpu, static_cast<double>(best.params.at("lr")),
      static_cast<int64_t>(best.params.at("width")), best.score, points);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4) {
    std::cerr << "attune_grid_search DIGITS_CSV [grid|halving] [STORAGE]\n";
    return 2;
  }
  try {
    return run(argv[1], argc > 2 ? argv[2] : "grid", argc > 3 ? argv[3] : "");
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
