#pragma once
// Tensor: an immutable n-dimensional array, and all of its operations on one page.
//
// A Tensor is a cheap handle to shared elements: copying it copies a pointer, and every op returns
// a new one. Ops broadcast as in NumPy, take any strides, and are recorded by the Tape (tape.h)
// that is open on this thread. Shapes are written in brackets: x [batch, in].

#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "attune/tensor/arguments.h"
#include "attune/tensor/dtype.h"
#include "attune/base/error.h"
#include "attune/base/rng.h"
#include "attune/tensor/shape.h"

namespace attune {

namespace internal {
struct Block;  // the header in front of the elements: tensor/internal/block.h
void retain(Block* block);
void release(Block* block);
}  // namespace internal

enum class Gelu : uint8_t { exact, tanh };                      // by erf, or its tanh approximation
enum class PadMode : uint8_t { constant, reflect, replicate };  // what is beyond the edge

class Index;  // of x[{…}], below

class Tensor {
 public:
  // ---- Creating ----

  Tensor() = default;            // undefined: defined() is false, every op throws ValueError
  explicit Tensor(float value);  // 0-d
  explicit Tensor(double value);
  explicit Tensor(int32_t value);
  explicit Tensor(int64_t value);
  explicit Tensor(bool value);
  template <class T>
  explicit Tensor(T* pointer) = delete;  // would convert to bool; see from() and borrow()
  // Tensor({{1.f, 2.f}, {3.f, 4.f}}): nested lists, up to three deep. ShapeError for ragged ones.
  template <class T>
  explicit Tensor(std::initializer_list<T> values);
  template <class T>
  explicit Tensor(std::initializer_list<std::initializer_list<T>> rows);
  template <class T>
  explicit Tensor(std::initializer_list<std::initializer_list<std::initializer_list<T>>> planes);

  static Tensor empty(const Shape& shape, DType dtype = DType::f32);  // elements undefined
  static Tensor zeros(const Shape& shape, DType dtype = DType::f32);
  static Tensor zeros_like(const Tensor& x);
  static Tensor ones(const Shape& shape, DType dtype = DType::f32);
  static Tensor ones_like(const Tensor& x);
  static Tensor full(const Shape& shape, Scalar value, DType dtype = DType::f32);
  static Tensor eye(int64_t n, DType dtype = DType::f32);  // identity [n, n]
  // begin, begin + step, … below end (above it if step is negative). i64 if all three are integers,
  // else f32, unless `dtype` is given; DTypeError if that cannot hold every element.
  static Tensor arange(Scalar begin, Scalar end, Scalar step = 1, std::optional<DType> dtype = {});
  static Tensor linspace(double begin, double end, int64_t count, DType dtype = DType::f32);
  // base to the powers of linspace(begin, end, count).
  static Tensor logspace(double begin, double end, int64_t count, double base = 10,
                         DType dtype = DType::f32);
  // [rows, columns]: 1 on and below the diagonal, or the one that many places to its right.
  static Tensor tri(int64_t rows, int64_t columns, int64_t diagonal = 0, DType dtype = DType::f32);

  // Random tensors advance `rng`; the numbers depend only on it, the shape and the dtype.
  static Tensor rand(const Shape& shape, Rng& rng, DType dtype = DType::f32);   // [0, 1)
  static Tensor randn(const Shape& shape, Rng& rng, DType dtype = DType::f32);  // N(0, 1)
  static Tensor uniform(const Shape& shape, double low, double high, Rng& rng,
                        DType dtype = DType::f32);  // [low, high)
  static Tensor randint(const Shape& shape, int64_t low, int64_t high, Rng& rng,
                        DType dtype = DType::i64);                            // [low, high)
  static Tensor bernoulli(const Shape& shape, double probability, Rng& rng);  // boolean
  // Positions drawn with probabilities in proportion to weights [..., n] -> i64 [..., count], each
  // at most once unless `replacement`. ValueError for a negative or infinite weight, or too few
  // above 0.
  static Tensor multinomial(const Tensor& weights, int64_t count, Rng& rng,
                            bool replacement = false);
  static Tensor permutation(int64_t n, Rng& rng);  // 0 … n-1 in random order, i64 [n]
  // Initial values of weights [out, in, kernel…], see nn/init.h.
  static Tensor kaiming_uniform(const Shape& shape, Rng& rng, double slope = 0);
  static Tensor kaiming_normal(const Shape& shape, Rng& rng, double slope = 0);
  static Tensor xavier_uniform(const Shape& shape, Rng& rng, double gain = 1);
  static Tensor xavier_normal(const Shape& shape, Rng& rng, double gain = 1);
  static Tensor orthogonal(const Shape& shape, Rng& rng, double gain = 1);

