// The rows of reductions, of order, and of what works along one axis: softmax, cumsum, layer_norm.

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "tests/tensor/op_table.h"

namespace attune::ops {
namespace {

double sum_of(const Values& x) {
  long double sum = 0;
  for (const double v : x) sum += v;
  return static_cast<double>(sum);
}
double mean_of(const Values& x) { return sum_of(x) / static_cast<double>(x.size()); }
double variance_of(const Values& x, double correction) {
  const double mean = mean_of(x);  // NaN of nothing
  Values squares = x;
  for (double& v : squares) v = (v - mean) * (v - mean);
  return x.empty() ? mean : sum_of(squares) / (static_cast<double>(x.size()) - correction);
}
double norm_of(const Values& x) {
  Values squares = x;
  for (double& v : squares) v *= v;
  return std::sqrt(sum_of(squares));
}
double largest_of(const Values& x) {
  double top = -std::numeric_limits<double>::infinity();
  for (const double v : x) top = std::isnan(v) || v > top ? v : top;
  return top;
}
Values negated(Values x) {
  for (double& v : x) v = -v;
  return x;
}
double logsumexp_of(Values x) {
  const double top = largest_of(x);
  if (std::isinf(top)) return top;
  for (double& v : x) v = std::exp(v - top);
  return top + std::log(sum_of(x));
}
double product_of(const Values& x) {
  return std::accumulate(x.begin(), x.end(), 1.0, std::multiplies<>());
}
double some_of(const Values& x) {
  return std::any_of(x.begin(), x.end(), [](double v) { return v != 0; });
}
double every_of(const Values& x) {
  return std::all_of(x.begin(), x.end(), [](double v) { return v != 0; });
}
// NaN is the largest of all, as argmax and sort have it.
bool below(double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; }
double place_of_largest(const Values& x) {
  return static_cast<double>(std::max_element(x.begin(), x.end(), below) - x.begin());
}
double place_of_smallest(const Values& x) {  // NaN is the smallest, too
  const auto nan = std::find_if(x.begin(), x.end(), [](double v) { return std::isnan(v); });
  return static_cast<double>((nan != x.end() ? nan : std::min_element(x.begin(), x.end())) -
                             x.begin());
}
Values running_sum(Values x) {
  std::partial_sum(x.begin(), x.end(), x.begin());
  return x;
}
Values sorted(Values x) {
  std::stable_sort(x.begin(), x.end(), below);
  return x;
}
Values descending(Values x) {
  std::stable_sort(x.begin(), x.end(), [](double a, double b) { return below(b, a); });
  return x;
}
Values order_of(Values x) {
  Values order(x.size());
  std::iota(order.begin(), order.end(), 0.0);
  std::stable_sort(order.begin(), order.end(), [&](double a, double b) {
    return below(x[static_cast<size_t>(a)], x[static_cast<size_t>(b)]);
  });
  return order;
}
Values running_product(Values x) {
  std::partial_sum(x.begin(), x.end(), x.begin(), std::multiplies<>());
  return x;
}
Values running_largest(Values x) {
  for (size_t i = 1; i < x.size(); ++i) x[i] = below(x[i], x[i - 1]) ? x[i - 1] : x[i];
  return x;
}
double median_of(const Values& x) {
  const Values order = sorted(x);
  return std::isnan(order.back()) ? order.back() : order[(order.size() - 1) / 2];
}
double quantile_of(const Values& x, double q) {
  const Values order = sorted(x);
  if (std::isnan(order.back())) return order.back();
  const double place = q * static_cast<double>(order.size() - 1), low = std::floor(place);
  const double a = order[static_cast<size_t>(low)];
  const double b = order[std::min(static_cast<size_t>(low) + 1, order.size() - 1)];
  return a == b ? a : a + (b - a) * (place - low);
}
Values counts_of(Values x) {  // of each different element, in order
  Values counts;
  const Values order = sorted(x);
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || order[i] != order[i - 1]) counts.push_back(0);
    ++counts.back();
  }
  return counts;
}
Values places_in_order(Tensors in) {
  const Values order = sorted(in[0].cast(DType::f64).to_vector<double>());
  Values places = in[1].cast(DType::f64).to_vector<double>();
  for (double& v : places) {
    v = static_cast<double>(std::lower_bound(order.begin(), order.end(), v, below) - order.begin());
  }
  return places;
}
Values log_softmax_of(Values x) {
  const double top = largest_of(x), total = logsumexp_of(x);
  for (double& v : x) v = v - top - (total - top);
  return x;
}
Values softmax_of(Values x) {
  for (double& v : x = log_softmax_of(x)) v = std::exp(v);
  return x;
}

#define ATTUNE_LANE(...) [](Values x) -> Values { return __VA_ARGS__; }

using enum Types;

