#include "attune/tune/samplers/internal/gp/domain.h"

#include <algorithm>
#include <cmath>

namespace attune::tune::internal {
namespace {

constexpr int64_t kEnumerable = 25;   // levels that a coordinate search tries one by one
constexpr int64_t kTabulated = 1024;  // levels whose units are kept
constexpr double kSameCoordinate = 1e-7;

}  // namespace

Domain::Domain(const Space& space) : space_(space) {
  for (const Param& p : space.params()) {
    Axis axis{p.kind == Param::Kind::categorical, p.levels(), {}};
    if (!axis.categorical && axis.levels <= kTabulated) {
      for (int64_t k = 0; k < axis.levels; ++k) {
        axis.units.push_back(p.to_unit(p.level_value(k)));
      }
    }
    axes_.push_back(std::move(axis));
  }
}

std::vector<bool> Domain::categorical() const {
  std::vector<bool> flags;
  for (const Axis& axis : axes_) flags.push_back(axis.categorical);
  return flags;
}

bool Domain::enumerable(size_t i) const {
  return axes_[i].categorical || (axes_[i].levels > 0 && axes_[i].levels <= kEnumerable);
}

double Domain::level(size_t i, int64_t level) const {
  const Axis& axis = axes_[i];
  if (axis.categorical) return static_cast<double>(level);
  if (!axis.units.empty()) return axis.units[static_cast<size_t>(level)];
  const Param& p = space_.params()[i];
  return p.to_unit(p.level_value(level));
}

int64_t Domain::level_of(size_t i, double coordinate) const {
  if (axes_[i].categorical) return static_cast<int64_t>(coordinate);
  const Param& p = space_.params()[i];
  return p.level_of(p.from_unit(std::clamp(coordinate, 0.0, 1.0)));
}

// A unit -> a coordinate.
double Domain::snap(size_t i, double unit) const {
  const double u = std::clamp(unit, 0.0, 1.0);
  const Axis& axis = axes_[i];
  if (axis.levels == 0) return u;
  const Param& p = space_.params()[i];
  const double value = p.from_unit(u);
  return axis.categorical ? value : p.to_unit(value);
}

std::vector<double> Domain::values(const Point& point) const {
  std::vector<double> values(size());
  for (size_t i = 0; i < size(); ++i) {
    const Param& p = space_.params()[i];
    if (!is_active(point[i])) {
      values[i] = p.default_value();  // not looked at
    } else {
      values[i] = axes_[i].categorical ? point[i] : p.from_unit(point[i]);
    }
  }
  return values;
}

Point Domain::point(std::span<const double> units) const {
  Point point(size());
  for (size_t i = 0; i < size(); ++i) point[i] = snap(i, units[i]);
  settle(point, nullptr);
  return point;
}

std::vector<double> Domain::units(const Point& point) const {
  std::vector<double> units(size());
  for (size_t i = 0; i < size(); ++i) {
    if (!is_active(point[i])) {
      units[i] = 0.5;  // not looked at
    } else {
      units[i] = axes_[i].categorical ? space_.params()[i].to_unit(point[i]) : point[i];
    }
  }
  return units;
}

void Domain::settle(Point& point, Rng* rng) const {
  for (size_t i = 0; i < size(); ++i) {
    if (axes_[i].levels > 0 && !axes_[i].categorical && is_active(point[i])) {
      point[i] = snap(i, point[i]);
    }
  }
  if (!space_.conditional()) return;
  for (bool woke = true; woke;) {  // what a parameter that wakes is drawn to be may wake others
    woke = false;
    const std::vector<bool> active = space_.active(values(point));
    for (size_t i = 0; i < size(); ++i) {
      if (!active[i]) {
        point[i] = kInactive;
      } else if (!is_active(point[i])) {
        point[i] = snap(i, rng ? rng->uniform() : 0.5);
        woke = true;
      }
    }
  }
}

bool Domain::allowed(const Point& point) const {
  return !space_.restricted() || space_.allowed(values(point));
}

std::vector<Point> Domain::all(int64_t limit) const {
  const int64_t combinations = space_.combinations();
  if (combinations <= 0 || combinations > limit) return {};
  std::vector<Point> points;
  for (int64_t c = 0; c < combinations; ++c) {
    Point p(size());
    std::vector<uint8_t> first_level(size());
    int64_t rest = c;
    for (size_t i = size(); i-- > 0; rest /= axes_[i].levels) {
      p[i] = level(i, rest % axes_[i].levels);
      first_level[i] = rest % axes_[i].levels == 0;
    }
    settle(p, nullptr);
    // Of the combinations that differ in inactive parameters alone, one is enough.
    bool wanted = true;
    for (size_t i = 0; i < size(); ++i) wanted = wanted && (is_active(p[i]) || first_level[i]);
    if (wanted && allowed(p)) points.push_back(std::move(p));
  }
  return points;
}

bool same_point(const Point& a, const Point& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (is_active(a[i]) != is_active(b[i])) return false;
    if (is_active(a[i]) && !(std::abs(a[i] - b[i]) < kSameCoordinate)) return false;
  }
  return true;
}

}  // namespace attune::tune::internal
