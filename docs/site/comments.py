#!/usr/bin/env python3
"""comments.py HEADER: the header with its comments as Doxygen reads them.

attune's headers are commented in plain `//`: above a declaration, or behind it. What stands at the top
of a file is about the file.
"""
import re
import sys

seen_file = in_top = False
for line in open(sys.argv[1], encoding="utf-8").read().splitlines():
    own = re.match(r"\s*//(?!/)\s?(.*)$", line)
    if line.startswith("#pragma once"):
        in_top = True
    elif in_top and own and not seen_file:
        print("/// \\file")
        seen_file = True
    if own:
        text = own.group(1)
        indent = line[: len(line) - len(line.lstrip())]
        # Markup that plain comments do not mean.
        text = re.sub(r"([\\@<>#&%$])", r"\\\1", text)
        print(f"{indent}/// {text}")
        continue
    if line and not line.startswith("#pragma"):
        in_top = False
    behind = re.match(r"(.*[;,{}(]\s*)//\s?(.*)$", line)
    if behind and '"' not in behind.group(2):
        text = re.sub(r"([\\@<>#&%$])", r"\\\1", behind.group(2))
        print(f"{behind.group(1)}///< {text}")
        continue
    print(line)
