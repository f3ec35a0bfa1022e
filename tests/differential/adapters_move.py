"""Adapters of what moves, chooses and makes elements."""

import torch

from case import NAMES, Missing, arg, only, sc


def ints(s):
    a = s.args
    if len(a) == 1 and isinstance(a[0], (tuple, list, torch.Size)):
        a = a[0]
    return [int(i) for i in a]


def reshape(s):
    only(s)
    if s.args and isinstance(s.args[0], torch.dtype):
        raise Missing('view as another dtype (bitcast)')
    return 'reshape', [s.input], {'shape': ints(s)}


def reshape_as(s):
    return 'reshape', [s.input], {'shape': list(s.args[0].shape)}, {'drop_others': True}


def flatten(s):
    return 'flatten', [s.input], {'begin': arg(s, 0, 'start_dim', 0), 'end': arg(s, 1, 'end_dim', -1)}


def permute(s):
    return 'permute', [s.input], {'axes': ints(s)}


def movedim(s):
    src, dst = s.args
    src, dst = ([src], [dst]) if isinstance(src, int) else (list(src), list(dst))
    n = s.input.dim()
    src, dst = [i % n for i in src], [i % n for i in dst]
    order = [None] * n
    for a, b in zip(src, dst):
        order[b] = a
    rest = iter(i for i in range(n) if i not in src)
    return 'permute', [s.input], {'axes': [next(rest) if i is None else i for i in order]}


def transpose(s):
    return 'transpose', [s.input], {'a': arg(s, 0, 'dim0'), 'b': arg(s, 1, 'dim1')}


def expand(s):
    to = ints(s)
    if -1 in to:
        raise Missing('-1 among the sizes (as it is)')
    return 'expand', [s.input], {'shape': to}


def expand_as(s):
    return 'expand', [s.input], {'shape': list(s.args[0].shape)}, {'drop_others': True}


def squeeze(s):
    d = arg(s, 0, 'dim')
    return 'squeeze', [s.input], {'axes': d if d is None or isinstance(d, int) else list(d)}


def unsqueeze(s):
    return 'unsqueeze', [s.input], {'axis': arg(s, 0, 'dim')}


def flip(s):
    d = arg(s, 0, 'dims')
    return 'flip', [s.input], {'axes': list(d) if isinstance(d, (tuple, list)) else ints(s)}


def getitem(s):
    at = s.args[0] if isinstance(s.args[0], (tuple, list)) else (s.args[0],)
    if isinstance(s.args[0], list):
        raise Missing('a list as index')
    out = []
    for i in at:
        if isinstance(i, bool):
            raise Missing('bool in an index')
        if isinstance(i, int):
            out.append(i)
        elif i is None:
            out.append('new')
        elif i is Ellipsis:
            out.append('...')
        elif isinstance(i, slice):
            out.append([i.start, i.stop, i.step])
        elif isinstance(i, torch.Tensor):
            raise Missing(
                'a mask in x[...]' if i.dtype in (torch.bool, torch.uint8) else 'an index tensor in x[...]'
            )
        else:
            raise Missing(f'{type(i).__name__} in x[...]')
    return 'index', [s.input], {'index': out}


def select(s):
    d, i = s.args
    n = s.input.dim()
    return 'index', [s.input], {'index': [[None, None, None]] * (d % n) + [i]}


def narrow(s):
    if isinstance(s.args[1], torch.Tensor):
        raise Missing('a tensor as start')
    return 'narrow', [s.input], {'axis': s.args[0], 'begin': s.args[1], 'length': s.args[2]}


def split(s):
    size = arg(s, 0, 'split_size')
    if isinstance(size, (list, tuple)):
        raise Missing('a list of sizes')
    return 'split', [s.input], {'size': size, 'axis': arg(s, 1, 'dim', 0)}


def pad(s):
    p, mode, value = arg(s, 0, 'pad'), arg(s, 1, 'mode', 'constant'), arg(s, 2, 'value')
    if mode == 'circular':
        raise Missing('mode=circular')
    w = [[p[i], p[i + 1]] for i in range(0, len(p), 2)][::-1]
    a = {'widths': w, 'mode': mode}
    if value is not None:
        a['value'] = sc(float(value))
    return 'pad', [s.input], a


