"The form that every chapter keeps, and what no tracked file may hold"
import re, subprocess
import pytest
from common import CHAPTERS, NOTEBOOKS, ROOT, cells

each_notebook = pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
each_chapter = pytest.mark.parametrize('path', CHAPTERS, ids=lambda path: path.stem)
CLOCK = re.compile(r'\d(?:it/s|s/it|ms/step|s/step)|Wall time|CPU times|\b\d+(?:\.\d+)?\s?(?:ms|µs|secs?|seconds)\b')
ASSERTION = re.compile(r'\bassert\b|\btest_(?:eq|ne|close|fail|is|stdout|shuffled|sig|warns)\w*\(|\bexpect_fail\(')
# Registries' hosts, and folders of one machine
PLACES = re.compile(r'pypi\.org|pythonhosted\.|registry\.npmjs|deb\.debian|(?<![\w.:/~])/(?:root|home|Users|work|tmp|private|var/folders)/[\w.]')


def outputs(path): return [output for cell in cells(path, 'code') for output in cell['outputs']]


def output_text(output):
    data = {'text/plain': output.get('text', '')} | output.get('data', {})
    return '\n'.join(''.join(value) for kind, value in data.items() if kind.startswith('text/'))


@each_notebook
def test_written_cleanly(path):
    for cell in cells(path):
        assert isinstance(cell['source'], list) and cell['metadata'] == {} and cell.get('execution_count') is None, f'cell {cell["id"]}: run nbdev-clean'
    ids = [cell['id'] for cell in cells(path)]
    assert len(set(ids)) == len(ids)


@each_notebook
def test_small(path):
    assert path.stat().st_size <= 500_000
    assert sum('image/png' in output.get('data', {}) for output in outputs(path)) <= 4
    for cell in cells(path, 'code'):
        if re.match(r'#\|\s*exports?\b', ''.join(cell['source'])): assert len(cell['source']) <= 40, f'an export cell of {len(cell["source"])} lines: {cell["source"][1]}'


@each_notebook
def test_outputs_are_kept_and_repeatable(path):
    assert outputs(path), 'never executed: run make chapters ONLY=' + path.stem
    for output in outputs(path):
        assert output['output_type'] != 'error' and output.get('name') != 'stderr', output_text(output)[:400]
        assert not CLOCK.search(output_text(output)), f'a clock time in an output: {CLOCK.search(output_text(output))[0]}'
        assert not any('widget' in kind for kind in output.get('data', {}))


@each_chapter
def test_opens_with_a_title_and_a_question(path):
    assert re.match(r'# \S.*\n> \S.*\?\s*$', ''.join(cells(path)[0]['source']))


@each_chapter
def test_asserts_something(path):
    assert any(ASSERTION.search(''.join(cell['source'])) for cell in cells(path, 'code'))


def test_no_tracked_file_names_a_registry_or_a_machine():
    listed = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], cwd=ROOT, check=True, text=True, capture_output=True).stdout.split('\n')
    for name in filter(None, listed):
        try: text = (ROOT/name).read_text(encoding='utf-8')
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError): continue
        assert (found := PLACES.search(text)) is None, f'{name}: {found[0]}'
