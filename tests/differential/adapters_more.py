"""Adapters of linear algebra, images, order, indexing and the rest of the losses."""

import torch

from case import Missing, arg, dims, only, sc


def elementwise(name, *allowed):
    def f(s):
        only(s, 'inplace', *allowed)
        return name, [s.input], {}

    return f


def alpha(name):
    def f(s):
        only(s, 'inplace', 'alpha')
        return name, [s.input], {'alpha': sc(float(arg(s, 0, 'alpha', 1.0)))}

    return f


def remainder(s):
    a, b = s.input, s.args[0]
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return 'mod', [a, b], {}
    if isinstance(a, torch.Tensor):
        return 'mod', [a], {'right': sc(b)}
    return 'mod', [b], {'left': sc(a)}


def rmod(s):  # other % input
    if isinstance(s.args[0], torch.Tensor):
        return 'mod', [s.args[0], s.input], {}
    return 'mod', [s.input], {'left': sc(s.args[0])}


def atan2(s):
    if not isinstance(s.args[0], torch.Tensor):
        return 'atan2', [s.input], {'right': sc(s.args[0])}
    return 'atan2', [s.input, s.args[0]], {}


def pair(name):
    def f(s):
        if not isinstance(s.args[0], torch.Tensor) or not isinstance(s.input, torch.Tensor):
            raise Missing('a number')
        only(s)
        return name, [s.input, s.args[0]], {}

    return f


def isclose(s):
    return (
        'isclose',
        [s.input, s.args[0]],
        {
            'rtol': sc(float(s.kwargs.get('rtol', 1e-5))),
            'atol': sc(float(s.kwargs.get('atol', 1e-8))),
            'equal_nan': bool(s.kwargs.get('equal_nan', False)),
        },
    )


# ---- Order ----


def along(name):
    def f(s):
        if s.kwargs.get('dtype') is not None:
            raise Missing('dtype=')
        d = arg(s, 0, 'dim')
        if name == 'cummax':
            return name, [s.input], {'axis': d}, {'call': lambda ts: [torch.cummax(ts[0], d).values]}
        return name, [s.input], {'axis': d}

    return f


def count_nonzero(s):
    return 'count_nonzero', [s.input], {'axes': dims(arg(s, 0, 'dim'))}


def median(s):
    d, keep = arg(s, 0, 'dim'), bool(arg(s, 1, 'keepdim', False))
    if d is None:
        return 'median', [s.input], {'axes': None}
    return (
        'median',
        [s.input],
        {'axes': d, 'keep': keep},
        {'call': lambda ts: [torch.median(ts[0], d, keep).values]},
    )


def quantile(s):
    q, d = arg(s, 0, 'q'), arg(s, 1, 'dim')
    if not isinstance(q, float) and not (isinstance(q, torch.Tensor) and q.dim() == 0):
        raise Missing('several q')
    if s.kwargs.get('interpolation', 'linear') != 'linear':
        raise Missing('interpolation=')
    return (
        'quantile',
        [s.input],
        {'q': sc(float(q)), 'axes': d, 'keep': bool(s.kwargs.get('keepdim', False))},
    )


def unique(s):
    for k in ('return_inverse', 'return_counts'):
        if s.kwargs.get(k):
            raise Missing(f'{k}=')
    if s.kwargs.get('dim') is not None:
        raise Missing('dim=')
    return 'unique', [s.input], {}, {'call': lambda ts: [torch.unique(ts[0])]}


def searchsorted(s):
    if s.kwargs.get('sorter') is not None or s.kwargs.get('out_int32'):
        raise Missing('sorter= or out_int32=')
    if not isinstance(s.args[0], torch.Tensor):
        raise Missing('a number')
    right = bool(s.kwargs.get('right', False)) or s.kwargs.get('side') == 'right'
    return 'searchsorted', [s.input, s.args[0]], {'right': right}


# ---- Moving and indexing ----


def unflatten(s):
    return 'unflatten', [s.input], {'axis': s.args[0], 'sizes': list(s.args[1])}


