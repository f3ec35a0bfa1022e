// Random tensors. Element i is a function of the generator's key, its position and i alone: neither
// the number of threads nor the width of a vector changes it.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/base/internal/parallel.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/internal/words.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/ops/random.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/kernel.h"
#include "attune/tensor/internal/pack-inl.h"
#include "hwy/contrib/math/math-inl.h"

// ---- Kernels ----

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {

// Philox 4x32-10 blocks first, first + 1, …: four words each. Every 64-bit lane computes a block of
// its own, in the lower halves of its words; the upper halves are ignored.
size_t PhiloxBlocks([[maybe_unused]] uint64_t key, [[maybe_unused]] uint64_t first,
                    [[maybe_unused]] size_t count, [[maybe_unused]] uint32_t* out) {
  size_t done = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<uint64_t> d;
  const hn::Repartition<uint32_t, decltype(d)> half;
  const size_t step = hn::Lanes(d);
  const auto lower = hn::Set(d, 0xFFFFFFFF);
  const auto product = [&](auto a, uint32_t b)
                           HWY_ATTR { return hn::MulEven(hn::BitCast(half, a), hn::Set(half, b)); };
  for (; done + step <= count; done += step) {
    auto c0 = hn::Iota(d, first + done), c1 = hn::ShiftRight<32>(c0);
    auto c2 = hn::Zero(d), c3 = c2;
    auto k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
    for (int round = 0; round < 10; ++round) {
      const auto p0 = product(c0, 0xD2511F53), p1 = product(c2, 0xCD9E8D57);
      c0 = hn::Xor(hn::Xor(hn::ShiftRight<32>(p1), c1), hn::Set(d, k0));
      c2 = hn::Xor(hn::Xor(hn::ShiftRight<32>(p0), c3), hn::Set(d, k1));
      c1 = p1, c3 = p0;
      k0 += 0x9E3779B9, k1 += 0xBB67AE85;
    }
    const auto front = hn::Or(hn::And(c0, lower), hn::ShiftLeft<32>(c1));
    const auto back = hn::Or(hn::And(c2, lower), hn::ShiftLeft<32>(c3));
    hn::StoreInterleaved2(front, back, d, reinterpret_cast<uint64_t*>(out + 4 * done));
  }
#endif
  return done;  // the caller makes the rest, less than a vector's
}

// y[i] = min(low + range u, top), u in [0, 1) from the upper 24 bits of a word, or, for double, the
// upper 53 bits of two.
template <class T>
void Uniform(const uint32_t* words, T* y, int64_t size, double low, double range, double top);

template <>
void Uniform(const uint32_t* words, float* y, int64_t size, double low, double range, double top) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> signed_tag;
  const hn::RebindToUnsigned<decltype(d)> unsigned_tag;
  const Pack<float> from = low, width = range, last = top;
  each_pack<float>(size, [&](int64_t i, size_t n) HWY_ATTR {
    const auto word = hn::ShiftRight<8>(load_some(unsigned_tag, n, words + i));
    const Pack<float> u = Pack<float>(hn::ConvertTo(d, hn::BitCast(signed_tag, word))) * 0x1p-24;
    store_some<float>(n, hn::Min((from + width * u).v, last.v), y + i);
  });
}

template <>
void Uniform(const uint32_t* words, double* y, int64_t size, double low, double range, double top) {
  for (int64_t i = 0; i < size; ++i) {
    const uint64_t word = words[2 * i] | (uint64_t{words[2 * i + 1]} << 32);
    const double u = static_cast<double>(static_cast<int64_t>(word >> 11)) * 0x1p-53;
    y[i] = std::min(low + range * u, top);
  }
}

// Box and Muller (1958): a uniform radius in (0, 1] and a uniform angle give two normal numbers,
// which are stored next to each other in y.
template <class T>
HWY_INLINE void NormalPair(Pack<T> u, Pack<T> turn, T* y) {
  const hn::ScalableTag<T> d;
  const Pack<T> radius = sqrt(Pack<T>(-2.0) * Pack<T>(hn::Log(d, u.v)));
  const Pack<T> angle = turn * (2 * std::numbers::pi);
  hn::StoreInterleaved2((radius * Pack<T>(hn::Cos(d, angle.v))).v,
                        (radius * Pack<T>(hn::Sin(d, angle.v))).v, d, y);
}

