#include "attune/tune/tabular/row_split.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "attune/nn/split.h"
#include "attune/base/error.h"

namespace attune::tune {
namespace {

using Rows = std::vector<int64_t>;

// The rows of each group, in the order in which groups first appear.
std::vector<Rows> grouped(const Rows& rows, const std::vector<int64_t>& groups) {
  std::vector<Rows> members;
  std::map<int64_t, size_t> index;
  for (const int64_t row : rows) {
    if (groups.empty()) {
      members.push_back({row});
      continue;
    }
    const auto [found, is_new] =
        index.try_emplace(groups[static_cast<size_t>(row)], members.size());
    if (is_new) members.emplace_back();
    members[found->second].push_back(row);
  }
  return members;
}

// Puts whole groups into parts of the given shares, the largest groups first, each where its
// classes are most wanted. As scikit-learn's StratifiedGroupKFold, for parts of any size.
std::vector<Rows> distribute(const Target& target, const Rows& rows,
                             const std::vector<int64_t>& groups, const std::vector<double>& shares,
                             Rng rng) {
  const bool classes = target.task() == Task::classification;
  const auto class_of = [&](int64_t row) {
    return classes ? static_cast<size_t>(target.value(row)) : size_t{0};
  };
  std::vector<double> total(classes ? target.classes().size() : 1);
  for (const int64_t row : rows) ++total[class_of(row)];

  std::vector<Rows> members = grouped(rows, groups);
  const Rows order = Tensor::permutation(std::ssize(members), rng).to_vector<int64_t>();
  std::vector<Rows> shuffled;
  for (const int64_t i : order) shuffled.push_back(std::move(members[static_cast<size_t>(i)]));
  std::ranges::stable_sort(shuffled, std::ranges::greater{}, &Rows::size);

  std::vector<Rows> parts(shares.size());
  std::vector<std::vector<double>> wanted;  // rows of each class that a part still lacks
  for (const double share : shares) {
    wanted.emplace_back();
    for (const double count : total) wanted.back().push_back(share * count);
  }
  for (const Rows& group : shuffled) {
    size_t best = 0;
    double most = 0;
    for (size_t part = 0; part < parts.size(); ++part) {
      double want = 0;
      for (const int64_t row : group) want += wanted[part][class_of(row)] / total[class_of(row)];
      if (part == 0 || want > most) {
        most = want;
        best = part;
      }
    }
    for (const int64_t row : group) {
      parts[best].push_back(row);
      wanted[best][class_of(row)] -= 1;
    }
  }
  return parts;
}

// Cuts the rows, in the order of their times, so that rows of one time stay together.
std::vector<Rows> cut_by_time(Rows rows, const std::vector<double>& times,
                              const std::vector<double>& shares) {
  const auto time = [&](int64_t row) { return times[static_cast<size_t>(row)]; };
  std::ranges::stable_sort(rows, {}, time);
  std::vector<Rows> parts(shares.size());
  size_t part = 0;
  double until = shares[0] * static_cast<double>(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const bool new_time = i == 0 || time(rows[i]) != time(rows[i - 1]);
    while (new_time && part + 1 < parts.size() && static_cast<double>(i) >= until) {
      until += shares[++part] * static_cast<double>(rows.size());
    }
    parts[part].push_back(rows[i]);
  }
  return parts;
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
