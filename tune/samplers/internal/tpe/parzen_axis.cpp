#include "attune/tune/samplers/internal/tpe/parzen_axis.h"

#include <algorithm>
#include <cmath>

namespace attune::tune::internal {
namespace {

// Levels so fine (a tenth of the narrowest kernel) have a density as good as a mass.
constexpr double kFine = 1e-3;

}  // namespace

ParzenAxis::ParzenAxis(const Param& param)
    : param_(param), kind_(Kind::smooth), count_(param.levels()) {
  if (param.kind == Param::Kind::categorical) {
    kind_ = Kind::choices;
    return;
  }
  if (count_ == 0) return;
  if (param.log && param.grid.empty() && param.kind == Param::Kind::integer) {
    log_low_ = std::log(param.low - 0.5);
    log_width_ = std::log(param.high + 0.5) - log_low_;
  }
  const Slice widest = slice(0);
  if (widest.high - widest.low > kFine) kind_ = Kind::levels;
}

double ParzenAxis::coordinate(double unit) const {
  if (kind_ == Kind::choices) return param_.from_unit(unit);
  return count_ > 0 ? param_.to_unit(param_.from_unit(unit)) : unit;
}

double ParzenAxis::unit(double coordinate) const {
  return kind_ == Kind::choices ? param_.to_unit(coordinate) : coordinate;
}

ParzenAxis::Slice ParzenAxis::slice(double coordinate) const {
  if (log_width_ > 0) {
    const double value = param_.from_unit(coordinate);
    return {(std::log(value - 0.5) - log_low_) / log_width_,
            (std::log(value + 0.5) - log_low_) / log_width_};
  }
  const auto count = static_cast<double>(count_);
  const double level = std::min(std::floor(coordinate * count), count - 1);
  return {level / count, (level + 1) / count};
}

}  // namespace attune::tune::internal
