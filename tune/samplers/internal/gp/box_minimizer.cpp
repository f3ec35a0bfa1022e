#include "attune/tune/samplers/internal/gp/box_minimizer.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>
#include <memory>
#include <new>

#include <nlopt.h>

namespace attune::tune::internal {
namespace {

constexpr double kVeryHigh = 1e10;  // stands for infinity and NaN, which would spoil interpolation
constexpr unsigned kMemory = 8;     // corrections kept

// What the callback sees, and what it leaves: the best point, since a search that gives up in a
// line search ends elsewhere; and an exception, which must not cross C.
struct Search {
  const SmoothFunction& f;
  nlopt_opt optimizer;
  std::vector<double> best;
  double best_value = std::numeric_limits<double>::infinity();
  std::vector<double> unwanted_gradient = {};
  std::exception_ptr error = {};
};

double evaluate(unsigned n, const double* x, double* gradient, void* context) {
  Search& search = *static_cast<Search*>(context);
  try {
    if (!gradient) {
      search.unwanted_gradient.resize(n);
      gradient = search.unwanted_gradient.data();
    }
    const double value = search.f({x, n}, {gradient, n});
    if (!std::isfinite(value)) return kVeryHigh;
    if (value < search.best_value) {
      search.best_value = value;
      search.best.assign(x, x + n);
    }
    return value;
  } catch (...) {
    search.error = std::current_exception();
    nlopt_force_stop(search.optimizer);
    return kVeryHigh;
  }
}

}  // namespace

double minimize_in_box(const SmoothFunction& f, std::span<const double> low,
                       std::span<const double> high, std::vector<double>& x,
                       const BoxMinimizerOptions& options) {
  const std::unique_ptr<nlopt_opt_s, void (*)(nlopt_opt)> optimizer(
      nlopt_create(NLOPT_LD_LBFGS, static_cast<unsigned>(x.size())), nlopt_destroy);
  if (!optimizer) throw std::bad_alloc();
  for (size_t i = 0; i < x.size(); ++i) x[i] = std::clamp(x[i], low[i], high[i]);

  Search search{f, optimizer.get(), x};
  nlopt_set_min_objective(optimizer.get(), evaluate, &search);
  nlopt_set_lower_bounds(optimizer.get(), low.data());
  nlopt_set_upper_bounds(optimizer.get(), high.data());
  nlopt_set_maxeval(optimizer.get(), options.evaluations);
  nlopt_set_ftol_rel(optimizer.get(), options.tolerance);
  nlopt_set_ftol_abs(optimizer.get(), options.tolerance);
  nlopt_set_vector_storage(optimizer.get(), kMemory);

  // Its own report is of no use: a failed line search is an end like any other.
  double ignored = 0;
  nlopt_optimize(optimizer.get(), x.data(), &ignored);
  if (search.error) std::rethrow_exception(search.error);
  x = search.best;
  return search.best_value;
}

}  // namespace attune::tune::internal