// `pairs` is rounded up to whole vectors: words and y have room for them.
template <class T>
void Normal(const uint32_t* words, T* y, int64_t pairs);

template <>
void Normal(const uint32_t* words, float* y, int64_t pairs) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> signed_tag;
  const hn::RebindToUnsigned<decltype(d)> unsigned_tag;
  for (int64_t i = 0; i < pairs; i += static_cast<int64_t>(hn::Lanes(d))) {
    hn::Vec<decltype(unsigned_tag)> a, b;
    hn::LoadInterleaved2(unsigned_tag, words + 2 * i, a, b);
    // 31 bits plus a half: never 0, and as fine near 0 as a float allows, for the far tail.
    const Pack<float> u =
        Pack<float>(hn::ConvertTo(d, hn::BitCast(signed_tag, hn::ShiftRight<1>(a)))) * 0x1p-31 +
        0x1p-32;
    const Pack<float> turn =  // in [-1/2, 1/2)
        Pack<float>(hn::ConvertTo(d, hn::ShiftRight<8>(hn::BitCast(signed_tag, b)))) * 0x1p-24;
    NormalPair(u, turn, y + 2 * i);
  }
}

template <>
void Normal(const uint32_t* words, double* y, int64_t pairs) {
  const hn::ScalableTag<double> d;
  HWY_ALIGN double u[hn::MaxLanes(d)], turn[hn::MaxLanes(d)];
  for (int64_t i = 0; i < pairs; i += static_cast<int64_t>(hn::Lanes(d))) {
    for (size_t lane = 0; lane < hn::Lanes(d); ++lane) {
      const uint32_t* w = words + 4 * i + 4 * lane;
      const uint64_t a = w[0] | (uint64_t{w[1]} << 32), b = w[2] | (uint64_t{w[3]} << 32);
      u[lane] = static_cast<double>(static_cast<int64_t>(a >> 11) + 1) * 0x1p-53;
      turn[lane] = static_cast<double>(static_cast<int64_t>(b) >> 11) * 0x1p-53;
    }
    NormalPair<double>(hn::Load(d, u), hn::Load(d, turn), y + 2 * i);
  }
}

}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

// ---- Ops ----

