"""How far off f32 functions are, in units of the last place."""

import json
import math
import sys

import numpy
import torch

LIMIT_ULP = 8  # beyond it, and beyond torch's own error there, an op counts as wrong


def run_ulp(report, only):
    if report.wanted:
        return []
    exact = {
        'exp': torch.exp,
        'log': torch.log,
        'log1p': torch.log1p,
        'expm1': torch.expm1,
        'tanh': torch.tanh,
        'sin': torch.sin,
        'cos': torch.cos,
        'erf': torch.erf,
        'sqrt': torch.sqrt,
        'rsqrt': lambda x: 1 / x.sqrt(),
        'reciprocal': lambda x: 1 / x,
        'sigmoid': lambda x: torch.where(x < 0, x.exp() / (1 + x.exp()), 1 / (1 + (-x).exp())),
        'silu': lambda x: x * torch.where(x < 0, x.exp() / (1 + x.exp()), 1 / (1 + (-x).exp())),
        'softplus': lambda x: x.clamp(min=0) + (-x.abs()).exp().log1p(),
        'gelu': lambda x: 0.5 * x * torch.erfc(-x / math.sqrt(2)),
        'exp2': torch.exp2,
        'log2': torch.log2,
        'log10': torch.log10,
        'tan': torch.tan,
        'asin': torch.asin,
        'acos': torch.acos,
        'atan': torch.atan,
        'sinh': torch.sinh,
        'cosh': torch.cosh,
        'erfc': torch.erfc,
        'erfinv': torch.erfinv,
        'log_sigmoid': lambda x: x.clamp(max=0) - (-x.abs()).exp().log1p(),
        'gelu(tanh)': lambda x: x / (1 + torch.exp(-2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    }
    F = torch.nn.functional
    own = {
        **{
            n: getattr(torch, n)
            for n in (
                'exp',
                'log',
                'log1p',
                'expm1',
                'tanh',
                'sin',
                'cos',
                'erf',
                'sqrt',
                'rsqrt',
                'reciprocal',
                'sigmoid',
                'exp2',
                'log2',
                'log10',
                'tan',
                'asin',
                'acos',
                'atan',
                'sinh',
                'cosh',
                'erfc',
                'erfinv',
            )
        },
        'silu': F.silu,
        'log_sigmoid': F.logsigmoid,
        'softplus': F.softplus,
        'gelu': F.gelu,
        'gelu(tanh)': lambda x: F.gelu(x, approximate='tanh'),
    }
    bits = torch.arange(0, 0x7F800000, 1531, dtype=torch.int64)
    x = torch.cat([bits, bits - 2**31]).to(torch.int32).view(torch.float32)
    table = []

    def ulps(y, want):
        """Largest error where the result is a normal number, place of it, and where it is not one."""
        w32 = want.float()
        spacing = torch.ldexp(torch.ones_like(want), (torch.frexp(w32.double())[1] - 24).clamp(min=-149))
        e = (y.double() - want).abs() / spacing
        e[(y == w32) | (y.isnan() & w32.isnan())] = 0
        e[e.isnan()] = math.inf
        edge = (w32.abs() == math.inf) | (y.abs() == math.inf)
        near = edge & (want.abs() > 3.4028e38) & (y.abs() > 3.4028e38)
        e[near] = 0
        small = want.abs() < torch.finfo(torch.float32).tiny
        return torch.where(small, 0.0, e), torch.where(small, e, 0.0)

    def row(name, ins, args, op, want, theirs):
        tensors = {f'i{k}': t for k, t in enumerate(ins)}
        got, _, code, err, outs = report.driver.call(
            'run', [json.dumps({'id': 0, 'op': op, 'in': list(tensors), 'args': args})], tensors
        )
        if code != 0 or 'error' in got[0]:
            sys.exit(f'{name}: {code} {err} {got}')
        y = outs['0.o0']
        e, small = ulps(y, want)
        t, tsmall = ulps(theirs, want)
        at = int(e.argmax())
        place = ', '.join(f'{float(i.flatten()[at]):.9g}' for i in ins)
        report.count[op]['cases'] += 1
        worse = (e > LIMIT_ULP) & (e > t)
        bad = bool(worse.any())
        report.count[op]['mismatched' if bad else 'agreed'] += 1
        if bad:
            report.wrong[op, op, 'ulp', 'ulp'].append(
                f'{name} | f32 {place} | attune {float(y[at]):.9g}, exact {float(want[at]):.9g}, torch {float(theirs[at]):.9g} | {float(e.max()):.3g} ulp, {int(worse.sum())} of {e.numel()} above {LIMIT_ULP} and above torch'
            )
        table.append(
            (
                name,
                f'{float(e.max()):.2f}',
                place,
                f'{float(t.max()):.2f}',
                f'{float(small.max()):.2f}',
                f'{float(tsmall.max()):.2f}',
            )
        )

    for name, f in exact.items():
        op = name.split('(')[0]
        if only and op not in only:
            continue
        at = x if name not in ('sin', 'cos') else x[x.abs() < 1e4]
        row(
            name + (' |x| < 1e4' if at is not x else ''),
            [at],
            {'tanh': True} if '(' in name else {},
            op,
            f(at.double()),
            own[name](at),
        )
        if at is not x:
            at = x[x.abs() >= 1e4]
            row(
                name + ' |x| >= 1e4',
                [at],
                {},
                op,
                torch.from_numpy(getattr(numpy, name)(at.double().numpy())),
                own[name](at),
            )
    if not only or 'pow' in only:
        n = 2_000_000
        a = torch.exp(torch.empty(n, dtype=torch.float64).uniform_(-87, 88)).float()
        b = (torch.empty(n, dtype=torch.float64).uniform_(-87, 88) / a.double().log()).float()
        row('pow x > 0, any size of result', [a, b], {}, 'pow', a.double() ** b.double(), a**b)
        a, b = torch.rand(n) * 4, torch.randn(n) * 20
        row('pow near 1', [a, b], {}, 'pow', a.double() ** b.double(), a**b)
        a, b = -torch.rand(n) * 40, torch.randint(-20, 20, (n,)).float()
        row('pow x < 0, whole exponent', [a, b], {}, 'pow', a.double() ** b.double(), a**b)
    return table
