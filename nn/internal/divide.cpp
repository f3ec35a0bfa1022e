#include "attune/nn/internal/divide.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "attune/tensor/internal/check.h"
#include "attune/tensor/tensor.h"

namespace attune::nn::internal {
namespace {

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

// Classes as 0 … count - 1.
std::pair<Rows, int64_t> classes_of(const Tensor& y) {
  check<DTypeError>(!is_floating(y.dtype()),
                    "stratify needs integer labels, y is {}; do not stratify a regression",
                    y.dtype());
  check<ShapeError>(y.rank() == 1, "stratify needs labels [rows], y is {}", y.shape());
  Rows classes = y.cast(DType::i64).to_vector<int64_t>();
  std::map<int64_t, int64_t> numbers;
  for (int64_t& label : classes) {
    label = numbers.try_emplace(label, std::ssize(numbers)).first->second;
  }
  check<ValueError>(
      numbers.size() < classes.size(),
      "stratify: every one of the {} rows has a class of its own; is y an identifier?",
      classes.size());
  return {std::move(classes), std::ssize(numbers)};
}

}  // namespace

std::vector<Rows> distribute(const Rows& rows, const std::vector<int64_t>& classes, int64_t count,
                             const std::vector<int64_t>& groups, const std::vector<double>& shares,
                             Rng& rng) {
  const auto class_of = [&](int64_t row) {
    return classes.empty() ? size_t{0} : static_cast<size_t>(classes[static_cast<size_t>(row)]);
  };
  std::vector<double> total(classes.empty() ? 1 : static_cast<size_t>(count));
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
    for (const double all : total) wanted.back().push_back(share * all);
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

void check_division(const char* what, int64_t rows, const std::vector<int64_t>& groups,
                    const std::vector<double>& times, bool stratify) {
  const auto one_each = [&](size_t size, const char* each) {
    check<ValueError>(size == 0 || static_cast<int64_t>(size) == rows,
                      "{}: one {} for each of the {} rows is needed, got {}", what, each, rows,
                      size);
  };
  one_each(groups.size(), "group");
  one_each(times.size(), "time");
  check<ValueError>(groups.empty() || times.empty(),
                    "{}: rows are divided by groups or by times, not by both", what);
  check<ValueError>(times.empty() || !stratify,
                    "{}: by time, classes cannot have equal shares: do not stratify", what);
  check<ValueError>(std::ranges::none_of(times, [](double t) { return std::isnan(t); }),
                    "{}: a time is NaN", what);
}

std::vector<Rows> divide(const Dataset& dataset, const std::vector<double>& shares,
                         const std::vector<int64_t>& groups, const std::vector<double>& times,
                         bool stratify, Rng& rng) {
  Rows all(static_cast<size_t>(dataset.size()));
  std::iota(all.begin(), all.end(), int64_t{0});
  if (!times.empty()) return cut_by_time(all, times, shares);
  const auto [classes, count] = stratify ? classes_of(dataset.y) : std::pair<Rows, int64_t>();
  return distribute(all, classes, count, groups, shares, rng);
}

}  // namespace attune::nn::internal