#if HWY_ONCE
namespace attune {
namespace {

using namespace internal;

HWY_EXPORT(PhiloxBlocks);
ATTUNE_KERNEL(uniform_numbers, Uniform)
ATTUNE_KERNEL(normal_numbers, Normal)

}  // namespace

void internal::random_words(const Rng& rng, uint64_t offset, size_t n, uint32_t* out) {
  uint64_t at = rng.position() + offset;
  const uint64_t end = at + n;
  const auto one_by_one = [&](uint64_t until) {
    while (at < until) {
      const auto words = Rng::philox(rng.key(), at / 4);
      do {
        *out++ = words[at % 4];
        ++at;
      } while (at < until && at % 4 != 0);
    }
  };
  one_by_one(std::min(end, (at + 3) / 4 * 4));
  const size_t blocks = HWY_DYNAMIC_DISPATCH(PhiloxBlocks)(rng.key(), at / 4, (end - at) / 4, out);
  out += 4 * blocks;
  at += 4 * blocks;
  one_by_one(end);
}

namespace {

// Fills y piece by piece: make_piece(words, elements, n) turns `words_each` random words per
// element into n elements. Buffers have kSlack elements to spare, for kernels that write whole
// vectors.
constexpr size_t kSlack = 256;

template <class T, class Make>
void draw(const Tensor& y, Rng& rng, int64_t words_each, Make make_piece) {
  const int64_t numel = y.numel(), piece = kPieceWords / words_each;
  const int64_t pieces = (numel + piece - 1) / piece;
  parallel_for(pieces, piece * 4, [&](int64_t begin, int64_t end) {
    alignas(64) uint32_t words[kPieceWords + kSlack];
    for (int64_t i = begin; i < end; ++i) {
      const int64_t n = std::min(piece, numel - i * piece), some = (n + 1) / 2 * 2 * words_each;
      random_words(rng, static_cast<uint64_t>(i * piece * words_each), static_cast<size_t>(some),
                   words);
      make_piece(words, elements<T>(y) + i * piece, n);
    }
  });
  rng.skip(static_cast<uint64_t>(numel * words_each));
}

// The largest T below `high` (at least `low`): rounding must not return `high` itself. ValueError
// for bounds that T cannot hold.
template <class T>
double largest_below(const char* op, double low, double high) {
  T top = static_cast<T>(high);
  check<ValueError>(std::isfinite(static_cast<double>(top)) &&
                        std::isfinite(static_cast<double>(static_cast<T>(low))),
                    "{}: {} to {} is beyond the range of {}", op, low, high, dtype_of<T>);
  if (static_cast<double>(top) >= high) {
    if constexpr (std::is_floating_point_v<T>) {
      top = std::nextafter(top, std::numeric_limits<T>::lowest());
    } else {  // a half: the next one is one bit away, and below 0 is the least negative one
      const bool zero = static_cast<double>(top) == 0;
      top.bits = static_cast<uint16_t>(zero                ? 0x8001
                                       : top.bits & 0x8000 ? top.bits + 1
                                                           : top.bits - 1);
    }
  }
  return std::max(static_cast<double>(top), static_cast<double>(static_cast<T>(low)));
}

// Numbers in f16 and bf16 are drawn in f32, up to the largest that rounds to less than `high`.
DType drawn_in(DType dtype) { return is_half(dtype) ? DType::f32 : dtype; }

Tensor draw_uniform(const char* op, const Shape& shape, double low, double high, Rng& rng,
                    DType dtype) {
  check<DTypeError>(is_floating(dtype), "{}: needs a floating dtype, got {}", op, dtype);
  const double top = dispatch_stored(dtype, [&]<class T>() {
    if constexpr (std::is_integral_v<T>) {
      return high;
    } else {
      return largest_below<T>(op, low, high);
    }
  });
  Tensor drawn = dispatch_floating(op, drawn_in(dtype), [&]<class T>() {
    check<ValueError>(std::isfinite(static_cast<T>(high - low)),
                      "{}: {} to {} is wider than the range of {}", op, low, high, dtype_of<T>);
    Tensor y = make(shape, drawn_in(dtype));
    draw<T>(y, rng, std::is_same_v<T, float> ? 1 : 2, [&](const uint32_t* words, T* to, int64_t n) {
      uniform_numbers<T>(words, to, n, low, high - low, top);
    });
    return y;
  });
  return into(drawn, dtype);
}

// The range in which a dtype holds every integer.
std::pair<int64_t, int64_t> whole_numbers(DType dtype) {
  const auto up_to = [](int bits) { return std::pair(-(int64_t{1} << bits), int64_t{1} << bits); };
  if (dtype == DType::f16) return up_to(11);
  if (dtype == DType::bf16) return up_to(8);
  return dispatch(dtype, [&]<class T>() -> std::pair<int64_t, int64_t> {
    using Limits = std::numeric_limits<T>;
    if constexpr (std::is_floating_point_v<T>) {
      return up_to(Limits::digits);
    } else {
      return {Limits::lowest(), Limits::max()};
    }
  });
}

// Maps a 64-bit word to [0, n), by the upper half of their product (Lemire, 2019). Nothing is
// rejected, so that the number of words drawn is fixed; the bias is below n / 2^64.
uint64_t scaled(const uint32_t* word, uint64_t n) {
  __extension__ using Wide = unsigned __int128;
  const uint64_t whole = word[0] | (uint64_t{word[1]} << 32);
  return static_cast<uint64_t>((static_cast<Wide>(whole) * n) >> 64);
}

}  // namespace

Tensor Tensor::rand(const Shape& shape, Rng& rng, DType dtype) {
  return draw_uniform("rand", shape, 0, 1, rng, dtype);
}

Tensor Tensor::uniform(const Shape& shape, double low, double high, Rng& rng, DType dtype) {
  check<ValueError>(low <= high && std::isfinite(high - low),
                    "uniform: needs finite bounds, the lower one first, got {} and {}", low, high);
  return draw_uniform("uniform", shape, low, high, rng, dtype);
}

Tensor Tensor::randn(const Shape& shape, Rng& rng, DType dtype) {
  Tensor drawn = dispatch_floating("randn", drawn_in(dtype), [&]<class T>() {
    Tensor y = make(shape, drawn_in(dtype));
    constexpr bool kSingle = std::is_same_v<T, float>;
    draw<T>(y, rng, kSingle ? 1 : 2, [](const uint32_t* words, T* to, int64_t n) {
      alignas(64) T values[kPieceWords + kSlack];  // the last pair, or vector, may reach beyond y
      normal_numbers<T>(words, values, (n + 1) / 2);
      std::copy_n(values, n, to);
    });
    if (y.numel() % 2 == 1) rng.skip(kSingle ? 1 : 2);  // the other half of the last pair
    return y;
  });
  return into(drawn, dtype);
}

Tensor Tensor::randint(const Shape& shape, int64_t low, int64_t high, Rng& rng, DType dtype) {
  check<ValueError>(low < high, "randint: needs low below high, got {} and {}", low, high);
  check<DTypeError>(dtype != DType::boolean,
                    "randint: returns numbers, not booleans; use bernoulli");
  const auto [least, most] = whole_numbers(dtype);
  check<ValueError>(low >= least && high - 1 <= most, "randint: {} to {} does not fit {}", low,
                    high - 1, dtype);
  if (is_half(dtype)) return randint(shape, low, high, rng, DType::f32).cast(dtype);
  Tensor y = make(shape, dtype);
  const uint64_t range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
  dispatch(dtype, [&]<class T>() {
    draw<T>(y, rng, 2, [&](const uint32_t* words, T* to, int64_t n) {
      for (int64_t i = 0; i < n; ++i) {
        const uint64_t number = static_cast<uint64_t>(low) + scaled(words + 2 * i, range);
        to[i] = static_cast<T>(static_cast<int64_t>(number));
      }
    });
  });
  return y;
}

Tensor Tensor::bernoulli(const Shape& shape, double probability, Rng& rng) {
  check<ValueError>(probability >= 0 && probability <= 1,
                    "bernoulli: the probability must be in [0, 1], got {}", probability);
  Tensor y = make(shape, DType::boolean);
  const auto threshold = static_cast<uint64_t>(std::llround(probability * 0x1p32));
  draw<bool>(y, rng, 1, [threshold](const uint32_t* words, bool* to, int64_t n) {
    for (int64_t i = 0; i < n; ++i) to[i] = words[i] < threshold;
  });
  return y;
}

// The Fisher-Yates shuffle, in Durstenfeld's form (1964).
Tensor Tensor::permutation(int64_t n, Rng& rng) {
  check<ValueError>(n >= 0, "permutation: the length must not be negative, got {}", n);
  Tensor y = arange(0, n);
  int64_t* place = elements<int64_t>(y);
  uint32_t words[kPieceWords];
  for (int64_t i = 0; i < n; ++i) {
    const int64_t at = i % (kPieceWords / 2);
    if (at == 0) {
      const int64_t count = std::min(kPieceWords / 2, n - i);
      random_words(rng, static_cast<uint64_t>(2 * i), static_cast<size_t>(2 * count), words);
    }
    const auto other = static_cast<int64_t>(scaled(words + 2 * at, static_cast<uint64_t>(i + 1)));
    std::swap(place[i], place[other]);
  }
  rng.skip(static_cast<uint64_t>(2 * n));
  return y;
}

}  // namespace attune
#endif  // HWY_ONCE
