"""Reductions in PyTorch by formulas that hold where PyTorch's own break down. Where documented.py names
one of them, a difference from PyTorch is explained only if attune agrees with it."""

import torch


def along_rows(f):
    """A case -> its function in PyTorch; f: rows [m, n] of what is reduced together, the case -> [m]."""

    def function_of(case):
        axes, keep = case.args['axes'], case.args['keep']

        def fn(ts):
            x = ts[0]
            axis = list(range(x.dim())) if axes is None else [axes] if isinstance(axes, int) else list(axes)
            reduced = sorted({a % x.dim() for a in axis}) if x.dim() else []
            rest = [a for a in range(x.dim()) if a not in reduced]
            rows = x.permute(rest + reduced).flatten(len(rest)) if reduced else x.unsqueeze(-1)
            rows = rows.reshape(-1, rows.shape[-1])
            shape = [1 if a in reduced else n for a, n in enumerate(x.shape) if keep or a not in reduced]
            return [f(rows, case).reshape(shape)]

        return fn

    return function_of


def running_products(rows):
    """The products of the first 0, 1, … n elements of rows [m, n], mantissas and exponents apart: [n + 1, m] each.
    They do not leave the range on the way."""
    mantissa, exponent = torch.ones(rows.shape[0], dtype=torch.float64), torch.zeros(rows.shape[0])
    mantissas, exponents = [mantissa], [exponent]
    for x, power in zip(*(t.unbind(1) for t in torch.frexp(rows))):
        mantissa, more = torch.frexp(mantissa * x)
        exponent = exponent + torch.where(mantissa.isfinite(), more + power, 0)
        mantissas.append(mantissa)
        exponents.append(exponent)
    return torch.stack(mantissas), torch.stack(exponents)


def scaled(mantissa, exponent):
    """mantissa * 2 ** exponent, in steps that stay in the range as long as the result does."""
    exponent = exponent.double().clamp(-3000, 3000)
    for _ in range(4):
        mantissa = mantissa * torch.pow(2.0, (exponent / 4).floor())
    return mantissa * torch.pow(2.0, exponent - 4 * (exponent / 4).floor())


class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows):
        ctx.save_for_backward(rows)
        mantissas, exponents = running_products(rows.double())
        return scaled(mantissas[-1], exponents[-1]).to(rows.dtype)

    @staticmethod
    def backward(ctx, dy):
        x = ctx.saved_tensors[0].double()
        before, after = running_products(x), [t.flip(0) for t in running_products(x.flip(1))]
        others = scaled(before[0][:-1] * after[0][1:], before[1][:-1] + after[1][1:]).t()
        return dy[:, None] * others.to(dy.dtype)


def extreme(rows, case):
    """By torch.max() and min() of all: equals share the gradient, and so do NaN. amax, amin divide by 0 at NaN."""
    return torch.stack([row.max() if case.op == 'max' else row.min() for row in rows])


def logsumexp(rows, case):
    """PyTorch's slopes exp(x - y) carry the rounding error of y; divided by their sum they do not."""
    top = rows.detach().amax(1, keepdim=True)
    return (rows - top).exp().sum(1).log() + top[:, 0]


def variance(rows, case):
    """Distances from the mean, less the mean that rounding left them."""
    apart = rows - rows.mean(1, keepdim=True)
    apart = apart - apart.mean(1, keepdim=True)
    return apart.square().sum(1) / (rows.shape[1] - case.args['correction'])


def deviation(rows, case):
    """Of rows divided by their largest element, whose squares stay in the range."""
    top = rows.detach().abs().amax(1, keepdim=True)
    return variance(rows / top, case).sqrt() * top[:, 0]


PRODUCT = along_rows(lambda rows, case: Product.apply(rows))


def LAYER_NORM(case):
    """Over the last axis, of distances from the mean."""

    def fn(ts):
        x, *rest = ts
        apart = x - x.mean(-1, keepdim=True)
        eps = float.fromhex(case.args['eps'][2:])
        y = apart / (apart.square().mean(-1, keepdim=True) + eps).sqrt()
        if case.args['weight']:
            y = y * rest.pop(0)
        return [y + rest.pop(0) if case.args['bias'] else y]

    return fn


EXTREME, LOGSUMEXP = along_rows(extreme), along_rows(logsumexp)
VAR, STD = along_rows(variance), along_rows(deviation)
