"Execute chapters in place, each in its own process and on one thread, JOBS at a time (2 where the environment does not say), and keep their outputs, cleaned: chapters.py [NAME ...], all without a name"
import os, sys, tomllib
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import stubs
from execute import ROOT, on_one_thread, run
from nbdev.clean import nbdev_clean
from nbdev.doclinks import nbdev_export

nbs, parts = ROOT/'nbs', ROOT/'runs'/'chapters'
flags = tomllib.loads((ROOT/'pyproject.toml').read_text())['tool']['nbdev']['tst_flags'].split()


def remake(name):
    part = parts/f'{name}.ipynb'
    run(nbs/f'{name}.ipynb', part, skip_flags=flags)
    nbdev_clean.__wrapped__(fname=str(part))
    os.replace(part, nbs/f'{name}.ipynb')


def main(names):
    os.chdir(ROOT)
    on_one_thread()
    # nbdev's commands parse this program's arguments unless unwrapped
    nbdev_export.__wrapped__()
    stubs.main()
    with ProcessPoolExecutor(int(os.environ.get('JOBS', 2))) as pool:
        try: list(pool.map(remake, names or sorted(path.stem for path in nbs.glob('*.ipynb'))))
        except SystemExit:                          # one failed: what runs comes to its end, nothing else begins
            pool.shutdown(cancel_futures=True)
            raise


if __name__ == '__main__': main(sys.argv[1:])