def constant_pad(s):
    p = arg(s, 0, 'pad')
    return (
        'pad',
        [s.input],
        {
            'widths': [[p[i], p[i + 1]] for i in range(0, len(p), 2)][::-1],
            'value': sc(float(arg(s, 1, 'value', 0))),
        },
    )


def gather(s):
    return 'gather', [s.input, s.args[1]], {'axis': s.args[0]}


def scatter_add(s):
    return 'scatter_add', [s.input, s.args[1], s.args[2]], {'axis': s.args[0]}


def index_select(s):
    return 'index_select', [s.input, s.args[1]], {'axis': s.args[0]}


def one_hot(s):
    n = arg(s, 0, 'num_classes', -1)
    if n == -1:
        raise Missing('num_classes=-1 (as many as the labels need)')
    return 'one_hot', [s.input], {'classes': n}, {'cast': True}


def to(s):
    kinds = [a for a in [*s.args, s.kwargs.get('dtype')] if isinstance(a, (torch.dtype, torch.Tensor))]
    if not kinds:
        raise Missing('no dtype given (device or memory format)')
    d = kinds[0].dtype if isinstance(kinds[0], torch.Tensor) else kinds[0]
    if d not in NAMES:
        raise Missing(f'dtype {d}')
    return 'cast', [s.input], {'dtype': NAMES[d]}, {'drop_others': True}


def cast(dtype):
    def f(s):
        return 'cast', [s.input], {'dtype': dtype}

    return f


def where(s):
    c, b = s.args
    if not isinstance(b, torch.Tensor) or not isinstance(s.input, torch.Tensor):
        raise Missing('a number as operand')
    return 'where', [c, s.input, b], {}


def several(name):
    def f(s):
        parts = list(s.input)
        return name, parts, {'axis': arg(s, 0, 'dim', s.kwargs.get('axis', 0))}

    return f


def dtype_of(s):
    d = s.kwargs.get('dtype') or torch.float32
    if d not in NAMES:
        raise Missing(f'dtype {d}')
    return NAMES[d]


def sizes(name):
    def f(s):
        shape = s.input if not isinstance(s.input, int) else (s.input, *s.args)
        a = {'shape': [int(i) for i in shape], 'dtype': dtype_of(s)}
        if name == 'full':
            a['value'] = sc(s.args[0])
            if s.kwargs.get('dtype') is None and not isinstance(s.args[0], float):
                raise Missing('dtype from the value')
        return name, [], a

    return f


def eye(s):
    m = arg(s, 0, 'm', s.input)
    if m != s.input:
        raise Missing('m= (not square)')
    return 'eye', [], {'n': s.input, 'dtype': dtype_of(s)}


def arange(s):
    v = [s.input, *s.args]
    begin, end, step = (0, v[0], 1) if len(v) == 1 else (v[0], v[1], v[2] if len(v) > 2 else 1)
    if 'end' in s.kwargs:
        begin, end = v[0], s.kwargs['end']
    step = s.kwargs.get('step', step)
    d = s.kwargs.get('dtype')
    if d is None:
        raise Missing('dtype from the values')
    return 'arange', [], {'begin': sc(begin), 'end': sc(end), 'step': sc(step), 'dtype': NAMES[d]}


def linspace(s):
    b, e, n = s.input, s.args[0], s.args[1]
    if isinstance(b, torch.Tensor) or isinstance(e, torch.Tensor):
        raise Missing('tensors as ends')
    return 'linspace', [], {'begin': sc(float(b)), 'end': sc(float(e)), 'count': n, 'dtype': dtype_of(s)}


def like(name):
    def f(s):
        if s.kwargs.get('dtype') not in (None, s.input.dtype):
            raise Missing('dtype=')
        return name, [s.input], {}

    return f


def copies(name):
    def f(s):
        if s.kwargs.get('memory_format') not in (None, torch.contiguous_format, torch.preserve_format):
            raise Missing('memory_format=')
        return name, [s.input], {}

    return f
