"""Every chapter runs, by nbdev, in its own process and on a copy of the repository, so that nothing tracked changes; the first of each part runs in JupyterLab instead, see test_lab.py

The process is forked from one that has imported the libraries, never the package: with forty chapters that is minutes. What one chapter has encoded the next one finds.
"""
import multiprocessing, os, shutil, sys
import pytest
from common import FIRST, NOTEBOOKS, ROOT, vectors_of_this_run

LIBRARIES = ['nbdev.test', 'nbdev.showdoc', 'fastcore.test', 'matplotlib.pyplot', 'scipy.stats', 'sklearn.pipeline', 'sklearn.linear_model', 'lightgbm', 'duckdb', 'ibis', 'keras_hub', 'transformers.models.auto.tokenization_auto']
forks = multiprocessing.get_context('forkserver')
forks.set_forkserver_preload(LIBRARIES)


@pytest.fixture
def copy(tmp_path):
    for name in ('nbs', 'seqrep_nb', 'results'):
        if (ROOT/name).exists(): shutil.copytree(ROOT/name, tmp_path/name, ignore=shutil.ignore_patterns('__pycache__', '.ipynb_checkpoints'))
    for name in ('pyproject.toml', 'settings.ini'): shutil.copy(ROOT/name, tmp_path)
    return tmp_path


def run(notebook, folder, log, environment):
    "In the new process: what is printed goes into a file, and the package is the one below `folder`."
    for stream in (1, 2): os.dup2(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT), stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path.insert(0, str(folder))
    assert not any(name.split('.')[0] == 'seqrep_nb' for name in sys.modules), 'the package of the repository is imported, not that of the copy'
    from nbdev.test import nbdev_test
    nbdev_test.__wrapped__(notebook, n_workers=0, do_print=True)


@pytest.mark.parametrize('name', [path.stem for path in NOTEBOOKS if path.stem not in FIRST])
def test_chapter(name, copy, tmp_path_factory):
    environment = {key: value for key, value in os.environ.items() if not key.startswith('PYTEST')}
    environment |= {'PYTHONPATH': str(copy), 'SEQREP_VECTORS': str(vectors_of_this_run(tmp_path_factory))}
    log = copy/'printed.txt'
    process = forks.Process(target=run, args=(f'nbs/{name}.ipynb', copy, log, environment))
    process.start()
    process.join(1500)
    if process.is_alive():
        process.kill()
        process.join()
    if process.exitcode: pytest.fail(f'{name} failed ({process.exitcode}):\n{log.read_text()[-6000:]}', pytrace=False)