def counts(name):
    def f(s):
        a = s.args[0] if s.args else s.kwargs.get('dims', s.kwargs.get('repeats'))
        if a is None:
            raise Missing('no counts')
        return name, [s.input], {'counts': [a] if isinstance(a, int) else list(a)}

    return f


def roll(s):
    shifts, d = arg(s, 0, 'shifts'), arg(s, 1, 'dims')
    shifts = [shifts] if isinstance(shifts, int) else list(shifts)
    if d is None or (isinstance(d, (tuple, list)) and not d):
        if len(shifts) != 1:
            raise Missing('several shifts without axes')
        return 'roll', [s.input], {'shifts': shifts}
    return 'roll', [s.input], {'shifts': shifts, 'axes': [d] if isinstance(d, int) else list(d)}


def triangle(name):
    def f(s):
        return name, [s.input], {'diagonal': arg(s, 0, 'diagonal', 0)}

    return f


def chunk(s):
    return 'chunk', [s.input], {'count': arg(s, 0, 'chunks'), 'axis': arg(s, 1, 'dim', 0)}


def diagonal(s):
    k = lambda i, a, d: arg(s, i, a, d)
    return (
        'diagonal',
        [s.input],
        {'offset': k(0, 'offset', 0), 'axis1': k(1, 'dim1', 0), 'axis2': k(2, 'dim2', 1)},
    )


def scatter(s):
    if s.kwargs.get('reduce') is not None or len(s.args) < 3:
        raise Missing('reduce=')
    d, index, source = s.args[:3]
    if not isinstance(source, torch.Tensor):
        return 'scatter_value', [s.input, index], {'axis': d, 'value': sc(source)}
    if source.shape != index.shape:
        raise Missing('a source larger than the index')
    return 'scatter', [s.input, index, source], {'axis': d}


def index_add(s):
    if s.kwargs.get('alpha', 1) != 1:
        raise Missing('alpha=')
    return 'index_add', [s.input, s.args[1], s.args[2]], {'axis': s.args[0]}


def take_along(s):
    d = arg(s, 1, 'dim')
    if d is None:
        raise Missing('no axis')
    return 'take_along_axis', [s.input, s.args[0]], {'axis': d}


def nonzero(s):
    if s.kwargs.get('as_tuple'):
        raise Missing('as_tuple=')
    return 'nonzero', [s.input], {}


def masked_select(s):
    if s.input.shape != s.args[0].shape:
        raise Missing('a mask that broadcasts')
    return 'masked_select', [s.input, s.args[0]], {}


# ---- Linear algebra ----


def einsum(s):
    equation = s.args[0]
    if not isinstance(equation, str):
        raise Missing('sublists')
    return 'einsum', list(s.input), {'equation': equation}


def tensordot(s):
    d = s.kwargs.get('dims', s.args[1] if len(s.args) > 1 else 2)
    a, b = s.input, s.args[0]
    if isinstance(d, int):
        d = [list(range(a.dim() - d, a.dim())), list(range(d))]
    return 'tensordot', [a, b], {'axes_a': list(d[0]), 'axes_b': list(d[1])}


def cholesky(s):
    if s.kwargs.get('upper') or any(s.args):
        raise Missing('upper=')
    return 'cholesky', [s.input], {}


def solve(s):
    if s.kwargs.get('left') is False:
        raise Missing('left=')
    if s.args[0].dim() != 1 and s.args[0].dim() < s.input.dim():
        raise Missing('a batch of vectors')
    return 'solve', [s.input, s.args[0]], {}


def solve_triangular(s):
    if s.kwargs.get('left') is False:
        raise Missing('left=')
    upper, unit = bool(s.kwargs.get('upper')), bool(s.kwargs.get('unitriangular'))
    return 'triangular_solve', [s.input, s.args[0]], {'upper': upper, 'unit': unit}


def eigvalsh(s):
    if s.kwargs.get('UPLO', 'L') != 'L':
        raise Missing('UPLO=')
    return 'eigvalsh', [s.input], {}, {'grad': []}


# ---- Images ----


def both(v):
    return v if isinstance(v, int) else list(v)


