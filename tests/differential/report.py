"""Compares results with PyTorch's, and files every case under one status."""

import collections
import copy
import json
import math
import re
import zlib

import torch

from case import HALVES, MAX_RANK, NAMES, apply_view, reference
from documented import DOCUMENTED, REFUSALS

# Of the element, of the largest element. The halves are computed in f32, in one step or in several.
TOL = {
    torch.float32: (5e-6, 2e-6),
    torch.float64: (1e-11, 1e-13),
    torch.float16: (1e-3, 1e-3),
    torch.bfloat16: (8e-3, 8e-3),
}


def differ(got, want, ref=None, rtol=None, atol=None, floor=0.0):
    """None where they agree, else what is wrong. ref: the same in f64, to judge by where torch's own error is as large."""
    if tuple(got.shape) != tuple(want.shape):
        return f'shape {list(got.shape)}, torch {list(want.shape)}'
    if got.dtype != want.dtype:
        return f'dtype {NAMES.get(got.dtype, got.dtype)}, torch {NAMES.get(want.dtype, want.dtype)}'
    if got.numel() == 0:
        return None
    if not got.is_floating_point():
        ok, g, w = got == want, got, want
    else:
        g, w = got.double(), want.double()
        r, a = TOL[got.dtype]
        r, a = rtol or r, atol or a
        finite = w[w.isfinite()].abs()
        scale = max(floor, min(float(finite.max()), 1e300) if finite.numel() else 0.0)
        same = (g == w) | (g.isnan() & w.isnan())
        ok = same | ((g - w).abs() <= r * w.abs() + a * scale)
        ok &= (g.isfinite() == w.isfinite()) | same
        if not ok.all() and ref is not None:
            x = ref.double()
            ok |= (g - x).abs() <= 3 * (w - x).abs() + r * x.abs() + a * scale
            ok |= (x.abs() > torch.finfo(got.dtype).max) & (g == x.sign() * math.inf)
            ok |= x.isnan() & g.isnan()
            ok |= (g - x).abs() <= r * x.abs() + a * scale  # torch's own f32 result is the one that is off
    if ok.all():
        return None
    bad = ~ok
    show = lambda t: ' '.join(
        f'{v:.9g}' if isinstance(v, float) else str(v) for v in t[bad].flatten()[:3].tolist()
    )
    return (
        f'{int(bad.sum())} of {bad.numel()} differ, at {bad.nonzero()[:3].tolist()}: attune {show(g)}, torch {show(w)}'
        + (f', f64 {show(ref.double())}' if ref is not None and got.is_floating_point() else '')
    )


class Report:
    def __init__(self, driver, wanted=None, fraction=1):
        self.driver, self.wanted, self.fraction = driver, wanted, fraction
        self.count = collections.defaultdict(collections.Counter)  # op -> status -> n
        self.wrong = collections.defaultdict(list)  # (op, tag, kind of problem) -> lines
        self.refused = collections.defaultdict(list)  # (op, error, message, reason) -> lines
        self.documented = collections.Counter()
        self.crashes, self.accepted = [], collections.defaultdict(list)
        self.missing = collections.defaultdict(collections.Counter)  # torch's name -> argument -> n
        self.torch_refused = collections.Counter()

    def includes(self, id):
        """All cases of our own, and of PyTorch's a part that is the same in every run."""
        if self.wanted:
            return id == self.wanted
        return id.startswith('extra:') or zlib.crc32(id.encode()) % self.fraction == 0

    def mismatch(self, case, what, agrees_with=lambda fn: False):
        """agrees_with: whether attune computes what this function of PyTorch's does."""
        for name, _, explains, *formula in DOCUMENTED:
            if explains(case, what) and all(agrees_with(f(case)) for f in formula):
                self.count[case.op]['documented'] += 1
                self.documented[name] += 1
                return
        self.count[case.op]['mismatched'] += 1
        kind = re.sub(r'-?\d[\d.e+-]*|\[[^\]]*\]|inf|nan', '#', what)[:24]
        self.wrong[case.op, case.id.split('/')[0], case.tag, kind].append(
            f'{case.line()} | {what} | --case {case.id}'
        )

    def crash(self, case, how):
        self.count[case.op]['crashed'] += 1
        self.crashes.append(f'{case.line()} | {how} | --case {case.id}')

    def refusal(self, case, r):
        self.count[case.op]['refused'] += 1
        reason = next((name for name, _, applies in REFUSALS if applies(case, r)), '')
        message = re.sub(r'-?\d[\d.e+-]*|\[[^\]]*\]|\binf\b|\bnan\b', '#', r['message'])[:120]
        self.refused[case.op, r['error'], message, reason].append(
            f"{case.line()} | {r['message']} | --case {case.id}"
        )


