"""From a sample of PyTorch's to attune's call: (op, inputs, arguments[, options]), or Missing."""

import torch

from adapters_move import (
    arange,
    cast,
    constant_pad,
    copies,
    expand,
    expand_as,
    eye,
    flatten,
    flip,
    gather,
    getitem,
    index_select,
    like,
    linspace,
    movedim,
    narrow,
    one_hot,
    pad,
    permute,
    reshape,
    reshape_as,
    scatter_add,
    select,
    several,
    sizes,
    split,
    squeeze,
    to,
    transpose,
    unsqueeze,
    where,
)
from adapters_more import MORE
from adapters_reduce import (
    arg_reduce,
    cumsum,
    minmax_dim,
    msort,
    norm,
    reduce,
    sort,
    topk,
    variance,
    vector_norm,
)
from case import Missing, arg, only, sc


def unary(name):
    def f(s):
        only(s, 'inplace')
        if s.args:
            raise Missing('extra arguments')
        return name, [s.input], {}

    return f


def round_(s):
    if s.kwargs.get('decimals', 0) != 0:
        raise Missing('decimals=')
    return 'round', [s.input], {}


def binary(name, swap=False):
    def f(s):
        other = s.args[0]
        if s.kwargs.get('alpha', 1) not in (1, 1.0):
            raise Missing('alpha=')
        if s.kwargs.get('rounding_mode') is not None:
            raise Missing(f"rounding_mode={s.kwargs['rounding_mode']}")
        only(s, 'alpha', 'rounding_mode')
        a, b = (other, s.input) if swap else (s.input, other)
        if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
            return name, [a, b], {}
        if not isinstance(b, torch.Tensor) and not isinstance(a, torch.Tensor):
            raise Missing('two numbers')
        if isinstance(a, torch.Tensor):
            return name, [a], {'right': sc(b)}
        if name in ('add', 'sub', 'mul', 'div'):
            return name, [b], {'left': sc(a)}
        raise Missing(f'C++ number on the left of {name}')

    return f


def clamp(s):
    lo, hi = arg(s, 0, 'min'), arg(s, 1, 'max')
    if isinstance(lo, torch.Tensor) or isinstance(hi, torch.Tensor):
        raise Missing('tensor bounds')
    if lo is None or hi is None:
        raise Missing('one bound only (maximum/minimum instead)')
    return 'clamp', [s.input], {'low': sc(lo), 'high': sc(hi)}


def clamp_one(name):
    def f(s):
        other = arg(s, 0, 'min' if name == 'maximum' else 'max')
        if isinstance(other, torch.Tensor):  # torch.minimum: equals share the gradient
            return name, [s.input, other], {}, {'call': lambda ts: getattr(torch, name)(ts[0], ts[1])}
        return name, [s.input], {'right': sc(other)}

    return f


def masked_fill(s):
    return 'masked_fill', [s.input, s.args[0]], {'value': sc(arg(s, 1, 'value'))}


def product(name='matmul', swap=False):
    def f(s):
        other = s.args[0]
        only(s)
        return name, ([other, s.input] if swap else [s.input, other]), {}

    return f


def linear(s):
    b = arg(s, 1, 'bias')
    return 'linear', [s.input, arg(s, 0, 'weight')] + ([b] if b is not None else []), {}


def layer_norm(s):
    shape, w, b, eps = (
        arg(s, 0, 'normalized_shape'),
        arg(s, 1, 'weight'),
        arg(s, 2, 'bias'),
        arg(s, 3, 'eps', 1e-5),
    )
    if len(shape) != 1:
        raise Missing('normalized_shape of several axes')
    return (
        'layer_norm',
        [s.input] + [t for t in (w, b) if t is not None],
        {'weight': w is not None, 'bias': b is not None, 'eps': sc(float(eps))},
    )


def reduction(s):
    if s.kwargs.get('reduction', 'mean') != 'mean':
        raise Missing(f"reduction={s.kwargs['reduction']}")


def cross_entropy(s):
    reduction(s)
    if s.args[0].is_floating_point():
        raise Missing('probabilities as target')
    if s.kwargs.get('ignore_index', -100) != -100:
        raise Missing('ignore_index=')
    if s.input.dim() != 2:
        raise Missing(f'logits of {s.input.dim()} axes')
    w, e = s.kwargs.get('weight'), s.kwargs.get('label_smoothing', 0.0)
    ins = [s.input, s.args[0]] + ([w] if w is not None else [])
    if w is None and e == 0:
        return 'cross_entropy', ins, {}
    return 'nn.cross_entropy', ins, {'smoothing': sc(float(e))}, {'grad': [0]}


def nll(s):
    reduction(s)
    if s.kwargs.get('ignore_index', -100) != -100:
        raise Missing('ignore_index=')
    if s.input.dim() != 2:
        raise Missing(f'log-probabilities of {s.input.dim()} axes')
    w = s.kwargs.get('weight')
    return 'nll', [s.input, s.args[0]] + ([w] if w is not None else []), {}, {'grad': [0]}


def pair_loss(name):
    def f(s):
        reduction(s)
        for k in ('weight', 'pos_weight'):
            if s.kwargs.get(k) is not None:
                raise Missing(f'{k}=')
        a = {'delta': sc(float(s.kwargs.get('delta', 1.0)))} if name == 'huber' else {}
        return name, [s.input, s.args[0]], a

    return f


def embedding(s):
    for k, v in s.kwargs.items():
        if v not in (None, False):
            raise Missing(f'{k}=')
    return 'embedding', [s.input, s.args[0]], {}


