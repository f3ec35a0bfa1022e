#include "attune/tensor/internal/npy_format.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "attune/base/internal/text.h"
#include "attune/tensor/half.h"
#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/dispatch.h"

namespace attune::internal {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are copied as they lie");

constexpr size_t kLongestHeader = size_t{1} << 20;
constexpr size_t kAlign = 64;  // of the elements in the file

// What Python writes for a dictionary of a text, a truth value and a tuple, and no more of Python.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, size_t begin, const std::string& where)
      : text_(text), begin_(begin), where_(where) {}

  NpyHeader parse() {
    NpyHeader header;
    bool has_type = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !std::exchange(has_type, true)) {
        header.type = type();
      } else if (key == "fortran_order" && !std::exchange(has_order, true)) {
        header.fortran = truth();
      } else if (key == "shape" && !std::exchange(has_shape, true)) {
        header.shape = sizes();
      } else {
        refuse("the key {} is unknown or stands twice", in_quotes(key));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    if (at_ != text_.size()) refuse("something follows the dictionary");
    if (!has_type || !has_order || !has_shape) refuse("descr, fortran_order or shape is missing");
    return header;
  }

 private:
  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> why, Args&&... args) const {
    fail<IoError>("{}: not an array of NumPy's: at byte {}: {}", where_, begin_ + at_,
                  fmt::format(why, std::forward<Args>(args)...));
  }
  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char c) {
    skip_spaces();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) refuse("a '{}' is missing", c);
  }
  std::string quoted() {
    skip_spaces();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') refuse("a text is missing");
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) refuse("a text has no end");
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    if (inside.find('\\') != std::string_view::npos) refuse("a text has escapes");
    at_ = end + 1;
    return std::string(inside);
  }
  // A text, or the list of a structure's fields, which is kept for the message.
  std::string type() {
    skip_spaces();
    if (at_ == text_.size() || (text_[at_] != '[' && text_[at_] != '(')) return quoted();
    const size_t first = at_;
    int depth = 0;
    do {
      if (at_ == text_.size()) refuse("a list has no end");
      const char c = text_[at_];
      if (c == '\'' || c == '"') {
        quoted();
        continue;
      }
      depth += c == '[' || c == '(' ? 1 : c == ']' || c == ')' ? -1 : 0;
      ++at_;
    } while (depth > 0);
    return std::string(text_.substr(first, at_ - first));
  }
  bool truth() {
    skip_spaces();
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return word == "True";
      }
    }
    refuse("neither True nor False");
  }
  std::vector<int64_t> sizes() {
    std::vector<int64_t> all;
    expect('(');
    while (!accept(')')) {
      all.push_back(size());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return all;
  }
  int64_t size() {
    skip_spaces();
    const size_t first = at_;
    int64_t n = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      const int digit = text_[at_] - '0';
      if (n > (std::numeric_limits<int64_t>::max() - digit) / 10) refuse("a size is too large");
      n = 10 * n + digit;
    }
    if (at_ == first) refuse("a size is missing");
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // as Python 2 wrote it
    return n;
  }

  std::string_view text_;
  size_t begin_;  // of the text in the file
  const std::string& where_;
  size_t at_ = 0;
};

// How a type's elements lie in the file, and as what they are held.
struct Layout {
  const char* code;  // without the byte order
  size_t bytes;
  DType dtype;
};
constexpr Layout kLayouts[] = {
    {"f4", 4, DType::f32}, {"f8", 8, DType::f64}, {"f2", 2, DType::f16}, {"i4", 4, DType::i32},
    {"i8", 8, DType::i64}, {"i1", 1, DType::i8},  {"u1", 1, DType::u8},  {"b1", 1, DType::boolean},
    {"i2", 2, DType::i32}, {"u2", 2, DType::i32}, {"u4", 4, DType::i64},
};

const Layout& layout_of(const std::string& type, const std::string& where) {
  const std::string_view orders = "<>=|";
  if (type.size() == 3 && orders.find(type[0]) != std::string_view::npos) {
    for (const Layout& layout : kLayouts) {
      if (type.substr(1) == layout.code && (type[0] != '|' || layout.bytes == 1)) return layout;
    }
  }
  check<DTypeError>(!type.starts_with("|O"),
                    "{}: an array of Python objects, which are pickles and are never read", where);
  fail<DTypeError>("{}: of NumPy's type {}, which attune does not have", where, in_quotes(type));
}

template <class To, class From>
void widen(Tensor& y, const std::string& from) {
  for (int64_t i = 0; i < y.numel(); ++i) {
    From x{};
    std::memcpy(&x, from.data() + static_cast<size_t>(i) * sizeof x, sizeof x);
    elements<To>(y)[i] = x;
  }
}

}  // namespace

