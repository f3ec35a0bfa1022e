// The rows of what only moves elements, and of what chooses them by index.

#include <algorithm>

#include "tests/tensor/op_table.h"

namespace attune::ops {
namespace {

// A matrix of doubles, by row and column.
struct Matrix {
  explicit Matrix(const Tensor& x)
      : m(x.size(0)), n(x.size(1)), values(x.cast(DType::f64).to_vector<double>()) {}
  double operator()(int64_t i, int64_t j) const {
    return values[static_cast<size_t>((i + m) % m * n + (j + n) % n)];
  }
  int64_t at(int64_t i, int64_t j) const { return static_cast<int64_t>((*this)(i, j)); }

  int64_t m, n;
  Values values;
};

// The elements f(i, j) of a matrix [m, n].
template <class F>
Values grid(int64_t m, int64_t n, const F& f) {
  Values y;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) y.push_back(f(i, j));
  }
  return y;
}
Values same(Tensors in) { return Matrix(in[0]).values; }

// The elements of x, one beyond each edge, which are at a place that `inside` finds in [0, size).
template <class F>
Values padded(const Tensor& x, const F& inside) {
  const Matrix a(x);
  return grid(a.m + 2, a.n + 2,
              [&](int64_t i, int64_t j) { return a(inside(i - 1, a.m), inside(j - 1, a.n)); });
}

Values twice(Tensors in) { return Matrix(stack({in[0], in[0]})).values; }
Values without_one(Tensors in) { return Matrix(in[0].flatten(1)).values; }
Values reflected(Tensors in) {
  return padded(in[0], [](int64_t i, int64_t n) { return i < 0 ? -i : i < n ? i : 2 * n - 2 - i; });
}
Values replicated(Tensors in) {
  return padded(in[0], [](int64_t i, int64_t n) { return std::clamp<int64_t>(i, 0, n - 1); });
}
int64_t classes_of(Tensors in) { return in[0].max().item<int64_t>() + 1; }

#define ATTUNE_GRID(m, n, element)                                                               \
  [](Tensors in) -> Values {                                                                     \
    const Matrix a(in[0]);                                                                       \
    return grid(m, n, [&]([[maybe_unused]] int64_t i, int64_t j) -> double { return element; }); \
  }

using enum Types;

