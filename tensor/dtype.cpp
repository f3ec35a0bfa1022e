#include "attune/tensor/dtype.h"

#include <array>
#include <ostream>

#include "attune/tensor/internal/dispatch.h"

namespace attune {
namespace {

using enum DType;
using internal::kDTypeCount;

struct Info {
  const char* name;
  size_t bytes;
  bool floating;
  std::array<DType, kDTypeCount>
      with;  // what it promotes to beside each type, in the order of DType
};

constexpr std::array<Info, kDTypeCount> kInfo{{
    // clang-format off
    //                    f32  f64  i32  i64  u8   boolean  f16  bf16  i8
    {"f32", 4, true,     {f32, f64, f32, f32, f32, f32,     f32, f32,  f32}},
    {"f64", 8, true,     {f64, f64, f64, f64, f64, f64,     f64, f64,  f64}},
    {"i32", 4, false,    {f32, f64, i32, i64, i32, i32,     f16, bf16, i32}},
    {"i64", 8, false,    {f32, f64, i64, i64, i64, i64,     f16, bf16, i64}},
    {"u8", 1, false,     {f32, f64, i32, i64, u8,  u8,      f16, bf16, i32}},
    {"boolean", 1, false, {f32, f64, i32, i64, u8, boolean, f16, bf16, i8}},
    {"f16", 2, true,     {f32, f64, f16, f16, f16, f16,     f16, f32,  f16}},
    {"bf16", 2, true,    {f32, f64, bf16, bf16, bf16, bf16, f32, bf16, bf16}},
    {"i8", 1, false,     {f32, f64, i32, i64, i32, i8,      f16, bf16, i8}},
    // clang-format on
}};

const Info& info(DType dtype) { return kInfo[static_cast<size_t>(dtype)]; }

}  // namespace

const char* name(DType dtype) { return info(dtype).name; }
size_t byte_size(DType dtype) { return info(dtype).bytes; }
bool is_floating(DType dtype) { return info(dtype).floating; }
DType promote(DType a, DType b) { return info(a).with[static_cast<size_t>(b)]; }
std::ostream& operator<<(std::ostream& out, DType dtype) { return out << name(dtype); }

}  // namespace attune
