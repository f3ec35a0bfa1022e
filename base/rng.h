#pragma once
// Random numbers without hidden state: a generator is a key and a position in that key's stream.
// A copy of an Rng saves its state; fork() returns an independent stream, keyed by its purpose.

#include <array>
#include <cstdint>
#include <string_view>

namespace attune {

// Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): a
// counter-based generator, so that word n of a stream is a function of (key, n) and needs no
// earlier word.
class Rng {
 public:
  explicit Rng(uint64_t seed);

  // An independent stream, keyed by this one's key and a name or number. Draws nothing, so the
  // result does not depend on how much has been drawn from this stream.
  Rng fork(std::string_view name) const;
  Rng fork(int64_t number) const;

  uint32_t next_u32();
  uint64_t next_u64();
  double uniform();                         // in [0, 1), 53 bits
  double uniform(double low, double high);  // in [low, high)
  double normal();                          // mean 0, deviation 1
  uint64_t below(uint64_t n);               // in [0, n), without bias; n > 0, else ValueError

  // The key and position of this stream. Kernels that draw many numbers compute the words
  // [position, position + n) themselves and then call skip(n).
  uint64_t key() const { return key_; }
  uint64_t position() const { return position_; }
  void skip(uint64_t words) { position_ += words; }

  friend bool operator==(const Rng&, const Rng&) = default;

  // The four words of block number `block` in the key's stream.
  static std::array<uint32_t, 4> philox(uint64_t key, uint64_t block);

 private:
  Rng(uint64_t key, uint64_t position) : key_(key), position_(position) {}

  uint64_t key_;
  uint64_t position_;  // in words of 32 bits
};

}  // namespace attune
