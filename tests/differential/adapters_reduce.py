"""Adapters of reductions and of order."""

import torch

from case import Missing, arg, dims, only


def reduce(name, dtype_ok=False):
    def f(s):
        only(s, 'dim', 'keepdim')
        d = arg(s, 0, 'dim')
        if d is not None and not isinstance(d, (int, tuple, list)):
            raise Missing(f'dim={d}')
        return name, [s.input], {'axes': dims(d), 'keep': bool(arg(s, 1, 'keepdim', False))}

    return f


def minmax_dim(name):
    def f(s):
        d, keep = arg(s, 0, 'dim'), bool(arg(s, 1, 'keepdim', False))  # amax: ties share the gradient
        return (
            name,
            [s.input],
            {'axes': dims(d), 'keep': keep},
            {'call': lambda ts: getattr(torch, 'a' + name)(ts[0], d, keep)},
        )

    return f


def variance(name):
    def f(s):
        only(s, 'dim', 'keepdim', 'correction', 'unbiased')
        d, c = s.kwargs.get('dim'), s.kwargs.get('correction', 1)
        keep = s.kwargs.get('keepdim', False)
        rest = list(s.args)
        if rest and isinstance(rest[0], bool):
            c = int(rest.pop(0))
        elif rest:
            d = rest.pop(0)
        if rest and isinstance(rest[0], bool):
            c = int(rest.pop(0))
        if rest:
            keep = rest.pop(0)
        if 'unbiased' in s.kwargs:
            c = int(s.kwargs['unbiased'])
        if c is None:
            c = 1
        if float(c) != int(c):
            raise Missing('fractional correction=')
        return name, [s.input], {'axes': dims(d), 'keep': bool(keep), 'correction': int(c)}

    return f


def norm(s):
    only(s, 'p', 'dim', 'keepdim')
    p = arg(s, 0, 'p', 'fro')
    if p not in (2, 2.0, 'fro'):
        raise Missing(f'p={p}')
    return 'norm', [s.input], {'axes': dims(arg(s, 1, 'dim')), 'keep': bool(arg(s, 2, 'keepdim', False))}


def vector_norm(s):
    only(s, 'ord', 'dim', 'keepdim')
    if arg(s, 0, 'ord', 2) not in (2, 2.0):
        raise Missing(f"ord={arg(s, 0, 'ord')}")
    return 'norm', [s.input], {'axes': dims(arg(s, 1, 'dim')), 'keep': bool(arg(s, 2, 'keepdim', False))}


def arg_reduce(name):
    def f(s):
        return name, [s.input], {'axis': arg(s, 0, 'dim'), 'keep': bool(arg(s, 1, 'keepdim', False))}

    return f


def cumsum(s):
    only(s, 'dim')
    return 'cumsum', [s.input], {'axis': arg(s, 0, 'dim')}


def sort(name):
    def f(s):
        only(s, 'dim', 'descending', 'stable')
        rest = list(s.args)
        d, desc = s.kwargs.get('dim', -1), s.kwargs.get('descending', False)
        if rest:
            d = rest.pop(0)
        if rest:
            desc = rest.pop(0)
        if isinstance(d, bool):
            raise Missing('odd arguments')
        call = (
            (lambda x: list(torch.sort(x, stable=True, dim=d, descending=bool(desc))))
            if name == 'sort'
            else (lambda x: [torch.argsort(x, stable=True, dim=d, descending=bool(desc))])
        )
        return name, [s.input], {'axis': d, 'descending': bool(desc)}, {'call': lambda ts: call(ts[0])}

    return f


def msort(s):
    return 'sort', [s.input], {'axis': 0}, {'call': lambda ts: list(torch.sort(ts[0], dim=0, stable=True))}


def topk(s):
    k, d, largest = arg(s, 0, 'k'), arg(s, 1, 'dim', -1), arg(s, 2, 'largest', True)
    return (
        'topk',
        [s.input],
        {'k': k, 'axis': d, 'largest': bool(largest)},
        {'call': lambda ts: list(torch.topk(ts[0], k, d, largest, True)), 'ties': True},
    )
