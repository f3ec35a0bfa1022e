"""A case: one call of attune's, and the same in PyTorch. README: docs/differential.md."""

import math
import random

import numpy
import torch

NAMES = {
    torch.float32: 'f32',
    torch.float64: 'f64',
    torch.float16: 'f16',
    torch.bfloat16: 'bf16',
    torch.int32: 'i32',
    torch.int64: 'i64',
    torch.int8: 'i8',
    torch.uint8: 'u8',
    torch.bool: 'bool',
}
FLOATS = (torch.float32, torch.float64)
HALVES = (torch.float16, torch.bfloat16)
MAX_RANK = 8


def seed():
    torch.manual_seed(0)
    random.seed(0)
    numpy.random.seed(0)


class Missing(Exception):
    """attune has no such argument."""


def sc(v):
    """A Python number as the driver reads it."""
    if isinstance(v, torch.Tensor):
        raise Missing('a tensor where attune takes a C++ number')
    if isinstance(v, bool):
        return f'b:{int(v)}'
    if isinstance(v, int):
        return f'i:{v}' if -(2**63) <= v < 2**63 else f'u:{v}'
    if isinstance(v, float):
        return (
            'f:nan'
            if math.isnan(v)
            else 'f:inf' if v == math.inf else 'f:-inf' if v == -math.inf else 'f:' + v.hex()
        )
    raise Missing(f'{type(v).__name__} numbers')


class Case:
    """op(ins, args) in attune; fn(list of tensors) -> list of tensors in torch. views[i]: the steps
    that make input i from its base; tag: which variant of a sample it is."""

    def __init__(
        self, op, ins, args, fn, grad=None, second=False, chain=False, views=None, tag='', compare=None
    ):
        self.op, self.ins, self.args, self.fn, self.tag = op, list(ins), args, fn, tag
        self.grad, self.second, self.chain, self.views = grad, second, chain, views or {}
        self.compare, self.id = compare or {}, ''

    def line(self):
        """All of it in one line."""

        def t(x):
            return f'{NAMES.get(x.dtype, x.dtype)}{list(x.shape)}' + (
                f'={x.tolist()}' if x.numel() <= 9 else ''
            )

        parts = [
            self.op,
            ', '.join(
                t(x) + (f' viewed by {self.views[i]}' if i in self.views else '')
                for i, x in enumerate(self.ins)
            ),
        ]
        if self.args:
            parts.append(' '.join(f'{k}={v}' for k, v in self.args.items()))
        return ' | '.join(parts)


def apply_view(x, steps):
    for s in steps:
        if s[0] == 'transpose':
            x = x.transpose(s[1], s[2])
        elif s[0] == 'flip':
            x = x.flip(s[1])
        elif s[0] == 'expand':
            x = x.expand(s[1])
        elif s[0] == 'index':
            x = x[
                tuple(
                    Ellipsis if i == '...' else None if i == 'new' else i if isinstance(i, int) else slice(*i)
                    for i in s[1]
                )
            ]
    return x


def outputs(out):
    return [out] if isinstance(out, torch.Tensor) else [o for o in out if isinstance(o, torch.Tensor)]


def reference(case, to=None, cots=None, weights=None):
    """Outputs, gradients and second gradients of torch; floating tensors as `to`, if given."""
    conv = lambda t: t.to(to) if to is not None and t.is_floating_point() else t
    bases = [conv(t.detach().clone()) for t in case.ins]
    wanted = case.grad or []
    view = lambda: [apply_view(b, case.views[i]) if i in case.views else b for i, b in enumerate(bases)]
    leaves = bases if case.chain else [v.clone(memory_format=torch.contiguous_format) for v in view()]
    for i in wanted:
        leaves[i].requires_grad_(True)
    viewed = view() if case.chain else leaves
    ys = outputs(case.fn(viewed))
    result = {'o': [y.detach() for y in ys], 'g': None, 'h': None, 'cots': cots, 'weights': weights}
    if not wanted:
        return result
    gen = torch.Generator().manual_seed(7)
    random_like = lambda y: (torch.rand(y.shape, generator=gen, dtype=torch.float64) + 0.5).to(y.dtype)
    if cots is None:
        cots = result['cots'] = [random_like(y) if y.is_floating_point() else None for y in ys]
    at = [leaves[i] for i in wanted]
    zeros = lambda gs: [torch.zeros_like(a) if g is None else g for g, a in zip(gs, at)]
    pairs = [(y, conv(c).to(y.dtype)) for y, c in zip(ys, cots) if y.is_floating_point() and y.requires_grad]
    grads = lambda pairs, **k: (
        zeros(
            torch.autograd.grad(
                *([list(p) for p in zip(*pairs)][:1]), at, [p[1] for p in pairs], allow_unused=True, **k
            )
        )
        if pairs
        else zeros([None] * len(at))
    )
    gs = grads(pairs, create_graph=case.second)
    result['g'] = [g.detach() for g in gs]
    if case.second:
        if weights is None:
            weights = result['weights'] = [random_like(a) for a in at]
        result['h'] = [
            h.detach() for h in grads([(g, conv(w)) for g, w in zip(gs, weights) if g.requires_grad])
        ]
    return result


# ---- Arguments of a sample ----


def arg(s, i, name, default=None):
    return s.args[i] if len(s.args) > i else s.kwargs.get(name, default)


def only(s, *allowed):
    for k, v in s.kwargs.items():
        if k not in allowed and v is not None:
            raise Missing(f'{k}=')


def dims(d):
    if d is None or isinstance(d, int):
        return d
    d = list(d)
    return d if d else None  # torch: no axes means all
