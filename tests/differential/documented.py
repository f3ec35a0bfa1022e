"""Differences from PyTorch that are meant, and refusals by reason. docs/differential.md lists them."""

import re

import torch

from formulas import EXTREME, LAYER_NORM, LOGSUMEXP, PRODUCT, STD, VAR


def by_number(case):
    return any(key in case.args for key in ('right', 'left', 'low', 'value'))


def holds(case, odd):
    return any(bool(odd(x).any()) for x in case.ins if x.is_floating_point())


def finite(case):
    return not holds(case, lambda x: ~x.isfinite())


INTEGERS = ('i32', 'i64', 'i8', 'u8')

# (name, reason and where it is stated, does it explain this problem of this case?, and, where there is
# one, the formula that attune has to agree with)
DOCUMENTED = [
    (
        'scalar dtype',
        'a C++ number never changes the dtype of a tensor (tensor/arguments.h)',
        lambda case, what: by_number(case) and bool(re.match(r'value \d+: dtype', what)),
    ),
    (
        'any, all of u8',
        'any and all return booleans; PyTorch keeps u8',
        lambda case, what: case.op in ('any', 'all') and 'dtype bool, torch u8' in what,
    ),
    (
        'NaN last',
        'NaN comes last in either order (tensor/tensor.h)',
        lambda case, what: case.op in ('sort', 'argsort', 'topk')
        and holds(case, torch.isnan)
        and (case.args.get('descending') or case.args.get('largest')),
    ),
    (
        'cast out of range',
        'NaN becomes 0, the rest the nearest end (tensor/ops/convert.cpp); PyTorch: undefined',
        lambda case, what: case.op == 'cast'
        and case.args['dtype'] in INTEGERS
        and case.ins[0].is_floating_point()
        and what.startswith('value'),
    ),
    (
        'division as a product',
        "PyTorch's __rdiv__ multiplies by the reciprocal, which overflows at other numbers than a / b",
        lambda case, what: case.op == 'div' and case.id.startswith('__rdiv__') and len(case.ins) == 2,
        lambda case: lambda ts: [ts[0] / ts[1]],
    ),
    (
        'max, min at NaN',
        'NaN share the gradient, as in torch.max() of all (tensor/tensor.h); torch.amax divides by 0',
        lambda case, what: case.op in ('max', 'min')
        and what.startswith('gradient')
        and holds(case, torch.isnan),
        EXTREME,
    ),
    (
        'prod by the others',
        "a gradient is the product of the others, whatever they are; PyTorch's is y / x, or 0 where x has two "
        'zeros. An overflow on the way to a factor of 0 leaves 0, not NaN',
        lambda case, what: case.op == 'prod' and (what.startswith('gradient') or finite(case)),
        PRODUCT,
    ),
    (
        'logsumexp of large numbers',
        "the slopes add up to 1; PyTorch's exp(x - y) carry the rounding error of y",
        lambda case, what: case.op == 'logsumexp' and 'gradient' in what and finite(case),
        LOGSUMEXP,
    ),
    (
        'var of equal numbers',
        'their distance from their mean is exactly 0',
        lambda case, what: case.op == 'var' and what.startswith('gradient'),
        VAR,
    ),
    (
        'std beyond the range of squares',
        'of f64, squares leave the range where the deviation does not',
        lambda case, what: case.op == 'std' and case.tag == 'huge' and 'torch inf' in what,
        STD,
    ),
    (
        'mse beyond the range of a sum',
        'the sum of the squares may leave the range where their mean does not',
        lambda case, what: case.op == 'mse' and 'torch inf' in what and finite(case),
        lambda case: lambda ts: [((ts[0] - ts[1]).square() / ts[0].numel()).sum()],
    ),
    (
        'layer_norm of one element',
        'its slope is 0, whatever the weight; in PyTorch huge terms cancel to NaN',
        lambda case, what: case.op == 'layer_norm' and case.ins[0].shape[-1] == 1 and finite(case),
        LAYER_NORM,
    ),
    (
        'bce_with_logits at an infinite target',
        'targets lie in [0, 1], which is not checked (tensor/tensor.h); -x t has its limit, PyTorch adds inf and -inf',
        lambda case, what: case.op == 'bce_with_logits'
        and bool(case.ins[1].isinf().any())
        and what.startswith('value')
        and 'torch nan' in what,
    ),
    (
        'sinh, cosh near the end of the range',
        'exp(x) / 2 is finite where exp(x) is not; PyTorch returns inf',
        lambda case, what: case.op in ('sinh', 'cosh') and what.startswith('value') and 'torch inf' in what,
    ),
    (
        'softsign of large numbers',
        "its slope is 1 / (1 + |x|)^2, 0 at infinity; PyTorch's terms cancel, and its |x| wraps in i8",
        lambda case, what: case.op == 'softsign' and ('gradient' in what or case.ins[0].dtype == torch.int8),
    ),
    (
        'tanh_shrink near 0',
        "its slope is tanh(x)^2; PyTorch's 1 - (1 - tanh(x)^2) cancels",
        lambda case, what: case.op == 'tanh_shrink' and what.startswith('gradient'),
    ),
    (
        'hard_sigmoid in f64',
        "a slope of 1/6; PyTorch's is 1/6 rounded to f32",
        lambda case, what: case.op == 'hard_sigmoid'
        and what.startswith('gradient')
        and case.ins[0].dtype == torch.float64,
    ),
    (
        'cumprod by the others',
        'a gradient is a recurrence over the other elements, whatever they are; PyTorch divides by x',
        lambda case, what: case.op == 'cumprod'
        and 'gradient' in what
        and (not finite(case) or case.tag in ('huge', 'special')),
    ),
    (
        'median and quantile of equal elements',
        'the gradient goes to one of them; PyTorch shares it where no axis is named',
        lambda case, what: case.op in ('median', 'quantile') and 'gradient' in what,
    ),
    (
        'median of a view that repeats',
        "PyTorch's median of an expanded tensor returns other elements than the middle",
        lambda case, what: case.op == 'median' and case.tag == 'expanded',
    ),
    (
        'quantile of infinities',
        'between equal infinities lies that infinity, and 0 of the way to one is none; PyTorch: NaN',
        lambda case, what: case.op == 'quantile' and 'torch nan' in what and not finite(case),
    ),
    (
        'remainder by an infinity',
        'the slope is minus the quotient rounded down, as PyTorch has it where that is finite',
        lambda case, what: case.op == 'mod' and 'gradient' in what and not finite(case),
    ),
    (
        'atan2 beyond the range of squares',
        'the slopes are 0 where the sum of squares is 0 or infinite',
        lambda case, what: case.op == 'atan2'
        and 'gradient' in what
        and (not finite(case) or case.tag in ('special', 'tiny', 'huge')),
    ),
    (
        'scatter to one place twice',
        'the last source stays and has the gradient; in PyTorch the result is undefined',
        lambda case, what: case.op == 'scatter' and case.tag == 'expanded',
    ),
    (
        'integers kept or f32',
        'einsum keeps integers; means and mixtures of integers are f32',
        lambda case, what: case.op in ('einsum', 'avg_pool1d', 'avg_pool2d', 'interpolate') and ': dtype' in what,
    ),
    (
        'interpolate beside infinities',
        'a share of 0 takes nothing, of an infinity either; in PyTorch 0 times infinity is NaN',
        lambda case, what: case.op == 'interpolate' and not finite(case),
    ),
    (
        'convolutions near the end of the range',
        'the order of summing decides which sums overflow',
        lambda case, what: case.op.startswith('conv') and case.tag == 'special',
    ),
    (
        'det of a singular matrix',
        "the gradient is made of minors there, which are exact; PyTorch's is 0 or NaN",
        lambda case, what: case.op == 'det' and 'gradient' in what,
    ),
    (
        'matrices with NaN or infinities',
        'their solutions, inverses and determinants are NaN; what LAPACK makes of them is undefined',
        lambda case, what: case.op in ('det', 'inverse', 'solve') and not finite(case),
    ),
    (
        'triangular_solve of huge numbers',
        'the order of summing decides which sums overflow',
        lambda case, what: case.op == 'triangular_solve' and case.tag in ('huge', 'special'),
    ),
    (
        'ctc of log-probabilities',
        "the gradient is that of the loss; PyTorch's takes the scores to be log_softmax's and goes through it",
        lambda case, what: case.op == 'ctc' and ('gradient' in what or case.tag in ('huge', 'inf', '-inf', 'special')),
    ),
    (
        'kl_div at targets of 0',
        'the slope of 0 log 0 is 0 there; in PyTorch NaN',
        lambda case, what: case.op == 'kl_div' and 'gradient 1' in what,
    ),
    (
        'losses of vectors of integers',
        'they are computed in f32; PyTorch subtracts and multiplies in integers, which wrap',
        lambda case, what: case.op in ('triplet_margin', 'cosine_embedding')
        and not case.ins[0].is_floating_point(),
    ),
    (
        'cosine of parallel vectors',
        'the gradient is 0 but for rounding',
        lambda case, what: case.op in ('cosine_similarity', 'cosine_embedding')
        and 'gradient' in what
        and case.tag in ('equal', 'expanded', 'huge', 'tiny', 'inf', 'nan', 'second', 'zeros'),
    ),
    (
        'bce at the ends',
        'the logarithms of the slope of a target are at least -100, as those of the loss; the divisor is 1e-12 in f64',
        lambda case, what: case.op == 'bce' and 'gradient' in what and case.tag in ('tiny', 'zeros'),
    ),
    (
        'relu6, elu, celu and selu at NaN',
        "the gradient passes, as relu's; PyTorch returns it, 0 or NaN, by the place in the array",
        lambda case, what: case.op in ('relu6', 'elu', 'celu', 'selu')
        and 'gradient' in what
        and holds(case, torch.isnan),
    ),
    (
        'celu in f64',
        'PyTorch rounds 1 / alpha to single precision',
        lambda case, what: case.op == 'celu' and 'gradient' in what and case.ins[0].dtype == torch.float64,
    ),
]