  // Copies `values`; ShapeError unless there are as many as `shape` has elements. T is any element
  // type, but a std::vector<bool> has no span.
  template <class T>
  static Tensor from(std::span<const T> values, const Shape& shape);
  template <class T>
  static Tensor from(const std::vector<T>& values, const Shape& shape) {
    return from(std::span<const T>(values), shape);
  }
  // Uses the caller's elements, row-major, without copying them. They must not change. `owner`, if
  // given, is kept for as long as any tensor uses them; otherwise the caller keeps them alive.
  template <class T>
  static Tensor borrow(const T* elements, const Shape& shape,
                       std::shared_ptr<void> owner = nullptr);

  Tensor(const Tensor& other) noexcept : block_(other.block_) {
    if (block_ != nullptr) internal::retain(block_);
  }
  Tensor(Tensor&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Tensor& operator=(Tensor other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Tensor() {
    if (block_ != nullptr) internal::release(block_);
  }

  // ---- Querying ----

  bool defined() const { return block_ != nullptr; }
  Shape shape() const;
  int64_t size(int axis) const;  // IndexError if the axis is outside the rank
  int rank() const;
  int64_t numel() const;
  DType dtype() const;
  Shape strides() const;       // in elements
  bool is_contiguous() const;  // row-major without gaps
  template <class T>
  T item() const;  // the only element; DTypeError or ShapeError otherwise
  // The elements of a contiguous tensor, valid while any handle to it lives: not for temporaries.
  template <class T>
  std::span<const T> data() const&;
  template <class T>
  std::span<const T> data() const&& = delete;
  template <class T>
  std::vector<T> to_vector() const;  // row-major copy; T must be the dtype

  // ---- Converting ----

  Tensor cast(DType dtype) const;  // floating to integer truncates; to boolean: x != 0
  // View: the same bytes as another dtype of the same size, without a gradient. DTypeError for
  // another size and for booleans, which have but two values.
  Tensor bitcast(DType dtype) const;
  Tensor contiguous() const;  // x itself if it is contiguous, else a copy
  Tensor clone() const;       // a copy with elements of its own
  Tensor detach() const;      // a view of the same elements that is a constant to tapes

  // ---- Element by element: y = f(x), same shape (tensor/ops/unary.cpp) ----

  Tensor neg() const;
  Tensor abs() const;   // slope 0 at 0 and at NaN
  Tensor sign() const;  // 0 of NaN
  Tensor square() const;
  Tensor sqrt() const;
  Tensor rsqrt() const;
  Tensor reciprocal() const;
  Tensor exp() const;
  Tensor exp2() const;
  Tensor expm1() const;
  Tensor log() const;
  Tensor log2() const;
  Tensor log10() const;
  Tensor log1p() const;
  Tensor sin() const;
  Tensor cos() const;
  Tensor tan() const;
  Tensor asin() const;
  Tensor acos() const;
  Tensor atan() const;
  Tensor sinh() const;
  Tensor cosh() const;
  Tensor tanh() const;
  Tensor erf() const;
  Tensor erfc() const;    // 1 - erf(x), exact in the far tail
  Tensor erfinv() const;  // the x of which erf is this
  Tensor floor() const;
  Tensor ceil() const;
  Tensor round() const;  // halves to even
  Tensor trunc() const;  // towards 0
  Tensor frac() const;   // x - trunc(x)
  Tensor deg2rad() const;
  Tensor rad2deg() const;
  Tensor isnan() const;  // boolean, as the next two
  Tensor isinf() const;
  Tensor isfinite() const;
  Tensor logical_not() const;
  Tensor bitwise_not() const;  // of integers and booleans; DTypeError for floating ones

  // ---- Activations ----

  Tensor relu() const;   // slope 0 at 0, 1 at NaN
  Tensor relu6() const;  // between 0 and 6
  Tensor relu2() const;  // the square of relu; So et al. (2021)
  Tensor leaky_relu(double slope = 0.01) const;
  Tensor elu(double alpha = 1) const;   // x, or alpha (exp(x) - 1) below 0; Clevert et al. (2015)
  Tensor celu(double alpha = 1) const;  // the same of x / alpha below 0; Barron (2017)
  Tensor selu() const;                  // Klambauer et al. (2017)
  Tensor gelu(Gelu form = Gelu::exact) const;  // Hendrycks and Gimpel (2016)
  Tensor quick_gelu() const;                   // x sigmoid(1.702 x)
  Tensor sigmoid() const;
  Tensor hard_sigmoid() const;  // x / 6 + 1/2, between 0 and 1
  Tensor log_sigmoid() const;
  Tensor silu() const;         // x sigmoid(x), also called swish
  Tensor hard_silu() const;    // x hard_sigmoid(x); Howard et al. (2019)
  Tensor softplus() const;     // log(1 + exp(x))
  Tensor softsign() const;     // x / (1 + |x|)
  Tensor mish() const;         // x tanh(softplus(x)); Misra (2019)
  Tensor tanh_shrink() const;  // x - tanh(x)
  Tensor softmax(int axis = -1) const;
  Tensor log_softmax(int axis = -1) const;
  // Zeroes each element with probability p and divides the rest by 1 - p (Srivastava et al., 2014).
  Tensor dropout(double p, Rng& rng) const;

  // ---- Two operands, broadcast (operators below the class) ----
  // Integers stay integers, except in a division, and wrap around where they overflow. At points
  // without a derivative the gradients are PyTorch's.

  // Of integers: an integer, its fraction cut off, so 2 to the power -1 is 0; so is 0 to the -1.
  Tensor pow(const Tensor& exponent) const;
  Tensor pow(Scalar exponent) const;
  // NaN if either is NaN; the gradient then goes to both. Equal elements get half of it each.
  Tensor maximum(const Tensor& other) const;
  Tensor maximum(Scalar other) const;
  Tensor minimum(const Tensor& other) const;
  Tensor minimum(Scalar other) const;
  Tensor atan2(const Tensor& x) const;  // the angle of the points (x, this)
  Tensor atan2(Scalar x) const;
  // x, or the nearer bound where x lies outside; NaN stays NaN. ValueError unless low <= high. A
  // bound that no element of an integer tensor can pass, such as infinity, has no effect. The slope
  // is 1 between the bounds, 0 on and outside them.
  Tensor clamp(Scalar low, Scalar high) const;
  // maximum(low).minimum(high), with the slopes of these; where low > high the result is high.
  Tensor clamp(const Tensor& low, const Tensor& high) const;
  // Comparisons return boolean tensors. Integers are compared exactly with any number.
  Tensor eq(const Tensor& other) const;
  Tensor eq(Scalar other) const;
  Tensor ne(const Tensor& other) const;
  Tensor ne(Scalar other) const;
  Tensor lt(const Tensor& other) const;
  Tensor lt(Scalar other) const;
  Tensor le(const Tensor& other) const;
  Tensor le(Scalar other) const;
  Tensor gt(const Tensor& other) const;
  Tensor gt(Scalar other) const;
  Tensor ge(const Tensor& other) const;
  Tensor ge(Scalar other) const;
  Tensor logical_and(const Tensor& other) const;
  Tensor logical_or(const Tensor& other) const;
  Tensor logical_xor(const Tensor& other) const;
  // |x - other| <= absolute + relative |other|; infinities are close to themselves, NaN to nothing
  // unless equal_nan. ValueError for a negative tolerance.
  Tensor isclose(const Tensor& other, double relative = 1e-5, double absolute = 1e-8,
                 bool equal_nan = false) const;
  // Of integers and booleans, DTypeError for others.
  Tensor bitwise_and(const Tensor& other) const;
  Tensor bitwise_or(const Tensor& other) const;
  Tensor bitwise_xor(const Tensor& other) const;
  Tensor masked_fill(const Tensor& mask, Scalar value) const;         // value where mask is true
  Tensor masked_fill(const Tensor& mask, const Tensor& value) const;  // value []

  // ---- Reductions over axes (all by default) ----
  // max, min, argmax and argmin return NaN, or its position, if there is one. The gradient of max
  // and min is shared by equal elements, or by all NaN.

  Tensor sum(Axes axes = {}, KeepDims keep = {}) const;  // of integers and booleans: i64
  Tensor mean(Axes axes = {}, KeepDims keep = {}) const;
  Tensor max(Axes axes = {}, KeepDims keep = {}) const;
  Tensor min(Axes axes = {}, KeepDims keep = {}) const;
  Tensor prod(Axes axes = {}, KeepDims keep = {}) const;
  // Mean squared distance from the mean, dividing by n - correction.
  Tensor var(Axes axes = {}, int correction = 1, KeepDims keep = {}) const;
  Tensor std(Axes axes = {}, int correction = 1, KeepDims keep = {}) const;
  Tensor norm(Axes axes = {}, KeepDims keep = {}) const;       // Euclidean
  Tensor logsumexp(Axes axes = {}, KeepDims keep = {}) const;  // all -inf: -inf, with slopes of NaN
  Tensor any(Axes axes = {}, KeepDims keep = {}) const;
  Tensor all(Axes axes = {}, KeepDims keep = {}) const;
  Tensor argmax(std::optional<int> axis = {}, KeepDims keep = {}) const;  // first of equals, i64
  Tensor argmin(std::optional<int> axis = {}, KeepDims keep = {}) const;
  Tensor count_nonzero(Axes axes = {}, KeepDims keep = {}) const;  // i64
  // The lower of the two middle elements of an even number, as in PyTorch; NaN if there is one.
  Tensor median(Axes axes = {}, KeepDims keep = {}) const;
  // What the share q of the elements is not above, interpolated between neighbours; 0.5 is the mean
  // of the two middle ones. NaN if there is one. ValueError unless 0 <= q <= 1.
  Tensor quantile(double q, Axes axes = {}, KeepDims keep = {}) const;
  Tensor cumsum(int axis) const;
  Tensor cumprod(int axis) const;  // of integers and booleans: i64
  Tensor cummax(int axis) const;   // NaN from the first NaN on; the last of equals has the gradient

  // ---- Sorting: stable, with NaN as the largest number ----

  struct Sorted;  // {values, indices}
  Sorted sort(int axis = -1, bool descending = false) const;
  Tensor argsort(int axis = -1, bool descending = false) const;
  Sorted topk(int64_t k, int axis = -1, bool largest = true) const;  // the first k of sort()
  // The different elements, sorted, [n]. NaN is different from NaN.
  Tensor unique() const;
  struct Unique;  // {values, inverse, counts}
  Unique unique_all() const;
  // Where `values` would go into x, which is sorted along its last axis: before equal elements, or
  // behind them. x [n] and values of any shape, or x [..., n] and values [..., m] -> i64 of the
  // shape of values. ValueError if x is not sorted.
  Tensor searchsorted(const Tensor& values, bool right = false) const;

  // ---- Moving elements; views copy nothing ----

  Tensor reshape(const Shape& shape) const;           // one size may be -1; a view if contiguous
  Tensor flatten(int begin = 0, int end = -1) const;  // axes begin … end become one
  Tensor permute(Axes axes) const;                    // view
  Tensor transpose(int a, int b) const;               // view
  Tensor t() const;  // view: the last two axes swapped; of a vector, the vector
  // View: axes of size 1 are repeated, and new ones may be added in front. -1 keeps a size.
  Tensor expand(const Shape& shape) const;
  // View without the axes of size 1, or without those named: ShapeError if one of these has another
  // size, as in NumPy (PyTorch keeps the axis).
  Tensor squeeze(Axes axes = {}) const;
  Tensor unsqueeze(int axis) const;  // view: a new axis of size 1
  Tensor flip(Axes axes) const;      // view
  // A part of x: a view, unless there are tensors among the indices. Positions, slices, new_axis
  // and ellipsis are applied first, as in PyTorch; then tensors choose along the axes that they
  // stand for: i32 or i64 positions, broadcast, or a boolean mask of the shape of one or several
  // axes. The chosen axes become those of the positions, in the place of the first, or in front if
  // they are apart. IndexError for a position outside, ShapeError for a mask that does not fit.
  Tensor operator[](std::initializer_list<Index> indices) const;
  template <std::same_as<Tensor> T>
  Tensor operator[](const T& index) const;  // x[mask], x[positions]
  template <std::integral T>
  Tensor operator[](T position) const;  // view: one position along axis 0
  // View: `length` positions along an axis; a negative begin counts from the end.
  Tensor narrow(int axis, int64_t begin, int64_t length) const;
  // Views of `size` positions each along an axis, the last maybe shorter; at least one view.
  std::vector<Tensor> split(int64_t size, int axis = 0) const;
  std::vector<Tensor> split(const std::vector<int64_t>& sizes, int axis = 0) const;
  // At most `count` views of equal length, but for the last.
  std::vector<Tensor> chunk(int64_t count, int axis = 0) const;
  // View: where j - i is `offset` for the places (i, j) along two axes; it becomes the last axis.
  Tensor diagonal(int64_t offset = 0, int axis1 = 0, int axis2 = 1) const;
  // {begin, end}: the places kept of the last axes, as many as are given; a view.
  Tensor shrink(const std::vector<std::pair<int64_t, int64_t>>& ranges) const;
  // One axis becomes several; one size may be -1.
  Tensor unflatten(int axis, const Shape& sizes) const;
  // Elements moved towards the end, those beyond it to the beginning; of all axes as one by
  // default.
  Tensor roll(int64_t shift, std::optional<int> axis = {}) const;
  Tensor roll(const std::vector<int64_t>& shifts, Axes axes) const;
  // The whole tensor so many times along each axis. tile() takes counts for the last axes;
  // repeat() needs one for each, and more for new axes in front, as in PyTorch.
  Tensor tile(const Shape& counts) const;
  Tensor repeat(const Shape& counts) const;
  Tensor triu(int64_t diagonal = 0) const;  // [..., m, n]: 0 below a diagonal
  Tensor tril(int64_t diagonal = 0) const;  // 0 above it
  // {before, after}: how many elements to add on either side of an axis. The pairs belong to the
  // last axes, as many as are given.
  Tensor pad(const std::vector<std::pair<int64_t, int64_t>>& widths,
             PadMode mode = PadMode::constant, double value = 0) const;

  // ---- Selecting by index; indices are i32 or i64, negative ones count from the end ----

  Tensor gather(int axis, const Tensor& index) const;  // y[i][j] = x[index[i][j]][j] for axis 0
  Tensor scatter_add(int axis, const Tensor& index,
                     const Tensor& source) const;  // its transpose, added to x
  // Like scatter_add, but source replaces what is there; the last of several at one place.
  Tensor scatter(int axis, const Tensor& index, const Tensor& source) const;
  Tensor scatter(int axis, const Tensor& index, Scalar value) const;
  Tensor take_along_axis(int axis, const Tensor& index) const;  // gather; other axes broadcast
  Tensor index_select(int axis, const Tensor& index) const;     // index [n]: whole slices
  // x with the slices of source added at index [n] along an axis.
  Tensor index_add(int axis, const Tensor& index, const Tensor& source) const;
  Tensor nonzero() const;                 // the places of what is not 0, in order: i64 [n, rank]
  Tensor one_hot(int64_t classes) const;  // [...] -> [..., classes], f32

  // ---- Products ----

  // [..., m, k] x [..., k, n] -> [..., m, n], broadcast; vectors as in NumPy.
  Tensor matmul(const Tensor& other) const;
  Tensor dot(const Tensor& other) const;    // [n] x [n] -> []
  Tensor outer(const Tensor& other) const;  // [m] x [n] -> [m, n]

  // ---- Linear algebra of matrices [..., n, n] or [..., m, n], by LAPACK ----
  // DTypeError for integers, ValueError for a singular matrix, or NaN where LAPACK cannot take it.
  // lstsq has no gradient (ValueError); those of svd and eigh are infinite or NaN at equal values.

  Tensor cholesky() const;  // lower l with l l^T = x, of which the lower triangle is read
  Tensor solve(
      const Tensor& b) const;  // the y with x y = b: b [n] or [..., n, k], batches broadcast
  // The same for a triangle, lower by default; of 1 on its diagonal if `unit`.
  Tensor triangular_solve(const Tensor& b, bool upper = false, bool unit = false) const;
  Tensor inverse() const;
  Tensor det() const;  // [..., n, n] -> [...]
  struct Svd;          // {u, s, vt}: u [..., m, r], s [..., r] descending, vt [..., r, n]
  Svd svd() const;     // u s vt = x with r = min(m, n)
  struct Eigh;         // {values, vectors}: values [..., n] ascending, vectors in columns
  Eigh eigh() const;   // of a symmetric matrix, of which the lower triangle is read
  struct Qr;           // {q, r}: q [..., m, k] orthonormal columns, r [..., k, n] upper triangle
  Qr qr() const;       // q r = x with k = min(m, n)
  // The shortest y that minimizes |x y - b|: x [..., m, n], b [m] or [..., m, k].
  Tensor lstsq(const Tensor& b) const;

  // ---- Images [batch, channels, height, width], sequences [batch, channels, length] ----
  // Without a batch, [channels, …], the result has none. ShapeError for sizes that do not fit.

  // weight [out, channels / groups, kernel…], bias [out], or undefined for none.
  Tensor conv1d(const Tensor& weight, const ConvOptions& options = {}) const;
  Tensor conv1d(const Tensor& weight, const Tensor& bias, const ConvOptions& options) const;
  template <std::same_as<Tensor> T>  // not for options in braces
  Tensor conv1d(const Tensor& weight, const T& bias) const {
    return conv1d(weight, bias, {});
  }
  Tensor conv2d(const Tensor& weight, const ConvOptions& options = {}) const;
  Tensor conv2d(const Tensor& weight, const Tensor& bias, const ConvOptions& options) const;
  template <std::same_as<Tensor> T>  // not for options in braces
  Tensor conv2d(const Tensor& weight, const T& bias) const {
    return conv2d(weight, bias, {});
  }
  // The transpose of conv2d: weight [channels, out / groups, kernel…].
  Tensor conv_transpose2d(const Tensor& weight, const ConvTransposeOptions& options = {}) const;
  Tensor conv_transpose2d(const Tensor& weight, const Tensor& bias,
                          const ConvTransposeOptions& options) const;
  template <std::same_as<Tensor> T>  // not for options in braces
  Tensor conv_transpose2d(const Tensor& weight, const T& bias) const {
    return conv_transpose2d(weight, bias, {});
  }
  Tensor max_pool1d(int64_t window, const PoolOptions& options = {}) const;
  Tensor max_pool2d(Extent2 window, const PoolOptions& options = {}) const;
  Tensor avg_pool1d(int64_t window, const PoolOptions& options = {}) const;
  Tensor avg_pool2d(Extent2 window, const PoolOptions& options = {}) const;
  // Every window as a column: [batch, channels, h, w] -> [batch, channels window…, places].
  Tensor unfold(Extent2 window, const WindowOptions& options = {}) const;
  // Its transpose: columns added up in an image of this size.
  Tensor fold(Extent2 size, Extent2 window, const WindowOptions& options = {}) const;
  // To another size. Pixels are areas whose centres are mapped, or, with align_corners (bilinear
  // alone), points of which the outermost keep their places.
  Tensor interpolate(Extent2 size, Interpolation mode = Interpolation::nearest,
                     bool align_corners = false) const;
  // Rotary positions (Su et al., 2021): x [..., length, width] with the pairs (i, i + width / 2) of
  // each row turned by angles [length, width / 2], whose sines and cosines are given; by default
  // position / base^(2 i / width), with positions from `first`.
  Tensor rope(const Tensor& sines, const Tensor& cosines) const;
  Tensor rope(double base = 10000, int64_t first = 0) const;

  // For attune's own sources; the type is opaque to users. Two handles are one tensor if it is
  // equal.
  internal::Block* block() const { return block_; }
  explicit Tensor(internal::Block* adopted) : block_(adopted) {}

 private:
  static Tensor from_bytes(const void* values, size_t count, DType dtype, const Shape& shape);
  static Tensor borrow_bytes(const void* elements, DType dtype, const Shape& shape,
                             std::shared_ptr<void> owner);
  const void* data_bytes(DType wanted) const;
  const void* item_bytes(DType wanted) const;

  internal::Block* block_ = nullptr;
};

struct Tensor::Sorted {
  Tensor values, indices;
};
struct Tensor::Svd {
  Tensor u, s, vt;
};
struct Tensor::Eigh {
  Tensor values, vectors;
};
struct Tensor::Qr {
  Tensor q, r;
};
struct Tensor::Unique {
  Tensor values;   // [n], sorted
  Tensor inverse;  // of the shape of x: where each element is among the values
  Tensor counts;   // [n]: how many elements have each value
};

// One of the indices in x[{0, Slice{1, -1}, ellipsis, mask}].
class Index {
 public:
  template <std::integral T>
  requires(!std::same_as<T, bool>)  // x[{true}] would be a mask in NumPy
      Index(T position)             // NOLINT
      : value_(std::in_range<int64_t>(position) ? static_cast<int64_t>(position)
                                                : std::numeric_limits<int64_t>::max()) {}
  Index(Slice slice) : value_(slice) {}                 // NOLINT
  Index(NewAxis axis) : value_(axis) {}                 // NOLINT
  Index(Ellipsis rest) : value_(rest) {}                // NOLINT
  template <std::same_as<Tensor> T>                     // not for what a tensor can be made of
  Index(T positions) : value_(std::move(positions)) {}  // NOLINT: positions, or a mask

  const std::variant<int64_t, Slice, NewAxis, Ellipsis, Tensor>& value() const { return value_; }

 private:
  std::variant<int64_t, Slice, NewAxis, Ellipsis, Tensor> value_;
};

template <std::same_as<Tensor> T>
Tensor Tensor::operator[](const T& index) const {
  return (*this)[{Index(index)}];
}
template <std::integral T>
Tensor Tensor::operator[](T position) const {
  return (*this)[{Index(position)}];
}

Tensor operator-(const Tensor& x);
Tensor operator+(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& a, const Tensor& b);
Tensor operator*(const Tensor& a, const Tensor& b);
Tensor operator/(const Tensor& a, const Tensor& b);  // integers are divided as f32
Tensor operator+(const Tensor& a, Scalar b);
Tensor operator-(const Tensor& a, Scalar b);
Tensor operator*(const Tensor& a, Scalar b);
Tensor operator/(const Tensor& a, Scalar b);
Tensor operator+(Scalar a, const Tensor& b);
Tensor operator-(Scalar a, const Tensor& b);
Tensor operator*(Scalar a, const Tensor& b);
Tensor operator/(Scalar a, const Tensor& b);
// What a division rounded down leaves: it has the sign of b, as in Python. ValueError for integers
// and a b of 0.
Tensor operator%(const Tensor& a, const Tensor& b);
Tensor operator%(const Tensor& a, Scalar b);
Tensor operator%(Scalar a, const Tensor& b);

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);  // a where true, else b
// Joins tensors along an axis that they have. One of shape [0] fits any others, as in PyTorch.
Tensor cat(const std::vector<Tensor>& parts, int axis = 0);
Tensor stack(const std::vector<Tensor>& parts, int axis = 0);  // the same along a new axis

// Products summed over named axes: einsum("bij,bjk->bik", {a, b}). Every operand's axes have
// letters; those missing in the result are summed over, one that repeats in an operand takes its
// diagonal, and ... stands for any axes, which broadcast. Without -> the result has the letters
// that occur once, in order. Operands are joined from left to right. ValueError for text that says
// nothing, ShapeError for sizes that do not fit.
Tensor einsum(std::string_view equation, const std::vector<Tensor>& operands);
// Sums of products over the last `count` axes of a and the first of b, or over those named.
Tensor tensordot(const Tensor& a, const Tensor& b, int count = 2);
Tensor tensordot(const Tensor& a, const Tensor& b, Axes axes_a, Axes axes_b);

enum class Activation : uint8_t { none, relu };
// activation(x w^T + b): x [..., in], w [out, in], b [out] or undefined -> [..., out]. Fused.
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& b = {},
              Activation activation = Activation::none);

// Scales each row along the last `axes` axes to mean 0 and variance 1 (plus epsilon), then times
// weight plus bias, both of the shape of those axes or undefined: x [..., n] -> same. Fused.
// ValueError for an epsilon below 0. Ba, Kiros and Hinton (2016).
Tensor layer_norm(const Tensor& x, const Tensor& weight = {}, const Tensor& bias = {},
                  double epsilon = 1e-5, int axes = 1);

// ---- Losses (nn/loss.h has more, and their options) ----

enum class Reduction : uint8_t { mean, sum, none };  // of a loss's elements; none: one per element

// Mean over the batch of -log softmax(logits)[label]: logits [batch, classes], labels [batch] i32
// or i64 -> []. Fused. ValueError names the first label outside the classes.
Tensor cross_entropy(const Tensor& logits, const Tensor& labels);

// Prediction and target of one shape -> [], or their shape with Reduction::none. ShapeError where
// they would broadcast, ValueError for the mean of an empty batch. A NaN makes value and gradient
// NaN, except that the gradient of l1 is 0 there, as it is where the difference is 0.
Tensor mse(const Tensor& prediction, const Tensor& target, Reduction reduction = Reduction::mean);
Tensor l1(const Tensor& prediction, const Tensor& target, Reduction reduction = Reduction::mean);
// d^2 / 2 for a difference d of at most `delta`, then delta |d| - delta^2 / 2. Huber (1964).
Tensor huber(const Tensor& prediction, const Tensor& target, double delta = 1,
             Reduction reduction = Reduction::mean);
// Cross-entropy of sigmoid(logits) against targets in [0, 1], which are not checked. An infinite
// logit costs infinity where it is wrong and NaN, from 0 times infinity, where it is right.
Tensor bce_with_logits(const Tensor& logits, const Tensor& target,
                       Reduction reduction = Reduction::mean);

std::ostream& operator<<(std::ostream& out, const Tensor& x);

// ---- Templates above ----

template <class T>
Tensor Tensor::from(std::span<const T> values, const Shape& shape) {
  return from_bytes(values.data(), values.size(), dtype_of<T>, shape);
}
template <class T>
Tensor Tensor::borrow(const T* elements, const Shape& shape, std::shared_ptr<void> owner) {
  return borrow_bytes(elements, dtype_of<T>, shape, std::move(owner));
}
template <class T>
T Tensor::item() const {
  return *static_cast<const T*>(item_bytes(dtype_of<T>));
}
template <class T>
std::span<const T> Tensor::data() const& {
  return {static_cast<const T*>(data_bytes(dtype_of<T>)), static_cast<size_t>(numel())};
}
template <class T>
std::vector<T> Tensor::to_vector() const {
  const Tensor x = contiguous();
  const std::span<const T> elements = x.data<T>();
  try {
    return {elements.begin(), elements.end()};
  } catch (const std::bad_alloc&) {
    throw OutOfMemory("to_vector: the system has no memory left");
  }
}
template <class T>
Tensor::Tensor(std::initializer_list<T> values)
    : Tensor(from(std::span<const T>(values.begin(), values.size()),
                  {static_cast<int64_t>(values.size())})) {}
template <class T>
Tensor::Tensor(std::initializer_list<std::initializer_list<T>> rows)
    : Tensor(stack(std::vector<Tensor>(rows.begin(), rows.end()))) {}
template <class T>
Tensor::Tensor(std::initializer_list<std::initializer_list<std::initializer_list<T>>> planes)
    : Tensor(stack(std::vector<Tensor>(planes.begin(), planes.end()))) {}

}  // namespace attune
