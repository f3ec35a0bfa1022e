#pragma once
// A search space in the coordinates that the Gaussian process and its search use: see Point.

#include <cstdint>
#include <span>
#include <vector>

#include "attune/base/rng.h"
#include "attune/tune/samplers/internal/gp/kernel.h"
#include "attune/tune/space.h"

namespace attune::tune::internal {

class Domain {
 public:
  // Keeps a reference to `space`.
  explicit Domain(const Space& space);

  size_t size() const { return axes_.size(); }
  bool categorical(size_t i) const { return axes_[i].categorical; }
  std::vector<bool> categorical() const;

  // A real number without steps.
  bool continuous(size_t i) const { return axes_[i].levels == 0; }
  // Few enough levels to try each; numbers of more levels move as if continuous and then snap.
  bool enumerable(size_t i) const;
  int64_t levels(size_t i) const { return axes_[i].levels; }
  double level(size_t i, int64_t level) const;          // the coordinate of a level
  int64_t level_of(size_t i, double coordinate) const;  // the nearest

  // One unit per parameter (see Param) -> the nearest point, inactive parameters left out.
  Point point(std::span<const double> units) const;
  std::vector<double> units(const Point& point) const;

  // Numbers onto their levels; conditions applied after some coordinates changed: parameters that
  // came to life start at a level drawn by `rng`, or in the middle without one.
  void settle(Point& point, Rng* rng) const;

  bool allowed(const Point& point) const;  // by the predicates of Space::forbid

  // All points that are allowed, if they are at most `limit`; otherwise none.
  std::vector<Point> all(int64_t limit) const;

 private:
  struct Axis {
    bool categorical;
    int64_t levels;             // 0: continuous
    std::vector<double> units;  // of the levels, if there are few
  };

  double snap(size_t i, double unit) const;
  std::vector<double> values(const Point& point) const;

  const Space& space_;
  std::vector<Axis> axes_;
};

// Within rounding of each other, in the same choices and the same active parameters.
bool same_point(const Point& a, const Point& b);

}  // namespace attune::tune::internal
