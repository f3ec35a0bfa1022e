"""Five steps of each optimizer beside PyTorch's."""

import json
import random
import sys

import torch

from case import FLOATS, NAMES, seed
from report import differ


def run_optim(report, only):
    if report.wanted:
        return
    seed()
    options = [('SGD', dict(lr=0.1)), ('SGD', dict(lr=0.1, weight_decay=0.1))]
    options += [
        ('SGD', dict(lr=0.05, momentum=m, dampening=d, nesterov=n, weight_decay=w))
        for m in (0.5, 0.9)
        for d in (0, 0.3)
        for n in (False, True)
        for w in (0, 0.01)
        if not (n and d)
    ]
    for kind in ('Adam', 'AdamW'):
        options.append((kind, {}))
        options += [
            (kind, dict(lr=lr, beta1=b1, beta2=b2, eps=e, weight_decay=w))
            for lr in (1e-3, 0.1)
            for b1, b2 in ((0.9, 0.999), (0, 0.5), (0.8, 0.9))
            for e in (1e-8, 1e-3)
            for w in (0, 0.1)
        ]
        options += [(kind, dict(amsgrad=True)), (kind, dict(lr=0.1, amsgrad=True, weight_decay=0.1))]
    options += [
        ('RMSprop', dict(lr=0.05, alpha=a, momentum=m, centered=c, weight_decay=w, eps=1e-4))
        for a in (0.5, 0.99)
        for m in (0, 0.9)
        for c in (False, True)
        for w in (0, 0.1)
    ]
    options += [
        ('Adagrad', dict(lr=0.1, lr_decay=d, initial_accumulator_value=i, weight_decay=w))
        for d in (0, 0.1)
        for i in (0, 0.5)
        for w in (0, 0.1)
    ]
    options += [('Adadelta', dict(rho=r, weight_decay=w)) for r in (0.9, 0.5) for w in (0, 0.1)]
    lines, tensors, want = [], {}, []
    for dtype in FLOATS:
        for kind, o in options:
            n = len(lines)
            params = [torch.randn(s, dtype=dtype) for s in ([], [3], [4, 5], [0], [2, 3, 4])]
            grads = [
                [torch.randn(p.shape, dtype=dtype) * 10.0 ** random.randint(-3, 2) for p in params]
                for _ in range(5)
            ]
            names = [f'{n}.p{i}' for i in range(len(params))]
            tensors.update(zip(names, [p.clone() for p in params]))
            for s, gs in enumerate(grads):
                tensors.update({f'{n}.g{s}.{i}': g for i, g in enumerate(gs)})
            lines.append(
                json.dumps(
                    {
                        'id': n,
                        'kind': kind,
                        'options': o,
                        'params': names,
                        'grads': [[f'{n}.g{s}.{i}' for i in range(len(params))] for s in range(5)],
                    }
                )
            )
            k = dict(o)
            if 'beta1' in k:
                k['betas'] = (float(k.pop('beta1')), float(k.pop('beta2')))
            optimizer = getattr(torch.optim, kind)(params, **k)
            for gs in grads:
                for p, g in zip(params, gs):
                    p.grad = g.clone()
                optimizer.step()
            want.append((kind, o, params))
    got, _, code, err, outs = report.driver.call('optim', lines, tensors)
    if code != 0:
        sys.exit(f'the driver failed on the optimizers ({code}): {err[-400:]}')
    for n, (kind, o, params) in enumerate(want):
        op, r = 'optim::' + kind, got[n]
        if only and op not in only:
            continue
        report.count[op]['cases'] += 1
        bad = r.get('error') and f"{r['error']}: {r['message']}"
        for i, p in enumerate(params):
            bad = bad or differ(outs[f'{n}.{i}'], p.detach())
        report.count[op]['mismatched' if bad else 'agreed'] += 1
        if bad:
            report.wrong[op, op, 'five steps', bad[:24]].append(f'{op} {o} {NAMES[params[0].dtype]} | {bad}')
