"Every chapter runs, by nbdev, in its own process and on a copy of the repository, so that nothing tracked changes"
import json, os, shutil, subprocess, sys
import pytest
from common import NOTEBOOKS, ROOT

NBDEV_TEST = 'import sys; from nbdev.test import nbdev_test; nbdev_test.__wrapped__(sys.argv[1], n_workers=0, do_print=True)'


@pytest.fixture
def copy(tmp_path):
    for name in ('nbs', 'seqrep_nb', 'results'):
        if (ROOT/name).exists(): shutil.copytree(ROOT/name, tmp_path/name, ignore=shutil.ignore_patterns('__pycache__', '.ipynb_checkpoints'))
    for name in ('pyproject.toml', 'settings.ini'): shutil.copy(ROOT/name, tmp_path)
    return tmp_path


def row_key(row): return tuple(row[name] for name in ('task', 'model', 'view', 'metric', 'protocol', 'seed'))


def check_results(fresh, committed):
    "Same rows, each value within the interval that was committed; 2 % where a row has none."
    fresh, committed = ({row_key(row): row for row in json.loads(path.read_text())} for path in (fresh, committed))
    assert fresh.keys() == committed.keys()
    for key, row in committed.items():
        low, high = (row['low'], row['high']) if row['low'] is not None else (.98*row['value'], 1.02*row['value'])
        assert low <= fresh[key]['value'] <= high, (key, fresh[key]['value'], low, high)


@pytest.mark.parametrize('name', [path.stem for path in NOTEBOOKS])
def test_chapter(name, copy):
    environment = {key: value for key, value in os.environ.items() if not key.startswith('PYTEST')} | {'PYTHONPATH': str(copy)}
    run = subprocess.run([sys.executable, '-c', NBDEV_TEST, f'nbs/{name}.ipynb'], cwd=copy, env=environment, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1500)
    if run.returncode: pytest.fail(f'{name} failed:\n{run.stdout[-6000:]}', pytrace=False)
    if name == '60_example': check_results(copy/'results'/'example.json', ROOT/'results'/'example.json')
