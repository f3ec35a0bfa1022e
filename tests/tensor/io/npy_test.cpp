// NumPy's files: what NumPy wrote is read, what is written is NumPy's byte for byte, and every way
// in which a file can lie is found. tests/interop/numpy_check.py asks NumPy itself.
#include "attune/tensor/io/npy.h"

#include <doctest/doctest.h>

#include <cstring>

#include "attune/tensor/half.h"
#include "tests/support/check.h"
#include "tests/support/folder.h"
#include "tests/tensor/io/numpy_files.h"

using namespace attune;
using namespace attune::support;

namespace {

Tensor load(std::string_view bytes) {
  const Folder folder;
  return load_npy(folder.file("a.npy", bytes));
}

template <class E = IoError>
std::string message_of(const std::string& bytes, bool archive = false) {
  const Folder folder;
  const std::string path = folder.file("a", bytes);
  try {
    if (archive) {
      load_npz(path);
    } else {
      load_npy(path);
    }
  } catch (const E& e) {
    REQUIRE(std::string(e.what()).starts_with(path + ": "));
    return e.what();
  }
  return "loaded";
}

// An array of version 1.0 with this header and so many bytes of elements.
std::string made(const std::string& header, size_t data) {
  std::string bytes = "\x93NUMPY\x01";
  bytes += '\0';
  bytes += static_cast<char>(header.size() & 255);
  bytes += static_cast<char>(header.size() >> 8);
  return bytes + header + std::string(data, '\1');
}

bool has(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return true;
  MESSAGE(text);
  return false;
}

#ifdef ATTUNE_WITH_ZLIB
constexpr bool kZlib = true;
#else
constexpr bool kZlib = false;  // what is compressed is refused
#endif

const std::vector<double> kSix{0, 1, 2, 3, 4, 5};

}  // namespace

TEST_CASE("npy: what NumPy wrote, of every version, order and byte order") {
  for (const std::string_view file :
       {numpy_files::f64_rows, numpy_files::f64_fortran, numpy_files::f64_big_endian}) {
    const Tensor x = load(file);
    CHECK(x.shape() == Shape{2, 3});
    CHECK(x.dtype() == DType::f64);
    CHECK(x.is_contiguous());
    CHECK(values(x) == kSix);
  }
  const Tensor scalar = load(numpy_files::f32_scalar);
  CHECK(scalar.rank() == 0);
  CHECK(scalar.item<float>() == 2.5f);
  CHECK(load(numpy_files::i32_version2).to_vector<int32_t>() == std::vector<int32_t>{1, -2, 3});
  const Tensor wide = load(numpy_files::i64_version3);
  CHECK(wide.shape() == Shape{2, 1});
  CHECK(wide.to_vector<int64_t>()[1] == -(int64_t{1} << 62));
  CHECK(load(numpy_files::i16_big_endian).to_vector<int32_t>() == std::vector<int32_t>{1, -2, 300});
  CHECK(load(numpy_files::u16).to_vector<int32_t>() == std::vector<int32_t>{1, 65535});
  CHECK(load(numpy_files::u32).to_vector<int64_t>() == std::vector<int64_t>{1, 4294967295});
  CHECK(load(numpy_files::u8_empty).shape() == Shape{0, 4});
  CHECK(values(load(numpy_files::booleans)) == std::vector<double>{1, 0});
  CHECK(values(load(numpy_files::f16_values)) == std::vector<double>{0.5, -kInf});
  const Tensor cube = load(numpy_files::i8_cube_fortran);
  CHECK(cube.shape() == Shape{2, 3, 4});
  for (int64_t i = 0; i < 24; ++i) CHECK(cube.reshape({24})[i].item<int8_t>() == i);
}

TEST_CASE("npy: types that attune does not have are refused by their names") {
  const auto refused = [](std::string_view bytes) {
    return message_of<DTypeError>(std::string(bytes));
  };
  CHECK(has(refused(numpy_files::uint64), "'<u8'"));
  CHECK(has(refused(numpy_files::complex64), "'<c8'"));
  CHECK(has(refused(numpy_files::texts), "'<U2'"));
  CHECK(has(refused(numpy_files::dates), "'<M8[D]'"));
  CHECK(has(refused(numpy_files::structure), "('b', '<f8')"));
  CHECK(has(refused(numpy_files::objects), "pickles"));
}

TEST_CASE("npy: what is written is what NumPy writes") {
  const Folder folder;
  const auto written = [&](const Tensor& x) {
    save_npy(folder.file("x.npy"), x);
    return bytes_of(folder.file("x.npy"));
  };
  const Tensor six = Tensor::arange(0, 6, 1, DType::f64).reshape({2, 3});
  CHECK(written(six) == numpy_files::f64_rows);
  CHECK(written(six.t().contiguous().t()) == numpy_files::f64_rows);
  CHECK(written(Tensor(2.5f)) == numpy_files::f32_scalar);
  CHECK(written(Tensor::zeros({0, 4}, DType::u8)) == numpy_files::u8_empty);
  CHECK(written(Tensor({true, false})) == numpy_files::booleans);
  for (const DType dtype : kAllDTypes) {
    for (const Shape& shape :
         {Shape{}, Shape{5}, Shape{0}, Shape{2, 1, 3}, Shape{1, 1, 1, 1, 2, 1, 1, 2}}) {
      const Tensor x = random(shape, DType::f64, 0, 100).cast(dtype);
      if (dtype == DType::bf16) {
        CHECK_THROWS_AS(save_npy(folder.file("h.npy"), x), DTypeError);
        CHECK_FALSE(std::filesystem::exists(folder.file("h.npy")));
        continue;
      }
      const Tensor y = load(written(shape.rank() < kMaxRank ? spaced(x) : x));
      CHECK(y.dtype() == dtype);
      CHECK(y.shape() == shape);
      CHECK(values(y) == values(x));
    }
  }
  CHECK_THROWS_AS(save_npy(folder.file("no/such.npy"), six), IoError);
  CHECK_THROWS_AS(save_npy(folder.file("u.npy"), Tensor()), ValueError);
  CHECK_THROWS_AS(load_npy(folder.file("none.npy")), IoError);
}

