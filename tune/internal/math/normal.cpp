#include "attune/tune/internal/math/normal.h"

#include <cmath>
#include <limits>

namespace attune::tune::internal {

double normal_quantile(double p) {
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    const double top = ((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179;
    const double bottom = ((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1;
    return q * top / bottom;
  }
  const double tail = q < 0 ? p : 1 - p;
  if (!(tail > 0)) return std::copysign(std::numeric_limits<double>::infinity(), q);
  double r = std::sqrt(-std::log(tail));
  double z = 0;
  if (r <= 5) {
    r -= 1.6;
    z = (((0.17023821103 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777) /
        ((0.12021132975 * r + 0.73700164250) * r + 1);
  } else {
    r -= 5;
    z = (((0.017337203997 * r + 0.42868294337) * r + 3.0812263860) * r + 6.6579051150) /
        ((0.012258202635 * r + 0.24197894225) * r + 1);
  }
  return std::copysign(z, q);
}

}  // namespace attune::tune::internal