constexpr Row kReductions[] = {
    Row("sum", "x.sum(axes = all, keep_dims)", "sum", summed, matrix(), ATTUNE_CALL(in[0].sum()),
        ATTUNE_LANE({sum_of(x)}), Along::all)
        .with_zyx("sum, sum_all, sum_keepdim"),
    Row("sum", "", "along m", summed, matrix(), ATTUNE_CALL(in[0].sum(0)), ATTUNE_LANE({sum_of(x)}),
        Along::m),
    Row("sum", "", "along n", summed, matrix(), ATTUNE_CALL(in[0].sum(-1, keep_dims)),
        ATTUNE_LANE({sum_of(x)})),
    Row("mean", "x.mean(axes = all, keep_dims)", "arithmetic mean; NaN of no elements", floating,
        matrix(), ATTUNE_CALL(in[0].mean()), ATTUNE_LANE({mean_of(x)}), Along::all),
    Row("mean", "", "along m", floating, matrix(), ATTUNE_CALL(in[0].mean({0}, keep_dims)),
        ATTUNE_LANE({mean_of(x)}), Along::m),
    Row("max", "x.max(axes = all, keep_dims)",
        "largest element, NaN if any is; equal elements, or NaN, share the gradient", any, matrix(),
        ATTUNE_CALL(in[0].max()), ATTUNE_LANE({largest_of(x)}), Along::all),
    Row("max", "", "along m", any, matrix(), ATTUNE_CALL(in[0].max(0)),
        ATTUNE_LANE({largest_of(x)}), Along::m),
    Row("min", "x.min(axes = all, keep_dims)",
        "smallest element, NaN if any is; equal elements, or NaN, share the gradient", any,
        matrix(), ATTUNE_CALL(in[0].min()), ATTUNE_LANE({-largest_of(negated(x))}), Along::all),
    Row("min", "", "along n", any, matrix(), ATTUNE_CALL(in[0].min(1)),
        ATTUNE_LANE({-largest_of(negated(x))})),
    Row("prod", "x.prod(axes = all, keep_dims)", "product", summed, matrix(0.5, 1.6),
        ATTUNE_CALL(in[0].prod()), ATTUNE_LANE({product_of(x)}), Along::all),
    Row("prod", "", "along m", summed, matrix(0.5, 1.6), ATTUNE_CALL(in[0].prod(0)),
        ATTUNE_LANE({product_of(x)}), Along::m),
    Row("var", "x.var(axes = all, correction = 1, keep_dims)",
        "mean squared distance from the mean, divided by n - correction", floating, matrix(),
        ATTUNE_CALL(in[0].var()), ATTUNE_LANE({variance_of(x, 1)}), Along::all),
    Row("var", "", "along n", floating, matrix(), ATTUNE_CALL(in[0].var(1, 0)),
        ATTUNE_LANE({variance_of(x, 0)})),
    Row("std", "x.std(axes = all, correction = 1, keep_dims)", "square root of var", floating,
        matrix(), ATTUNE_CALL(in[0].std()), ATTUNE_LANE({std::sqrt(variance_of(x, 1))}),
        Along::all),
    Row("std", "", "along m", floating, matrix(), ATTUNE_CALL(in[0].std(0, 0)),
        ATTUNE_LANE({std::sqrt(variance_of(x, 0))}), Along::m),
    Row("norm", "x.norm(axes = all, keep_dims)", "Euclidean length", floating, matrix(),
        ATTUNE_CALL(in[0].norm()), ATTUNE_LANE({norm_of(x)}), Along::all),
    Row("norm", "", "along n", floating, matrix(), ATTUNE_CALL(in[0].norm(-1)),
        ATTUNE_LANE({norm_of(x)})),
    Row("logsumexp", "x.logsumexp(axes = all, keep_dims)",
        "log of the sum of exp(x), without overflow", floating, matrix(),
        ATTUNE_CALL(in[0].logsumexp()), ATTUNE_LANE({logsumexp_of(x)}), Along::all),
    Row("logsumexp", "", "along m", floating, matrix(), ATTUNE_CALL(in[0].logsumexp(0)),
        ATTUNE_LANE({logsumexp_of(x)}), Along::m),
    Row("any", "x.any(axes = all, keep_dims)", "whether one element is not 0", any_to_boolean,
        matrix(), ATTUNE_CALL(in[0].any()), ATTUNE_LANE({some_of(x)}), Along::all),
    Row("all", "x.all(axes = all, keep_dims)", "whether no element is 0", any_to_boolean, matrix(),
        ATTUNE_CALL(in[0].all(1)), ATTUNE_LANE({every_of(x)})),
    Row("count_nonzero", "x.count_nonzero(axes = all, keep_dims)",
        "number of elements other than 0", any_to_i64, matrix(),
        ATTUNE_CALL(in[0].count_nonzero(0)),
        ATTUNE_LANE({static_cast<double>(x.size()) -
                     static_cast<double>(std::count(x.begin(), x.end(), 0.0))}),
        Along::m),
    Row("median", "x.median(axes = all, keep_dims)",
        "middle element, the lower of two; NaN if any is", any, matrix(),
        ATTUNE_CALL(in[0].median()), ATTUNE_LANE({median_of(x)}), Along::all),
    Row("median", "", "along m", any, matrix(), ATTUNE_CALL(in[0].median(0)),
        ATTUNE_LANE({median_of(x)}), Along::m),
    Row("quantile", "x.quantile(q, axes = all, keep_dims)",
        "what the share q of the elements is not above, interpolated; NaN if any is", floating,
        matrix(), ATTUNE_CALL(in[0].quantile(0.3)), ATTUNE_LANE({quantile_of(x, 0.3)}), Along::all),
    Row("quantile", "", "along n", floating, matrix(), ATTUNE_CALL(in[0].quantile(0.5, -1)),
        ATTUNE_LANE({quantile_of(x, 0.5)})),
    Row("argmax", "x.argmax(axis = all, keep_dims)",
        "position of the largest element, the first of equals", any_to_i64, matrix(),
        ATTUNE_CALL(in[0].argmax(1)), ATTUNE_LANE({place_of_largest(x)})),
    Row("argmin", "x.argmin(axis = all, keep_dims)",
        "position of the smallest element, the first of equals", any_to_i64, matrix(),
        ATTUNE_CALL(in[0].argmin(0)), ATTUNE_LANE({place_of_smallest(x)}), Along::m),
};

