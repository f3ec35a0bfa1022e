// Trial k gets point k of one randomised Halton sequence (Halton, 1960): coordinate i is k written
// backwards behind the point in base p_i, the i-th prime, every digit of every coordinate permuted
// by a permutation of its own (Owen, "A randomized Halton algorithm in R", 2017). Unpermuted, the
// coordinates of large bases rise together for long stretches.

#include <numeric>
#include <utility>

#include "attune/tune/samplers.h"

namespace attune::tune {
namespace {

constexpr size_t kDims = 64;            // beyond, bases are larger than most studies: random
constexpr double kLastDigit = 0x1p-40;  // smaller ones are filled up by chance

int64_t next_prime(int64_t after) {
  for (int64_t n = after + 1;; ++n) {
    bool prime = n > 1;
    for (int64_t d = 2; d * d <= n && prime; ++d) prime = n % d != 0;
    if (prime) return n;
  }
}

// Where the permutation of `base` digits that the stream holds takes the digit (Fisher and Yates).
int64_t permuted(int64_t digit, int64_t base, Rng rng) {
  std::vector<int64_t> to(static_cast<size_t>(base));
  std::iota(to.begin(), to.end(), int64_t{0});
  for (size_t i = to.size(); i-- > 1;) std::swap(to[i], to[rng.below(i + 1)]);
  return to[static_cast<size_t>(digit)];
}

double radical_inverse(int64_t index, int64_t base, const Rng& coordinate) {
  double value = 0, place = 1;
  for (int64_t position = 0; place > kLastDigit; ++position, index /= base) {
    place /= static_cast<double>(base);
    const int64_t digit = permuted(index % base, base, coordinate.fork(position));
    value += place * static_cast<double>(digit);
  }
  return value + place * coordinate.fork("rest").uniform();
}

class HaltonSampler : public Sampler {
 public:
  std::vector<double> propose(const Question& question, Rng& rng) override {
    const Rng study = Rng(question.seed).fork("halton");
    std::vector<double> units;
    int64_t base = 1;
    for (size_t i = 0; i < question.space.size(); ++i) {
      if (i >= kDims) {
        units.push_back(rng.uniform());
        continue;
      }
      base = next_prime(base);
      units.push_back(radical_inverse(question.number, base, study.fork(static_cast<int64_t>(i))));
    }
    return units;
  }

  double sample(const Question&, const Param&, Rng& rng) override { return rng.uniform(); }
};

}  // namespace

std::shared_ptr<Sampler> halton() { return std::make_shared<HaltonSampler>(); }

}  // namespace attune::tune