TEST_CASE("npy: files that lie") {
  const std::string whole(numpy_files::f64_rows);
  for (size_t n = 0; n < whole.size(); ++n) CHECK(message_of(whole.substr(0, n)) != "loaded");
  CHECK(has(message_of(whole + "x"), "49 follow"));
  CHECK(has(message_of(std::string("\x93NUMPY\x04\0", 8) + whole.substr(8)), "version"));
  const auto says = [](const std::string& header, size_t data, const std::string& what) {
    CHECK(has(message_of(made(header, data)), what));
  };
  says("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 4,
       "memory");
  says("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 4,
       "too large");
  says("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }", 4, "cut off");
  says("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4, "a size is missing");
  says("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", 4, "9 axes");
  says("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,), }", 4, "True");
  says("{'descr': '<f4', 'shape': (1,), }", 4, "missing");
  says("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", 4, "twice");
  says("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", 4, "unknown");
  says("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} + 1", 4, "follows");
  says("{'descr': [('a', ", 4, "no end");
  says("{'descr': [(((((", 4, "no end");
  says("__import__('os')", 4, "'{' is missing");
  says("{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }", 0, "cut off");
  CHECK(values(load(made("{'shape': (2L, ), \"descr\": '<i4', 'fortran_order': False}", 8))) ==
        std::vector<double>{0x01010101, 0x01010101});
  std::string two = made("{'descr': '|b1', 'fortran_order': False, 'shape': (1,), }", 1);
  two.back() = '\2';
  CHECK(has(message_of(two), "neither 0 nor 1"));
  CHECK(has(
      message_of<DTypeError>(made("{'descr': '|f4', 'fortran_order': False, 'shape': (1,)}", 4)),
      "'|f4'"));
}

TEST_CASE("npz: what NumPy wrote, and back") {
  const Folder folder;
  const TensorFile stored = load_npz(folder.file("s.npz", numpy_files::stored));
  CHECK(stored.size() == 2);
  CHECK(values(stored.at("w")) == kSix);
  CHECK(stored.at("b").item<int32_t>() == 7);
  CHECK_THROWS_AS(stored.at("c"), ValueError);

  const std::string compressed = folder.file("d.npz", numpy_files::deflated);
  if (!kZlib) {
    CHECK_THROWS_AS(load_npz(compressed), IoError);
    CHECK_THROWS_AS(save_npz(folder.file("n.npz"), {{"a", Tensor(1.f)}}, {.deflate = true}),
                    IoError);
    return;
  }
  const TensorFile deflated = load_npz(compressed);
  CHECK(values(deflated.at("w")) == kSix);
  CHECK(deflated.at("zeros").sum().item<float>() == 0);
  CHECK_FALSE(deflated.contains("names"));
  CHECK_THROWS_AS(deflated.at("names"), DTypeError);
  REQUIRE(deflated.others().size() == 1);
  CHECK(deflated.others()[0].dtype == "<U1");

  for (const bool deflate : {false, true}) {
    const NamedTensors all{{"größe/ä", random({3, 4}, DType::f32, -1, 1)},
                           {"", Tensor(true)},
                           {"zeros", Tensor::zeros({300, 1000})}};
    const std::string path = folder.file("own.npz");
    save_npz(path, all, {.deflate = deflate});
    CHECK((std::filesystem::file_size(path) < 10000) == deflate);
    const TensorFile back = load_npz(path);
    for (const auto& [name, x] : all) CHECK(values(back.at(name)) == values(x));
  }
  CHECK_THROWS_AS(save_npz(folder.file("t.npz"), {{"a", Tensor(1.f)}, {"a", Tensor(1.f)}}),
                  ValueError);
  save_npz(folder.file("empty.npz"), {});
  CHECK(load_npz(folder.file("empty.npz")).size() == 0);
}

TEST_CASE("npz: archives that lie") {
  for (const std::string_view file : {numpy_files::stored, numpy_files::deflated}) {
    const std::string whole(file);
    for (size_t n = 0; n < whole.size(); n += 3) {
      CHECK(message_of(whole.substr(0, n), true) != "loaded");
    }
    // Any one byte changed: refused, or what it says is no part of the arrays.
    for (size_t n = 0; n < whole.size(); ++n) {
      std::string bytes = whole;
      bytes[n] = static_cast<char>(bytes[n] ^ 0x55);
      const Folder folder;
      try {
        const TensorFile got = load_npz(folder.file("a", bytes));
        if (got.contains("w")) CHECK(values(got.at("w")) == kSix);
      } catch (const IoError&) {
      }
    }
  }
  if (!kZlib) return;
  // A size that no so short a stream can hold: nothing so large is asked for.
  std::string bomb(numpy_files::deflated);
  const size_t directory = bomb.find("PK\1\2");
  const uint32_t huge = 0xFFFFFFF0;
  std::memcpy(bomb.data() + directory + 24, &huge, 4);
  CHECK(has(message_of(bomb, true), "cannot hold"));
}