def check(cases, report, label):
    """Runs a batch and files every case under one status."""
    lines, tensors, expected, kept = [], {}, [], []
    for i, case in enumerate(cases):
        case.id = f'{label}/{i}'
        if not report.includes(case.id):
            continue
        if any(x.dim() > MAX_RANK for x in case.ins):
            report.missing[label.split('/')[0]][f'tensors of more than {MAX_RANK} axes'] += 1
            continue
        if any(x.dtype not in NAMES for x in case.ins):
            report.missing[label.split('/')[0]]['other dtypes'] += 1
            continue
        try:
            want = reference(case)
            if any(y.dim() > MAX_RANK for y in want['o']):
                report.missing[label.split('/')[0]][f'tensors of more than {MAX_RANK} axes'] += 1
                continue
            if not want['o'] or any(y.dtype not in NAMES for y in want['o']):
                continue
            if case.compare.get('must_throw'):
                want = None
        except Exception as e:  # torch itself refuses
            if not case.compare.get('expect_error') and not case.compare.get('must_throw'):
                report.torch_refused[label] += 1
                if report.wanted:
                    print('torch refuses:', e)
                continue
            want = None
        n = len(lines)
        c = {'id': n, 'op': case.op, 'in': [f't{n}.{i}' for i in range(len(case.ins))], 'args': case.args}
        for name, x in zip(c['in'], case.ins):
            tensors[name] = x.detach().clone(memory_format=torch.contiguous_format)
        if case.views:
            c['views'] = {str(k): v for k, v in case.views.items()}
        if case.grad and want is not None:
            c['grad'], c['chain'], c['second'] = case.grad, case.chain, case.second
            for k, cot in enumerate(want['cots']):
                if cot is not None:
                    tensors[f'{n}.c{k}'] = cot.contiguous()
            if case.second:
                for k, w in enumerate(want['weights']):
                    tensors[f'{n}.d{k}'] = w.contiguous()
        lines.append(json.dumps(c))
        expected.append(want)
        kept.append(case)
    if not lines:
        return
    if not tensors:
        tensors['none'] = torch.zeros(1)
    results, outs = report.driver.run(lines, tensors)
    for n, (case, want) in enumerate(zip(kept, expected)):
        r = results.get(n, {'crash': 'no result'})
        report.count[case.op]['cases'] += 1
        if report.wanted:
            print(
                case.line(),
                '\n  in',
                case.ins,
                '\n  result',
                r,
                '\n  attune',
                {k: v for k, v in outs.items() if k.startswith(f'{n}.')},
                '\n  torch',
                want,
            )
        if 'crash' in r:
            report.crash(case, f"crash {r['crash']}: {r.get('stderr', '')[-300:]!r}")
        elif r.get('error', '').startswith('FOREIGN'):
            report.crash(case, f"not an attune::Error: {r['error']}: {r['message']}")
        elif r.get('error') and r['stage'] == 'copy':
            report.mismatch(case, f"gives a tensor that cannot be copied: {r['message']}")
        elif want is None and 'error' in r:
            report.count[case.op]['both refuse'] += 1
        elif want is None:
            report.count[case.op]['accepted'] += 1
            got = [outs[f'{n}.o{k}'] for k in range(r['n'])]
            text = ', '.join(f'{NAMES.get(g.dtype)}{list(g.shape)}={g.flatten()[:6].tolist()}' for g in got)
            if case.compare.get('must_throw'):
                report.mismatch(case, f'must throw, gives {text}')
            else:
                report.accepted[case.op, case.id.split('/')[0]].append(
                    f'{case.line()} | {text} | --case {case.id}'
                )
        elif 'error' in r and r['stage'] != 'value':
            report.mismatch(case, f"{r['stage']} throws {r['error']}: {r['message']}")
        elif 'error' in r:
            report.refusal(case, r)
        else:
            problem = compare(case, n, r, want, outs)
            if problem:
                report.mismatch(case, problem, lambda fn: agrees(case, fn, n, r, want, outs))
            else:
                report.count[case.op]['agreed'] += 1
                report.count[case.op]['gradients'] += want['g'] is not None
                report.count[case.op]['second gradients'] += want['h'] is not None


