#!/usr/bin/env python3
"""gather.py OUT: the pages of the site, from where they stand in the tree.

Links between pages go on leading there; a link to a file that is no page becomes the text it has. A
line `<!-- piece: FILE LANGUAGE N -->` is replaced by the N-th block of that language in the file, so
that a quick start shows what a test runs and nothing else; {{api}} is a link to the API reference. Whatever leads nowhere is an error.
"""
import os
import re
import sys

out = sys.argv[1]
pages = {"bench/RESULTS.md": "results.md", "CHANGELOG.md": "changes.md", "CONTRIBUTING.md": "contributing.md"}
for folder, _, names in os.walk("docs"):
    for name in names:
        path = os.path.join(folder, name)
        if name.endswith(".md"):
            pages[path] = os.path.relpath(path, "docs/site" if folder == "docs/site" else "docs")
wrong = []


def piece(match):
    path, language, number = match.group(1), match.group(2), int(match.group(3))
    blocks = re.findall(rf"^```{language}\n.*?^```$", open(path, encoding="utf-8").read(), re.M | re.S)
    if len(blocks) < number:
        wrong.append(f"{path} has no {number}. block of {language}")
        return ""
    return blocks[number - 1]


def moved(source, text):
    def link(match):
        words, target = match.group(1), match.group(2)
        if re.match(r"[a-z]+:|#", target):
            return match.group(0)
        path, _, place = target.partition("#")
        file = os.path.normpath(os.path.join(os.path.dirname(source), path))
        if file in pages:
            there = os.path.relpath(pages[file], os.path.dirname(pages[source]) or ".")
            return f"[{words}]({there}{'#' + place if place else ''})"
        if not os.path.exists(file):
            wrong.append(f"{source}: {target} leads nowhere")
        return words

    # Not in code, whose brackets are no links.
    parts = re.split(r"(^```.*?^```$)", text, flags=re.M | re.S)
    return "".join(p if p.startswith("```") else re.sub(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)", link, p) for p in parts)


for source, target in pages.items():
    text = open(source, encoding="utf-8").read()
    text = re.sub(r"^<!-- piece: (\S+) (\S+) (\d+) -->$", piece, text, flags=re.M)
    path = os.path.join(out, target)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(moved(source, text).replace("{{api}}", "[API reference](api/index.html)"))  # Doxygen's
print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
sys.exit(1 if wrong else 0)
