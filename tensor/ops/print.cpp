// Printing: nested brackets as in NumPy, numbers in columns, the middle of a long tensor left out,
// and the dtype appended unless it is f32.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ostream>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/dispatch.h"

namespace attune {
namespace {

using namespace internal;

constexpr int64_t kAllUpTo = 1000;  // elements; above it only the ends of each axis are shown
constexpr int64_t kEnds = 3;
constexpr size_t kColumns = 80;
constexpr int kMostDigits = 6;  // after the point

// ---- The format of a tensor's numbers: one for all, so that they line up ----

struct Style {
  bool scientific = false;
  int digits = 0;  // after the point
};

std::string text_of(double x, const Style& style) {
  return style.scientific ? fmt::format("{:.{}e}", x, style.digits)
                          : fmt::format("{:.{}f}", x, style.digits);
}

// The digits after the point that x needs, at most kMostDigits. Of f16 and bf16: as many as tell it
// from its neighbours.
template <class T>
int digits_needed(double x, bool scientific) {
  if constexpr (sizeof(T) == 2) {
    for (int digits = 0; digits < kMostDigits; ++digits) {
      const std::string text = text_of(x, {scientific, digits});
      double read = 0;
      std::from_chars(text.data(), text.data() + text.size(), read);
      if (static_cast<double>(T(read)) == x) return digits;
    }
    return kMostDigits;
  }
  std::string text = text_of(x, {scientific, kMostDigits});
  if (std::is_same_v<T, float> && !scientific) {
    // 0.1f is 0.100000001…: the shortest text that reads as the same float has the digits meant.
    const std::string shortest = fmt::format("{}", static_cast<float>(x));
    if (shortest.find('e') == std::string::npos) text = shortest;
  }
  const size_t point = text.find('.');
  if (point == std::string::npos) return 0;
  size_t end = std::min(text.find_first_not_of("0123456789", point + 1), text.size());
  while (text[end - 1] == '0') --end;
  return std::min(static_cast<int>(end - point) - 1, kMostDigits);
}

template <class T>
Style style_of(const std::vector<double>& numbers) {
  Style style;
  double least = 0, most = 0;
  for (const double x : numbers) {
    if (!std::isfinite(x) || x == 0) continue;
    least = least == 0 ? std::abs(x) : std::min(least, std::abs(x));
    most = std::max(most, std::abs(x));
  }
  style.scientific = most >= 1e8 || (least > 0 && (least < 1e-4 || most / least > 1e6));
  for (const double x : numbers) {
    if (!std::isfinite(x)) continue;
    style.digits = std::max(style.digits, digits_needed<T>(x, style.scientific));
  }
  return style;
}

std::string text_of_element(double x, const Style& style) {
  if (std::isnan(x)) return "nan";
  if (std::isinf(x)) return x > 0 ? "inf" : "-inf";
  // 2. is a floating number, 2 an integer
  return text_of(x, style) + (style.scientific || style.digits > 0 ? "" : ".");
}

// ---- The elements that are shown ----

int64_t shown(int64_t size, bool abbreviated) {
  return abbreviated && size > 2 * kEnds ? 2 * kEnds : size;
}

// Element number i of those shown along an axis.
int64_t place(int64_t i, int64_t size, bool abbreviated) {
  return abbreviated && size > 2 * kEnds && i >= kEnds ? size - 2 * kEnds + i : i;
}

template <class T, class Visit>
void visit(const Tensor& x, bool abbreviated, int axis, int64_t offset, const Shape& strides,
           const Visit& each) {
  if (axis == x.rank()) return each(elements<T>(x)[offset]);
  for (int64_t i = 0; i < shown(x.size(axis), abbreviated); ++i) {
    visit<T>(x, abbreviated, axis + 1, offset + place(i, x.size(axis), abbreviated) * strides[axis],
             strides, each);
  }
}

std::vector<std::string> texts_of(const Tensor& x, bool abbreviated) {
  std::vector<std::string> texts;
  dispatch_stored(x.dtype(), [&]<class T>() {
    const auto each = [&](auto f) { visit<T>(x, abbreviated, 0, 0, x.strides(), f); };
    if constexpr (std::is_same_v<T, bool>) {
      each([&](bool b) { texts.emplace_back(b ? "true" : "false"); });
    } else if constexpr (std::is_integral_v<T>) {
      each([&](T i) { texts.push_back(fmt::format("{}", i)); });
    } else {
      std::vector<double> numbers;
      each([&](T number) { numbers.push_back(static_cast<double>(number)); });
      const Style style = style_of<T>(numbers);
      for (const double number : numbers) texts.push_back(text_of_element(number, style));
    }
  });
  size_t width = 0;
  for (const std::string& text : texts) width = std::max(width, text.size());
  for (std::string& text : texts) text.insert(0, width - text.size(), ' ');
  return texts;
}

// ---- Brackets ----

class Layout {
 public:
  Layout(const Shape& shape, bool abbreviated, std::vector<std::string> texts)
      : shape_(shape), abbreviated_(abbreviated), texts_(std::move(texts)) {}

  std::string operator()() {
    write(0);
    return std::move(out_);
  }

 private:
  void write(int axis) {
    if (axis == shape_.rank()) {
      out_ += texts_[next_++];
      return;
    }
    const bool row = axis + 1 == shape_.rank();
    const auto indent = static_cast<size_t>(axis) + 1;
    const int64_t count = shown(shape_[axis], abbreviated_);
    out_ += '[';
    for (int64_t i = 0; i < count; ++i) {
      const bool gap = count < shape_[axis] && i == kEnds;
      if (row) {
        if (i > 0) out_ += gap ? ", ..., " : ", ";
        if (i > 0 && column() + texts_[next_].size() >= kColumns) {
          out_.back() = '\n';
          out_.append(indent, ' ');
        }
      } else if (i > 0) {
        const auto lines = static_cast<size_t>(shape_.rank() - axis - 1);
        if (gap) out_ += ",\n" + std::string(indent, ' ') + "...";
        out_ += ',' + std::string(lines, '\n') + std::string(indent, ' ');
      }
      write(axis + 1);
    }
    out_ += ']';
  }

  size_t column() const {
    const size_t line = out_.rfind('\n');
    return line == std::string::npos ? out_.size() : out_.size() - line - 1;
  }

  Shape shape_;
  bool abbreviated_;
  std::vector<std::string> texts_;
  size_t next_ = 0;
  std::string out_;
};

}  // namespace

std::ostream& operator<<(std::ostream& out, const Tensor& x) {
  if (!x.defined()) return out << "undefined";
  if (x.numel() == 0) {
    out << "[]";
    if (x.rank() > 1) out << " shape " << x.shape();
  } else {
    const bool abbreviated = x.numel() > kAllUpTo;
    out << Layout(x.shape(), abbreviated, texts_of(x, abbreviated))();
  }
  if (x.dtype() != DType::f32) out << ' ' << x.dtype();
  return out;
}

}  // namespace attune
