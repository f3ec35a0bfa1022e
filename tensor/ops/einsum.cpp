// einsum, tensordot: products summed over named axes. Two operands at a time become one matrix
// product each; all is made of ops, and so are the gradients.

#include <algorithm>
#include <cctype>
#include <map>
#include <numeric>
#include <string>

#include "attune/tensor/internal/op.h"

namespace attune {
namespace {

using namespace internal;

using Labels = std::vector<int>;  // one for each axis

struct Term {
  Tensor x;
  Labels labels;
};

bool has(const Labels& labels, int label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}
int place_of(const Labels& labels, int label) {
  return static_cast<int>(std::find(labels.begin(), labels.end(), label) - labels.begin());
}

// Letters are their own labels. Those of the axes under an ellipsis count back from -1, the last,
// so that the axes of several operands meet as in broadcasting.
constexpr int kEllipsis = 0;  // in a list that was just read

// "b i ... j" as labels; kEllipsis stands for the ellipsis.
Labels read(std::string_view text, std::string_view equation) {
  Labels labels;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ') continue;
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      labels.push_back(c);
      continue;
    }
    check<ValueError>(text.substr(i, 3) == "...", "einsum: \"{}\" has a '{}' that means nothing",
                      std::string(equation), std::string(1, c));
    check<ValueError>(!has(labels, kEllipsis), "einsum: \"{}\" has two ... in one operand",
                      std::string(equation));
    labels.push_back(kEllipsis);
    i += 2;
  }
  return labels;
}

// The ellipsis replaced by the labels of `count` axes.
Labels spelled_out(const Labels& labels, int count) {
  Labels all;
  for (const int label : labels) {
    if (label != kEllipsis) all.push_back(label);
    for (int i = label == kEllipsis ? count : 0; i > 0; --i) all.push_back(-i);
  }
  return all;
}

// Axes of one operand that have one label become their diagonal.
Term without_repeats(Term term) {
  for (size_t i = 0; i < term.labels.size(); ++i) {
    for (size_t j = i + 1; j < term.labels.size(); ++j) {
      if (term.labels[i] != term.labels[j]) continue;
      const int a = static_cast<int>(i), b = static_cast<int>(j), label = term.labels[i];
      check<ShapeError>(term.x.size(a) == term.x.size(b),
                        "einsum: axes {} and {} of {} have one letter but two sizes", a, b,
                        term.x.shape());
      term.x = term.x.diagonal(0, a, b);
      term.labels.erase(term.labels.begin() + b);
      term.labels.erase(term.labels.begin() + a);
      term.labels.push_back(label);
      return without_repeats(std::move(term));
    }
  }
  return term;
}

Tensor sum_kept(const Tensor& x, const Axes& axes) {  // integers keep their dtype
  return x.sum(axes).cast(x.dtype());
}

// Sums over the labels that nobody needs.
Term summed(Term term, const Labels& needed) {
  Axes axes = Axes::none();
  Labels rest;
  for (size_t i = 0; i < term.labels.size(); ++i) {
    if (has(needed, term.labels[i])) {
      rest.push_back(term.labels[i]);
    } else {
      axes.push_back(static_cast<int>(i));
    }
  }
  if (axes.count() == 0) return term;
  return {sum_kept(term.x, axes), rest};
}

Tensor permuted(const Term& term, const Labels& order) {
  Axes axes = Axes::none();
  for (const int label : order) axes.push_back(place_of(term.labels, label));
  return term.x.permute(axes);
}

Labels joined(std::initializer_list<const Labels*> lists) {
  Labels all;
  for (const Labels* list : lists) all.insert(all.end(), list->begin(), list->end());
  return all;
}

int64_t elements_of(const Term& term, const Labels& labels) {
  int64_t n = 1;
  for (const int label : labels) n *= term.x.size(place_of(term.labels, label));
  return n;
}

// Where a label has size 1 here and another size there, this operand broadcasts: the axis goes.
void drop_ones(Term& term, const Term& other) {
  for (size_t i = term.labels.size(); i-- > 0;) {
    const int label = term.labels[i], axis = static_cast<int>(i);
    if (!has(other.labels, label) || term.x.size(axis) != 1) continue;
    if (other.x.size(place_of(other.labels, label)) == 1) continue;
    term.x = term.x.squeeze(axis);
    term.labels.erase(term.labels.begin() + axis);
  }
}