def conv(name):
    def f(s):
        transposed = 'transpose' in name
        k = lambda i, a, d: arg(s, i, a, d)
        ins = [s.input, k(0, 'weight', None)]
        bias = k(1, 'bias', None)
        if isinstance(k(3, 'padding', 0), str):
            raise Missing('padding by name')
        a = {'stride': both(k(2, 'stride', 1)), 'padding': both(k(3, 'padding', 0))}
        if transposed:
            a['output_padding'] = both(k(4, 'output_padding', 0))
            a['groups'], a['dilation'] = k(5, 'groups', 1), both(k(6, 'dilation', 1))
        else:
            a['dilation'], a['groups'] = both(k(4, 'dilation', 1)), k(5, 'groups', 1)
        if bias is None:
            return name, ins, a
        return name, ins + [bias], a

    return f


def pool(name):
    def f(s):
        k = s.kwargs
        if k.get('ceil_mode') or k.get('return_indices') or k.get('divisor_override'):
            raise Missing('ceil_mode=, return_indices= or divisor_override=')
        if k.get('dilation', 1) not in (1, (1,), (1, 1)):
            raise Missing('dilation=')
        if len(s.args) > 3:
            raise Missing('many arguments')
        a = {'window': both(arg(s, 0, 'kernel_size')), 'padding': both(arg(s, 2, 'padding', 0))}
        stride = arg(s, 1, 'stride')
        if stride is not None and stride != ():
            a['stride'] = both(stride)
        a['count_padding'] = bool(k.get('count_include_pad', True))
        return name, [s.input], a

    return f


def unfold(name):
    def f(s):
        k = lambda i, a, d: both(arg(s, i, a, d))
        if name == 'unfold':
            a = {'window': k(0, 'kernel_size', None), 'dilation': k(1, 'dilation', 1)}
            a['padding'], a['stride'] = k(2, 'padding', 0), k(3, 'stride', 1)
        else:
            a = {'size': k(0, 'output_size', None), 'window': k(1, 'kernel_size', None)}
            a['dilation'], a['padding'] = k(2, 'dilation', 1), k(3, 'padding', 0)
            a['stride'] = k(4, 'stride', 1)
        return name, [s.input], a

    return f


def interpolate(s):
    mode = arg(s, 2, 'mode', 'nearest')
    size = arg(s, 0, 'size')
    if s.kwargs.get('antialias'):
        raise Missing('antialias=')
    if mode not in ('nearest', 'bilinear') or s.input.dim() != 4:
        raise Missing('another mode')
    if size is None:
        raise Missing('scale_factor=')
    corners = bool(arg(s, 3, 'align_corners', False))
    return 'interpolate', [s.input], {'size': both(size), 'bilinear': mode == 'bilinear', 'align_corners': corners}


def upsample_bilinear(s):
    size = arg(s, 0, 'size')
    if size is None or s.input.dim() != 4:
        raise Missing('scale_factor=')
    return 'interpolate', [s.input], {'size': both(size), 'bilinear': True, 'align_corners': True}


# ---- Losses ----


def loss(name, *options):
    def f(s):
        if s.kwargs.get('weight') is not None:
            raise Missing('weight=')
        a = {'reduction': s.kwargs.get('reduction', 'mean')}
        defaults = {'beta': 1.0, 'margin': 1.0 if name == 'triplet_margin' else 0.0, 'p': 2.0, 'eps': 1e-6}
        for o in options:
            v = s.kwargs.get(o, defaults.get(o, False))
            a[o] = v if isinstance(v, bool) else sc(float(v))
        ins = [s.input] + [x for x in s.args if isinstance(x, torch.Tensor)]
        if any(x.shape != s.input.shape for x in ins[1:]) and name != 'cosine_embedding':
            raise Missing('operands that broadcast')
        grad = [i for i, x in enumerate(ins) if x.is_floating_point()]
        return name, ins, a, {'grad': grad[:2] if name == 'cosine_embedding' else grad}

    return f


def cosine_similarity(s):
    return (
        'cosine_similarity',
        [s.input, s.args[0]],
        {'axis': s.kwargs.get('dim', 1), 'eps': sc(float(s.kwargs.get('eps', 1e-8)))},
    )


