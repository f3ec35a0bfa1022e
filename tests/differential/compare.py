"""Compares attune, through driver.cpp, with PyTorch's own operator samples: docs/differential.md.

    compare.py DRIVER                    a fixed tenth of the samples, and all cases of our own
    compare.py DRIVER --all              all
    compare.py DRIVER --only softmax pow some ops, by the names in op_db
    compare.py DRIVER --case pow/f32/27  one case, with its tensors

Exits 1 on a crash, and on a mismatch or a refusal that documented.py does not explain.
"""

import argparse
import collections
import pathlib
import sys
import tempfile
import time
import warnings

import torch

from documented import DOCUMENTED, REFUSALS
from driver import Driver
from extras import run_extras
from layers import run_layers
from optimizers import run_optim
from report import Report
from samples import run_samples
from ulp import run_ulp

COLUMNS = [
    'cases',
    'agreed',
    'gradients',
    'second gradients',
    'refused',
    'both refuse',
    'accepted',
    'documented',
]
COLUMNS += ['mismatched', 'crashed']


def print_counts(report):
    def row(name, count):
        print(f'{name:20s}' + ''.join(f'{count[c]:>{max(12, len(c) + 2)}}' for c in COLUMNS))

    total = collections.Counter()
    for count in report.count.values():
        total.update(count)
    row('op', {c: c for c in COLUMNS})
    for op, count in sorted(report.count.items()):
        row(op, count)
    row('all', total)
    return total


def print_report(report, every):
    """What differs and what is refused; of each kind the first, or every one."""

    def lines_of(lines):
        more = '' if every or len(lines) == 1 else f' (+ {len(lines) - 1} alike)'
        return [line + more for line in (lines if every else lines[:1])]

    print('\nDocumented differences')
    for name, reason, *_ in DOCUMENTED:
        print(f'  {report.documented[name]:6d} {name}: {reason}')
    print('\nRefused by attune, not by PyTorch')
    for name, reason, _ in REFUSALS:
        refused = sum(len(lines) for key, lines in report.refused.items() if key[3] == name)
        print(f'  {refused:6d} {name}: {reason}')
    for (op, error, _, reason), lines in sorted(report.refused.items()):
        if every or not reason:
            print(f'  {len(lines):6d} {op}: {error} [{reason or "no reason listed"}]: {lines[0]}')
    if every:
        print('\nAccepted by attune, refused by PyTorch')
        for (_, name), lines in sorted(report.accepted.items()):
            for line in lines_of(lines):
                print(f'  {name}: {line}')
        print("\nArguments of PyTorch's samples that attune does not have")
        for key, counts in sorted(report.missing.items()):
            print(f'  {key}: ' + ', '.join(f'{k} ({n})' for k, n in counts.items() if n))
    print('\nMismatches')
    for (_, name, tag, _), lines in sorted(report.wrong.items()):
        for line in lines_of(lines):
            print(f'  {name} {tag}: {line}')
    print('\nCrashes')
    for line in report.crashes[: None if every else 40]:
        print(' ', line)


def require_page():
    """Every entry of documented.py has its row in docs/differential.md."""
    page = (pathlib.Path(__file__).parents[2] / 'docs/differential.md').read_text()
    for name, *_ in DOCUMENTED + REFUSALS:
        if f'| {name} |' not in page:
            sys.exit(f'docs/differential.md has no row for {name!r}')


def main():
    require_page()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('driver')
    parser.add_argument('--all', action='store_true', help='all samples, not a tenth of them')
    parser.add_argument('--only', nargs='*', help="names in op_db (or attune's, for the cases of our own)")
    parser.add_argument('--case', help='one case by its id, with its tensors')
    parser.add_argument('--dtypes', nargs='*', help='f32, f64, f16, bf16, i32, i64, i8, u8, bool')
    parser.add_argument('--skip', nargs='*', default=[], choices=['samples', 'extras', 'optim', 'ulp'])
    parser.add_argument('--every', action='store_true', help='print every mismatch, not one of each kind')
    args = parser.parse_args()
    warnings.simplefilter('ignore')
    torch.set_num_threads(1)
    start, table = time.time(), []
    with tempfile.TemporaryDirectory() as folder:
        driver = Driver(str(pathlib.Path(args.driver).resolve()), pathlib.Path(folder))
        report = Report(driver, args.case, 1 if args.all or args.only else 10)
        if 'samples' not in args.skip:
            run_samples(report, args.only, args.dtypes)
        if 'extras' not in args.skip:
            run_extras(report, args.only)
            run_layers(report, args.only)
        if 'optim' not in args.skip:
            run_optim(report, args.only)
        if 'ulp' not in args.skip and (args.all or args.only):
            table = run_ulp(report, args.only)
    total = print_counts(report)
    print_report(report, args.every)
    if table:
        print('\nf32, largest error in ulp: attune, where; PyTorch; of both where the result is denormal')
        for name, *cells in table:
            print(f'  {name:32s}{cells[0]:>14s}  at {cells[1]:32s}' + ''.join(f'{c:>12s}' for c in cells[2:]))
    unexplained = sum(len(lines) for key, lines in report.refused.items() if not key[3])
    bad = total['mismatched'] + total['crashed'] + unexplained
    print(
        f"\n{total['cases']} cases, {total['agreed']} agreed, {total['refused']} refused "
        f"({unexplained} without a reason), "
        f"{total['documented']} documented, {total['mismatched']} mismatched, {total['crashed']} crashed; "
        f'{time.time() - start:.0f} s'
    )
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