constexpr Row kLanes[] = {
    Row("cumsum", "x.cumsum(axis)", "running sum", summed, matrix(), ATTUNE_CALL(in[0].cumsum(1)),
        running_sum),
    Row("cumsum", "", "along m", summed, matrix(), ATTUNE_CALL(in[0].cumsum(0)), running_sum,
        Along::m),
    Row("cumprod", "x.cumprod(axis)", "running product", summed, matrix(0.5, 1.6),
        ATTUNE_CALL(in[0].cumprod(1)), running_product),
    Row("cumprod", "", "along m", summed, matrix(0.5, 1.6), ATTUNE_CALL(in[0].cumprod(0)),
        running_product, Along::m),
    Row("cummax", "x.cummax(axis)", "largest element so far; NaN from the first NaN on", any,
        matrix(), ATTUNE_CALL(in[0].cummax(1)), running_largest),
    Row("cummax", "", "along m", any, matrix(), ATTUNE_CALL(in[0].cummax(0)), running_largest,
        Along::m),
    Row("sort", "x.sort(axis = -1, descending = false)",
        "{values, indices}; equal elements stay in order, NaN is the largest", any, matrix(),
        ATTUNE_CALL(in[0].sort().values), sorted),
    Row("sort", "", "along m, descending", any, matrix(), ATTUNE_CALL(in[0].sort(0, true).values),
        descending, Along::m),
    Row("argsort", "x.argsort(axis = -1, descending = false)", "indices of sort", any_to_i64,
        matrix(), ATTUNE_CALL(in[0].argsort()), order_of),
    Row("topk", "x.topk(k, axis = -1, largest = true)",
        "{values, indices} of the k largest or smallest, in order", any, matrix(),
        ATTUNE_CALL(in[0].topk(1).values), ATTUNE_LANE({largest_of(x)})),
    Row("unique", "x.unique(), x.unique_all()",
        "the different elements, sorted; all: {values, inverse, counts}", any_to_i64, matrix(0, 4),
        ATTUNE_CALL(in[0].unique_all().counts), counts_of, Along::all),
    Row("searchsorted", "x.searchsorted(values, right = false)",
        "where values would go into sorted x [..., n]", any_to_i64, {vector_of(kN), matrix()},
        ATTUNE_CALL(in[0].sort().values.searchsorted(in[1])), places_in_order),
    Row("softmax", "x.softmax(axis = -1)", "exp(x) / sum of exp(x)", floating, matrix(),
        ATTUNE_CALL(in[0].softmax()), softmax_of),
    Row("softmax", "", "along m", floating, matrix(), ATTUNE_CALL(in[0].softmax(0)), softmax_of,
        Along::m),
    Row("log_softmax", "x.log_softmax(axis = -1)", "log of softmax, without overflow", floating,
        matrix(), ATTUNE_CALL(in[0].log_softmax()), log_softmax_of)
        .with_zyx("ln_softmax"),
    Row("log_softmax", "", "along m", floating, matrix(), ATTUNE_CALL(in[0].log_softmax(0)),
        log_softmax_of, Along::m),
};

}  // namespace

std::span<const Row> reduction_rows() { return kReductions; }
std::span<const Row> lane_rows() { return kLanes; }

}  // namespace attune::ops
