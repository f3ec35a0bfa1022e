// The format: 8 bytes little-endian length of the header; the header, JSON from name to
// {"dtype", "shape", "data_offsets"}, padded with spaces to a multiple of 8; the elements,
// row-major and little-endian, without gaps.

#include "attune/tensor/io/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
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

struct Entry {
  std::string name;
  DType dtype{};
  Shape shape;
  uint64_t begin = 0, end = 0;  // in the data
};

class Reader {
 public:
  explicit Reader(const std::string& path)
      : path_(path), bytes_(internal::read_file(path, [&](std::string_view bytes, size_t from) {
          if (from < kLook && bytes.size() >= kLook) look_at_beginning(bytes);
        })) {}

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
    for (const Entry& e : entries) {
      Tensor x = Tensor::empty(e.shape, e.dtype);
      std::memcpy(internal::block(x).data, bytes_.data() + data_ + e.begin, e.end - e.begin);
      if (e.dtype == DType::boolean) check_booleans(e, x);
      tensors.emplace_back(e.name, std::move(x));
    }
    return {std::move(tensors), std::move(metadata)};
  }

 private:
  // Refuses what is no such file before the rest is read, of which a device has no end.
  void look_at_beginning(std::string_view bytes) const {
    uint64_t length = 0;
    std::memcpy(&length, bytes.data(), kPrefix);
    if (length > kLongestHeader || bytes[kPrefix] != '{') {
      refuse(0, "neither the length of a header nor its beginning is there");
    }
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
    const auto* known = std::ranges::find(kFormatNames, dtype.get<std::string>());
    require(known != std::end(kFormatNames), "\"{}\": dtype {} is none of {}", name,
            dtype.get<std::string>(), fmt::join(kFormatNames, " "));
    const auto type = static_cast<DType>(known - std::begin(kFormatNames));
    require(shape.is_array() && shape.size() <= kMaxRank,
            "\"{}\": the shape {} is not a list of at most {} sizes", name, shape.dump(), kMaxRank);
    require(span.is_array() && span.size() == 2, "\"{}\": data_offsets {} is not [begin, end]",
            name, span.dump());
    Entry e{name, type, {}, number(name, span[0]), number(name, span[1])};
    const uint64_t held = bytes_.size() - data_;
    require(e.begin <= e.end && e.end <= held,
            "\"{}\": bytes {} to {} of the data, of which there are {}; the file may be truncated",
            name, e.begin, e.end, held);
    bool fits = true;
    for (const Json& size : shape) {
      const uint64_t n = number(name, size);
      fits = fits && std::in_range<int64_t>(n);
      e.shape.push_back(static_cast<int64_t>(n));
    }
    const auto width = static_cast<int64_t>(byte_size(e.dtype));
    const int64_t bytes = fits ? internal::product(e.shape, width).value_or(-1) : -1;
    require(bytes >= 0 && std::cmp_less_equal(bytes, held),
            "\"{}\": the shape {} needs more bytes than the file has", name, shape.dump());
    require(static_cast<uint64_t>(bytes) == e.end - e.begin,
            "\"{}\": {} of {} needs {} bytes, data_offsets gives {}", name, e.shape, e.dtype, bytes,
            e.end - e.begin);
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
  void check_booleans(const Entry& e, const Tensor& x) const {
    const char* from = internal::block(x).data;
    for (size_t i = 0; i < bytes_of(x); ++i) {
      if (from[i] != 0 && from[i] != 1) {
        refuse(data_ + static_cast<size_t>(e.begin) + i, "\"{}\": a BOOL is neither 0 nor 1",
               e.name);
      }
    }
  }

  std::string path_, bytes_;
  size_t data_ = 0;  // where it begins
};

}  // namespace

const Tensor& TensorFile::at(const std::string& name) const {
  for (const auto& [key, tensor] : tensors_) {
    if (key == name) return tensor;
  }
  std::string names;
  for (const auto& [key, tensor] : tensors_) names += (names.empty() ? "" : ", ") + key;
  fail<ValueError>("safetensors: no tensor is named \"{}\"; there are: {}", name, names);
}

bool TensorFile::contains(const std::string& name) const {
  return std::ranges::any_of(tensors_, [&](const auto& entry) { return entry.first == name; });
}

TensorFile load_safetensors(const std::string& path) {
  return guard_memory(path.c_str(), [&] { return Reader(path).read(); });
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
