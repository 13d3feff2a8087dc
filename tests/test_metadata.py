"settings.ini is the one place of metadata: whatever repeats it agrees, and the built wheel works elsewhere"
import os, re, shutil, subprocess, sys, tomllib
from email import message_from_bytes
from zipfile import ZipFile
import pytest
import seqrep_nb
from common import MODULES, ROOT, settings
from packaging.requirements import Requirement


def test_names_and_versions_agree():
    s, project = settings(), tomllib.loads((ROOT/'pyproject.toml').read_text())
    assert seqrep_nb.__version__ == s['version']
    assert {s['lib_name'], project['project']['name'], project['tool']['nbdev']['lib_path']} == {'seqrep_nb'}
    assert s['version'] in re.findall(r'^## (\S+)', (ROOT/'CHANGELOG.md').read_text(), re.M)


def test_python_versions_agree():
    s, workflow = settings(), (ROOT/'.github/workflows/test.yml').read_text()
    bounds = [tuple(map(int, s[key].split('.'))) for key in ('min_python', 'max_python')]
    assert re.findall(r'^FIRST, LAST = (.*)$', (ROOT/'scripts/install.py').read_text(), re.M) == [f'{bounds[0]}, {bounds[1]}']
    assert f'python: ["{s["min_python"]}", "{s["max_python"]}"]' in workflow


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    "Built from a source distribution, which is built from a copy, without a network."
    folder = tmp_path_factory.mktemp('build')
    for name in ('setup.py', 'settings.ini', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE'): shutil.copy(ROOT/name, folder)
    shutil.copytree(ROOT/'seqrep_nb', folder/'seqrep_nb', ignore=shutil.ignore_patterns('__pycache__'))
    subprocess.run([sys.executable, '-m', 'build', '--no-isolation', '--outdir', 'dist', '.'], cwd=folder, check=True, capture_output=True)
    return next((folder/'dist').glob('*.whl'))


def test_wheel_says_what_settings_say(wheel):
    s = settings()
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = message_from_bytes(archive.read(next(name for name in names if name.endswith('.dist-info/METADATA'))))
    assert {name.split('/')[0] for name in names if '.dist-info' not in name} == {'seqrep_nb'}
    assert {'py.typed', '__init__.pyi', *(f'{path.stem}.pyi' for path in MODULES)} <= {name.split('/')[1] for name in names}, 'type checkers would not see the types'
    assert (metadata['Name'], metadata['Version'], metadata['Summary'], metadata['License-Expression']) == (s['lib_name'], s['version'], s['description'], s['license'])
    assert set(metadata['Requires-Python'].split(',')) == {'>=3.11', '<3.14'}
    held = [Requirement(text) for text in metadata.get_all('Requires-Dist')]
    for extra, key in ((None, 'requirements'), ('test', 'test_requirements'), ('docs', 'docs_requirements'), ('demo', 'demo_requirements'), ('fast', 'fast_requirements'), ('search', 'search_requirements'), ('gpu', 'gpu_requirements'), ('scale', 'scale_requirements')):
        said = {str(Requirement(text)) for text in s[key].split()}
        assert {str(Requirement(str(r).split(';')[0])) for r in held if (r.marker is None if extra is None else f'extra == "{extra}"' in str(r.marker))} == said
    assert metadata.get_payload(decode=True).decode().strip() == (ROOT/'README.md').read_text(encoding='utf-8').strip()


def test_wheel_installs_elsewhere_and_imports(wheel, tmp_path):
    site = tmp_path/'site'
    subprocess.run([sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps', '--no-index', '--target', site, wheel], check=True)
    source = f'''import importlib, importlib.metadata, seqrep_nb
for name in {[path.stem for path in MODULES]}: print(importlib.import_module('seqrep_nb.' + name).__file__)
print(seqrep_nb.__file__, seqrep_nb.__version__, importlib.metadata.version('seqrep_nb'), sep='\\n')'''
    run = subprocess.run([sys.executable, '-c', source], cwd=tmp_path, env=os.environ | {'PYTHONPATH': str(site)}, check=True, text=True, capture_output=True)
    *files, version, metadata_version = run.stdout.split()
    assert [file for file in files if not file.startswith(str(site))] == [] and len(files) == len(MODULES) + 1
    assert {version, metadata_version} == {settings()['version']}