constexpr Row kViews[] = {
    Row("reshape", "x.reshape(shape)",
        "the same elements in another shape; one size may be -1; a view where it can be", any,
        matrix(), ATTUNE_CALL(in[0].reshape({-1, 1})), same),
    Row("flatten", "x.flatten(begin = 0, end = -1)", "axes begin to end become one", any, matrix(),
        ATTUNE_CALL(in[0].flatten()), same),
    Row("permute", "x.permute(axes)", "axes in another order; a view", any, matrix(),
        ATTUNE_CALL(in[0].permute({1, 0})), ATTUNE_GRID(a.n, a.m, a(j, i))),
    Row("transpose", "x.transpose(a, b)", "two axes swapped; a view", any, matrix(),
        ATTUNE_CALL(in[0].transpose(0, -1)), ATTUNE_GRID(a.n, a.m, a(j, i))),
    Row("t", "x.t()", "the last two axes swapped; a view", any, matrix(), ATTUNE_CALL(in[0].t()),
        ATTUNE_GRID(a.n, a.m, a(j, i))),
    Row("expand", "x.expand(shape)", "axes of size 1 repeated; a view", any, vector_of(kN),
        ATTUNE_CALL(in[0].expand({2, in[0].size(0)})), twice),
    Row("squeeze", "x.squeeze(axes = all)", "without axes of size 1; a view", any,
        Operand{{kM, 1, kN}, 3}, ATTUNE_CALL(in[0].squeeze(1)), without_one),
    Row("unsqueeze", "x.unsqueeze(axis)", "a new axis of size 1; a view", any, matrix(),
        ATTUNE_CALL(in[0].unsqueeze(-1)), same)
        .with_zyx("expand_axis"),
    Row("flip", "x.flip(axes)", "back to front; a view", any, matrix(),
        ATTUNE_CALL(in[0].flip({0, 1})), ATTUNE_GRID(a.m, a.n, a(-1 - i, -1 - j))),
    Row("operator[]", "x[{…}], x[i]",
        "positions, Slice, new_axis and ellipsis, a view; tensors of positions and masks", any,
        matrix(), ATTUNE_CALL(in[0][{ellipsis, new_axis, Slice{{}, {}, -2}}]),
        ATTUNE_GRID(a.m, (a.n + 1) / 2, a(i, -1 - 2 * j)))
        .with_zyx("slice, rslice"),
    Row("operator[]", "", "one place along axis 0", any, matrix(), ATTUNE_CALL(in[0][-1]),
        ATTUNE_GRID(std::min<int64_t>(a.m, 1), a.n, a(-1, j))),
    Row("operator[]", "", "positions along axis 0", any, {matrix(), index({5}, 1)},
        ATTUNE_CALL(in[0][in[1]]), ATTUNE_GRID(5, a.n, a(Matrix(in[1].unsqueeze(0)).at(0, i), j))),
    Row("operator[]", "", "two tensors of positions", any, {matrix(), index({kN}, 1)},
        ATTUNE_CALL(in[0][{in[1], Tensor::arange(0, in[0].size(1))}]),
        ATTUNE_GRID(1, a.n, a(Matrix(in[1].unsqueeze(0)).at(0, j), j))),
    Row("operator[]", "", "a mask", any, {matrix(), mask()}, ATTUNE_CALL(in[0][in[1]]),
        [](Tensors in) {
          const Matrix a(in[0]), chosen(in[1]);
          Values y;
          for (size_t i = 0; i < a.values.size(); ++i) {
            if (chosen.values[i] != 0) y.push_back(a.values[i]);
          }
          return y;
        }),
    Row("narrow", "x.narrow(axis, begin, length)",
        "the places begin to begin + length along one axis; a view", any, matrix(),
        ATTUNE_CALL(in[0].narrow(1, 1, in[0].size(1) - 1)), ATTUNE_GRID(a.m, a.n - 1, a(i, j + 1))),
    Row("split", "x.split(size, axis = 0)",
        "views of `size` along one axis, the last may be smaller", any, matrix(),
        ATTUNE_CALL(in[0].split(2, 1).at(0)), ATTUNE_GRID(a.m, std::min<int64_t>(a.n, 2), a(i, j))),
    Row("chunk", "x.chunk(count, axis = 0)", "at most `count` views of equal length", any, matrix(),
        ATTUNE_CALL(in[0].chunk(2, 1).at(0)),
        ATTUNE_GRID(a.m, std::min<int64_t>(a.n, std::max<int64_t>((a.n + 1) / 2, 1)), a(i, j))),
    Row("shrink", "x.shrink({{begin, end}, …})", "the places begin to end of the last axes; a view",
        any, matrix(), ATTUNE_CALL(in[0].shrink({{0, in[0].size(1) - 1}})),
        ATTUNE_GRID(a.m, a.n - 1, a(i, j))),
    Row("diagonal", "x.diagonal(offset = 0, axis1 = 0, axis2 = 1)",
        "where j - i = offset along two axes; a view", any, matrix(),
        ATTUNE_CALL(in[0].diagonal(1)),
        ATTUNE_GRID(1, std::max<int64_t>(std::min(a.m, a.n - 1), 0), a(j, j + 1))),
    Row("unflatten", "x.unflatten(axis, sizes)", "one axis becomes several", any, matrix(),
        ATTUNE_CALL(in[0].unflatten(1, {1, -1})), same),
    Row("roll", "x.roll(shift, axis = all), x.roll(shifts, axes)",
        "moved along, what goes beyond the end to the beginning", any, matrix(),
        ATTUNE_CALL(in[0].roll({1, -2}, {0, 1})), ATTUNE_GRID(a.m, a.n, a(i - 1, (j + 2) % a.n))),
    Row("roll", "", "of all axes as one", any, matrix(), ATTUNE_CALL(in[0].roll(-1)),
        [](Tensors in) {
          Values x = Matrix(in[0]).values;
          if (!x.empty()) std::rotate(x.begin(), x.begin() + 1, x.end());
          return x;
        }),
    Row("tile", "x.tile(counts)", "the whole so many times along the last axes", any, matrix(),
        ATTUNE_CALL(in[0].tile({2})), ATTUNE_GRID(a.m, 2 * a.n, a(i, j))),
    Row("repeat", "x.repeat(counts)", "the same, with a count for every axis", any, matrix(),
        ATTUNE_CALL(in[0].repeat({2, 1, 3})), ATTUNE_GRID(2 * a.m, 3 * a.n, a(i, j))),
    Row("triu", "x.triu(diagonal = 0)", "0 below a diagonal of the last two axes", any, matrix(),
        ATTUNE_CALL(in[0].triu(1)), ATTUNE_GRID(a.m, a.n, j - i >= 1 ? a(i, j) : 0)),
    Row("tril", "x.tril(diagonal = 0)", "0 above it", any, matrix(), ATTUNE_CALL(in[0].tril()),
        ATTUNE_GRID(a.m, a.n, j <= i ? a(i, j) : 0)),
    Row("pad", "x.pad(widths, mode = PadMode::constant, value = 0)",
        "elements added on either side of each axis, counted from the last", any, matrix(),
        ATTUNE_CALL(in[0].pad({{1, 1}, {0, 2}})),
        ATTUNE_GRID(a.m + 2, a.n + 2, i<1 || i> a.m || j >= a.n ? 0 : a(i - 1, j)))
        .with_zyx("pad_zeros, rpad_zeros"),
    Row("pad", "", "reflect", any, matrix(),
        ATTUNE_CALL(in[0].pad({{1, 1}, {1, 1}}, PadMode::reflect)), reflected),
    Row("pad", "", "replicate", any, matrix(),
        ATTUNE_CALL(in[0].pad({{1, 1}, {1, 1}}, PadMode::replicate)), replicated),
    Row("cat", "cat({a, b, …}, axis = 0)", "joined along an axis they have", any,
        {matrix(), matrix()}, ATTUNE_CALL(cat({in[0], in[1]}, 1)),
        ATTUNE_GRID(a.m, 2 * a.n, (j < a.n ? a : Matrix(in[1]))(i, j))),
    Row("stack", "stack({a, b, …}, axis = 0)", "joined along a new axis", any, {matrix(), matrix()},
        ATTUNE_CALL(stack({in[0], in[1]})),
        ATTUNE_GRID(2 * a.m, a.n, (i < a.m ? a : Matrix(in[1]))(i, j)))
        .with_zyx("stack_axis"),
    Row("contiguous", "x.contiguous()",
        "x itself if its elements lie in order, else a copy where they do", any, matrix(),
        ATTUNE_CALL(in[0].contiguous()), same),
    Row("clone", "x.clone()", "a copy with elements of its own", any, matrix(),
        ATTUNE_CALL(in[0].clone()), same),
};

