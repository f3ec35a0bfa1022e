"""Differences from PyTorch that are meant."""

import re

import torch

BY_NUMBER = lambda c: any(k in c.args for k in ('right', 'left', 'low', 'value'))
holds = lambda c, odd: any(bool(odd(x).any()) for x in c.ins if x.is_floating_point())
SORTS = ('sort', 'argsort', 'topk')
DOCUMENTED = [
    (
        'scalar dtype',
        'a C++ number never changes the dtype of a tensor (arguments.h)',
        lambda c, what: BY_NUMBER(c) and bool(re.match(r'value \d+: dtype', what)),
    ),
    (
        'any, all of u8',
        'any and all give booleans; torch keeps u8',
        lambda c, what: c.op in ('any', 'all') and 'dtype bool, torch u8' in what,
    ),
    (
        'NaN last',
        'NaN comes last in either order (tensor.h)',
        lambda c, what: c.op in SORTS
        and holds(c, torch.isnan)
        and (c.args.get('descending') or c.args.get('largest')),
    ),
    (
        'cast out of range',
        'NaN gives 0, the rest the nearest end (convert.cpp); torch: undefined',
        lambda c, what: c.op == 'cast'
        and c.args['dtype'] in ('i32', 'i64', 'u8')
        and c.ins[0].is_floating_point()
        and what.startswith('value'),
    ),
]
REFUSALS = [  # (name, reason, applies to this case and message?)
    (
        'fraction beside integers',
        'a fraction beside an integer tensor is a DTypeError (arguments.h)',
        lambda c, m: m['error'] == 'DTypeError'
        and (BY_NUMBER(c) or c.op in ('full', 'pad', 'arange', 'leaky_relu')),
    ),
    (
        'booleans as numbers',
        'arithmetic and order take numbers; the message says what to do instead',
        lambda c, m: m['error'] == 'DTypeError' and 'bool' in m['message'],
    ),
]