def softmax(name):
    def f(s):
        if s.kwargs.get('dtype') is not None or len(s.args) > 1:
            raise Missing('dtype=')
        return name, [s.input], {'axis': arg(s, 0, 'dim')}

    return f


def softplus(s):
    if s.kwargs.get('beta', 1) != 1:
        raise Missing('beta=')
    if s.kwargs.get('threshold', 20) != 20:
        raise Missing('threshold=')
    return 'softplus', [s.input], {}


def leaky_relu(s):
    return 'leaky_relu', [s.input], {'slope': sc(float(arg(s, 0, 'negative_slope', 0.01)))}


def gelu(s):
    return 'gelu', [s.input], {'tanh': s.kwargs.get('approximate', 'none') == 'tanh'}


ADAPTERS = {
    **{
        n: unary(n)
        for n in 'abs neg sign square sqrt rsqrt reciprocal exp expm1 log log1p sin cos tanh erf floor ceil isnan isinf isfinite logical_not sigmoid'.split()
    },
    'nn.functional.relu': unary('relu'),
    'nn.functional.silu': unary('silu'),
    'round': round_,
    'nn.functional.softplus': softplus,
    'nn.functional.leaky_relu': leaky_relu,
    'nn.functional.gelu': gelu,
    'softmax': softmax('softmax'),
    'log_softmax': softmax('log_softmax'),
    **{
        n: binary(n)
        for n in 'add sub mul div pow maximum minimum eq ne lt le gt ge logical_and logical_or logical_xor'.split()
    },
    'true_divide': binary('div'),
    'max.binary': binary('maximum'),
    'min.binary': binary('minimum'),
    '__radd__': binary('add', True),
    '__rsub__': binary('sub', True),
    '__rmul__': binary('mul', True),
    '__rdiv__': binary('div', True),
    '__rpow__': binary('pow', True),
    'rsub': binary('sub', True),
    'clamp': clamp,
    'clamp_min': clamp_one('maximum'),
    'clamp_max': clamp_one('minimum'),
    'masked_fill': masked_fill,
    'sum': reduce('sum'),
    'mean': reduce('mean'),
    'amax': reduce('max'),
    'amin': reduce('min'),
    'prod': reduce('prod'),
    'logsumexp': reduce('logsumexp'),
    'any': reduce('any'),
    'all': reduce('all'),
    'max.reduction_with_dim': minmax_dim('max'),
    'min.reduction_with_dim': minmax_dim('min'),
    'max.reduction_no_dim': reduce('max'),
    'min.reduction_no_dim': reduce('min'),
    'var': variance('var'),
    'std': variance('std'),
    'norm': norm,
    'linalg.vector_norm': vector_norm,
    'argmax': arg_reduce('argmax'),
    'argmin': arg_reduce('argmin'),
    'cumsum': cumsum,
    'sort': sort('sort'),
    'argsort': sort('argsort'),
    'msort': msort,
    'topk': topk,
    'reshape': reshape,
    'view': reshape,
    'view_copy': reshape,
    'reshape_as': reshape_as,
    'view_as': reshape_as,
    'flatten': flatten,
    'ravel': unary('flatten'),
    'permute': permute,
    'movedim': movedim,
    'transpose': transpose,
    't': unary('t'),
    'mT': unary('t'),
    'expand': expand,
    'broadcast_to': expand,
    'expand_as': expand_as,
    'squeeze': squeeze,
    'unsqueeze': unsqueeze,
    'flip': flip,
    '__getitem__': getitem,
    'select': select,
    'narrow': narrow,
    'split': split,
    'split.list_args': split,
    **{
        'nn.functional.pad.' + m: pad
        for m in 'constant reflect replicate replicate_negative circular'.split()
    },
    'constant_pad_nd': constant_pad,
    'gather': gather,
    'scatter_add': scatter_add,
    'index_select': index_select,
    'nn.functional.one_hot': one_hot,
    'to': to,
    'float': cast('f32'),
    'double': cast('f64'),
    'int': cast('i32'),
    'long': cast('i64'),
    'byte': cast('u8'),
    'bool': cast('bool'),
    'where': where,
    'cat': several('cat'),
    'stack': several('stack'),
    'matmul': product(),
    'mm': product(),
    'bmm': product(),
    'mv': product(),
    '__rmatmul__': product(swap=True),
    'dot': product('dot'),
    'vdot': product('dot'),
    'outer': product('outer'),
    'nn.functional.linear': linear,
    'nn.functional.layer_norm': layer_norm,
    'nn.functional.cross_entropy': cross_entropy,
    'nn.functional.nll_loss': nll,
    'nn.functional.mse_loss': pair_loss('mse'),
    'nn.functional.l1_loss': pair_loss('l1'),
    'nn.functional.huber_loss': pair_loss('huber'),
    'nn.functional.binary_cross_entropy_with_logits': pair_loss('bce_with_logits'),
    'nn.functional.embedding': embedding,
    'zeros': sizes('zeros'),
    'ones': sizes('ones'),
    'full': sizes('full'),
    'eye': eye,
    'arange': arange,
    'linspace': linspace,
    'linspace.tensor_overload': linspace,
    'zeros_like': like('zeros_like'),
    'ones_like': like('ones_like'),
    'clone': copies('clone'),
    'contiguous': copies('contiguous'),
    **MORE,
}


def find(info):
    key = info.name + ('.' + info.variant_test_name if info.variant_test_name else '')
    return key, ADAPTERS.get(key) or (ADAPTERS.get(info.name) if info.variant_test_name else None)
