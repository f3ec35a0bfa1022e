#include "attune/tune/samplers/internal/box_minimizer.h"

#include <algorithm>
#include <cmath>
#include <deque>

namespace attune::tune::internal {
namespace {

constexpr size_t kMemory = 8;  // corrections kept
constexpr int kLineSearchSteps = 12;
constexpr double kArmijo = 1e-4;

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

struct Correction {
  std::vector<double> step, change;  // of x, of the gradient
  double inverse;                    // 1 / (step' change)
};

// -H gradient by the two-loop recursion, restricted to the free variables.
std::vector<double> quasi_newton_direction(const std::deque<Correction>& memory,
                                           std::span<const double> gradient,
                                           const std::vector<char>& held) {
  const size_t n = gradient.size();
  std::vector<double> d(n), a(memory.size());
  for (size_t i = 0; i < n; ++i) d[i] = held[i] ? 0 : -gradient[i];
  for (size_t j = memory.size(); j-- > 0;) {
    a[j] = memory[j].inverse * dot(memory[j].step, d);
    for (size_t i = 0; i < n; ++i) {
      if (!held[i]) d[i] -= a[j] * memory[j].change[i];
    }
  }
  if (!memory.empty()) {
    const Correction& last = memory.back();
    const double scale = 1 / (last.inverse * dot(last.change, last.change));
    for (double& v : d) v *= scale;
  }
  for (size_t j = 0; j < memory.size(); ++j) {
    const double b = memory[j].inverse * dot(memory[j].change, d);
    for (size_t i = 0; i < n; ++i) {
      if (!held[i]) d[i] += (a[j] - b) * memory[j].step[i];
    }
  }
  return d;
}

double largest(std::span<const double> x) {
  double top = 0;
  for (const double v : x) top = std::max(top, std::abs(v));
  return top;
}

}  // namespace

double minimize_in_box(const SmoothFunction& f, std::span<const double> low,
                       std::span<const double> high, std::vector<double>& x,
                       const BoxMinimizerOptions& options) {
  const size_t n = x.size();
  double widest = 0;
  for (size_t i = 0; i < n; ++i) {
    x[i] = std::clamp(x[i], low[i], high[i]);
    widest = std::max(widest, high[i] - low[i]);
  }
  std::vector<double> gradient(n), next(n), next_gradient(n);
  std::vector<char> held(n);
  std::deque<Correction> memory;
  double value = f(x, gradient);

  for (int iteration = 0; iteration < options.iterations; ++iteration) {
    double projected = 0;
    for (size_t i = 0; i < n; ++i) {
      held[i] = (x[i] <= low[i] && gradient[i] > 0) || (x[i] >= high[i] && gradient[i] < 0);
      if (held[i]) continue;
      projected = std::max(projected, std::abs(gradient[i]) * std::min(1.0, high[i] - low[i]));
    }
    if (!(projected > options.gradient_tolerance) || !std::isfinite(value)) break;

    std::vector<double> direction = quasi_newton_direction(memory, gradient, held);
    double slope = dot(gradient, direction);
    if (!(slope <
          0)) {  // curvature from another face of the box: start again from steepest descent
      memory.clear();
      direction = quasi_newton_direction(memory, gradient, held);
      slope = dot(gradient, direction);
    }
    const double length = largest(direction);
    double t = memory.empty() ? std::min(1.0, 0.1 * std::min(widest, 5.0) / length) : 1;
    t = std::min(t, options.largest_step / length);

    bool accepted = false;
    double next_value = 0;
    for (int k = 0; k < kLineSearchSteps && !accepted; ++k) {
      double expected = 0;
      for (size_t i = 0; i < n; ++i) {
        next[i] = std::clamp(x[i] + t * direction[i], low[i], high[i]);
        expected += gradient[i] * (next[i] - x[i]);
      }
      next_value = f(next, next_gradient);
      accepted = expected < 0 && next_value <= value + kArmijo * expected;
      if (accepted) break;
      // The minimum of the parabola through what is known, unless it is out of reason.
      const double parabola = -0.5 * slope * t * t / (next_value - value - slope * t);
      if (!std::isfinite(next_value)) {
        t *= 0.1;
      } else {
        t = parabola > 0.1 * t && parabola < 0.5 * t ? parabola : 0.3 * t;
      }
    }
    if (!accepted) {
      if (memory.empty()) break;
      memory.clear();
      continue;
    }

    Correction c{std::vector<double>(n), std::vector<double>(n), 0};
    for (size_t i = 0; i < n; ++i) {
      c.step[i] = next[i] - x[i];
      c.change[i] = next_gradient[i] - gradient[i];
    }
    const double curvature = dot(c.step, c.change);
    if (curvature > 1e-10 * dot(c.change, c.change)) {
      c.inverse = 1 / curvature;
      memory.push_back(std::move(c));
      if (memory.size() > kMemory) memory.pop_front();
    }
    const double gain = value - next_value;
    x = next, gradient = next_gradient, value = next_value;
    if (gain < options.relative_decrease * std::max(1.0, std::abs(value))) break;
  }
  return value;
}

}  // namespace attune::tune::internal
