#pragma once
// Splits a data set so that its scores can be trusted: train on one part, choose by the second, and
// open the sealed third once, at the end.

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "attune/nn/dataset.h"
#include "attune/base/error.h"

namespace attune::nn {

// A value that may be opened once. A test score that was known before the last choice was made is
// no longer a test; the seal makes that visible. Copies share one seal.
template <class T>
class Sealed {
 public:
  explicit Sealed(T value) : state_(std::make_shared<State>(std::move(value))) {}

  // Error if it, or a copy, was opened before.
  const T& open() & {
    if (state_->opened.exchange(true)) {
      throw Error("Sealed: already opened; a test set may be used only once");
    }
    return state_->value;
  }
  T open() && { return open(); }
  bool opened() const { return state_->opened; }

 private:
  struct State {
    explicit State(T v) : value(std::move(v)) {}
    T value;
    std::atomic<bool> opened{false};
  };
  std::shared_ptr<State> state_;
};

struct SplitOptions {
  double validation = 0.2;  // shares of all rows; the rest is for training
  double test = 0.2;
  bool stratify = false;  // every part has each class in the same share; y must be integers [rows]
  std::vector<int64_t> groups = {};  // by row: rows of one group are in one part
  std::vector<double> times = {};  // by row: the last rows are the test, those before it validation
};

struct SplitRows {
  std::vector<int64_t> train, validation, test;
};

struct Split {
  Dataset train, validation;
  Sealed<Dataset> test;
};

// Rows are drawn at random; the same rng draws the same parts. A share above 0 is at least one row.
// Stratified, every class keeps at least one row in train, so that parts of data with very small
// classes may be smaller than asked for. ValueError for shares outside [0, 1) or that leave nothing
// to train on, too few rows, or labels that cannot be stratified (one class only, or as many
// classes as rows).
// By groups parts are as near to their shares as whole groups allow; by time rows of one time stay
// together. ValueError also for what fold_rows() refuses of these.
Split split(const Dataset& dataset, const SplitOptions& options, Rng& rng);
SplitRows split_rows(const Dataset& dataset, const SplitOptions& options, Rng& rng);

struct Fold {
  Dataset train, validation;
};

struct FoldOptions {
  int64_t folds = 5;
  bool stratify = false;  // every fold has each class in its share; y must be integers [rows]
  // One number a row: rows of one group are held out together (patients, say, or sessions).
  std::vector<int64_t> groups = {};
  // One a row: each fold is later than what it is trained on, which is all rows before it; the
  // earliest rows are never held out. Rows of one time stay together.
  std::vector<double> times = {};
};

struct FoldRows {
  std::vector<int64_t> train, validation;
};

// The rows of each fold: every row is held out once, except by time. The same rng draws the same
// folds. ValueError unless 2 <= folds <= rows; for groups or times of another number than the rows,
// NaN among times, both at once, times stratified, fewer groups or times than folds need, or labels
// that cannot be stratified.
std::vector<FoldRows> fold_rows(const Dataset& dataset, const FoldOptions& options, Rng& rng);
std::vector<Fold> kfold(const Dataset& dataset, const FoldOptions& options, Rng& rng);

// k ways to hold out one k-th of the rows, each row held out once. ValueError unless
// 2 <= k <= rows.
std::vector<Fold> kfold(const Dataset& dataset, int64_t k, Rng& rng);

}  // namespace attune::nn
