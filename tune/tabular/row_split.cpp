#include "attune/tune/tabular/row_split.h"

#include <algorithm>

#include <fmt/format.h>

#include "attune/nn/internal/divide.h"
#include "attune/nn/split.h"
#include "attune/base/error.h"

namespace attune::tune {
namespace {

using nn::internal::cut_by_time;
using Rows = nn::internal::Rows;

// Of classes every part gets its share.
std::vector<Rows> distribute(const Target& target, const Rows& rows,
                             const std::vector<int64_t>& groups, const std::vector<double>& shares,
                             Rng rng) {
  std::vector<int64_t> classes;
  if (target.task() == Task::classification) {
    for (const int64_t row : rows) {
      const auto place = static_cast<size_t>(row);
      if (classes.size() <= place) classes.resize(place + 1);
      classes[place] = static_cast<int64_t>(target.value(row));
    }
  }
  return nn::internal::distribute(rows, classes, std::ssize(target.classes()), groups, shares, rng);
}

}  // namespace

RowParts split_rows(const Target& target, const SplitRules& rules, Rng rng) {
  const double rest = 1 - rules.validation - rules.test;
  if (!(rules.validation > 0) || !(rules.test >= 0) || !(rest > 0)) {
    throw ValueError(
        fmt::format("fit: the validation share must be above 0, the test share not below it, and "
                    "they must leave rows to train on, got {} and {}",
                    rules.validation, rules.test));
  }
  const Rows& rows = target.rows();
  if (rules.groups.empty() && rules.times.empty()) {
    const nn::Dataset numbered{Tensor::from(rows, {std::ssize(rows)}), target.encode(rows)};
    nn::Split parts = nn::split(numbered,
                                {.validation = rules.validation,
                                 .test = rules.test,
                                 .stratify = target.task() == Task::classification},
                                rng);
    return {parts.train.x.to_vector<int64_t>(), parts.validation.x.to_vector<int64_t>(),
            parts.test.open().x.to_vector<int64_t>()};
  }
  std::vector<double> shares = {rest, rules.validation};
  if (rules.test > 0) shares.push_back(rules.test);
  std::vector<Rows> parts = rules.times.empty()
                                ? distribute(target, rows, rules.groups, shares, rng)
                                : cut_by_time(rows, rules.times, shares);
  if (std::ranges::any_of(parts, &Rows::empty)) {
    throw ValueError(fmt::format("fit: {} are too few for a training, a validation and a test part",
                                 rules.times.empty() ? "the groups" : "the times"));
  }
  parts.resize(3);
  return {std::move(parts[0]), std::move(parts[1]), std::move(parts[2])};
}

std::vector<Rows> fold_rows(const Target& target, const Rows& rows, const SplitRules& rules,
                            int64_t count, Rng rng) {
  const std::vector<double> shares(static_cast<size_t>(count), 1.0 / static_cast<double>(count));
  std::vector<Rows> folds = rules.times.empty()
                                ? distribute(target, rows, rules.groups, shares, rng)
                                : cut_by_time(rows, rules.times, shares);
  if (std::ranges::any_of(folds, &Rows::empty)) {
    throw ValueError(fmt::format("fit: {} are too few for {} folds",
                                 !rules.times.empty()    ? "the times"
                                 : !rules.groups.empty() ? "the groups"
                                                         : "the rows",
                                 count));
  }
  return folds;
}

}  // namespace attune::tune
