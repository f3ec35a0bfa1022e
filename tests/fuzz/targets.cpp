#include "tests/fuzz/targets.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "attune/base/rng.h"
#include "attune/tensor/io/csv.h"
#include "attune/tensor/io/idx.h"
#include "attune/tensor/io/npy.h"
#include "attune/tensor/io/safetensors.h"
#include "tests/support/folder.h"

namespace attune::fuzz {
namespace {

// A file without a disk.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : file_(memfd_create("fuzz", 0)) {
    static_cast<void>(write(file_, bytes.data(), bytes.size()) == 0);
  }
  ~MemoryFile() { close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

template <class Read>
void reading(std::string_view bytes, Read read) {
  const MemoryFile file(bytes);
  try {
    read(file.path());
  } catch (const Error&) {
  }
}

void touch(const Tensor& x) {  // every element is really there
  if (x.numel() > 0) static_cast<void>(x.cast(DType::f64).sum().item<double>());
}
void touch_all(const TensorFile& file) {
  for (const auto& [name, x] : file) touch(x);
}

void einsum_text(std::string_view bytes) {
  const Tensor a = Tensor::ones({2, 3}), b = Tensor::ones({3, 2}), c = Tensor::ones({2, 2, 2});
  for (const std::vector<Tensor>& operands : {std::vector{a}, {a, b}, {a, b, c}}) {
    try {
      touch(einsum(bytes, operands));
    } catch (const Error&) {
    }
  }
}

// Each 4 bytes are an index: its kind, and numbers.
Index index_from(std::string_view bytes) {
  const auto number = [&](size_t i) {
    const auto v = static_cast<int8_t>(bytes[i]);
    return v == 127 ? INT64_MAX : v == -128 ? INT64_MIN : int64_t{v};
  };
  switch (static_cast<uint8_t>(bytes[0]) % 7) {
    case 0: return number(1);
    case 1: return Slice{number(1), number(2), number(3)};
    case 2: return Slice{.begin = number(1), .step = number(3)};
    case 3: return new_axis;
    case 4: return ellipsis;
    case 5: return Tensor({number(1), number(2)});
    default: return Tensor::arange(0, 3).gt(number(1));
  }
}

void index_bytes(std::string_view bytes) {
  const Tensor x = Tensor::arange(0, 2 * 3 * 4, 1, DType::f32).reshape({2, 3, 4});
  std::vector<Index> i;
  for (; bytes.size() >= 4 && i.size() < 5; bytes.remove_prefix(4)) {
    i.push_back(index_from(bytes.substr(0, 4)));
  }
  try {
    switch (i.size()) {
      case 0: break;
      case 1: return touch(x[{i[0]}]);
      case 2: return touch(x[{i[0], i[1]}]);
      case 3: return touch(x[{i[0], i[1], i[2]}]);
      case 4: return touch(x[{i[0], i[1], i[2], i[3]}]);
      default: return touch(x[{i[0], i[1], i[2], i[3], i[4]}]);
    }
  } catch (const Error&) {
  }
}

template <class Save>
std::string saved(Save save) {
  const support::Folder folder;
  save(folder.file("a"));
  return support::bytes_of(folder.file("a"));
}

std::vector<Target> made() {
  const Tensor x = Tensor::arange(0, 6, 1, DType::f32).reshape({2, 3});
  const NamedTensors two{{"w", x}, {"mask", Tensor({true, false})}};
  const std::vector<std::string> npy{saved([&](auto path) { save_npy(path, x); }),
                                     saved([](auto path) { save_npy(path, Tensor(true)); })};
  std::string fortran = npy[0];
  fortran.replace(fortran.find("False"), 5, "True ");
  fortran[fortran.find('<')] = '>';
  std::vector<std::string> archives{saved([&](auto path) { save_npz(path, two); })};
#ifdef ATTUNE_WITH_ZLIB
  archives.push_back(saved([&](auto path) { save_npz(path, two, {.deflate = true}); }));
#endif
  const std::string safetensors = saved([&](auto path) {
    save_safetensors(path, two, {{"k", "v"}});
  });
  const std::string idx("\0\0\x08\x02\0\0\0\2\0\0\0\2\1\2\3\4", 16);
  const std::string gzip(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x63\x60\xe0\x60\x62\x60\x60\x60\x02\x62\x46\x26\x66"
      "\x16\x00\x44\x97\x0b\x0b\x10\x00\x00\x00",
      33);
  return {
      {"safetensors",
       [](auto bytes) { reading(bytes, [](auto path) { touch_all(load_safetensors(path)); }); },
       {safetensors}},
      {"mapped_safetensors",
       [](auto bytes) { reading(bytes, [](auto path) { touch_all(map_safetensors(path)); }); },
       {safetensors}},
      {"npy",
       [](auto bytes) { reading(bytes, [](auto path) { touch(load_npy(path)); }); },
       {npy[0], npy[1], fortran}},
      {"npz", [](auto bytes) { reading(bytes, [](auto path) { touch_all(load_npz(path)); }); },
       archives},
      {"idx",
       [](auto bytes) { reading(bytes, [](auto path) { touch(read_idx(path)); }); },
       {idx, gzip}},
      {"csv",
       [](auto bytes) { reading(bytes, [](auto path) { touch(read_csv(path).to_tensor()); }); },
       {"a,b\n1,2\n3,NA\n", "x;y\n\"a;\"\"b\";1,5\n",
        "\xEF\xBB\xBF"
        "1\t2\r\n3\t4e300\r\n"}},
      {"einsum", einsum_text, {"ij->ji", "ij,jk->ik", "ij,jk,klm->ilm", "...i,i...", "ii->i"}},
      {"index",
       index_bytes,
       {std::string("\0\1\0\0\1\0\2\1\4\0\0\0", 12), std::string("\5\1\0\0\3\0\0\0\6\0\0\0", 12)}},
  };
}

}  // namespace

const std::vector<Target>& targets() {
  static const std::vector<Target> all = made();
  return all;
}

std::string mutated(const Target& target, uint64_t number) {
  Rng rng(number);
  const auto any = [&](size_t n) { return static_cast<size_t>(rng.below(n)); };
  std::string bytes = target.seeds[any(target.seeds.size())];
  static constexpr std::string_view kTokens[] = {
      "0",  "-1", "9223372036854775807", "{", "}", "'", "[[", "\"", "...",
      "->", ",",  "\xFF\xFF\xFF\xFF"};
  for (size_t change = 1 + any(6); change > 0; --change) {
    const size_t at = any(bytes.size() + 1), count = any(8);
    switch (any(7)) {
      case 0: bytes.erase(at, count); break;
      case 1: bytes.insert(at, bytes.substr(any(bytes.size() + 1), count)); break;
      case 2: bytes.insert(at, kTokens[any(std::size(kTokens))]); break;
      case 3: bytes.resize(at); break;
      case 4: {
        const std::string& other = target.seeds[any(target.seeds.size())];
        bytes = bytes.substr(0, at) + other.substr(any(other.size() + 1));
        break;
      }
      case 5:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << any(8)));
        break;
      default:
        if (at < bytes.size()) bytes[at] = static_cast<char>(any(256));
    }
  }
  return bytes;
}

}  // namespace attune::fuzz
