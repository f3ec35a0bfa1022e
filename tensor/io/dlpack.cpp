#include "attune/tensor/io/dlpack.h"

#include <cstdint>
#include <memory>

#include "attune/tensor/half.h"
#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/dispatch.h"

namespace attune {

using namespace internal;

namespace {

struct Known {
  dlpack::DataType type;
  DType dtype;
};
constexpr Known kKnown[] = {
    {{dlpack::kFloat, 32, 1}, DType::f32},   {{dlpack::kFloat, 64, 1}, DType::f64},
    {{dlpack::kFloat, 16, 1}, DType::f16},   {{dlpack::kBfloat, 16, 1}, DType::bf16},
    {{dlpack::kInt, 8, 1}, DType::i8},       {{dlpack::kInt, 32, 1}, DType::i32},
    {{dlpack::kInt, 64, 1}, DType::i64},     {{dlpack::kUInt, 8, 1}, DType::u8},
    {{dlpack::kBool, 8, 1}, DType::boolean},
};

DType dtype_of_array(const dlpack::Array& array) {
  const dlpack::DataType& t = array.dtype;
  for (const auto& [type, dtype] : kKnown) {
    if (type.code == t.code && type.bits == t.bits && t.lanes == 1) return dtype;
  }
  fail<DTypeError>(
      "from_dlpack: a type of code {}, {} bits and {} lanes, which attune does not have",
      int{t.code}, int{t.bits}, t.lanes);
}

// The elements of `array`, kept by `owner`.
Tensor borrowed(const dlpack::Array& array, std::shared_ptr<void> owner) {
  const DType dtype = dtype_of_array(array);
  check<ValueError>(array.device.type == dlpack::kCpu,
                    "from_dlpack: the elements are on device {}, not in the CPU's memory",
                    array.device.type);
  check<ShapeError>(array.ndim >= 0 && array.ndim <= kMaxRank,
                    "from_dlpack: has {} axes, a tensor at most {}", array.ndim, kMaxRank);
  Shape shape, strides;
  for (int i = 0; i < array.ndim; ++i) {
    check<ShapeError>(array.shape[i] >= 0, "from_dlpack: axis {} has the size {}", i,
                      array.shape[i]);
    shape.push_back(array.shape[i]);
  }
  const int64_t numel = numel_of("from_dlpack", shape);
  strides = row_major(shape);
  if (array.strides != nullptr) {
    for (int i = 0; i < array.ndim; ++i) strides[i] = array.strides[i];
  }
  const auto width = static_cast<int64_t>(byte_size(dtype));
  if (numel == 0) return Tensor::empty(shape, dtype);  // nothing to share
  // How far the elements reach before and after the first. Twice kFar of 8 bytes can be counted.
  constexpr int64_t kFar = INT64_MAX / 32;
  int64_t before = 0, after = 0;
  for (int i = 0; i < shape.rank(); ++i) {
    int64_t reach = 0;
    const bool fine =
        !__builtin_mul_overflow(shape[i] - 1, strides[i], &reach) &&
        !__builtin_add_overflow(reach < 0 ? before : after, reach, reach < 0 ? &before : &after);
    check<ShapeError>(fine && before > -kFar && after < kFar,
                      "from_dlpack: the strides {} of {} reach beyond memory", strides, shape);
  }
  const char* first = static_cast<const char*>(array.data) + array.byte_offset;
  check<ValueError>(array.data != nullptr, "from_dlpack: the pointer is null");
  check<ValueError>(reinterpret_cast<uintptr_t>(first) % static_cast<uintptr_t>(width) == 0,
                    "from_dlpack: the elements do not lie on a multiple of their {} bytes", width);
  const Tensor all = dispatch_stored(dtype, [&]<class T>() {
    return Tensor::borrow(reinterpret_cast<const T*>(first) + before, {after - before + 1},
                          std::move(owner));
  });
  return strides_of(block(all)) == strides && shape.rank() == 1
             ? all
             : make_view(all, shape, strides, -before);
}

template <class Managed>
Tensor take(Managed* managed) {
  check<ValueError>(managed != nullptr, "from_dlpack: the pointer is null");
  // The owner calls the deleter only once all is well: until then the caller owns it.
  struct Owner {
    Managed* managed = nullptr;
    ~Owner() {
      if (managed != nullptr && managed->deleter != nullptr) managed->deleter(managed);
    }
  };
  return guard_memory("from_dlpack", [&] {
    const auto owner = std::make_shared<Owner>();
    Tensor x = borrowed(managed->array, owner);
    const bool shared = x.numel() > 0;
    if (shared) owner->managed = managed;
    if (!shared && managed->deleter != nullptr) managed->deleter(managed);
    return x;
  });
}

// What an exported struct points to.
template <class Managed>
struct Export {
  Managed managed{};
  Tensor x;
  Shape shape, strides;
};

template <class Managed>
Managed* share(Tensor x) {
  auto* e = new Export<Managed>;
  e->x = std::move(x);
  e->shape = e->x.shape(), e->strides = e->x.strides();
  dlpack::Array& array = e->managed.array;
  array.data = block(e->x).data;
  array.device = {dlpack::kCpu, 0};
  array.ndim = e->shape.rank();
  for (const auto& [type, dtype] : kKnown) {
    if (dtype == e->x.dtype()) array.dtype = type;
  }
  array.shape = const_cast<int64_t*>(e->shape.begin());
  array.strides = const_cast<int64_t*>(e->strides.begin());
  e->managed.context = e;
  e->managed.deleter = [](Managed* self) { delete static_cast<Export<Managed>*>(self->context); };
  return &e->managed;
}

}  // namespace

Tensor from_dlpack(dlpack::ManagedTensor* managed) { return take(managed); }

Tensor from_dlpack(dlpack::ManagedTensorVersioned* managed) {
  check<ValueError>(managed == nullptr || managed->version.major == 1,
                    "from_dlpack: of DLPack's version {}.{}, attune knows 1",
                    managed == nullptr ? 0 : managed->version.major,
                    managed == nullptr ? 0 : managed->version.minor);
  return take(managed);
}

dlpack::ManagedTensorVersioned* to_dlpack(const Tensor& x) {
  require_defined("to_dlpack", x);
  return guard_memory("to_dlpack", [&] {
    auto* managed = share<dlpack::ManagedTensorVersioned>(x.detach());
    managed->version = {1, 1};
    managed->flags = dlpack::kReadOnly;
    return managed;
  });
}

dlpack::ManagedTensor* to_dlpack_unversioned(const Tensor& x) {
  require_defined("to_dlpack_unversioned", x);
  return guard_memory("to_dlpack_unversioned",
                      [&] { return share<dlpack::ManagedTensor>(x.detach().clone()); });
}

}  // namespace attune
