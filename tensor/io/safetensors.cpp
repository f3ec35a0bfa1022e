// The format: 8 bytes little-endian length of the header; the header, JSON from name to
// {"dtype", "shape", "data_offsets"}, padded with spaces to a multiple of 8; the elements,
// row-major and little-endian, without gaps.

#include "attune/tensor/io/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <set>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/base/internal/file.h"

namespace attune {
namespace {

using Json = nlohmann::ordered_json;

static_assert(std::endian::native == std::endian::little, "elements are copied as they lie");

constexpr size_t kPrefix = 8;
constexpr size_t kLook = 65536;  // bytes after which it must be plain that it is such a file
constexpr uint64_t kLongestHeader = 100'000'000;  // as in the reference implementation
constexpr int kDeepestHeader = 3;                 // name, "shape", sizes
constexpr const char* kMetadata = "__metadata__";

// In the order of DType.
constexpr const char* kFormatNames[] = {"F32",  "F64", "I32",  "I64", "U8",
                                        "BOOL", "F16", "BF16", "I8"};
static_assert(std::size(kFormatNames) == internal::kDTypeCount);

size_t bytes_of(const Tensor& x) { return static_cast<size_t>(x.numel()) * byte_size(x.dtype()); }

// ---- Reading ----

// Types of the format that attune does not have, and their bits.
struct OtherType {
  const char* name;
  uint64_t bits;
};
constexpr OtherType kOtherTypes[] = {
    {"F8_E4M3", 8}, {"F8_E5M2", 8},     {"F8_E8M0", 8},     {"I16", 16},    {"U16", 16},
    {"U32", 32},    {"U64", 64},        {"C64", 64},        {"F6_E2M3", 6}, {"F6_E3M2", 6},
    {"F4", 4},      {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8},
};

struct Entry {
  std::string name, type;
  std::optional<DType> dtype;  // unless it is one of the others
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;  // in the data
};

class Reader {
 public:
  // `owner`, if there is one, keeps the bytes: the tensors then use them where they lie.
  Reader(const std::string& path, std::string_view bytes, std::shared_ptr<const void> owner)
      : path_(path), bytes_(bytes), owner_(std::move(owner)) {}

  TensorFile read() {
    const Json header = parse_header();
    Metadata metadata;
    std::vector<Entry> entries;
    for (const auto& [name, value] : header.items()) {
      if (name == kMetadata) {
        for (const auto& [key, text] : object(name, value).items()) {
          require(text.is_string(), "metadata \"{}\" is not a string", key);
          metadata[key] = text.get<std::string>();
        }
      } else {
        entries.push_back(entry(name, object(name, value)));
      }
    }
    check_cover(entries);
    NamedTensors tensors;
    std::vector<TensorFile::Other> others;
    for (const Entry& e : entries) {
      if (!e.dtype) {
        others.push_back({e.name, e.type, e.shape});
        continue;
      }
      if (e.dtype == DType::boolean) check_booleans(e);
      tensors.emplace_back(e.name, tensor(e));
    }
    return {std::move(tensors), std::move(metadata), std::move(others)};
  }

 private:
  Tensor tensor(const Entry& e) const {
    const Shape shape{std::span<const int64_t>(e.shape)};
    const char* from = bytes_.data() + data_ + e.begin;
    const bool aligned = reinterpret_cast<uintptr_t>(from) % byte_size(*e.dtype) == 0;
    if (owner_ != nullptr && aligned) {
      return internal::dispatch_stored(*e.dtype, [&]<class T>() {
        return Tensor::borrow(reinterpret_cast<const T*>(from), shape,
                              std::const_pointer_cast<void>(owner_));
      });
    }
    Tensor x = Tensor::empty(shape, *e.dtype);
    if (e.begin < e.end) std::memcpy(internal::block(x).data, from, e.end - e.begin);
    return x;
  }

  template <class... Args>
  void require(bool fine, fmt::format_string<Args...> why, Args&&... args) const {
    if (!fine) refuse(kPrefix, why, std::forward<Args>(args)...);
  }
  template <class... Args>
  [[noreturn]] void refuse(size_t byte, fmt::format_string<Args...> why, Args&&... args) const {
    fail<IoError>("{}: not a safetensors file: at byte {}: {}", path_, byte,
                  fmt::format(why, std::forward<Args>(args)...));
  }

