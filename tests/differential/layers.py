"""Layers beside PyTorch's of the same name, with the same parameters: forward and gradients."""

import torch
from torch.func import functional_call
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from case import FLOATS, Case, seed
from report import check


def run_layers(report, only):
    seed()
    nn = torch.nn
    made = []

    def add(op, module, ins, call, dtype, second=False, **args):
        """call(module, *ins) in torch; the driver gets the parameters behind the operands."""
        if only and op not in only:
            return
        module = module.to(dtype)
        named = dict(module.named_parameters())
        names, params = list(named), [p.detach().clone() for p in named.values()]
        for p in params:  # PyTorch starts some at 0 and 1
            p += 0.1 * torch.randn_like(p)
        first = len(ins)

        def fn(ts):
            holder = Holder(module, call)
            values = {'module.' + n: t for n, t in zip(names, ts[first:])}
            return functional_call(holder, values, tuple(ts[:first]))

        grad = [i for i, x in enumerate([*ins, *params]) if x.is_floating_point()]
        made.append(Case(op, [*ins, *params], {'names': names, **args}, fn, grad=grad, second=second, tag='layer'))

    for dtype in FLOATS:
        x = torch.randn(4, 6, dtype=dtype)
        image = torch.randn(3, 4, 5, 6, dtype=dtype)
        statistics = lambda m, v: [m(v), m.running_mean, m.running_var]
        add('BatchNorm1d', nn.BatchNorm1d(6), [x], statistics, dtype)
        add('BatchNorm1d', nn.BatchNorm1d(4), [image.flatten(2)], statistics, dtype)
        add('BatchNorm2d', nn.BatchNorm2d(4), [image], statistics, dtype)
        add('BatchNorm2d', nn.BatchNorm2d(4).eval(), [image], statistics, dtype, train=False)
        for groups in (1, 2, 4):
            add('GroupNorm', nn.GroupNorm(groups, 4), [image], lambda m, v: [m(v)], dtype, groups=groups)
        if hasattr(nn, 'RMSNorm'):
            add('RMSNorm', nn.RMSNorm(6), [x], lambda m, v: [m(v)], dtype)
        sequence, lengths = torch.randn(3, 7, 5, dtype=dtype), torch.tensor([7, 3, 5])

        def packed(m, v, n):
            y, state = m(pack_padded_sequence(v, n, batch_first=True, enforce_sorted=False))
            y, _ = pad_packed_sequence(y, batch_first=True, total_length=v.shape[1])
            return [y, *(state if isinstance(state, tuple) else [state])]

        for kind in ('RNN', 'GRU', 'LSTM'):
            for layers, two in ((1, False), (2, False), (2, True)):
                m = getattr(nn, kind)(5, 4, num_layers=layers, bidirectional=two, batch_first=True)
                add(kind, m, [sequence, lengths], packed, dtype, hidden=4, layers=layers, bidirectional=two)
        q, k = torch.randn(2, 5, 8, dtype=dtype), torch.randn(2, 7, 8, dtype=dtype)
        there = torch.tensor([[1, 1, 1, 1, 0, 0, 1], [1, 0, 1, 1, 1, 1, 1]]).bool()
        add(
            'MultiheadAttention',
            nn.MultiheadAttention(8, 2, batch_first=True),
            [q, k, there],
            lambda m, a, b, t: [m(a, b, b, key_padding_mask=~t, need_weights=False)[0]],
            dtype,
            heads=2,
        )
        for gelu in (False, True):
            for norm_first in (False, True):
                same = dict(activation='gelu' if gelu else 'relu', norm_first=norm_first, batch_first=True)
                args = dict(heads=2, feedforward=12, gelu=gelu, norm_first=norm_first)
                encoder = nn.TransformerEncoderLayer(8, 2, 12, 0.0, **same)
                add('TransformerEncoderLayer', encoder, [q], lambda m, a: [m(a)], dtype, **args)
                decoder = nn.TransformerDecoderLayer(8, 2, 12, 0.0, **same)
                hidden = torch.ones(5, 5).triu(1).bool()
                call = lambda m, a, b: [m(a, b, tgt_mask=hidden)]
                add('TransformerDecoderLayer', decoder, [q, k], call, dtype, **args)
        heads = [torch.randn(2, 3, n, 4, dtype=dtype) for n in (40, 50, 50)]
        attend = nn.functional.scaled_dot_product_attention
        if not only or 'attention' in only:
            made.append(Case('attention', heads, {}, lambda ts: [attend(*ts)], grad=[0, 1, 2], tag='layer'))
            square = [heads[0], heads[0] * 0.5, heads[0] + 1]
            causal = lambda ts: [attend(*ts, is_causal=True)]
            made.append(Case('attention', square, {'causal': True}, causal, grad=[0, 1, 2], tag='layer'))
            mask = torch.rand(40, 50) > 0.3
            masked = lambda ts: [attend(*ts[:3], attn_mask=ts[3])]
            made.append(Case('attention', [*heads, mask], {}, masked, grad=[0, 1, 2], tag='layer'))
    labels = {}
    for case in made:
        labels.setdefault('layer:' + case.op, []).append(case)
    for label, cases in labels.items():
        if not report.wanted or report.wanted.startswith(label + '/'):
            check(cases, report, label)


class Holder(torch.nn.Module):
    """A module and how it is called, for functional_call."""

    def __init__(self, module, call):
        super().__init__()
        self.module, self.call = module, call

    def forward(self, *ins):
        return self.call(self.module, *ins)
