#pragma once
// Sobol's points: they fill the unit cube more evenly than chance does.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace attune::tune::internal {

// Direction numbers of Joe and Kuo, "Constructing Sobol sequences with better two-dimensional
// projections" (2008). With a key the points are Owen-scrambled by hashes: Burley, "Practical
// hash-based Owen scrambling" (2020). Coordinates beyond kSobolDims are random numbers of that key.
class SobolSequence {
 public:
  static constexpr size_t kSobolDims = 64;

  explicit SobolSequence(size_t dims, std::optional<uint64_t> key = {});

  // Any point, by its index below 2^32, in (0, 1) each; unscrambled in [0, 1).
  std::vector<double> point(uint64_t index) const;
  std::vector<double> next() { return point(next_++); }

 private:
  using Directions = std::array<uint32_t, 32>;  // one per bit of the index

  std::optional<uint64_t> key_;
  std::vector<Directions> directions_;
  std::vector<uint32_t> seeds_;  // of the scrambling, per coordinate
  size_t dims_;
  uint64_t next_ = 0;
};

}  // namespace attune::tune::internal