def cancelled(case, want, kind):
    """How large the terms are whose sum a gradient is, where they may cancel to next to nothing."""
    if case.op == 'norm':
        return 1.0
    softmax = case.op in ('softmax', 'log_softmax') or case.op == 'logsumexp' and kind == 'h'
    if not (softmax or case.op in ('layer_norm', 'LayerNorm')) or not want['cots']:
        return 0.0
    size = max(
        (float(c.nan_to_num(0, 0, 0).abs().max()) for c in want['cots'] if c is not None and c.numel()),
        default=0.0,
    )
    if softmax:
        return size
    x, *rest = [apply_view(t, case.views.get(i, [])).double() for i, t in enumerate(case.ins)]
    if not x.numel():
        return 0.0
    slope = float(
        (1 / (x.var(-1, correction=0) + float.fromhex(case.args['eps'][2:])).sqrt()).nan_to_num(0, 0, 0).max()
    )
    weight = (
        float(rest[0].nan_to_num(0, 0, 0).abs().max())
        if case.args.get('weight') or case.op == 'LayerNorm' and rest
        else 1.0
    )
    return size * slope * max(weight, 1.0) * x.shape[-1]


def agrees(case, fn, n, r, want, outs):
    """Whether the results are those of `fn`, at the same gradients of the outputs."""
    case = copy.copy(case)
    case.fn = fn
    return compare(case, n, r, reference(case, None, want['cots'], want['weights']), outs) is None


def compare(case, n, r, want, outs):
    """What differs first, or None."""
    if r['n'] != len(want['o']):
        return f"{r['n']} outputs, torch {len(want['o'])}"
    ref = None
    for kind, name in (('o', 'value'), ('g', 'gradient'), ('h', 'second gradient')):
        for k, w in enumerate(want[kind] or []):
            g = outs.get(f'{n}.{kind}{k}')
            if g is None:
                return f'no {name} {k}'
            if kind == 'o' and case.compare.get('cast'):
                w = w.to(g.dtype)
            if (
                case.compare.get('ties')
                and kind == 'o'
                and k == 1
                and g.shape == w.shape
                and not torch.equal(g, w)
            ):
                # topk may choose among equals: the places must be distinct and hold the values
                x, axis = apply_view(case.ins[0], case.views.get(0, [])), case.args['axis']
                taken = x.gather(axis, g) if x.dim() else x
                if torch.equal(taken.nan_to_num(nan=7), outs[f'{n}.o0'].nan_to_num(nan=7)) and all(
                    len(set(r)) == len(r) for r in g.movedim(axis, -1).reshape(-1, g.shape[axis]).tolist()
                ):
                    return None
            tol = dict(case.compare.get('tol', {}))
            if kind == 'h':
                tol = (
                    {'rtol': 1e-9, 'atol': 1e-10}
                    if g.dtype == torch.float64
                    else {'rtol': 1e-4, 'atol': 1e-4}
                )
            if kind != 'o':
                tol['floor'] = cancelled(case, want, kind)
            d = differ(g, w, **tol)
            if d and g.dtype == w.dtype and g.dtype in (torch.float32, *HALVES) and g.shape == w.shape:
                if ref is None:
                    try:
                        ref = reference(case, torch.float64, want['cots'], want['weights'])
                    except Exception:
                        ref = False
                if ref and k < len(ref[kind]) and ref[kind][k].shape == g.shape:
                    d = differ(g, w, ref=ref[kind][k], **tol)
            if d:
                return f'{name} {k}: {d}'
    return None