def ctc(s):
    log_p, targets, n, m = s.input, *s.args[:3]
    if not isinstance(n, torch.Tensor):
        n, m = torch.tensor(n), torch.tensor(m)
    if log_p.dim() != 3 or targets.dim() != 2 or n.dim() != 1:
        raise Missing('targets in one vector')
    k = s.kwargs
    a = {
        'blank': k.get('blank', 0),
        'zero_infinity': bool(k.get('zero_infinity', False)),
        'reduction': k.get('reduction', 'mean'),
    }
    call = lambda ts: [torch.nn.functional.ctc_loss(*ts, **k)]
    return 'ctc', [log_p, targets, n, m], a, {'grad': [0], 'call': call}


F = 'nn.functional.'
MORE = {
    **{
        n: elementwise(n)
        for n in 'exp2 log2 log10 tan asin acos atan sinh cosh erfc erfinv trunc frac deg2rad rad2deg bitwise_not'.split()
    },
    F + 'relu6': elementwise('relu6'),
    F + 'selu': elementwise('selu'),
    F + 'hardsigmoid': elementwise('hard_sigmoid'),
    F + 'logsigmoid': elementwise('log_sigmoid'),
    F + 'hardswish': elementwise('hard_silu'),
    F + 'softsign': elementwise('softsign'),
    F + 'mish': elementwise('mish'),
    F + 'tanhshrink': elementwise('tanh_shrink'),
    F + 'elu': alpha('elu'),
    F + 'celu': alpha('celu'),
    'remainder': remainder,
    '__rmod__': rmod,
    'atan2': atan2,
    'bitwise_and': pair('bitwise_and'),
    'bitwise_or': pair('bitwise_or'),
    'bitwise_xor': pair('bitwise_xor'),
    'isclose': isclose,
    'cumprod': along('cumprod'),
    'cummax': along('cummax'),
    'count_nonzero': count_nonzero,
    'median': median,
    'quantile': quantile,
    'unique': unique,
    'searchsorted': searchsorted,
    'unflatten': unflatten,
    'tile': counts('tile'),
    'repeat': counts('repeat'),
    'roll': roll,
    'triu': triangle('triu'),
    'tril': triangle('tril'),
    'chunk': chunk,
    'diagonal': diagonal,
    'linalg.diagonal': diagonal,
    'scatter': scatter,
    'index_add': index_add,
    'take_along_dim': take_along,
    'nonzero': nonzero,
    'masked_select': masked_select,
    'einsum': einsum,
    'tensordot': tensordot,
    'linalg.cholesky': cholesky,
    'cholesky': cholesky,
    'linalg.inv': elementwise('inverse'),
    'linalg.det': elementwise('det'),
    'linalg.solve': solve,
    'linalg.solve_triangular': solve_triangular,
    'linalg.svdvals': lambda s: ('svdvals', [s.input], {}, {'grad': []}),
    'linalg.eigvalsh': eigvalsh,
    F + 'conv1d': conv('conv1d'),
    F + 'conv2d': conv('conv2d'),
    F + 'conv_transpose2d': conv('conv_transpose2d'),
    F + 'max_pool1d': pool('max_pool1d'),
    F + 'max_pool2d': pool('max_pool2d'),
    F + 'avg_pool1d': pool('avg_pool1d'),
    F + 'avg_pool2d': pool('avg_pool2d'),
    F + 'unfold': unfold('unfold'),
    F + 'fold': unfold('fold'),
    F + 'interpolate': interpolate,
    F + 'upsample_nearest': interpolate,
    F + 'upsample_bilinear': upsample_bilinear,
    F + 'binary_cross_entropy': loss('bce'),
    F + 'smooth_l1_loss': loss('smooth_l1', 'beta'),
    F + 'kl_div': loss('kl_div', 'log_target'),
    F + 'cosine_embedding_loss': loss('cosine_embedding', 'margin'),
    F + 'triplet_margin_loss': loss('triplet_margin', 'margin', 'p', 'eps', 'swap'),
    F + 'cosine_similarity': cosine_similarity,
    F + 'ctc_loss': ctc,
}