constexpr Row kIndexing[] = {
    Row("gather", "x.gather(axis, index)", "y[i][j] = x[index[i][j]][j] for axis 0", any,
        {matrix(), index({4, kN}, 2)}, ATTUNE_CALL(in[0].gather(0, in[1])),
        ATTUNE_GRID(4, a.n, a(Matrix(in[1]).at(i, j), j))),
    Row("scatter_add", "x.scatter_add(axis, index, source)",
        "x, with source[i][j] added at [index[i][j]][j] for axis 0", any,
        {matrix(), index({4, kN}, 2), Operand{{4, kN}, 2}},
        ATTUNE_CALL(in[0].scatter_add(0, in[1], in[2])),
        ATTUNE_GRID(a.m, a.n,
                    [&] {
                      double sum = a(i, j);
                      for (int64_t k = 0; k < 4; ++k) {
                        if (Matrix(in[1]).at(k, j) == i) sum += Matrix(in[2])(k, j);
                      }
                      return sum;
                    }())),
    Row("scatter", "x.scatter(axis, index, source), x.scatter(axis, index, value)",
        "x, with source[i][j] put at [index[i][j]][j] for axis 0; the last of several stays", any,
        {matrix(), index({4, kN}, 2), Operand{{4, kN}, 2}},
        ATTUNE_CALL(in[0].scatter(0, in[1], in[2])),
        ATTUNE_GRID(a.m, a.n,
                    [&] {
                      double last = a(i, j);
                      for (int64_t k = 0; k < 4; ++k) {
                        if (Matrix(in[1]).at(k, j) == i) last = Matrix(in[2])(k, j);
                      }
                      return last;
                    }())),
    Row("take_along_axis", "x.take_along_axis(axis, index)", "gather; the other axes broadcast",
        any, {matrix(), index({4, 1}, 2)}, ATTUNE_CALL(in[0].take_along_axis(0, in[1])),
        ATTUNE_GRID(4, a.n, a(Matrix(in[1]).at(i, 0), j))),
    Row("index_add", "x.index_add(axis, index, source)",
        "x, with slices of source added at index [n] along an axis", any,
        {matrix(), index({3}, 1), Operand{{3, kN}, 2}},
        ATTUNE_CALL(in[0].index_add(0, in[1], in[2])),
        ATTUNE_GRID(a.m, a.n,
                    [&] {
                      double sum = a(i, j);
                      for (int64_t k = 0; k < 3; ++k) {
                        if (Matrix(in[1].unsqueeze(0)).at(0, k) == i) sum += Matrix(in[2])(k, j);
                      }
                      return sum;
                    }())),
    Row("nonzero", "x.nonzero()", "places of the elements other than 0, i64 [n, rank]", any_to_i64,
        matrix(0, 2), ATTUNE_CALL(in[0].nonzero()),
        [](Tensors in) {
          const Matrix a(in[0]);
          Values y;
          for (int64_t i = 0; i < a.m; ++i) {
            for (int64_t j = 0; j < a.n; ++j) {
              if (a(i, j) != 0) y.insert(y.end(), {double(i), double(j)});
            }
          }
          return y;
        }),
    Row("index_select", "x.index_select(axis, index)", "the slices at index [n] along one axis",
        any, {matrix(), index({5}, 1)}, ATTUNE_CALL(in[0].index_select(0, in[1])),
        ATTUNE_GRID(5, a.n, a(Matrix(in[1].unsqueeze(0)).at(0, i), j))),
    Row("one_hot", "x.one_hot(classes)", "[...] to [..., classes], f32: 1 at the class, else 0",
        fixed, index({kN}, 1), ATTUNE_CALL(in[0].one_hot(classes_of(in))),
        [](Tensors in) {
          const Matrix a(in[0].unsqueeze(0));
          return grid(a.n, classes_of(in), [&](int64_t i, int64_t j) { return a.at(0, i) == j; });
        }),
};

}  // namespace

std::span<const Row> view_rows() { return kViews; }
std::span<const Row> index_rows() { return kIndexing; }

}  // namespace attune::ops