  Json parse_header() {
    if (bytes_.size() < kPrefix) {
      refuse(bytes_.size(), "the file ends before the length of its header does");
    }
    uint64_t length = 0;
    std::memcpy(&length, bytes_.data(), kPrefix);
    const size_t rest = bytes_.size() - kPrefix;
    if (length > kLongestHeader || length > rest) {
      refuse(0, "a header of {} bytes is announced, the file has {} more", length, rest);
    }
    data_ = kPrefix + static_cast<size_t>(length);
    // A parser keeps the last of two equal names, which would hide a tensor; and what is nested
    // without end overflows the stack of whatever walks over it.
    std::vector<std::set<std::string>> seen;
    std::string twice;
    const auto watch = [&](int depth, Json::parse_event_t event, const Json& value) {
      require(depth <= kDeepestHeader, "the header is nested more than {} deep", kDeepestHeader);
      if (event == Json::parse_event_t::object_start) seen.emplace_back();
      if (event == Json::parse_event_t::object_end) seen.pop_back();
      if (event == Json::parse_event_t::key &&
          !seen.back().insert(value.get<std::string>()).second) {
        twice = value.get<std::string>();
      }
      return true;
    };
    try {
      const char* text = bytes_.data() + kPrefix;
      Json header = Json::parse(text, text + length, watch);
      require(header.is_object(), "the header is not a JSON object");
      require(twice.empty(), "\"{}\" is named twice", twice);
      return header;
    } catch (const Json::parse_error& e) {
      refuse(kPrefix + e.byte, "the header is not JSON");
    } catch (const Json::exception&) {
      refuse(kPrefix, "the header is not JSON: a number is out of range");
    }
  }

  const Json& object(const std::string& name, const Json& value) const {
    require(value.is_object(), "\"{}\" is not an object", name);
    return value;
  }

  uint64_t number(const std::string& name, const Json& value) const {
    require(value.is_number_unsigned(), "\"{}\": {} is not a size", name, value.dump());
    return value.get<uint64_t>();
  }

  Entry entry(const std::string& name, const Json& value) const {
    for (const char* key : {"dtype", "shape", "data_offsets"}) {
      require(value.contains(key), "\"{}\" has no {}", name, key);
    }
    const Json &dtype = value["dtype"], &shape = value["shape"], &span = value["data_offsets"];
    require(dtype.is_string(), "\"{}\": the dtype is not a string", name);
    Entry e{.name = name, .type = dtype.get<std::string>(), .dtype = {}, .shape = {}};
    uint64_t bits = 0;
    if (const auto* known = std::ranges::find(kFormatNames, e.type);
        known != std::end(kFormatNames)) {
      e.dtype = static_cast<DType>(known - std::begin(kFormatNames));
      bits = 8 * byte_size(*e.dtype);
    } else {
      const auto* other = std::ranges::find(kOtherTypes, e.type, &OtherType::name);
      require(other != std::end(kOtherTypes), "\"{}\": there is no dtype {}", name, e.type);
      bits = other->bits;
    }
    require(shape.is_array() && (!e.dtype || shape.size() <= kMaxRank),
            "\"{}\": the shape {} is not a list of at most {} sizes", name, shape.dump(), kMaxRank);
    require(span.is_array() && span.size() == 2, "\"{}\": data_offsets {} is not [begin, end]",
            name, span.dump());
    e.begin = number(name, span[0]), e.end = number(name, span[1]);
    const uint64_t held = bytes_.size() - data_;
    require(e.begin <= e.end && e.end <= held,
            "\"{}\": bytes {} to {} of the data, of which there are {}; the file may be truncated",
            name, e.begin, e.end, held);
    uint64_t count = 1;
    bool fits = true, empty = false;
    for (const Json& size : shape) {
      const uint64_t n = number(name, size);
      fits = fits && std::in_range<int64_t>(n);
      empty = empty || n == 0;
      if (n > 0) {
        fits = fits && count <= std::numeric_limits<int64_t>::max() / 64 / n;
        count = fits ? count * n : 0;
      }
      e.shape.push_back(static_cast<int64_t>(n));
    }
    const uint64_t bytes = empty ? 0 : (count * bits + 7) / 8;
    require(fits && bytes <= held, "\"{}\": the shape {} needs more bytes than the file has", name,
            shape.dump());
    require(bytes == e.end - e.begin, "\"{}\": [{}] of {} needs {} bytes, data_offsets gives {}",
            name, fmt::join(e.shape, ", "), e.dtype ? attune::name(*e.dtype) : e.type.c_str(),
            bytes, e.end - e.begin);
    return e;
  }

