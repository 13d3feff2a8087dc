"The commands' own parts: execution that keeps what it has, set-up that knows when it is done"
import shutil, subprocess, sys
import nbformat, pytest
from common import ROOT
from nbclient.exceptions import CellExecutionError

sys.path.insert(0, str(ROOT/'scripts'))
import execute, install


def notebook(folder, *sources):
    cells = [nbformat.v4.new_markdown_cell('# A title')] + [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder/'in.ipynb')
    return folder/'in.ipynb'


def texts(path): return [''.join(output.get('data', {}).get('text/plain', output.get('ename', '')) for output in cell.outputs)
                         for cell in nbformat.read(path, 4).cells if cell.cell_type == 'code']


def test_execution_keeps_outputs_when_a_cell_fails(tmp_path, capsys):
    with pytest.raises(CellExecutionError): execute.execute(notebook(tmp_path, '6*7', '1/0', '3'), tmp_path/'out.ipynb')
    assert texts(tmp_path/'out.ipynb') == ['42', 'ZeroDivisionError', '']
    assert 'A title' in capsys.readouterr().err and sorted(path.name for path in tmp_path.iterdir()) == ['in.ipynb', 'out.ipynb']


def test_execution_leaves_flagged_cells_out(tmp_path):
    execute.execute(notebook(tmp_path, '#| gpu\n1', '#| eval: false\n2', '# gpu\n3', '#| slow\n4'), tmp_path/'out.ipynb', skip_flags=['gpu'])
    assert texts(tmp_path/'out.ipynb') == ['', '', '3', '4']


def test_execution_shows_progress_at_once_and_keeps_it_out(tmp_path, capsys):
    execute.execute(notebook(tmp_path, 'import sys; print("a bar", file=sys.stderr); 5'), tmp_path/'out.ipynb', live=True)
    assert 'a bar' in capsys.readouterr().err and texts(tmp_path/'out.ipynb') == ['5']


def test_a_broken_chapter_keeps_its_outputs_and_takes_no_other_with_it(tmp_path):
    shutil.copytree(ROOT/'scripts', tmp_path/'scripts', ignore=shutil.ignore_patterns('__pycache__'))
    for name in ('pyproject.toml', 'settings.ini'): shutil.copy(ROOT/name, tmp_path)
    (tmp_path/'seqrep_nb').mkdir()
    (tmp_path/'seqrep_nb'/'__init__.py').write_text('__version__ = "0"\n')
    (tmp_path/'nbs').mkdir()
    for name, source in [('10_broken', '1/0'), ('20_whole', 'import time; time.sleep(2); 6*7')]:
        notebook(tmp_path, source).rename(tmp_path/'nbs'/f'{name}.ipynb')
    made = subprocess.run([sys.executable, tmp_path/'scripts'/'chapters.py'], text=True, capture_output=True)
    assert made.returncode == 1 and '10_broken.ipynb failed' in made.stderr and 'division by zero' in made.stderr
    assert texts(tmp_path/'nbs'/'10_broken.ipynb') == [''] and texts(tmp_path/'runs'/'chapters'/'10_broken.ipynb') == ['ZeroDivisionError']
    assert texts(tmp_path/'nbs'/'20_whole.ipynb') == ['42'], 'what ran beside it came to its end'


def test_set_up_is_done_only_for_the_same_locks(tmp_path, monkeypatch):
    python = tmp_path/'python'
    python.touch()
    calls = []
    monkeypatch.setattr(install, 'PYTHON', python)
    monkeypatch.setattr(install, 'STAMP', tmp_path/'stamp.json')
    monkeypatch.setattr(install, 'make_venv', lambda: None)
    monkeypatch.setattr(install, 'compile_all', lambda: None)
    monkeypatch.setattr(install, 'check_checkpoint', lambda: None)
    monkeypatch.setattr(install, 'has_gpu', lambda: False)
    monkeypatch.setattr(install, 'pip_install', lambda what, *arguments: calls.append(what))
    install.install('test')
    assert calls[0] == 'requirements/test.txt'
    calls.clear()
    install.install('test')
    install.install('plain')
    assert calls == [], 'the test lock holds the plain one'
    monkeypatch.setattr(install, 'has_gpu', lambda: True)
    install.install('plain')
    assert calls[0] == 'requirements/gpu.txt'
    install.install('test')
    assert len(calls) == 3, 'both stay installed'
    monkeypatch.setattr(install, 'wanted', lambda kind: {'requirements/lock.txt': 'changed', 'requirements/checkpoint.txt': ''})
    install.install('plain')
    assert len(calls) == 6


def test_another_python_is_refused(monkeypatch):
    monkeypatch.setattr(install.sys, 'version_info', (3, 10, 4))
    with pytest.raises(SystemExit, match='needs Python 3.11 to 3.13.*is 3.10: '): install.check_python()


@pytest.mark.parametrize('there, fail, expected', [(['chromium'], [], []), (['google-chrome', 'apt-get'], [], []), (['apt-get'], [], ['apt-get', 'apt-get']), (['apt-get'], ['apt-get'], ['apt-get', 'apt-get', 'python']), ([], [], ['python'])])
def test_a_browser_is_found_or_installed(monkeypatch, there, fail, expected):
    calls = []
    def run(command, **_):
        calls.append(command[0])
        return subprocess.CompletedProcess(command, command[0] in fail)
    monkeypatch.setattr(install, 'PYTHON', 'python')
    monkeypatch.setattr(install.shutil, 'which', lambda name: name if name in there else None)
    monkeypatch.setattr(install.os, 'geteuid', lambda: 0)
    monkeypatch.setattr(install.subprocess, 'run', run)
    monkeypatch.setattr(install, 'check_python', lambda: None)
    monkeypatch.setattr(install, 'install', lambda kind: None)
    install.main(['test', 'browser'])
    assert calls == expected


def test_a_browser_that_cannot_be_had_is_said(monkeypatch):
    monkeypatch.setattr(install.shutil, 'which', lambda name: None)
    monkeypatch.setattr(install.subprocess, 'run', lambda command, **_: subprocess.CompletedProcess(command, 1))
    with pytest.raises(SystemExit, match='no Chromium could be installed.*by hand'): install.install_browser(install.has_browser())


@pytest.mark.parametrize('arguments', [[], ['everything'], ['browser']])
def test_set_up_explains_itself(arguments):
    run = subprocess.run([sys.executable, ROOT/'scripts'/'install.py', *arguments], text=True, capture_output=True)
    assert run.returncode == 1 and 'plain|fast|test' in run.stderr
