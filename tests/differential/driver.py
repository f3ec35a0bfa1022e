"""Runs cases in tests/differential/driver.cpp. A crash or a hang is a result."""

import json
import math
import os
import subprocess
import sys

import torch
from safetensors.torch import save_file

KINDS = {
    'F32': torch.float32,
    'F64': torch.float64,
    'F16': torch.float16,
    'BF16': torch.bfloat16,
    'I32': torch.int32,
    'I64': torch.int64,
    'I8': torch.int8,
    'U8': torch.uint8,
    'BOOL': torch.bool,
}


def load_file(path):
    """As safetensors reads it, but one impossible tensor (shape too large for its bytes) spares the others."""
    data = path.read_bytes()
    n = int.from_bytes(data[:8], 'little')
    tensors = {}
    for name, t in json.loads(data[8 : 8 + n]).items():
        if name == '__metadata__':
            continue
        a, b = t['data_offsets']
        dtype = KINDS[t['dtype']]
        if math.prod(t['shape']) * dtype.itemsize != b - a:
            tensors[name] = torch.zeros(0).new_empty(0)
            print(f'  ! {path.name}: {name} has shape {t["shape"]} and {b - a} bytes', file=sys.stderr)
            continue
        tensors[name] = (
            torch.frombuffer(bytearray(data[8 + n + a : 8 + n + b]), dtype=dtype).reshape(t['shape'])
            if b > a
            else torch.empty(t['shape'], dtype=dtype)
        )
    return tensors


class Driver:
    """The program, and the folder that its files go to."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def call(self, mode, lines, tensors, span=(), timeout=300):
        """Results by line number, the last line it began, exit code, stderr, tensors."""
        (self.folder / 'cases.jsonl').write_text('\n'.join(lines) + '\n')
        if tensors is not None:
            save_file(tensors, self.folder / 'in.safetensors')
        path = self.folder / 'out.safetensors'
        path.unlink(missing_ok=True)
        try:
            p = subprocess.run(
                [
                    self.program,
                    mode,
                    self.folder / 'cases.jsonl',
                    self.folder / 'in.safetensors',
                    path,
                    *map(str, span),
                ],
                capture_output=True,
                timeout=timeout,
                env={**os.environ, 'OMP_NUM_THREADS': '1'},
            )
            out, code, err = p.stdout, p.returncode, p.stderr
        except subprocess.TimeoutExpired as e:
            out, code, err = e.stdout or b'', 'hang', b''
        got, last = {}, None
        for line in out.decode(errors='replace').splitlines():
            if line.startswith('# '):
                last = int(line[2:])
            elif line.startswith('{'):
                r = json.loads(line)
                got[r.get('line', r['id'])] = r
        return got, last, code, err.decode(errors='replace'), load_file(path) if code == 0 else {}

    def run(self, lines, tensors):
        """Results by line number, and the tensors that came out. A crash or a hang is a result."""
        results, outs = {}, {}
        spans = [(0, len(lines))]
        while spans:
            first, end = spans.pop()
            got, last, code, err, out = self.call('run', lines, tensors, (first, end))
            tensors = None  # they are in the folder now
            if code == 0:
                results.update(got)
                outs.update(out)
            elif last is None:
                sys.exit(f'the driver cannot read the batch ({code}): {err[-400:]}')
            elif end - first == 1:
                results[first] = {'line': first, 'crash': str(code), 'stderr': err}
            elif last in got:  # after the last case, while saving: one of them broke the heap
                middle = (first + end) // 2
                spans += [(middle, end), (first, middle)]
            else:
                spans += [(last + 1, end)] * (last + 1 < end) + [(last, last + 1)]
                spans += [(first, last)] * (first < last)
        return results, outs
