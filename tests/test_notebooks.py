"The form that every chapter keeps, and what no tracked file may hold"
import ast, json, re, subprocess
import pytest
from common import CHAPTERS, NOTEBOOKS, ROOT, cells, code

each_notebook = pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
each_chapter = pytest.mark.parametrize('path', CHAPTERS, ids=lambda path: path.stem)
CLOCK = re.compile(r'\d(?:it/s|s/it|ms/step|s/step)|Wall time|CPU times|\b\d+(?:\.\d+)?\s?(?:ms|µs|secs?|seconds)\b')
ASSERTION = re.compile(r'\bassert\b|\btest_(?:eq|ne|close|fail|is|stdout|shuffled|sig|warns)\w*\(|\bexpect_fail\(')
RANDOM_NAME = re.compile(r'id="T_[0-9a-f]{5}"')  # which pandas gives a styled table that has no `set_uuid`
PARTS = ast.literal_eval(re.search(r'^parts = (\{.*\})', '\n'.join(code(ROOT/'nbs'/'index.ipynb')), re.M)[1])
# Of one file a training, methods.json holds what was chosen
RESULTS = [path for path in sorted((ROOT/'results').rglob('*.json')) if path.parent.name != 'methods' and path.stem != 'example-run']
# Registries' hosts, and folders of one machine
PLACES = re.compile(r'pypi\.org|pythonhosted\.|registry\.npmjs|deb\.debian|(?<![\w.:/~])/(?:root|home|Users|work|tmp|private|var/folders)/[\w.]')


def sources(path): return [(cell['cell_type'], ''.join(cell['source'])) for cell in cells(path)]


def title(path): return sources(path)[0][1].split('\n')[0].strip('# ')


def whereabouts(path):
    "The line under a card: the chapters before and after, in the order of their numbers, and the part."
    here, link = CHAPTERS.index(path), lambda other: f'[{title(other)}]({other.name})'
    before, after = [link(other) for other in CHAPTERS[:here][-1:]], [link(other) for other in CHAPTERS[here + 1:here + 2]]
    return f'{" ← ".join([*before, f"**{title(path)}**"])}{"".join(f" → {other}" for other in after)} · part {path.stem[0]}, {PARTS[path.stem[0]]}'


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
        assert not RANDOM_NAME.search(output_text(output)), 'a name that differs from run to run'


@each_chapter
def test_opens_with_a_title_and_a_question(path):
    assert re.match(r'# \S.*\n> \S.*\?\s*$', ''.join(cells(path)[0]['source']))


@each_chapter
def test_has_a_card_and_says_where_one_is(path):
    card = next(source for kind, source in sources(path) if kind == 'markdown' and source.startswith('| | |\n'))
    assert re.findall(r'^\| \*\*(.+?)\*\* \| \S', card, re.M) == ['Question', 'In → out', 'Path', 'Minutes', 'Know first']
    assert 10 <= int(re.search(r'\*\*Minutes\*\* \| (\d+)', card)[1]) <= 40, 'minutes of reading, not of running'
    assert f'\n\n{whereabouts(path)}\n' in f'{card}\n', f'write under the card: {whereabouts(path)}'


@each_chapter
def test_asks_for_a_guess_and_answers_at_once(path):
    found = cells(path)
    guesses = [i for i, (kind, source) in enumerate(sources(path)) if kind == 'markdown' and re.search(r'\*\*Predict\b[^?]+\?', source)]
    assert guesses, 'ask before the main result: **Predict** ...?'
    assert not re.search(r'(?<!\*)\*Predict', '\n'.join(source for _, source in sources(path))), 'a guess that is not in bold'
    for i in guesses: assert next(cell for cell in found[i:] if cell['cell_type'] == 'code')['outputs'], f'the cell after {found[i]["id"]} answers nothing'


@each_chapter
def test_closes_with_a_summary_and_three_exercises_solved(path):
    found = sources(path)
    at = next(i for i, (kind, source) in enumerate(found) if kind == 'markdown' and re.search(r'^## Exercises$', source, re.M))
    assert any(kind == 'markdown' and re.search(r'^## Summary$', source, re.M) for kind, source in found[:at + 1])
    asked = re.findall(r'^(\d)\. \*\*(.+?)\.\*\* \S', found[at][1].split('## Exercises')[1], re.M)
    assert asked == [('1', 'Change a value'), ('2', 'Mend a fault'), ('3', 'Extend')]
    solutions = [source for _, source in found[at + 1:] if not source.startswith('#| hide')]
    assert len(solutions) == 3
    for n, source in enumerate(solutions, 1): assert source.startswith(f'#| code-fold: true\n#| code-summary: "Solution {n}"\n') and ASSERTION.search(source)


@each_chapter
def test_asserts_something(path):
    assert any(ASSERTION.search(''.join(cell['source'])) for cell in cells(path, 'code'))


def commands(data):
    "What a stored result says that made it, wherever it says it."
    if isinstance(data, dict): return [v for k, v in data.items() if k == 'command'] + [c for v in data.values() for c in commands(v)]
    return [c for v in data for c in commands(v)] if isinstance(data, list) else []


@pytest.mark.parametrize('path', RESULTS, ids=lambda path: path.stem)
def test_what_chapters_read_is_small_and_says_what_makes_it(path):
    assert path.stat().st_size < 5_000_000
    made = commands(json.loads(path.read_text(encoding='utf-8'))) or {'example': ['make example'], 'bench': ['make bench']}[path.stem]
    for command in made:
        script = re.search(r'(?:scripts|nbs)/\w+\.(?:py|ipynb)', command)
        assert (ROOT/script[0]).exists() if script else re.search(rf'^{command.split()[1]}:', (ROOT/'Makefile').read_text(), re.M), command


@each_chapter
def test_reads_no_file_that_another_chapter_leaves(path):
    "A chapter runs alone: what it reads beside its own code is a stored result."
    named = set(re.findall(r"\.\./results/([\w/-]+\.json)", '\n'.join(code(path))))
    assert named <= {result.relative_to(ROOT/'results').as_posix() for result in (*RESULTS, ROOT/'results'/'example-run.json')}


def test_no_tracked_file_names_a_registry_or_a_machine():
    listed = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], cwd=ROOT, check=True, text=True, capture_output=True).stdout.split('\n')
    for name in filter(None, listed):
        try: text = (ROOT/name).read_text(encoding='utf-8')
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError): continue
        assert (found := PLACES.search(text)) is None, f'{name}: {found[0]}'
