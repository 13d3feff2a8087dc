"""Do the cleaning rules say the same on Spark as on DuckDB? spark.py makes .venv-scale from requirements/scale.txt (PySpark needs an older pandas) and runs the tests that need it; Java 17 has to be there."""
import os, subprocess, sys, venv
from install import ROOT, check_python, say

VENV = ROOT/'.venv-scale'
PYTHON, LOCK = VENV/('Scripts/python.exe' if os.name == 'nt' else 'bin/python'), 'requirements/scale.txt'
STAMP = VENV/'lock.txt'


def set_up():
    "Install the lock, unless a copy of it says that it is installed."
    if STAMP.exists() and STAMP.read_bytes() == (ROOT/LOCK).read_bytes(): return
    say('making .venv-scale')
    venv.create(VENV, with_pip=True, clear=True)
    subprocess.run([PYTHON, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--require-hashes', '-r', LOCK], cwd=ROOT, check=True)
    STAMP.write_bytes((ROOT/LOCK).read_bytes())


if __name__ == '__main__':
    check_python()
    set_up()
    sys.exit(subprocess.run([PYTHON, '-m', 'pytest', '-v', 'tests/test_clean.py', '-k', 'spark', *sys.argv[1:]], cwd=ROOT, env=os.environ | {'PYTHONPATH': str(ROOT)}).returncode)
