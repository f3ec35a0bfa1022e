#include "attune/nn/internal/divide.h"
#include "attune/nn/split.h"
#include "attune/tensor/internal/check.h"

namespace attune::nn {
namespace {

using internal::Rows;

// The rows that each fold holds out; by time one part more, the first, which none does.
std::vector<Rows> held_out(const Dataset& dataset, const FoldOptions& o, Rng& rng) {
  const int64_t n = dataset.size();
  if (!o.stratify && o.groups.empty() && o.times.empty()) {
    const Rows order = Tensor::permutation(n, rng).to_vector<int64_t>();
    std::vector<Rows> parts;
    for (int64_t fold = 0; fold < o.folds; ++fold) {  // sizes differ by one at most
      parts.emplace_back(order.begin() + fold * n / o.folds,
                         order.begin() + (fold + 1) * n / o.folds);
    }
    return parts;
  }
  const int64_t count = o.folds + (o.times.empty() ? 0 : 1);
  const std::vector<double> shares(static_cast<size_t>(count), 1.0 / static_cast<double>(count));
  return internal::divide(dataset, shares, o.groups, o.times, o.stratify, rng);
}

}  // namespace

std::vector<FoldRows> fold_rows(const Dataset& dataset, const FoldOptions& options, Rng& rng) {
  const int64_t n = dataset.size();
  check<ValueError>(options.folds >= 2 && options.folds <= n,
                    "kfold: folds must be between 2 and the {} rows, got {}", n, options.folds);
  internal::check_division("kfold", n, options.groups, options.times, options.stratify);
  const std::vector<Rows> parts = held_out(dataset, options, rng);
  for (const Rows& part : parts) {
    check<ValueError>(!part.empty(), "kfold: the {} are too few for {} folds",
                      !options.times.empty()    ? "times"
                      : !options.groups.empty() ? "groups"
                                                : "rows",
                      options.folds);
  }
  std::vector<FoldRows> folds;
  if (!options.times.empty()) {
    Rows before = parts[0];
    for (size_t i = 1; i < parts.size(); ++i) {
      folds.push_back({before, parts[i]});
      before.insert(before.end(), parts[i].begin(), parts[i].end());
    }
    return folds;
  }
  for (const Rows& validation : parts) {
    FoldRows fold{{}, validation};
    for (const Rows& other : parts) {
      if (&other != &validation) fold.train.insert(fold.train.end(), other.begin(), other.end());
    }
    folds.push_back(std::move(fold));
  }
  return folds;
}

std::vector<Fold> kfold(const Dataset& dataset, const FoldOptions& options, Rng& rng) {
  std::vector<Fold> folds;
  for (const FoldRows& rows : fold_rows(dataset, options, rng)) {
    folds.push_back({dataset.rows(rows.train), dataset.rows(rows.validation)});
  }
  return folds;
}

std::vector<Fold> kfold(const Dataset& dataset, int64_t k, Rng& rng) {
  return kfold(dataset, {.folds = k}, rng);
}

}  // namespace attune::nn
