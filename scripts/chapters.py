"Execute chapters in order and in place, each in its own process, and keep their outputs, cleaned: chapters.py [NAME ...], all without a name"
import os, sys, tomllib
from pathlib import Path

import stubs
from execute import ROOT, run
from nbdev.clean import nbdev_clean
from nbdev.doclinks import nbdev_export

nbs, parts = ROOT/'nbs', ROOT/'runs'/'chapters'
flags = tomllib.loads((ROOT/'pyproject.toml').read_text())['tool']['nbdev']['tst_flags'].split()
names = sys.argv[1:] or sorted(path.stem for path in nbs.glob('*.ipynb'))
os.chdir(ROOT)
# nbdev's commands parse this program's arguments unless unwrapped
nbdev_export.__wrapped__()
stubs.main()
for name in names:
    part = parts/f'{name}.ipynb'
    run(nbs/f'{name}.ipynb', part, skip_flags=flags)
    nbdev_clean.__wrapped__(fname=str(part))
    os.replace(part, nbs/f'{name}.ipynb')
