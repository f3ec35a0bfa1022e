// Tensors shared by DLPack: who owns what, and arrays that no tensor can be. NumPy and attune share
// arrays in tests/interop/numpy_check.py.
#include "attune/tensor/io/dlpack.h"

#include <doctest/doctest.h>

#include <memory>

#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

// A producer's array, which counts how often it was deleted.
struct Producer {
  std::vector<float> elements{0, 1, 2, 3, 4, 5, 6, 7};
  std::vector<int64_t> shape{2, 3}, strides{3, 1};
  int deleted = 0;
  dlpack::ManagedTensorVersioned managed{};

  Producer() {
    managed.version = {1, 0};
    managed.context = this;
    managed.deleter = [](auto* self) { ++static_cast<Producer*>(self->context)->deleted; };
    refresh();
  }
  void refresh() {
    managed.array = {elements.data(),
                     {dlpack::kCpu, 0},
                     static_cast<int32_t>(shape.size()),
                     {dlpack::kFloat, 32, 1},
                     shape.data(),
                     strides.data(),
                     0};
  }
};

}  // namespace

TEST_CASE("dlpack: an import shares the elements and deletes them once, when all is gone") {
  Producer p;
  {
    Tensor view;
    {
      const Tensor x = from_dlpack(&p.managed);
      CHECK(x.shape() == Shape{2, 3});
      CHECK(static_cast<const void*>(x.data<float>().data()) == p.elements.data());
      view = x[1];
    }
    CHECK(p.deleted == 0);
    CHECK(values(view) == std::vector<double>{3, 4, 5});
  }
  CHECK(p.deleted == 1);
}

TEST_CASE("dlpack: strides, offsets and negative strides") {
  Producer p;
  p.strides = {1, 2};
  CHECK(values(from_dlpack(&p.managed)) == std::vector<double>{0, 2, 4, 1, 3, 5});
  p.managed.array.strides = nullptr;
  CHECK(values(from_dlpack(&p.managed)) == std::vector<double>{0, 1, 2, 3, 4, 5});
  p.refresh();
  p.strides = {-3, -1};
  p.managed.array.byte_offset = 7 * sizeof(float);
  CHECK(values(from_dlpack(&p.managed)) == std::vector<double>{7, 6, 5, 4, 3, 2});
  p.strides = {0, 1};
  p.managed.array.byte_offset = 0;
  CHECK(values(from_dlpack(&p.managed)) == std::vector<double>{0, 1, 2, 0, 1, 2});
  p.managed.array.ndim = 0;
  CHECK(from_dlpack(&p.managed).item<float>() == 0);
  p.shape = {0, 3};
  p.refresh();
  p.managed.array.data = nullptr;
  CHECK(from_dlpack(&p.managed).shape() == Shape{0, 3});
  CHECK(p.deleted == 6);
}

TEST_CASE("dlpack: what cannot be imported still belongs to the caller") {
  const auto refuse = [](auto&& change, auto error) {
    Producer p;
    change(p);
    CHECK_THROWS_AS(from_dlpack(&p.managed), decltype(error));
    CHECK(p.deleted == 0);
  };
  refuse([](Producer& p) { p.managed.array.dtype.bits = 128; }, DTypeError(""));
  refuse([](Producer& p) { p.managed.array.dtype.lanes = 4; }, DTypeError(""));
  refuse([](Producer& p) { p.managed.array.device.type = 2; }, ValueError(""));
  refuse([](Producer& p) { p.managed.version.major = 2; }, ValueError(""));
  refuse([](Producer& p) { p.managed.array.data = nullptr; }, ValueError(""));
  refuse([](Producer& p) { p.managed.array.byte_offset = 1; }, ValueError(""));
  refuse([](Producer& p) { p.managed.array.ndim = 9; }, ShapeError(""));
  refuse([](Producer& p) { p.shape[0] = -1; }, ShapeError(""));
  refuse(
      [](Producer& p) {
        p.shape = {INT64_MAX, INT64_MAX};
        p.refresh();
      },
      ShapeError(""));
  refuse([](Producer& p) { p.strides[0] = INT64_MAX; }, ShapeError(""));
  refuse([](Producer& p) { p.strides[0] = INT64_MIN; }, ShapeError(""));
  CHECK_THROWS_AS(from_dlpack(static_cast<dlpack::ManagedTensor*>(nullptr)), ValueError);
}

TEST_CASE("dlpack: exports of every dtype come back") {
  for (const DType dtype : kAllDTypes) {
    const Tensor x = random({3, 4}, DType::f64, 0, 100).cast(dtype);
    for (const Tensor& given : {x, x.t(), x.flip({}), x[{Slice{0, 3, 2}, 1}]}) {
      dlpack::ManagedTensorVersioned* shared = to_dlpack(given);
      CHECK((shared->flags & dlpack::kReadOnly) != 0);
      const Tensor back = from_dlpack(shared);
      CHECK(back.dtype() == dtype);
      CHECK(values(back) == values(given));
      dlpack::ManagedTensor* copied = to_dlpack_unversioned(given);
      CHECK(copied->array.data != shared->array.data);
      CHECK(values(from_dlpack(copied)) == values(given));
    }
  }
  dlpack::ManagedTensorVersioned* unused = to_dlpack(Tensor(1.f));
  unused->deleter(unused);
  CHECK_THROWS_AS(to_dlpack(Tensor()), ValueError);
}
