"""PyTorch's samples, references and error inputs, and variants of them."""

import math

import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.utils._pytree import tree_map

from adapters import find
from case import FLOATS, HALVES, NAMES, Case, Missing, seed
from report import check

SPECIAL = [
    math.nan,
    math.inf,
    -math.inf,
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -2.5,
    3e38,
    -3e38,
    1e-38,
    1e-45,
    -1e-45,
    88.8,
    -104.0,
    710.0,
    -746.0,
    1e5,
    2.0**31,
]


def case_of(info, sample, dtype, adapter, tag):
    if 'out' in sample.kwargs:
        raise Missing('out=')
    found = adapter(sample)
    op, ins, args = found[0], list(found[1]), found[2]
    options = found[3] if len(found) > 3 else {}
    if not all(isinstance(x, torch.Tensor) for x in ins):
        raise Missing('a number for a tensor')

    def fn(ts):
        if 'call' in options:
            return options['call'](ts)
        swap = {id(a): b for a, b in zip(ins, ts)}
        put = lambda t: swap.get(id(t), t) if isinstance(t, torch.Tensor) else t
        out = info.op(
            tree_map(put, sample.input), *tree_map(put, sample.args), **tree_map(put, sample.kwargs)
        )
        return list(out) if isinstance(out, (tuple, list)) else [out]

    grad = None
    if dtype in (*FLOATS, *HALVES) and info.supports_autograd:
        floating = [i for i, x in enumerate(ins) if x.is_floating_point()]
        grad = options.get('grad', floating) or None
    return Case(
        op,
        ins,
        args,
        fn,
        grad=grad or None,
        tag=tag,
        compare={k: options[k] for k in ('cast', 'ties') if k in options},
    )


def layout(case, kind, chain):
    """The same call with inputs of the same values (expanded: of others) that lie otherwise. chain: differentiate with
    respect to the base, through the view."""
    ins, views = [], {}
    for i, x in enumerate(case.ins):
        n, base, steps = x.dim(), x, None
        if kind == 'transposed' and n >= 2:
            base, steps = x.transpose(0, -1).contiguous(), [['transpose', 0, n - 1]]
        elif kind == 'strided' and n >= 1:
            base = garbage([*x.shape[:-1], 2 * x.shape[-1] + 1], x)
            base[..., 1::2] = x
            steps = [['index', ['...', [1, None, 2]]]]
        elif kind == 'offset' and n >= 1:
            base = garbage([x.shape[0] + 3, *x.shape[1:]], x)
            base[2:-1] = x
            steps = [['index', [[2, x.shape[0] + 2, None]]]]
        elif kind == 'flipped' and n >= 1:
            base, steps = x.flip(n - 1), [['flip', n - 1]]
            if n > 1:
                base, steps = base.flip(0), steps + [['flip', 0]]
        elif kind == 'expanded':
            axis = next((a for a in range(n) if x.shape[a] > 1), None)
            if axis is not None:
                base, steps = x.narrow(axis, 0, 1).contiguous(), [['expand', list(x.shape)]]
        ins.append(base)
        if steps:
            views[i] = steps
    if not views:
        return None
    return Case(
        case.op,
        ins,
        case.args,
        case.fn,
        grad=case.grad,
        views=views,
        chain=chain,
        tag=kind,
        compare=case.compare,
    )


def garbage(shape, like):
    return torch.empty(shape, dtype=like.dtype).fill_(
        math.nan if like.is_floating_point() else True if like.dtype == torch.bool else 77
    )


def altered(case, kind):
    """The same call on values at the edges."""
    if not any(x.is_floating_point() and x.numel() for x in case.ins):
        return None
    ins = []
    for k, x in enumerate(case.ins):
        if x.is_floating_point() and x.numel():
            x = x.detach().clone(memory_format=torch.contiguous_format)
            f = x.view(-1)
            n, limit = f.numel(), torch.finfo(x.dtype)
            if kind == 'special':
                s = torch.tensor(SPECIAL, dtype=torch.float64)
                f.copy_(s[(torch.arange(n) * (7 if k == 0 else 3) + 5 * k) % len(s)].to(x.dtype))
            elif kind == 'nan':
                f[n // 2] = math.nan
            elif kind == 'inf':
                f[0], f[-1] = math.inf, -math.inf
            elif kind == '-inf':
                f.fill_(-math.inf)
            elif kind == 'huge':
                f.mul_(math.sqrt(limit.max) / 50)
            elif kind == 'tiny':
                f.mul_(math.sqrt(limit.tiny))
            elif kind == 'zeros':
                f[::2] = 0
            elif kind == 'equal':
                f.fill_(1.5)
        ins.append(x)
    return Case(case.op, ins, case.args, case.fn, grad=case.grad, tag=kind, compare=case.compare)


def run_samples(report, only, dtypes):
    for info in op_db:
        key, adapter = find(info)
        if (
            adapter is None
            or (only and key not in only and info.name not in only)
            or (report.wanted and not report.wanted.startswith(key + '/'))
        ):
            continue
        supported = info.supported_dtypes('cpu')
        for dtype in NAMES:
            if dtype not in supported or (dtypes and NAMES[dtype] not in dtypes):
                continue
            cases = []
            for source in ('sample', 'reference'):
                if source == 'reference' and (info.reference_inputs_func is None):
                    continue
                seed()
                try:
                    samples = list(
                        (info.sample_inputs if source == 'sample' else info.reference_inputs)('cpu', dtype)
                    )
                except Exception:
                    continue
                big = 0
                for sample in samples:
                    try:
                        case = case_of(info, sample, dtype, adapter, source)
                    except Missing as m:
                        report.missing[key][str(m)] += source == 'sample'
                        continue
                    if max([x.numel() for x in case.ins], default=0) > 5000:
                        big += 1
                        if big > 2:
                            continue
                    cases.append(case)
                    if source == 'reference':
                        continue
                    if case.grad and dtype == torch.float64:
                        cases.append(
                            Case(
                                case.op,
                                case.ins,
                                case.args,
                                case.fn,
                                grad=case.grad,
                                second=True,
                                tag='second',
                                compare=case.compare,
                            )
                        )
                    for kind in ('transposed', 'strided', 'offset', 'flipped', 'expanded'):
                        for chain in ((False, True) if case.grad else (False,)):
                            cases.append(layout(case, kind, chain))
                    if dtype in (*FLOATS, *HALVES):
                        cases += [
                            altered(case, k)
                            for k in ('special', 'nan', 'inf', '-inf', 'huge', 'tiny', 'zeros', 'equal')
                        ]
            cases = [c for c in cases if c]
            check(cases, report, f'{key}/{NAMES[dtype]}')
        if info.error_inputs_func is not None:
            cases = []
            try:
                errors = list(info.error_inputs('cpu'))
            except Exception:
                errors = []
            for e in errors:
                try:
                    case = case_of(info, e.sample_input, torch.float32, adapter, 'error')
                except Exception:
                    continue
                if any(x.dtype not in NAMES or x.device.type != 'cpu' or x.is_sparse for x in case.ins):
                    continue
                case.grad, case.compare = None, {**case.compare, 'expect_error': True}
                cases.append(case)
            check(cases, report, f'{key}/error')
