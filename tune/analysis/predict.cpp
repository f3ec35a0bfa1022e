#include "attune/tune/analysis/predict.h"

#include <algorithm>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/analysis/internal/surrogate.h"
#include "attune/tune/study.h"

namespace attune::tune {
namespace {

using internal::Domain;
using internal::Point;

double value_of(const Param& param, const ParamValue& given) {
  const double value = param.internal(given);
  if (param.kind != Param::Kind::categorical && !(value >= param.low && value <= param.high)) {
    throw ValueError(fmt::format("predict: {} = {} is not in [{}, {}]", in_quotes(param.name),
                                 value, param.low, param.high));
  }
  return value;
}

Point point_of(const Params& params, const Space& space, const History& history) {
  for (const auto& [name, value] : params) {
    if (!space.find(name) && !history.latest(name)) {
      throw ValueError(fmt::format("predict: there is no parameter {}", in_quotes(name)));
    }
  }
  std::vector<double> values = space.default_values();
  for (size_t i = 0; i < space.size(); ++i) {
    const ParamValue* given = params.find(space.params()[i].name);
    if (given) values[i] = value_of(space.params()[i], *given);
  }
  const std::vector<bool> active = space.active(values);
  Point point(space.size(), internal::kInactive);
  for (size_t i = 0; i < space.size(); ++i) {
    const Param& p = space.params()[i];
    if (!active[i]) continue;
    if (!params.contains(p.name)) {
      throw ValueError(fmt::format("predict: the parameter {} is missing", in_quotes(p.name)));
    }
    point[i] = p.kind == Param::Kind::categorical ? values[i] : p.to_unit(values[i]);
  }
  return point;
}

}  // namespace

Estimate Study::predict(const Params& params) const {
  return predict(std::span(&params, 1)).front();
}

std::vector<Estimate> Study::predict(std::span<const Params> params) const {
  const History history = this->history();
  const Space space = this->space();
  if (history.objectives() > 1) {
    throw ValueError(fmt::format("predict: study {} has {} objectives", in_quotes(name()),
                                 history.objectives()));
  }
  const Domain domain(space);
  std::vector<Point> points;
  for (const Params& p : params) points.push_back(point_of(p, space, history));
  const auto model = internal::Surrogate::fit({size(), seed(), space, history}, domain);
  if (!model) {
    throw ValueError(fmt::format(
        "predict: study {} needs two trials with losses, and parameters that all of them had",
        in_quotes(name())));
  }
  std::vector<Estimate> estimates;
  for (const Point& p : points) {
    estimates.push_back((*model)(p));
    estimates.back().mean *= history.signs().front();
  }
  return estimates;
}

}  // namespace attune::tune