NpyHeader npy_header(std::string_view bytes, const std::string& where) {
  const auto refuse = [&](const char* why) {
    fail<IoError>("{}: not an array of NumPy's: {}", where, why);
  };
  if (!bytes.starts_with(kNpyMagic)) refuse("it does not begin as one");
  const size_t length_at = kNpyMagic.size() + 2;
  if (bytes.size() < length_at) refuse("it ends before its version does");
  const int version = static_cast<uint8_t>(bytes[kNpyMagic.size()]);
  if (version < 1 || version > 3 || bytes[kNpyMagic.size() + 1] != 0) {
    refuse("its version is none of 1.0, 2.0 and 3.0");
  }
  const size_t width = version == 1 ? 2 : 4, begin = length_at + width;
  if (bytes.size() < begin) refuse("it ends before the length of its header does");
  size_t length = 0;
  for (size_t i = 0; i < width; ++i) {
    length |= size_t{static_cast<uint8_t>(bytes[length_at + i])} << (8 * i);
  }
  if (length > bytes.size() - begin) refuse("it ends within its header");
  if (length > kLongestHeader) refuse("its header is longer than any array's");
  NpyHeader header = HeaderParser(bytes.substr(begin, length), begin, where).parse();
  header.data = begin + length;
  return header;
}

Tensor npy_tensor(const NpyHeader& header, std::string_view bytes, const std::string& where) {
  const Layout& layout = layout_of(header.type, where);
  check<IoError>(header.shape.size() <= kMaxRank, "{}: has {} axes, a tensor at most {}", where,
                 header.shape.size(), kMaxRank);
  const Shape shape{std::span<const int64_t>(header.shape)};
  const auto width = static_cast<int64_t>(layout.bytes);
  const int64_t need = product(shape, width).value_or(-1);
  const size_t held = bytes.size() - header.data;
  check<IoError>(need >= 0, "{}: the sizes {} are more than memory can hold", where, shape);
  check<IoError>(std::cmp_equal(need, held), "{}: {} of {} needs {} bytes, at byte {} {} follow{}",
                 where, shape, printable(header.type), need, header.data, held,
                 std::cmp_less(held, need) ? ": it is cut off" : "");
  std::string turned;
  const char* from = bytes.data() + header.data;
  const bool widened = layout.bytes != byte_size(layout.dtype);
  if (header.type[0] == '>' || widened) {
    turned.assign(from, held);
    if (header.type[0] == '>') {
      for (size_t i = 0; i < held; i += layout.bytes) {
        std::reverse(turned.begin() + static_cast<std::ptrdiff_t>(i),
                     turned.begin() + static_cast<std::ptrdiff_t>(i + layout.bytes));
      }
    }
    from = turned.data();
  }
  std::vector<int64_t> sizes = header.shape;
  if (header.fortran) std::reverse(sizes.begin(), sizes.end());
  Tensor y = make(Shape{std::span<const int64_t>(sizes)}, layout.dtype);
  if (!widened) {
    if (held > 0) std::memcpy(block(y).data, from, held);
  } else if (layout.bytes == 4) {
    widen<int64_t, uint32_t>(y, turned);
  } else {
    header.type[1] == 'i' ? widen<int32_t, int16_t>(y, turned)
                          : widen<int32_t, uint16_t>(y, turned);
  }
  if (layout.dtype == DType::boolean) {  // any other value would be undefined behaviour
    check<IoError>(std::all_of(from, from + held, [](char c) { return c == 0 || c == 1; }),
                   "{}: a truth value is neither 0 nor 1", where);
  }
  if (!header.fortran) return y;
  for (int a = 0, b = shape.rank() - 1; a < b; ++a, --b) y = y.transpose(a, b);
  return y.contiguous();
}

std::string npy_header_of(const char* op, const Tensor& x) {
  require_defined(op, x);
  check<DTypeError>(x.dtype() != DType::bf16, "{}: NumPy has no bf16; cast to f32 first", op);
  const auto* layout = std::ranges::find(kLayouts, x.dtype(), &Layout::dtype);
  std::string sizes;
  for (const int64_t size : x.shape()) sizes += std::to_string(size) + ", ";
  if (x.rank() > 1) sizes.resize(sizes.size() - 2);
  if (x.rank() == 1) sizes.pop_back();
  std::string text = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                 layout->bytes == 1 ? '|' : '<', layout->code, sizes);
  const size_t before = kNpyMagic.size() + 4;
  text.append(kAlign - 1 - (before + text.size()) % kAlign, ' ');
  text += '\n';
  std::string header(kNpyMagic);
  header += '\1', header += '\0';
  header += static_cast<char>(text.size() & 255), header += static_cast<char>(text.size() >> 8);
  return header + text;
}

}  // namespace attune::internal
