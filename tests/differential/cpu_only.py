"""Makes PyPI's torch importable without the 3 GB of CUDA that it is linked with.

PyPI has no build of torch for processors alone on x86-64. This puts libraries of the same names and
symbols beside torch's own, none of which is ever called. Does nothing where torch needs no CUDA.
"""

import pathlib
import re
import subprocess
import sysconfig
import tempfile

LIB = pathlib.Path(sysconfig.get_paths()['purelib']) / 'torch' / 'lib'
SYSTEM = re.compile(
    r'lib(c|m|dl|rt|pthread|gomp|stdc\+\+|gcc_s|gfortran)\.so|ld-linux|libtorch|libc10|libshm|libcaffe2'
)


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def wanted_symbols():
    """Library -> {(symbol, version)} that torch's libraries want of it."""
    wanted = {}
    for path in sorted(LIB.glob('lib*.so')):
        needed = [
            n for n in re.findall(r'NEEDED.*\[(.*)\]', run('readelf', '-d', path)) if not SYSTEM.match(n)
        ]
        for name in needed:
            wanted.setdefault(name, set())
        library, of_version = '', {}
        for line in run('readelf', '-V', path).splitlines():
            if match := re.search(r'File: (\S+)', line):
                library = match[1]
            elif match := re.search(r'Name: (\S+)', line):
                of_version[match[1]] = library
        for line in run('nm', '-D', '--undefined-only', path).splitlines() if needed else []:
            symbol, _, version = line.split()[-1].partition('@')
            if of_version.get(version) in needed:
                wanted[of_version[version]].add((symbol, version))
            elif not version and re.match(r'nccl|cu[a-zA-Z]+[A-Z]|nvrtc', symbol):
                wanted[needed[-1]].add((symbol, ''))
    return wanted


def make(name, symbols):
    with tempfile.TemporaryDirectory() as folder:
        code, script = pathlib.Path(folder, 'code.c'), pathlib.Path(folder, 'versions')
        code.write_text(
            ''.join(f'void *{s}(void) {{ static void *b[64]; return b; }}\n' for s, _ in sorted(symbols))
        )
        versions = sorted({version for _, version in symbols} - {''})
        lists = {v: ' '.join(f'{s};' for s, of in sorted(symbols) if of == v) for v in versions}
        script.write_text(''.join(f'{v} {{ {symbols} }};\n' for v, symbols in lists.items()))
        option = [f'-Wl,--version-script={script}'] if versions else []
        run('cc', '-shared', '-o', LIB / name, code, f'-Wl,-soname,{name}', *option)


for name, symbols in wanted_symbols().items():
    if not (LIB / name).exists():
        make(name, symbols)
