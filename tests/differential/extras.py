"""Cases of our own: edges that PyTorch's samples leave out."""

import collections
import math

import torch

from case import FLOATS, HALVES, NAMES, Case, sc, seed
from report import check


def run_extras(report, only):
    T, F = torch.tensor, torch.nn.functional
    seed()
    made = collections.defaultdict(list)

    def add(op, ins, fn, grad=None, compare=None, **args):
        if not only or op in only:
            made['extra:' + op].append(Case(op, ins, args, fn, grad=grad, tag='extra', compare=compare or {}))

    throws = {'must_throw': True}
    nothing = lambda ts: []
    # integers at their ends
    for dt in (torch.int32, torch.int64, torch.uint8):
        i = torch.iinfo(dt)
        x = T([i.min, i.max, 0, 1, 2, i.max - 1], dtype=dt)
        y = T([i.max, i.max, 0, 3, i.max, 2], dtype=dt)
        for op in ('add', 'sub', 'mul', 'maximum', 'minimum', 'eq', 'lt', 'ge'):
            add(op, [x, y], lambda ts, op=op: getattr(torch, op)(*ts))
        for op in ('neg', 'abs', 'sign', 'square'):
            add(op, [x], lambda ts, op=op: getattr(torch, op)(ts[0]))
        for op in ('sum', 'prod', 'max', 'min', 'argmax', 'argmin'):
            add(op, [x], lambda ts, op=op: getattr(torch, op)(ts[0]), axes=None, axis=None)
        add('cumsum', [x], lambda ts: torch.cumsum(ts[0], 0), axis=0)
        add('div', [x, y], lambda ts: ts[0] / ts[1])
        for e in range(4):
            add('pow', [x], lambda ts, e=e: ts[0] ** e, right=f'i:{e}')
        add('pow', [x], nothing, compare=throws, right='i:-1')
        add('sort', [x], lambda ts: list(torch.sort(ts[0], stable=True)), axis=0)
        for v in (i.max, i.min, -1, 300):
            if i.min <= v <= i.max:
                add('add', [x], lambda ts, v=v: ts[0] + v, right=sc(v))
                add('eq', [x], lambda ts, v=v: ts[0] == v, right=sc(v))
                add('masked_fill', [x, x == 0], lambda ts, v=v: ts[0].masked_fill(ts[1], v), value=sc(v))
    big = 2**53 + 1  # not exact in f64
    add('eq', [T([big, big - 1])], lambda ts: ts[0] == big, right=f'i:{big}')
    add('lt', [T([big, big - 1])], lambda ts: ts[0] < big, right=f'i:{big}')
    add('add', [T([0])], lambda ts: ts[0] + big, right=f'i:{big}')
    add('mul', [T([1])], lambda ts: ts[0] * big, right=f'i:{big}')
    add('sum', [T([big, 2])], lambda ts: ts[0].sum(), axes=None)
    add('full', [], lambda ts: torch.full((2,), big), shape=[2], value=f'i:{big}', dtype='i64')
    add(
        'arange',
        [],
        lambda ts: torch.arange(big, big + 3),
        begin=f'i:{big}',
        end=f'i:{big + 3}',
        step='i:1',
        dtype='i64',
    )
    add('clamp', [T([big + 2, 0])], lambda ts: ts[0].clamp(1, big), low='i:1', high=f'i:{big}')
    # casts in range
    for a in NAMES:
        x = T([0, 1, 2, 100, 3], dtype=a) if a != torch.bool else T([False, True])
        if a in (*FLOATS, *HALVES):
            x = T([0.0, 1.9, 2.5, 100.99, -0.0], dtype=a)
        for b in NAMES:
            add('cast', [x], lambda ts, b=b: ts[0].to(b), dtype=NAMES[b])
    add('cast', [T([math.nan, 1e-45, -0.0, math.inf])], lambda ts: ts[0].bool(), dtype='bool')
    add(
        'cast',
        [T([1e300, -1e300, 1e-320, math.nan], dtype=torch.float64)],
        lambda ts: ts[0].float(),
        dtype='f32',
    )
    # places outside
    x, ix = torch.randn(3, 4), lambda *v: T(v)
    for bad in (3, -4, 2**31, -(2**40), 2**62):
        add('index_select', [x, ix(0, bad)], nothing, compare=throws, axis=0)
        add('gather', [x, ix(0, bad)[:, None]], nothing, compare=throws, axis=0)
        add('scatter_add', [x, ix(0, bad)[:, None], torch.ones(2, 1)], nothing, compare=throws, axis=0)
        add('embedding', [x, ix(0, bad)], nothing, compare=throws)
        add('index', [x], nothing, compare=throws, index=[bad])
        add('at', [x], nothing, compare=throws, at=bad)
        add('one_hot', [ix(0, bad)], nothing, compare=throws, classes=3)
        add('cross_entropy', [x, ix(0, 1, bad + (bad == 3))], nothing, compare=throws)
        add('nll', [x, ix(0, 1, bad + (bad == 3))], nothing, compare=throws)
    for op in ('gather', 'index_select', 'embedding'):
        add(op, [x, T([0.5])[None] if op == 'gather' else T([0.5])], nothing, compare=throws, axis=0)
    for bad in (2, -3, 2**31 - 1, -(2**31)):
        for op in ('softmax', 'log_softmax', 'cumsum', 'sort', 'argsort', 'argmax', 'argmin', 'unsqueeze'):
            add(
                op,
                [x],
                nothing,
                compare=throws,
                axis=bad + (op == 'unsqueeze' and bad == 2) - (op == 'unsqueeze' and bad == -3),
            )
        for op in (
            'sum',
            'mean',
            'max',
            'min',
            'prod',
            'var',
            'std',
            'norm',
            'logsumexp',
            'any',
            'all',
            'squeeze',
            'flip',
        ):
            add(op, [x], nothing, compare=throws, axes=[bad])
        add('topk', [x], nothing, compare=throws, k=1, axis=bad)
        add('transpose', [x], nothing, compare=throws, a=0, b=bad)
        add('narrow', [x], nothing, compare=throws, axis=bad, begin=0, length=1)
        add('split', [x], nothing, compare=throws, size=1, axis=bad)
        for op in ('cat', 'stack'):
            add(
                op,
                [x, x],
                nothing,
                compare=throws,
                axis=bad + (op == 'stack' and bad == 2) - (op == 'stack' and bad == -3),
            )
    for op in ('sum', 'mean', 'max', 'permute', 'flip'):
        add(op, [x], nothing, compare=throws, axes=[0, 0])
        add(op, [x], nothing, compare=throws, axes=[0, -2])
        add(op, [x], nothing, compare=throws, axes=list(range(20)))
    top, low = 2**63 - 1, -(2**63)
    for op in ('flip', 'squeeze', 'sum', 'permute'):
        add(op, [torch.ones(1, 1)], nothing, compare=throws, axes=[0] * 10)
    for at, first in (
        ([1, None, top], 1),
        ([None, None, low], 2),
        ([None, None, -top], 2),
        ([low, top, top], 0),
    ):
        add('index', [x], lambda ts, first=first: ts[0][first : first + 1], grad=[0], index=[at])
    for n in (top, top - 1):
        add('split', [x], lambda ts: [ts[0] * 1], grad=[0], size=n)
    add('pad', [x], nothing, compare=throws, widths=[[top, top], [0, 0]])
    for v in ('i:-1', 'i:-2'):
        add('pow', [T([1, 2, -1, 3])], nothing, compare=throws, right=v)
    add('pow', [T([1, 2, -1, -1, 3]), T([-1, -1, -1, -2, 2])], lambda ts: ts[0] ** ts[1])
    for b, e, s in (
        ('i:-1', 'i:2', 'i:1'),
        ('i:0', 'i:600', 'i:200'),
        ('f:0x0p+0', 'f:0x1.2cp+9', 'f:0x1.9p+7'),
    ):
        add('arange', [], nothing, compare=throws, begin=b, end=e, step=s, dtype='u8')
    for b, n in ((-5, 1), (0, 5), (4, 1), (2, 2**62), (2**62, 2**62), (0, -1), (top, 3), (1, top)):
        add('narrow', [x], nothing, compare=throws, axis=0, begin=b, length=n)
    add('narrow', [x], lambda ts: ts[0].narrow(0, -2, 1), axis=0, begin=-2, length=1)
    for k in (-1, 5, 2**62):
        add('topk', [x], nothing, compare=throws, k=k)
    for s in ([-1, -1], [5, -1], [-2, 6], [2**62, 4], [0, -1]):
        add('reshape', [x], nothing, compare=throws, shape=s)
    for s in ([3], [2, 4], [3, -4], [2**62, 2**62, 3, 4]):
        add('expand', [x], nothing, compare=throws, shape=s)
    for size in (0, -1):
        add('split', [x], nothing, compare=throws, size=size)
    add('index', [x], nothing, compare=throws, index=[[None, None, 0]])
    add('index', [x], nothing, compare=throws, index=['...', '...'])
    add('index', [x], nothing, compare=throws, index=[0, 0, 0])
    for w in ([[-4, 0]], [[2**62, 2**62]], [[1, 1]] * 3, [[-3, -3]]):
        add('pad', [x], nothing, compare=throws, widths=w)
    add('pad', [x], nothing, compare=throws, widths=[[4, 0]], mode='reflect')
    add('eye', [], nothing, compare=throws, n=-1, dtype='f32')
    add('zeros', [], nothing, compare=throws, shape=[-1], dtype='f32')
    add('zeros', [], nothing, compare=throws, shape=[2**40, 2**40], dtype='f32')
    add('zeros', [], nothing, compare=throws, shape=[2**45], dtype='f32')
    add('arange', [], nothing, compare=throws, begin='i:0', end='i:1', step='i:0', dtype='i64')
    add('arange', [], nothing, compare=throws, begin='i:0', end='f:inf', step='i:1', dtype='f32')
    add('arange', [], nothing, compare=throws, begin='f:nan', end='i:1', step='i:1', dtype='f32')
    add('linspace', [], nothing, compare=throws, begin='i:0', end='i:1', count=-1, dtype='f32')
    add('full', [], nothing, compare=throws, shape=[2], value='i:300', dtype='u8')
    add('full', [], nothing, compare=throws, shape=[2], value='f:0x1.8p+0', dtype='i32')
    for p in (-0.1, 1.1, math.nan):
        add('dropout', [x], nothing, compare=throws, p=sc(p))
        add('bernoulli', [], nothing, compare=throws, shape=[2], p=sc(p))
    add('dropout', [x], lambda ts: ts[0] * 1, grad=[0], p='f:0x0p+0')
    add('dropout', [x], lambda ts: ts[0] * 0, grad=[0], p='f:0x1p+0')
    for args in ({'low': 3, 'high': 3}, {'low': 4, 'high': 3}):
        add('randint', [], nothing, compare=throws, shape=[2], dtype='i64', **args)
    # nothing to reduce, one element, no elements
    for shape in ([0], [0, 3], [3, 0], [], [1]):
        for dt in FLOATS:
            e = torch.randn(shape, dtype=dt)
            for axis in (None, 0, -1):
                if not shape and axis is not None:
                    continue
                for op, f in (
                    ('sum', torch.sum),
                    ('mean', torch.mean),
                    ('prod', torch.prod),
                    ('var', torch.var),
                    ('std', torch.std),
                    ('logsumexp', torch.logsumexp),
                    ('norm', torch.linalg.vector_norm),
                    ('any', torch.any),
                    ('all', torch.all),
                ):
                    kw = {} if axis is None else {'dim': axis}
                    if axis is None and op == 'logsumexp':
                        kw = {'dim': list(range(len(shape)))}
                    add(
                        op,
                        [e],
                        lambda ts, f=f, kw=kw: f(ts[0], **kw),
                        grad=[0] if op not in ('any', 'all') else None,
                        axes=axis,
                    )
                for op in ('max', 'min'):
                    empty = e.numel() == 0 and (axis is None or e.shape[axis] == 0)
                    f = getattr(torch, 'a' + op)
                    add(
                        op,
                        [e],
                        lambda ts, f=f, axis=axis: f(ts[0], dim=() if axis is None else axis),
                        grad=None if empty else [0],
                        compare=throws if empty else {},
                        axes=axis,
                    )
                    add(
                        'arg' + op,
                        [e],
                        lambda ts, op=op, axis=axis: getattr(torch, 'arg' + op)(ts[0], dim=axis),
                        compare=throws if empty else {},
                        axis=axis,
                    )
            for axis in (0, -1):
                for op, f in (
                    ('softmax', torch.softmax),
                    ('log_softmax', torch.log_softmax),
                    ('cumsum', torch.cumsum),
                ):
                    add(op, [e], lambda ts, f=f, axis=axis: f(ts[0], axis), grad=[0], axis=axis)
                add(
                    'sort',
                    [e],
                    lambda ts, axis=axis: list(torch.sort(ts[0], dim=axis, stable=True)),
                    grad=[0],
                    axis=axis,
                )
    for a, b in (
        ((0, 3), (3, 4)),
        ((2, 0), (0, 4)),
        ((2, 3), (3, 0)),
        ((0,), (0,)),
        ((5, 0, 2), (5, 2, 3)),
        ((2, 1, 3, 4), (5, 4, 2)),
    ):
        add('matmul', [torch.randn(a), torch.randn(b)], lambda ts: ts[0] @ ts[1], grad=[0, 1])
    # halves to even, order with NaN, signed zeros
    h = T([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 8388607.5, 4503599627370497.5], dtype=torch.float64)
    add('round', [h], lambda ts: ts[0].round())
    add('round', [h.float()], lambda ts: ts[0].round())
    n = T([math.nan, 1.0, -math.inf, math.inf, math.nan, -0.0, 0.0, 1.0, 0.0])
    add('argsort', [n], lambda ts: torch.argsort(ts[0], stable=True), axis=0)
    add(
        'argsort', [n], lambda ts: T([3, 1, 7, 5, 6, 8, 2, 0, 4]), axis=0, descending=True
    )  # NaN last here, too (tensor.h)
    add(
        'sort',
        [n],
        lambda ts: [
            T([math.inf, 1, 1, -0.0, 0, 0, -math.inf, math.nan, math.nan]),
            T([3, 1, 7, 5, 6, 8, 2, 0, 4]),
        ],
        axis=0,
        descending=True,
    )
    add('argmax', [n], lambda ts: ts[0].argmax())
    add('argmin', [n], lambda ts: ts[0].argmin())
    add(
        'maximum',
        [T([0.0, -0.0, math.nan, 1.0]), T([-0.0, 0.0, 1.0, math.nan])],
        lambda ts: torch.maximum(*ts),
        grad=[0, 1],
    )
    # pow where it is singular
    px, pe = T([0.0, 0.0, -8.0, -8.0, -2.0, 1.0, 0.0, 4.0, 2.0]), T(
        [0.0, 2.0, 2.0, 3.0, 0.0, 5.0, 1.0, 0.5, -1.0]
    )
    for dt in FLOATS:
        add('pow', [px.to(dt), pe.to(dt)], lambda ts: ts[0] ** ts[1], grad=[0, 1])
        for e in (0.0, 1.0, 2.0, 3.0, -1.0, -2.0, 0.5, -0.5, 2.5):
            add('pow', [px.to(dt)], lambda ts, e=e: ts[0] ** e, grad=[0], right=sc(e))
    # modules and losses by their options
    for dt in FLOATS:
        for n in (1, 2, 7, 64, 257):
            x, w, b = (torch.randn(s, dtype=dt) for s in ((3, 5, n), (n,), (n,)))
            for eps in (1e-5, 1e-12, 0.1):
                if n == 1 and eps == 1e-12:
                    continue
                some = n > 2  # one or two numbers have hardly a slope: what is left is rounding
                add(
                    'LayerNorm',
                    [x, w, b],
                    lambda ts, eps=eps: F.layer_norm(ts[0], ts[0].shape[-1:], ts[1], ts[2], eps),
                    grad=[0, 1, 2] if some else [1, 2],
                    eps=sc(eps),
                )
                add(
                    'LayerNorm',
                    [x * 100 + 1000],
                    lambda ts, eps=eps: F.layer_norm(ts[0], ts[0].shape[-1:], None, None, eps),
                    grad=[0] if some else None,
                    eps=sc(eps),
                    compare={
                        'tol': (
                            {'rtol': 1e-3, 'atol': 1e-3}
                            if dt == torch.float32
                            else {'rtol': 1e-8, 'atol': 1e-8}
                        )
                    },
                )
        for rows, classes in ((1, 1), (1, 5), (7, 3), (64, 10), (5, 1000)):
            for idt in (torch.int32, torch.int64):
                z, y = 3 * torch.randn(rows, classes, dtype=dt), torch.randint(0, classes, (rows,)).to(idt)
                for weights in (None, torch.rand(classes, dtype=dt) + 0.1):
                    for smooth in (0.0, 0.1, 1.0):
                        ins = [z, y] + ([weights] if weights is not None else [])
                        add(
                            'nn.cross_entropy',
                            ins,
                            lambda ts, s=smooth: F.cross_entropy(
                                ts[0], ts[1].long(), ts[2] if len(ts) > 2 else None, label_smoothing=s
                            ),
                            grad=[0],
                            smoothing=sc(smooth),
                        )
                    add(
                        'nll',
                        ins,
                        lambda ts: F.nll_loss(ts[0], ts[1].long(), ts[2] if len(ts) > 2 else None),
                        grad=[0],
                    )
                add('cross_entropy', [z, y], lambda ts: F.cross_entropy(ts[0], ts[1].long()), grad=[0])
                for zz in (z * 1e4, z * 1e30, torch.where(y[:, None] == torch.arange(classes), z, -math.inf)):
                    add('cross_entropy', [zz, y], lambda ts: F.cross_entropy(ts[0], ts[1].long()), grad=[0])
                    add(
                        'nn.cross_entropy',
                        [zz, y],
                        lambda ts: F.cross_entropy(ts[0], ts[1].long()),
                        grad=[0],
                        smoothing='f:0x0p+0',
                    )
                table = torch.randn(classes, 4, dtype=dt)
                add('embedding', [table, y], lambda ts: F.embedding(ts[1], ts[0]), grad=[0])
                add('embedding', [table, y.expand(2, rows)], lambda ts: F.embedding(ts[1], ts[0]), grad=[0])
        z, y = T([0.0, 1, -1, 100, -100, 1e4, -1e4, 88, -104], dtype=dt), T(
            [1.0, 0, 0.5, 1, 0, 0, 1, 0.25, 1], dtype=dt
        )
        add('bce_with_logits', [z, y], lambda ts: F.binary_cross_entropy_with_logits(*ts), grad=[0, 1])
        for op, f in (('mse', F.mse_loss), ('l1', F.l1_loss)):
            add(op, [z, y], lambda ts, f=f: f(*ts), grad=[0, 1])
        for delta in (0.1, 1.0, 10.0):
            add('huber', [z, y], lambda ts, d=delta: F.huber_loss(*ts, delta=d), grad=[0, 1], delta=sc(delta))
    for label, cases in made.items():
        if not report.wanted or report.wanted.startswith(label + '/'):
            check(cases, report, label)
