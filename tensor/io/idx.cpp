// The format: two bytes 0, a type, the number of axes; the sizes and the elements follow, all
// big-endian.

#include "attune/tensor/io/idx.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "attune/base/internal/file.h"
#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/deflate.h"
#include "attune/tensor/internal/dispatch.h"

namespace attune {

using namespace internal;

namespace {

constexpr uint64_t kMost = uint64_t{1} << 31;
constexpr size_t kMagic = 4, kSize = 4;
constexpr std::string_view kGzip = "\x1f\x8b";

template <class T>
T big_endian(const char* at) {
  char bytes[sizeof(T)];
  std::reverse_copy(at, at + sizeof(T), bytes);
  return std::bit_cast<T>(bytes);
}

template <class From, class To>
void read_elements(const char* from, const Tensor& y) {
  for (int64_t i = 0; i < y.numel(); ++i, from += sizeof(From)) {
    elements<To>(y)[i] = static_cast<To>(big_endian<From>(from));
  }
}

struct Type {
  uint8_t code;
  int64_t bytes;
  DType dtype;
  void (*read)(const char*, const Tensor&);
};
constexpr Type kTypes[] = {
    {0x08, 1, DType::u8, read_elements<uint8_t, uint8_t>},
    {0x09, 1, DType::i8, read_elements<int8_t, int8_t>},
    {0x0B, 2, DType::i32, read_elements<int16_t, int32_t>},
    {0x0C, 4, DType::i32, read_elements<int32_t, int32_t>},
    {0x0D, 4, DType::f32, read_elements<float, float>},
    {0x0E, 8, DType::f64, read_elements<double, double>},
};

Tensor parse(std::string_view bytes, const std::string& path) {
  check<IoError>(bytes.size() >= kMagic && bytes[0] == 0 && bytes[1] == 0,
                 "{}: not an IDX file: it does not begin with two bytes 0 and a type", path);
  const auto code = static_cast<uint8_t>(bytes[2]), rank = static_cast<uint8_t>(bytes[3]);
  const auto* type = std::ranges::find(kTypes, code, &Type::code);
  check<IoError>(type != std::end(kTypes), "{}: not an IDX file: there is no type {}", path, code);
  check<IoError>(rank <= kMaxRank, "{}: has {} axes, a tensor at most {}", path, rank, kMaxRank);
  const size_t data = kMagic + rank * kSize;
  check<IoError>(bytes.size() >= data, "{}: the file ends within its {} sizes", path, rank);
  Shape shape;
  for (size_t i = 0; i < rank; ++i) {
    shape.push_back(big_endian<uint32_t>(bytes.data() + kMagic + i * kSize));
  }
  const int64_t need = product(shape, type->bytes).value_or(-1);
  const size_t held = bytes.size() - data;
  check<IoError>(need >= 0, "{}: the sizes {} are more than memory can hold", path, shape);
  check<IoError>(std::cmp_equal(need, held), "{}: {} needs {} bytes, at byte {} {} follow{}", path,
                 shape, need, data, held, std::cmp_less(held, need) ? ": it is cut off" : "");
  const Tensor y = make(shape, type->dtype);
  type->read(bytes.data() + data, y);
  return y;
}

}  // namespace

Tensor read_idx(const std::string& path) {
  return guard_memory(path.c_str(), [&] {
    const std::string bytes = read_file(path, [&](std::string_view so_far, size_t from) {
      if (from > 0 || so_far.size() < kMagic || so_far.starts_with(kGzip)) return;
      check<IoError>(so_far[0] == 0 && so_far[1] == 0 && so_far[2] != 0,
                     "{}: not an IDX file: it does not begin with two bytes 0 and a type", path);
    });
    return bytes.starts_with(kGzip) ? parse(gunzip(bytes, kMost, path), path) : parse(bytes, path);
  });
}

}  // namespace attune