// a times b, summed over what both have and nobody needs.
Term multiplied(Term a, Term b, const Labels& needed) {
  drop_ones(a, b);
  drop_ones(b, a);
  a = summed(std::move(a), joined({&needed, &b.labels}));
  b = summed(std::move(b), joined({&needed, &a.labels}));
  Labels both, sums, only_a, only_b;
  for (const int label : a.labels) {
    (!has(b.labels, label) ? only_a : has(needed, label) ? both : sums).push_back(label);
  }
  for (const int label : b.labels) {
    if (!has(a.labels, label)) only_b.push_back(label);
  }
  for (const int label : joined({&both, &sums})) {
    const int64_t in_a = a.x.size(place_of(a.labels, label));
    const int64_t in_b = b.x.size(place_of(b.labels, label));
    check<ShapeError>(in_a == in_b, "einsum: an axis has {} elements in {} and {} in {}", in_a,
                      a.x.shape(), in_b, b.x.shape());
  }
  const Labels result = joined({&both, &only_a, &only_b});
  Shape shape;
  for (const int label : result) {
    const Term& from = has(a.labels, label) ? a : b;
    shape.push_back(from.x.size(place_of(from.labels, label)));
  }
  const int64_t batch = elements_of(a, both), m = elements_of(a, only_a);
  const int64_t n = elements_of(b, only_b), k = elements_of(a, sums);
  if (sums.empty() || !is_floating(a.x.dtype())) {
    const Tensor left = permuted(a, joined({&both, &only_a, &sums})).reshape({batch, m, 1, k});
    const Tensor right = permuted(b, joined({&both, &only_b, &sums})).reshape({batch, 1, n, k});
    return {sum_kept(left * right, -1).reshape(shape), result};
  }
  const Tensor left = permuted(a, joined({&both, &only_a, &sums})).reshape({batch, m, k});
  const Tensor right = permuted(b, joined({&both, &sums, &only_b})).reshape({batch, k, n});
  return {left.matmul(right).reshape(shape), result};
}

// The product of all terms, with the axes of `output`.
Tensor contracted(std::vector<Term> terms, const Labels& output) {
  Term all = std::move(terms[0]);
  for (size_t i = 1; i < terms.size(); ++i) {
    Labels needed = output;
    for (size_t j = i + 1; j < terms.size(); ++j) needed = joined({&needed, &terms[j].labels});
    all = multiplied(std::move(all), std::move(terms[i]), needed);
  }
  return permuted(summed(std::move(all), output), output);
}

// The operands in the dtype that holds them all, and computed in.
std::vector<Tensor> in_one_dtype(const char* op, const std::vector<Tensor>& operands,
                                 DType& result) {
  check<ValueError>(!operands.empty(), "{}: needs at least one tensor", op);
  for (const Tensor& x : operands) require_defined(op, x);
  DType dtype = operands[0].dtype();
  for (const Tensor& x : operands) dtype = promote(dtype, x.dtype());
  const Types types = types_of(op, Takes::numbers, dtype);
  std::vector<Tensor> same;
  for (const Tensor& x : operands) same.push_back(into(x, types.computed));
  result = types.result;
  return same;
}

// Without "->": the axes of ellipses, then the letters that occur once, in alphabetical order.
Labels implied(const std::vector<Labels>& inputs, int hidden_axes) {
  std::map<int, int> uses;
  for (const Labels& labels : inputs) {
    for (const int label : labels) ++uses[label];
  }
  Labels output = spelled_out({kEllipsis}, hidden_axes);
  for (const auto& [label, count] : uses) {
    if (label > 0 && count == 1) output.push_back(label);
  }
  return output;
}

}  // namespace

