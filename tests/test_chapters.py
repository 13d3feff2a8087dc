"Every chapter runs, by nbdev, in its own process and on a copy of the repository, so that nothing tracked changes; the first of each part runs in JupyterLab instead, see test_lab.py"
import os, shutil, subprocess, sys
import pytest
from common import FIRST, NOTEBOOKS, ROOT

NBDEV_TEST = 'import sys; from nbdev.test import nbdev_test; nbdev_test.__wrapped__(sys.argv[1], n_workers=0, do_print=True)'


@pytest.fixture
def copy(tmp_path):
    for name in ('nbs', 'seqrep_nb', 'results'):
        if (ROOT/name).exists(): shutil.copytree(ROOT/name, tmp_path/name, ignore=shutil.ignore_patterns('__pycache__', '.ipynb_checkpoints'))
    for name in ('pyproject.toml', 'settings.ini'): shutil.copy(ROOT/name, tmp_path)
    return tmp_path


@pytest.mark.parametrize('name', [path.stem for path in NOTEBOOKS if path.stem not in FIRST])
def test_chapter(name, copy):
    environment = {key: value for key, value in os.environ.items() if not key.startswith('PYTEST')} | {'PYTHONPATH': str(copy)}
    run = subprocess.run([sys.executable, '-c', NBDEV_TEST, f'nbs/{name}.ipynb'], cwd=copy, env=environment, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1500)
    if run.returncode: pytest.fail(f'{name} failed:\n{run.stdout[-6000:]}', pytrace=False)
