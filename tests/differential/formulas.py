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


def product_of(factors):
    """The product along the last axis, of mantissas and exponents apart: it leaves the range only at the end."""
    mantissa = torch.ones(factors.shape[:-1], dtype=torch.float64)
    exponent = torch.zeros(factors.shape[:-1], dtype=torch.int64)
    for factor in factors.unbind(-1):
        m, e = torch.frexp(factor)
        mantissa, more = torch.frexp(mantissa * m)
        exponent += torch.where(m.isfinite(), e, 0) + torch.where(mantissa.isfinite(), more, 0)
    exponent = exponent.clamp(-3000, 3000)
    for part in (exponent // 4, exponent // 4, exponent // 4, exponent - 3 * (exponent // 4)):
        mantissa = mantissa * torch.pow(2.0, part.double())
    return mantissa


class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows):
        ctx.save_for_backward(rows)
        return product_of(rows.double()).to(rows.dtype)

    @staticmethod
    def backward(ctx, dy):
        x = ctx.saved_tensors[0].double()
        others = [product_of(torch.cat([x[:, :i], x[:, i + 1 :]], 1)) for i in range(x.shape[1])]
        return dy[:, None] * torch.stack(others, 1).to(dy.dtype)


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
EXTREME, LOGSUMEXP = along_rows(extreme), along_rows(logsumexp)
VAR, STD = along_rows(variance), along_rows(deviation)