  // The tensors must cover the data exactly: a gap could hide something, and an overlap would make
  // two tensors of the same bytes.
  void check_cover(const std::vector<Entry>& entries) const {
    std::vector<const Entry*> in_order;
    for (const Entry& e : entries) in_order.push_back(&e);
    std::ranges::sort(in_order, {}, [](const Entry* e) { return std::pair(e->begin, e->end); });
    uint64_t end = 0;
    for (const Entry* e : in_order) {
      if (e->begin != end) {
        refuse(data_ + static_cast<size_t>(std::min(e->begin, end)),
               "\"{}\" begins at byte {} of the data, the one before ends at {}", e->name, e->begin,
               end);
      }
      end = e->end;
    }
    if (end != bytes_.size() - data_) {
      refuse(data_ + static_cast<size_t>(end), "{} bytes belong to no tensor",
             bytes_.size() - data_ - end);
    }
  }

  // A bool that is neither 0 nor 1 is undefined behaviour wherever it is read.
  void check_booleans(const Entry& e) const {
    const char* from = bytes_.data() + data_ + e.begin;
    for (size_t i = 0; i < e.end - e.begin; ++i) {
      if (from[i] != 0 && from[i] != 1) {
        refuse(data_ + static_cast<size_t>(e.begin) + i, "\"{}\": a BOOL is neither 0 nor 1",
               e.name);
      }
    }
  }

  const std::string& path_;
  std::string_view bytes_;
  std::shared_ptr<const void> owner_;
  size_t data_ = 0;  // where it begins
};

// Refuses what is no such file before the rest is read, of which a device has no end.
void look_at_beginning(const std::string& path, std::string_view bytes) {
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kPrefix);
  check<IoError>(length <= kLongestHeader && bytes[kPrefix] == '{',
                 "{}: not a safetensors file: at byte 0: neither the length of a header nor its "
                 "beginning is there",
                 path);
}

}  // namespace

TensorFile load_safetensors(const std::string& path) {
  return guard_memory(path.c_str(), [&] {
    const std::string bytes = internal::read_file(path, [&](std::string_view so_far, size_t from) {
      if (from < kLook && so_far.size() >= kLook) look_at_beginning(path, so_far);
    });
    return Reader(path, bytes, nullptr).read();
  });
}

TensorFile map_safetensors(const std::string& path) {
  return guard_memory(path.c_str(), [&] {
    const std::shared_ptr<const std::string_view> file = internal::map_file(path);
    return Reader(path, *file, file).read();
  });
}

void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const Metadata& metadata) {
  std::set<std::string> names;
  for (const auto& [name, x] : tensors) {
    internal::require_defined("save_safetensors", x);
    check<ValueError>(name != kMetadata, "save_safetensors: {} cannot name a tensor", kMetadata);
    check<ValueError>(names.insert(name).second, "save_safetensors: \"{}\" is named twice", name);
  }
  // Wide elements come first, so that each tensor is aligned to its elements.
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater{},
                           [&](size_t i) { return byte_size(tensors[i].second.dtype()); });

  Json header = Json::object();
  if (!metadata.empty()) header[kMetadata] = metadata;
  for (const auto& [name, x] : tensors) header[name] = nullptr;  // in the given order
  size_t end = 0;
  for (const size_t i : order) {
    const auto& [name, x] = tensors[i];
    const Shape shape = x.shape();
    header[name] = {{"dtype", kFormatNames[static_cast<size_t>(x.dtype())]},
                    {"shape", std::vector<int64_t>(shape.begin(), shape.end())},
                    {"data_offsets", {end, end + bytes_of(x)}}};
    end += bytes_of(x);
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::type_error&) {
    fail<ValueError>("save_safetensors: names and metadata must be UTF-8");
  }
  text.append((8 - text.size() % 8) % 8, ' ');

  internal::AtomicFile file(path);
  const uint64_t length = text.size();
  file.write(&length, kPrefix);
  file.write(text.data(), text.size());
  for (const size_t i : order) {
    const Tensor x = tensors[i].second.detach().contiguous();
    file.write(internal::block(x).data, bytes_of(x));
  }
  file.commit();
}

}  // namespace attune
