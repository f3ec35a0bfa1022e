#include "attune/optim/lbfgs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>

#include "attune/nn/internal/visit.h"
#include "attune/optim/internal/line_search.h"
#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"

namespace attune::optim {
namespace {

using attune::internal::elements;

constexpr double kLeastCurvature = 1e-10;  // of a step that is worth remembering

// State of each parameter: the direction under way, the gradient and the move of the step before,
// and the history, the newest first.
constexpr size_t kDirection = 0, kGradient = 1, kMove = 2, kFixed = 3;
constexpr int kMost = 20;
#define TWENTY(p)                                                                               \
  p "0", p "1", p "2", p "3", p "4", p "5", p "6", p "7", p "8", p "9", p "10", p "11", p "12", \
      p "13", p "14", p "15", p "16", p "17", p "18", p "19"
constexpr std::array<const char*, kMost> kSteps{TWENTY("old_stps.")};
constexpr std::array<const char*, kMost> kChanges{TWENTY("old_dirs.")};
#undef TWENTY

std::vector<const char*> slots_of(const LBFGSOptions& o) {
  std::vector<const char*> slots{"d", "prev_flat_grad", "prev_step"};
  const int count = std::clamp(o.history, 1, kMost);
  for (int i = 0; i < count; ++i) slots.push_back(kSteps[static_cast<size_t>(i)]);
  for (int i = 0; i < count; ++i) slots.push_back(kChanges[static_cast<size_t>(i)]);
  return slots;
}

// body(n, pointer to the elements of each tensor…) for tensors of one dtype.
template <class Body, class... Tensors>
void over(const Body& body, const Tensor& first, const Tensors&... rest) {
  if (first.dtype() == DType::f32) {
    body(first.numel(), elements<float>(first), elements<float>(rest)...);
  } else {
    body(first.numel(), elements<double>(first), elements<double>(rest)...);
  }
}

double dot(const Tensor& a, const Tensor& b) {
  double sum = 0;
  over(
      [&](int64_t n, const auto* p, const auto* q) {
        for (int64_t i = 0; i < n; ++i)
          sum += static_cast<double>(p[i]) * static_cast<double>(q[i]);
      },
      a, b);
  return sum;
}

// y += factor x
void add_to(const Tensor& y, double factor, const Tensor& x) {
  over(
      [factor](int64_t n, auto* p, const auto* q) {
        using T = std::remove_pointer_t<decltype(p)>;
        for (int64_t i = 0; i < n; ++i) {
          p[i] = static_cast<T>(static_cast<double>(p[i]) + factor * static_cast<double>(q[i]));
        }
      },
      y, x);
}
void scale(const Tensor& y, double factor) {
  over(
      [factor](int64_t n, auto* p) {
        using T = std::remove_pointer_t<decltype(p)>;
        for (int64_t i = 0; i < n; ++i) p[i] = static_cast<T>(static_cast<double>(p[i]) * factor);
      },
      y);
}
void copy(const Tensor& y, const Tensor& x) {
  over([](int64_t n, auto* p, const auto* q) { std::copy_n(q, n, p); }, y, x);
}

// The two loops of L-BFGS: turns `direction` from the gradient into minus the quasi-Newton step.
// Pairs are the newest first; pair(i) is {s . y, y . y}, and s . y is 0 for one that does not
// count.
template <class Dot, class Add, class Scale>
void newton(int pairs, const std::array<double, kMost>& sy, const std::array<double, kMost>& yy,
            const Dot& dot_with, const Add& add, const Scale& scale_all) {
  std::array<double, kMost> a{};
  double curvature = 1;
  bool found = false;
  for (int i = 0; i < pairs; ++i) {
    const auto at = static_cast<size_t>(i);
    if (sy[at] <= 0) continue;
    if (!found) curvature = sy[at] / yy[at];
    found = true;
    a[at] = dot_with(i, true) / sy[at];
    add(i, false, -a[at]);
  }
  scale_all(curvature);
  for (int i = pairs; i-- > 0;) {
    const auto at = static_cast<size_t>(i);
    if (sy[at] <= 0) continue;
    add(i, true, a[at] - dot_with(i, false) / sy[at]);
  }
}

// ---- minimize(): one flat vector in f64 ----

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

Vector flat(std::span<const Tensor> tensors) {
  Vector all;
  for (const Tensor& x : tensors) {
    const Vector part = x.cast(DType::f64).to_vector<double>();
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

// Puts tensors in the places of a model's parameters, of which tied ones are one.
class Place : public nn::Fields {
 public:
  Place(nn::internal::Distinct& numbers, std::span<const Tensor> values)
      : numbers_(numbers), values_(values) {}
  void on_parameter(std::string_view, Tensor& x) override { x = values_[numbers_.number(x)]; }

 private:
  nn::internal::Distinct& numbers_;
  std::span<const Tensor> values_;
};
void place(nn::ModuleBase& model, std::span<const Tensor> now, std::span<const Tensor> values) {
  nn::internal::Distinct numbers;
  for (const Tensor& x : now) numbers.number(x);
  Place visitor(numbers, values);
  model.fields(visitor);
}

std::vector<Tensor> shaped(const Vector& x, std::span<const Tensor> like) {
  std::vector<Tensor> all;
  size_t at = 0;
  for (const Tensor& p : like) {
    const auto n = static_cast<size_t>(p.numel());
    all.push_back(
        Tensor::from(std::span<const double>(x.data() + at, n), p.shape()).cast(p.dtype()));
    at += n;
  }
  return all;
}

Vector moved(const Vector& x, double step, const Vector& direction) {
  Vector y = x;
  for (size_t i = 0; i < y.size(); ++i) y[i] += step * direction[i];
  return y;
}

double largest(const Vector& x) {  // NaN if there is one
  double top = 0;
  for (const double v : x) {
    if (std::isnan(v)) return v;
    top = std::max(top, std::abs(v));
  }
  return top;
}

}  // namespace

LBFGS::LBFGS(const LBFGSOptions& o)
    : Optimizer("LBFGS", slots_of(o), o.learning_rate, 0), options_(o) {
  check<ValueError>(o.history >= 1 && o.history <= kMost,
                    "LBFGS: history must be in 1 to {}, got {}", kMost, o.history);
  check<ValueError>(o.max_iterations > 0 && o.gradient_tolerance >= 0 && o.change_tolerance >= 0,
                    "LBFGS: max_iterations must be above 0 and tolerances not below");
}

void LBFGS::move(std::span<const Item> items, int64_t step) {
  const auto history = static_cast<size_t>(options_.history);
  const auto sum_of = [&](const auto& term) {
    double sum = 0;
    for (const Item& item : items) sum += term(item);
    return sum;
  };
  const auto old_step = [](const Item& item, size_t i) -> Tensor& {
    return item.state[kFixed + i];
  };
  const auto change = [&](const Item& item, size_t i) -> Tensor& {
    return item.state[kFixed + history + i];
  };
  if (step > 1) {  // the change of the gradient over the last move
    for (const Item& item : items) {
      copy(item.state[kDirection], *item.gradient);
      add_to(item.state[kDirection], -1, item.state[kGradient]);
    }
    const double curvature =
        sum_of([&](const Item& item) { return dot(item.state[kDirection], item.state[kMove]); });
    if (curvature > kLeastCurvature) {
      for (const Item& item : items) {
        const auto steps = item.state.subspan(kFixed, history);
        const auto changes = item.state.subspan(kFixed + history, history);
        std::rotate(steps.begin(), steps.end() - 1, steps.end());
        std::rotate(changes.begin(), changes.end() - 1, changes.end());
        copy(old_step(item, 0), item.state[kMove]);
        copy(change(item, 0), item.state[kDirection]);
      }
    }
  }
  std::array<double, kMost> sy{}, yy{};
  for (size_t i = 0; i < history; ++i) {
    sy[i] = sum_of([&](const Item& item) { return dot(old_step(item, i), change(item, i)); });
    yy[i] = sum_of([&](const Item& item) { return dot(change(item, i), change(item, i)); });
  }
  for (const Item& item : items) {
    copy(item.state[kDirection], *item.gradient);
    copy(item.state[kGradient], *item.gradient);
  }
  const auto pair = [&](const Item& item, int i, bool of_steps) -> const Tensor& {
    return of_steps ? old_step(item, static_cast<size_t>(i)) : change(item, static_cast<size_t>(i));
  };
  newton(
      options_.history, sy, yy,
      [&](int i, bool of_steps) {
        return sum_of(
            [&](const Item& item) { return dot(pair(item, i, of_steps), item.state[kDirection]); });
      },
      [&](int i, bool of_steps, double factor) {
        for (const Item& item : items) {
          add_to(item.state[kDirection], factor, pair(item, i, of_steps));
        }
      },
      [&](double factor) {
        for (const Item& item : items) scale(item.state[kDirection], factor);
      });
  // The first step knows no curvature: it is no longer than 1, by the sum of its elements.
  double length = 1;
  if (step == 1) {
    const double size = sum_of([](const Item& item) {
      double sum = 0;
      over(
          [&](int64_t n, const auto* g) {
            for (int64_t i = 0; i < n; ++i) sum += std::abs(static_cast<double>(g[i]));
          },
          *item.gradient);
      return sum;
    });
    length = size > 1 ? 1 / size : 1;
  }
  for (const Item& item : items) {
    copy(item.state[kMove], item.state[kDirection]);
    scale(item.state[kMove], -length * item.learning_rate);
    add_to(*item.parameter, 1, item.state[kMove]);
  }
}

LBFGS::Report LBFGS::minimize(nn::ModuleBase& model, const Closure& closure) const {
  const std::vector<Tensor> before = model.parameters();
  check<ValueError>(!before.empty(), "LBFGS: the model has no parameters");
  std::vector<Tensor> now = before;
  const auto put = [&](std::vector<Tensor> values) {
    place(model, now, values);
    now = std::move(values);
  };
  int evaluations = 0;
  const auto evaluate = [&](const Vector& x) {
    put(shaped(x, before));
    auto [loss, grads] = closure();
    check<ValueError>(grads.size() == before.size(),
                      "LBFGS: the closure returned {} gradients for {} parameters", grads.size(),
                      before.size());
    for (size_t i = 0; i < grads.size(); ++i) {
      check<ShapeError>(grads[i].shape() == before[i].shape(),
                        "LBFGS: gradient {} is {}, its parameter {}", i, grads[i].shape(),
                        before[i].shape());
    }
    ++evaluations;
    return std::pair{loss, flat(grads)};
  };
  struct Pair {
    Vector s, y;
  };
  try {
    Vector x = flat(before);
    auto [loss, gradient] = evaluate(x);
    check<ValueError>(std::isfinite(loss), "LBFGS: the loss is {} at first", loss);
    check<ValueError>(std::isfinite(largest(gradient)),
                      "LBFGS: a gradient is not finite at first, but {}", largest(gradient));
    std::deque<Pair> pairs;
    Report report{loss, 0, 0, false};
    while (report.iterations < options_.max_iterations) {
      const double steepest = largest(gradient);
      if (steepest <= options_.gradient_tolerance) {
        report.converged = true;
        break;
      }
      if (!std::isfinite(steepest)) break;  // it leads nowhere
      Vector direction = gradient;
      std::array<double, kMost> sy{}, yy{};
      for (size_t i = 0; i < pairs.size(); ++i) {
        sy[i] = dot(pairs[i].s, pairs[i].y);
        yy[i] = dot(pairs[i].y, pairs[i].y);
      }
      const auto of = [&](int i, bool steps) -> const Vector& {
        return steps ? pairs[static_cast<size_t>(i)].s : pairs[static_cast<size_t>(i)].y;
      };
      newton(
          static_cast<int>(pairs.size()), sy, yy,
          [&](int i, bool steps) { return dot(of(i, steps), direction); },
          [&](int i, bool steps, double factor) {
            direction = moved(direction, factor, of(i, steps));
          },
          [&](double factor) {
            for (double& v : direction) v *= factor;
          });
      for (double& v : direction) v = -v;
      double slope = dot(gradient, direction);
      if (!(slope < 0)) {  // the history misleads: start again downhill
        pairs.clear();
        direction = gradient;
        for (double& v : direction) v = -v;
        slope = dot(gradient, direction);
      }
      double size = 0;
      for (const double v : gradient) size += std::abs(v);
      const double first = pairs.empty() ? std::min(1.0, 1 / size) : 1;
      Vector found = gradient;
      double found_at = 0;
      const LinePoint end = strong_wolfe({0, loss, slope}, first, [&](double step) {
        auto [value, g] = evaluate(moved(x, step, direction));
        const double along = dot(g, direction);
        found = std::move(g);
        found_at = step;
        return LinePoint{step, std::isfinite(value) ? value : INFINITY, along};
      });
      ++report.iterations;
      if (end.step == 0) break;  // nothing better nearby
      const Vector next = moved(x, end.step, direction);
      if (found_at != end.step) found = evaluate(next).second;
      Pair pair{moved(next, -1, x), moved(found, -1, gradient)};
      const double change = std::abs(loss - end.value), length = largest(pair.s);
      if (dot(pair.s, pair.y) > kLeastCurvature * dot(pair.y, pair.y)) {
        pairs.push_front(std::move(pair));
        if (pairs.size() > static_cast<size_t>(options_.history)) pairs.pop_back();
      }
      x = next;
      loss = end.value;
      gradient = std::move(found);
      if (change < options_.change_tolerance || length < options_.change_tolerance) {
        report.converged = true;
        break;
      }
    }
    put(shaped(x, before));
    report.loss = loss;
    report.evaluations = evaluations;
    return report;
  } catch (...) {
    place(model, now, before);
    throw;
  }
}

}  // namespace attune::optim