Tensor einsum(std::string_view equation, const std::vector<Tensor>& operands) {
  DType result = DType::f32;
  const std::vector<Tensor> x = in_one_dtype("einsum", operands, result);
  const std::string whole(equation);
  const size_t arrow = equation.find("->");
  const std::string_view left = equation.substr(0, arrow);
  std::vector<Labels> inputs;
  for (size_t begin = 0; begin <= left.size();) {
    const size_t end = std::min(left.find(',', begin), left.size());
    inputs.push_back(read(left.substr(begin, end - begin), equation));
    begin = end + 1;
  }
  check<ValueError>(inputs.size() == x.size(), "einsum: \"{}\" names {} operands, {} are given",
                    whole, inputs.size(), x.size());
  int hidden_axes = 0;  // the most axes that one stands for
  std::vector<Term> terms;
  for (size_t i = 0; i < x.size(); ++i) {
    const bool open = has(inputs[i], kEllipsis);
    const int named = static_cast<int>(inputs[i].size()) - open, hidden = x[i].rank() - named;
    check<ShapeError>(open ? hidden >= 0 : hidden == 0,
                      "einsum: \"{}\" names {} axes of operand {}, which is {}", whole, named, i,
                      x[i].shape());
    inputs[i] = spelled_out(inputs[i], hidden);
    if (open) hidden_axes = std::max(hidden_axes, hidden);
    terms.push_back(without_repeats({x[i], inputs[i]}));
  }
  Labels output;
  if (arrow == std::string_view::npos) {
    output = implied(inputs, hidden_axes);
  } else {
    output = spelled_out(read(equation.substr(arrow + 2), equation), hidden_axes);
    for (size_t i = 0; i < output.size(); ++i) {
      const bool known = std::any_of(inputs.begin(), inputs.end(),
                                     [&](const Labels& in) { return has(in, output[i]); });
      check<ValueError>(known && place_of(output, output[i]) == static_cast<int>(i),
                        "einsum: the result of \"{}\" has a letter twice, or one that no operand "
                        "has",
                        whole);
    }
  }
  // An axis of size 1 that broadcasts is gone from its operand, but not from the result.
  return into(contracted(std::move(terms), output), result);
}

Tensor tensordot(const Tensor& a, const Tensor& b, Axes axes_a, Axes axes_b) {
  DType result = DType::f32;
  const std::vector<Tensor> x = in_one_dtype("tensordot", {a, b}, result);
  check<ShapeError>(!axes_a.all() && !axes_b.all() && axes_a.count() == axes_b.count(),
                    "tensordot: needs as many axes of one operand as of the other");
  check<ShapeError>(axes_a.count() <= std::min(a.rank(), b.rank()),
                    "tensordot: {} axes given for {} and {}", axes_a.count(), a.shape(), b.shape());
  Labels of_a(static_cast<size_t>(a.rank())), of_b(static_cast<size_t>(b.rank()));
  std::iota(of_a.begin(), of_a.end(), 1);
  std::iota(of_b.begin(), of_b.end(), 1 + a.rank());
  Labels output = joined({&of_a, &of_b});
  for (int i = 0; i < axes_a.count(); ++i) {
    const int p = normal_axis("tensordot", axes_a[i], a.rank());
    const int q = normal_axis("tensordot", axes_b[i], b.rank());
    const bool fits = a.size(p) == b.size(q) || a.size(p) == 1 || b.size(q) == 1;  // broadcasts
    check<ShapeError>(fits, "tensordot: axis {} of {} does not fit axis {} of {}", p, a.shape(), q,
                      b.shape());
    int &label_a = of_a[static_cast<size_t>(p)], &label_b = of_b[static_cast<size_t>(q)];
    check<ValueError>(has(output, label_a) && has(output, label_b),
                      "tensordot: an axis is named twice");
    std::erase(output, label_a);
    std::erase(output, label_b);
    label_b = label_a;
  }
  return into(contracted({{x[0], of_a}, {x[1], of_b}}, output), result);
}

Tensor tensordot(const Tensor& a, const Tensor& b, int count) {
  require_defined("tensordot", a, b);
  check<ValueError>(count >= 0 && count <= a.rank() && count <= b.rank(),
                    "tensordot: {} axes of {} and {} cannot be summed over", count, a.shape(),
                    b.shape());
  Axes last = Axes::none(), first = Axes::none();
  for (int i = 0; i < count; ++i) {
    last.push_back(a.rank() - count + i);
    first.push_back(i);
  }
  return tensordot(a, b, last, first);
}

}  // namespace attune
