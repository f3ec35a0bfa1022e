#include "attune/nn/split.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "attune/nn/internal/divide.h"
#include "attune/tensor/internal/check.h"

namespace attune::nn {
namespace {

std::vector<int64_t> permutation(int64_t n, Rng& rng) {
  return Tensor::permutation(n, rng).to_vector<int64_t>();
}

// The number of rows that a share of `total` amounts to, rounded; at least 1 unless the share is 0.
int64_t rows_of(double share, int64_t total) {
  if (share == 0) return 0;
  return std::max<int64_t>(1, std::llround(share * static_cast<double>(total)));
}

// Divides `wanted` rows among classes in proportion to their sizes, by largest remainders, taking
// at most room[c] of class c. The sum is less than `wanted` if there is not enough room.
std::vector<int64_t> apportion(int64_t wanted, const std::vector<int64_t>& sizes,
                               const std::vector<int64_t>& room) {
  int64_t total = 0;
  for (const int64_t size : sizes) total += size;
  std::vector<int64_t> counts(sizes.size());
  std::vector<std::pair<double, size_t>> remainders;
  int64_t left = wanted;
  for (size_t c = 0; c < sizes.size(); ++c) {
    const double exact =
        static_cast<double>(wanted) * static_cast<double>(sizes[c]) / static_cast<double>(total);
    counts[c] = std::min(static_cast<int64_t>(exact), room[c]);
    left -= counts[c];
    remainders.emplace_back(static_cast<double>(counts[c]) - exact,
                            c);  // the largest remainder first
  }
  std::sort(remainders.begin(), remainders.end());
  for (bool added = true; left > 0 && added;) {
    added = false;
    for (const auto& [remainder, c] : remainders) {
      if (left == 0 || counts[c] == room[c]) continue;
      ++counts[c], --left;
      added = true;
    }
  }
  return counts;
}

// The rows of each class, in the order given.
std::map<int64_t, std::vector<int64_t>> by_class(const Tensor& y,
                                                 const std::vector<int64_t>& order) {
  check<DTypeError>(!is_floating(y.dtype()),
                    "split: stratify needs integer labels, y is {}; do not stratify a regression",
                    y.dtype());
  check<ShapeError>(y.rank() == 1, "split: stratify needs labels [rows], y is {}", y.shape());
  const std::vector<int64_t> labels = y.cast(DType::i64).to_vector<int64_t>();
  std::map<int64_t, std::vector<int64_t>> classes;
  for (const int64_t row : order) classes[labels[static_cast<size_t>(row)]].push_back(row);
  check<ValueError>(classes.size() > 1,
                    "split: stratify needs two classes or more; all {} rows are of class {}",
                    labels.size(), classes.begin()->first);
  check<ValueError>(classes.size() < labels.size(),
                    "split: every one of the {} rows has a class of its own; is y an identifier?",
                    labels.size());
  return classes;
}

// Groups, or rows of one time, stay whole.
SplitRows split_whole(const Dataset& dataset, const SplitOptions& options, Rng& rng) {
  internal::check_division("split", dataset.size(), options.groups, options.times,
                           options.stratify);
  std::vector<double> shares = {1 - options.validation - options.test};
  if (options.validation > 0) shares.push_back(options.validation);
  if (options.test > 0) shares.push_back(options.test);
  std::vector<std::vector<int64_t>> parts =
      internal::divide(dataset, shares, options.groups, options.times, options.stratify, rng);
  for (const auto& part : parts) {
    check<ValueError>(!part.empty(), "split: the {} are too few for {} parts",
                      options.times.empty() ? "groups" : "times", parts.size());
  }
  SplitRows rows;
  rows.train = std::move(parts[0]);
  if (options.validation > 0) rows.validation = std::move(parts[1]);
  if (options.test > 0) rows.test = std::move(parts.back());
  return rows;
}

}  // namespace

SplitRows split_rows(const Dataset& dataset, const SplitOptions& options, Rng& rng) {
  const double validation_share = options.validation, test_share = options.test;
  const bool stratify = options.stratify;
  check<ValueError>(validation_share >= 0 && validation_share < 1 && test_share >= 0 &&
                        test_share < 1 && validation_share + test_share < 1,
                    "split: validation and test must be in [0, 1) and leave a share to train on, "
                    "got {} and {}",
                    validation_share, test_share);
  const int64_t n = dataset.size();
  const int64_t tests = rows_of(test_share, n), validations = rows_of(validation_share, n);
  check<ValueError>(tests + validations < n,
                    "split: {} rows are too few: {} for validation and {} for test leave none to "
                    "train on",
                    n, validations, tests);

  if (!options.groups.empty() || !options.times.empty()) return split_whole(dataset, options, rng);
  const std::vector<int64_t> order = permutation(n, rng);
  enum class Part : uint8_t { train, validation, test };
  std::vector<Part> part(static_cast<size_t>(n), Part::train);
  const auto assign = [&](const std::vector<int64_t>& rows, int64_t to_test,
                          int64_t to_validation) {
    for (int64_t i = 0; i < to_test + to_validation; ++i) {
      const auto row = static_cast<size_t>(rows[static_cast<size_t>(i)]);
      part[row] = i < to_test ? Part::test : Part::validation;
    }
  };
  if (!stratify) {
    assign(order, tests, validations);
  } else {
    const auto classes = by_class(dataset.y, order);
    std::vector<int64_t> sizes, room;
    for (const auto& [label, rows] : classes) {
      sizes.push_back(static_cast<int64_t>(rows.size()));
      room.push_back(sizes.back() - 1);  // one stays in train
    }
    const std::vector<int64_t> test_counts = apportion(tests, sizes, room);
    for (size_t c = 0; c < room.size(); ++c) room[c] -= test_counts[c];
    const std::vector<int64_t> validation_counts = apportion(validations, sizes, room);
    const auto empty = [](const std::vector<int64_t>& counts) {
      return std::all_of(counts.begin(), counts.end(), [](int64_t count) { return count == 0; });
    };
    check<ValueError>(
        (tests == 0 || !empty(test_counts)) && (validations == 0 || !empty(validation_counts)),
        "split: stratified, every class keeps a row to train on, and of {} rows in {} "
        "classes that leaves too few for both validation and test",
        n, classes.size());
    size_t c = 0;
    for (const auto& [label, rows] : classes) {
      assign(rows, test_counts[c], validation_counts[c]);
      ++c;
    }
  }

  std::vector<int64_t> chosen[3];
  for (const int64_t row : order) {
    chosen[static_cast<size_t>(part[static_cast<size_t>(row)])].push_back(row);
  }
  return {std::move(chosen[0]), std::move(chosen[1]), std::move(chosen[2])};
}

Split split(const Dataset& dataset, const SplitOptions& options, Rng& rng) {
  const SplitRows rows = split_rows(dataset, options, rng);
  return {dataset.rows(rows.train), dataset.rows(rows.validation),
          Sealed<Dataset>(dataset.rows(rows.test))};
}

}  // namespace attune::nn