# (name, reason, does it explain this refusal of this case?)
REFUSALS = [
    (
        'fraction beside integers',
        'a fraction beside an integer tensor is a DTypeError (tensor/arguments.h)',
        lambda case, r: r['error'] == 'DTypeError'
        and (by_number(case) or case.op in ('full', 'pad', 'arange', 'leaky_relu'))
        and 'bool' not in r['message'],
    ),
    (
        'booleans as numbers',
        'arithmetic takes numbers; the message says what to do instead',
        lambda case, r: r['error'] == 'DTypeError' and 'bool' in r['message'],
    ),
    (
        'integer products',
        'matmul, linear and dot take floating tensors only',
        lambda case, r: r['error'] == 'DTypeError' and case.op in ('matmul', 'linear', 'dot', 'outer'),
    ),
    (
        'integer linspace',
        'linspace returns floating tensors',
        lambda case, r: case.op == 'linspace' and r['error'] == 'DTypeError',
    ),
    (
        'axis of a 0-d tensor',
        'a 0-d tensor has no axis; PyTorch lets it have axis 0',
        lambda case, r: any(x.dim() == 0 for x in case.ins) and r['error'] in ('IndexError', 'ShapeError'),
    ),
    (
        'indices of another shape or dtype',
        'an index is i32 or i64 and has as many axes as the tensor',
        lambda case, r: case.op in ('gather', 'scatter_add', 'index_select')
        and r['error'] in ('DTypeError', 'ShapeError'),
    ),
    (
        'squeeze of a larger axis',
        'squeeze of an axis that is not of size 1 is an error; in PyTorch nothing happens',
        lambda case, r: case.op == 'squeeze' and r['error'] == 'ShapeError',
    ),
    (
        'negative widths',
        'pad takes no negative widths; narrow takes elements away',
        lambda case, r: case.op == 'pad' and 'negative' in r['message'],
    ),
    (
        'weights that are a vector',
        'linear takes w [out, in]',
        lambda case, r: case.op == 'linear' and r['error'] == 'ShapeError' and case.ins[1].dim() < 2,
    ),
    (
        'searchsorted of unsorted numbers',
        'searchsorted checks that the numbers are sorted',
        lambda case, r: case.op == 'searchsorted' and 'sorted' in r['message'],
    ),
    (
        'convolutions of integers',
        'convolutions take floating tensors only',
        lambda case, r: case.op.startswith('conv') and r['error'] == 'DTypeError',
    ),
    (
        'factors of NaN and infinities',
        'svd, eigh and lstsq refuse what LAPACK cannot take; so does cholesky',
        lambda case, r: case.op in ('svdvals', 'eigvalsh', 'lstsq', 'cholesky') and r['error'] == 'ValueError',
    ),
    (
        'singular matrices',
        'a matrix without an inverse is a ValueError',
        lambda case, r: case.op in ('solve', 'inverse', 'triangular_solve') and 'singular' in r['message'],
    ),
    (
        'cosine_embedding to neither 1 nor -1',
        'a target must be 1 or -1; in PyTorch others cost nothing',
        lambda case, r: case.op == 'cosine_embedding' and 'targets' in r['message'],
    ),
]
