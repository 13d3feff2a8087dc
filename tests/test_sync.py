"The module is what the notebooks export, file for file, and data flows one way"
import os, re, shutil, subprocess, sys
import pytest
from common import CHAPTERS, MODULES, ROOT, code, numbers, own_imports


def folder_texts(folder): return {path.name: path.read_text(encoding='utf-8') for path in folder.glob('*.py')}


def test_notebooks_and_module_in_sync(tmp_path):
    shutil.copytree(ROOT/'nbs', tmp_path/'nbs', ignore=shutil.ignore_patterns('.*'))
    (tmp_path/'seqrep_nb').mkdir()
    for name in ('pyproject.toml', 'settings.ini', 'seqrep_nb/__init__.py'): shutil.copy(ROOT/name, tmp_path/name)
    environment = {key: value for key, value in os.environ.items() if key != 'IN_TEST'}
    subprocess.run([sys.executable, '-c', 'from nbdev.doclinks import nbdev_export; nbdev_export.__wrapped__()'], cwd=tmp_path, env=environment, check=True)
    exported, committed = folder_texts(tmp_path/'seqrep_nb'), folder_texts(ROOT/'seqrep_nb')
    assert exported.keys() == committed.keys(), 'a module without a notebook, or a notebook whose module is missing: run nbdev-export'
    different = [name for name in exported if exported[name] != committed[name]]
    assert different == [], 'edit the notebook, not the module, and run nbdev-export'


def test_module_is_named_after_its_notebook():
    for path in CHAPTERS:
        named = re.findall(r'^#\|\s*default_exp\s+(\S+)', '\n'.join(code(path)), re.M)
        assert named in ([], [path.stem.split('_', 1)[1]]), f'{path.name} exports to {named}'


@pytest.mark.parametrize('path', MODULES, ids=lambda path: path.stem)
def test_a_module_imports_only_lower_numbers(path):
    number, imported = numbers(), own_imports(path.read_text(encoding='utf-8'))
    assert [name for name in imported if number[name] >= number[path.stem]] == []


@pytest.mark.parametrize('path', [path for path in CHAPTERS if not path.stem.startswith('00_')], ids=lambda path: path.stem)
def test_a_chapter_imports_only_lower_numbers(path):
    number, imported = numbers(), set().union(*map(own_imports, code(path)))
    assert [name for name in imported if number[name] >= int(path.stem[:2])] == []
