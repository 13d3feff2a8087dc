"""JupyterLab on the chapters: lab.py [arguments of JupyterLab]

Cells flagged slow, and gpu where there is none, are passed over, as `make test` and `make chapters` do, so that Run All comes to its end.
"""
import json, os, re, sys
from pathlib import Path

from install import ROOT, has_gpu

PAGE = ROOT/'runs'/'jupyter'/'labconfig'/'page_config.json'
STARTUP = ROOT/'runs'/'ipython'/'profile_default'/'startup'/'flags.py'
SOURCE = '''import sys
sys.path.insert(0, {scripts!r})
from lab import pass_over_flagged
pass_over_flagged(get_ipython())
del sys.path[0], sys, pass_over_flagged
'''


def passed_over(lines, flags):
    "The lines of a cell, or one that says why it is not run."
    found = re.match(rf'#\|\s*({"|".join(flags)})\b', lines[0]) if lines else None
    return [f'print("passed over: flagged {found[1]}; delete the first line of the cell to run it")\n'] if found else lines


def pass_over_flagged(shell):
    "In a kernel of its own profile: look at each cell before it is run."
    flags = ['slow'] + ['gpu'] * (not has_gpu())
    shell.input_transformers_cleanup.append(lambda lines: passed_over(lines, flags))


def main(arguments):
    STARTUP.parent.mkdir(parents=True, exist_ok=True)
    STARTUP.write_text(SOURCE.format(scripts=str(Path(__file__).resolve().parent)), encoding='utf-8')
    os.environ['IPYTHONDIR'] = str(STARTUP.parents[2])
    os.environ.setdefault('SEQREP_VECTORS', str(ROOT/'runs'/'vectors'))     # what one chapter has encoded the next one finds
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(json.dumps(dict(disabledExtensions={'@jupyterlab/apputils-extension:announcements': True})), encoding='utf-8')     # no question about news lies over the start page
    os.environ['JUPYTER_CONFIG_PATH'] = os.pathsep.join(filter(None, [str(PAGE.parents[1]), os.environ.get('JUPYTER_CONFIG_PATH')]))
    opened = [] if '--no-browser' in arguments else [str(ROOT/'nbs'/'index.ipynb')]
    os.execv(sys.executable, [sys.executable, '-m', 'jupyterlab', f'--notebook-dir={ROOT}', *arguments, *opened])


if __name__ == '__main__': main(sys.argv[1:])
