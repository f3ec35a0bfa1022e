#include "attune/tune/tabular/score.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace attune::tune {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

struct Entry {
  Score score;
  std::string_view name;
  Task task;
  bool lower;
};
constexpr std::array<Entry, 8> kScores = {{
    {Score::accuracy, "accuracy", Task::classification, false},
    {Score::balanced_accuracy, "balanced_accuracy", Task::classification, false},
    {Score::log_loss, "log_loss", Task::classification, true},
    {Score::auc, "auc", Task::classification, false},
    {Score::f1, "f1", Task::classification, false},
    {Score::r2, "r2", Task::regression, false},
    {Score::rmse, "rmse", Task::regression, true},
    {Score::mae, "mae", Task::regression, true},
}};

const Entry& entry_of(Score score) { return kScores[static_cast<size_t>(score)]; }

// Logits and labels of a classification, row by row.
struct Classified {
  std::vector<double> logits;
  std::vector<int64_t> labels;
  size_t classes = 0;

  const double* row(size_t i) const { return logits.data() + i * classes; }
  size_t label(size_t i) const { return static_cast<size_t>(labels[i]); }
  size_t likeliest(size_t i) const {
    return static_cast<size_t>(std::max_element(row(i), row(i) + classes) - row(i));
  }
};

// How often each class was there, was found, and was right.
struct Counts {
  std::vector<double> there, found, right;
};

Counts count(const Classified& c) {
  Counts n{std::vector<double>(c.classes), std::vector<double>(c.classes),
           std::vector<double>(c.classes)};
  for (size_t i = 0; i < c.labels.size(); ++i) {
    const size_t found = c.likeliest(i);
    ++n.there[c.label(i)];
    ++n.found[found];
    if (found == c.label(i)) ++n.right[found];
  }
  return n;
}

double accuracy(const Classified& c) {
  const Counts n = count(c);
  return std::accumulate(n.right.begin(), n.right.end(), 0.0) /
         static_cast<double>(c.labels.size());
}

double balanced_accuracy(const Classified& c) {
  const Counts n = count(c);
  double sum = 0, classes = 0;
  for (size_t k = 0; k < c.classes; ++k) {
    if (n.there[k] == 0) continue;
    sum += n.right[k] / n.there[k];
    ++classes;
  }
  return sum / classes;
}

double f1(const Classified& c, std::optional<int64_t> positive) {
  const Counts n = count(c);
  const auto of_class = [&](size_t k) {
    const double both = n.there[k] + n.found[k];
    return both > 0 ? 2 * n.right[k] / both : 0;
  };
  if (c.classes == 2) {
    return of_class(positive ? static_cast<size_t>(*positive) : n.there[0] < n.there[1] ? 0 : 1);
  }
  double sum = 0, classes = 0;
  for (size_t k = 0; k < c.classes; ++k) {
    if (n.there[k] + n.found[k] == 0) continue;
    sum += of_class(k);
    ++classes;
  }
  return sum / classes;
}

double log_loss(const Classified& c) {
  double sum = 0;
  for (size_t i = 0; i < c.labels.size(); ++i) {
    const double* logit = c.row(i);
    const double most = *std::max_element(logit, logit + c.classes);
    double all = 0;
    for (size_t k = 0; k < c.classes; ++k) all += std::exp(logit[k] - most);
    sum += std::log(all) + most - logit[c.label(i)];
  }
  return sum / static_cast<double>(c.labels.size());
}

// Of one class against the rest, by the ranks of its probability (Mann and Whitney, 1947); equal
// ones share their mean rank.
double auc_of_class(const Classified& c, size_t of) {
  std::vector<std::pair<double, bool>> rows;
  double positive = 0;
  for (size_t i = 0; i < c.labels.size(); ++i) {
    double others = 0;
    for (size_t k = 0; k < c.classes; ++k) {
      if (k != of) others += std::exp(c.row(i)[k] - c.row(i)[of]);
    }
    const bool right = c.label(i) == of;
    rows.emplace_back(-others, right);
    positive += right;
  }
  const double negative = static_cast<double>(rows.size()) - positive;
  if (positive == 0 || negative == 0) return kNone;
  std::ranges::sort(rows);
  double ranks = 0;
  for (size_t i = 0; i < rows.size();) {
    size_t end = i;
    double here = 0;
    while (end < rows.size() && rows[end].first == rows[i].first) here += rows[end++].second;
    ranks += here * static_cast<double>(i + end + 1) / 2;
    i = end;
  }
  return (ranks - positive * (positive + 1) / 2) / (positive * negative);
}

double auc(const Classified& c) {
  if (c.classes == 2) return auc_of_class(c, 1);
  double sum = 0, classes = 0;
  for (size_t k = 0; k < c.classes; ++k) {
    const double area = auc_of_class(c, k);
    if (std::isnan(area)) continue;
    sum += area;
    ++classes;
  }
  return classes > 0 ? sum / classes : kNone;
}

double measure_numbers(Score score, const std::vector<double>& outputs,
                       const std::vector<double>& labels, double unit) {
  const auto n = static_cast<double>(labels.size());
  const double mean = std::accumulate(labels.begin(), labels.end(), 0.0) / n;
  double squares = 0, sizes = 0, variance = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const double off = outputs[i] - labels[i], from_mean = labels[i] - mean;
    squares += off * off;
    sizes += std::abs(off);
    variance += from_mean * from_mean;
  }
  if (score == Score::rmse) return std::sqrt(squares / n) * unit;
  if (score == Score::mae) return sizes / n * unit;
  if (labels.size() < 2) return kNone;  // there is no variance to explain
  if (variance == 0) return squares == 0 ? 1 : 0;
  return 1 - squares / variance;
}

}  // namespace

std::string_view name_of(Score score) { return entry_of(score).name; }
Task task_of(Score score) { return entry_of(score).task; }
bool lower_is_better(Score score) { return entry_of(score).lower; }
Score default_score(Task task) {
  return task == Task::classification ? Score::accuracy : Score::r2;
}

std::optional<Score> score_named(std::string_view name) {
  for (const Entry& entry : kScores) {
    if (entry.name == name) return entry.score;
  }
  return {};
}

std::vector<std::string> score_names(Task task) {
  std::vector<std::string> names;
  for (const Entry& entry : kScores) {
    if (entry.task == task) names.emplace_back(entry.name);
  }
  return names;
}

double measure(Score score, const Tensor& outputs, const Tensor& labels, double unit,
               std::optional<int64_t> positive) {
  if (labels.size(0) == 0) return kNone;
  if (task_of(score) == Task::regression) {
    return measure_numbers(score, outputs.cast(DType::f64).to_vector<double>(),
                           labels.cast(DType::f64).to_vector<double>(), unit);
  }
  const Classified c{outputs.cast(DType::f64).to_vector<double>(), labels.to_vector<int64_t>(),
                     static_cast<size_t>(outputs.size(1))};
  switch (score) {
    case Score::balanced_accuracy: return balanced_accuracy(c);
    case Score::log_loss: return log_loss(c);
    case Score::auc: return auc(c);
    case Score::f1: return f1(c, positive);
    default: return accuracy(c);
  }
}

}  // namespace attune::tune
