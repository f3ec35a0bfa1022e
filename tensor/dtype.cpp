#include "attune/tensor/dtype.h"

#include <algorithm>
#include <array>
#include <ostream>

namespace attune {
namespace {

struct Info {
  const char* name;
  size_t bytes;
  int rank;  // of promotion
};

const Info& info(DType dtype) {
  static constexpr std::array<Info, 6> kTable{{{"f32", 4, 4},
                                               {"f64", 8, 5},
                                               {"i32", 4, 2},
                                               {"i64", 8, 3},
                                               {"u8", 1, 1},
                                               {"boolean", 1, 0}}};
  return kTable[static_cast<size_t>(dtype)];
}

}  // namespace

const char* name(DType dtype) { return info(dtype).name; }
size_t byte_size(DType dtype) { return info(dtype).bytes; }
bool is_floating(DType dtype) { return dtype == DType::f32 || dtype == DType::f64; }
DType promote(DType a, DType b) { return info(a).rank >= info(b).rank ? a : b; }
std::ostream& operator<<(std::ostream& out, DType dtype) { return out << name(dtype); }

}  // namespace attune
