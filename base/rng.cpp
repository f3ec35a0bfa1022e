#include "attune/base/rng.h"

#include <cmath>
#include <numbers>

#include "attune/base/error.h"
#include "attune/base/internal/philox.h"

namespace attune {
namespace {

// The block of the 128-bit counter (lo, hi, domain, 0).
std::array<uint32_t, 4> philox_block(uint64_t key, uint64_t counter, uint32_t domain) {
  return internal::philox4x32(
      {static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32), domain, 0},
      {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)});
}

__extension__ using Wide = unsigned __int128;  // g++ and clang on 64-bit machines

uint64_t join(uint32_t low, uint32_t high) { return (uint64_t{high} << 32) | low; }

// The third counter word keeps draws, forks by name, forks by number and seeds apart.
enum Domain : uint32_t { kDraw = 0, kName = 1, kNumber = 2, kSeed = 3 };

uint64_t derive_key(uint64_t key, uint64_t value, Domain domain) {
  const auto block = philox_block(key, value, domain);
  return join(block[0], block[1]);
}

// FNV-1a, 64 bits. Philox mixes the result, so a plain hash is enough.
uint64_t hash_name(std::string_view name) {
  uint64_t h = 0xcbf29ce484222325;
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return h;
}

}  // namespace

std::array<uint32_t, 4> Rng::philox(uint64_t key, uint64_t block) {
  return philox_block(key, block, kDraw);
}

Rng::Rng(uint64_t seed) : key_(derive_key(seed, 0, kSeed)), position_(0) {}

Rng Rng::fork(std::string_view name) const { return {derive_key(key_, hash_name(name), kName), 0}; }

Rng Rng::fork(int64_t number) const {
  return {derive_key(key_, static_cast<uint64_t>(number), kNumber), 0};
}

uint32_t Rng::next_u32() {
  const uint32_t word = philox(key_, position_ / 4)[position_ % 4];
  ++position_;
  return word;
}

uint64_t Rng::next_u64() {
  position_ += position_ & 1;  // both words from one block: one Philox call, not two
  const auto block = philox(key_, position_ / 4);
  const size_t lane = position_ % 4;
  position_ += 2;
  return join(block[lane], block[lane + 1]);
}

double Rng::uniform() { return static_cast<double>(next_u64() >> 11) * 0x1p-53; }

double Rng::uniform(double low, double high) {
  const double u = uniform();
  const double x = std::isfinite(high - low) ? low + (high - low) * u : (1 - u) * low + u * high;
  return low < high && x >= high ? std::nextafter(high, low) : x;  // rounding may reach `high`
}

// Box and Muller (1958). The second number of the pair is dropped: keeping it would be state.
double Rng::normal() {
  position_ = (position_ + 3) & ~uint64_t{3};
  const auto block = philox(key_, position_ / 4);
  position_ += 4;
  const double u = (static_cast<double>(join(block[0], block[1]) >> 11) + 1) * 0x1p-53;  // (0, 1]
  const double v = static_cast<double>(join(block[2], block[3]) >> 11) * 0x1p-53;
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
}

// Lemire, "Fast random integer generation in an interval" (2019).
uint64_t Rng::below(uint64_t n) {
  if (n == 0) throw ValueError("Rng::below: n must be above 0");
  for (;;) {
    const auto product = static_cast<Wide>(next_u64()) * n;
    const auto low = static_cast<uint64_t>(product);
    if (low >= n || low >= (0 - n) % n) return static_cast<uint64_t>(product >> 64);
  }
}

}  // namespace attune
