"The pages beside the chapters: links, figures, code, words, sums and references say what the chapters and the stored results say"
import argparse, ast, json, re, subprocess, sys
import pytest
from common import CHAPTERS, MODULES, NOTEBOOKS, ROOT, cells

PAGES = sorted((ROOT/'nbs'/'pages').glob('*.md'))
TEXT = {path.stem: path.read_text(encoding='utf-8') for path in PAGES}
BY_NUMBER = {path.stem[:2]: path for path in CHAPTERS}
FENCE = re.compile(r'^```(\w*)\n(.*?)^```', re.M | re.S)
SOURCE = re.compile(r'<!-- from (.*?) -->')
FIGURE = re.compile(r'(?<![\w.])([-+−]?)(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.\d+)(?![\w.]*\d)')
ARXIV = re.compile(r'arxiv[^\d\n]{0,14}(\d{4}\.\d{4,5})|(?<=[ ;|])(\d{4}\.\d{5})(?=[ ;|),])', re.I)


def prose(text): return FENCE.sub('', text)
def as_number(sign, digits): return float(digits.replace(',', '')) * (-1 if sign in ('-', '−') else 1)
def plain(text): return re.sub(r'`[^`]*`|\[\d\d\]|\]\([^)]*\)|<!--.*?-->', ' ', text)
def figures(text): return [(m[0], as_number(*m.groups())) for m in FIGURE.finditer(plain(text))]
def whole(text): return [(m[0], float(m[0])) for m in re.finditer(r'(?<![\w.,-])\d{2,}(?![\w.,]*\d)', plain(text))]


def test_every_page_has_a_title_and_one_line():
    for name, text in TEXT.items(): assert re.match(r'# \S.*\n> \S.*\n\n', text), f'{name}: begin with a title and a line of quotation'


@pytest.mark.parametrize('path', PAGES + [ROOT/'README.md'], ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    for target in re.findall(r'\]\(([^)\s]+)\)', prose(path.read_text(encoding='utf-8'))):
        if re.match(r'\w+:', target): assert target.startswith(('https://arxiv.org/abs/', 'https://doi.org/', 'https://nbdev.fast.ai')), target
        else: assert (path.parent/target.split('#')[0]).exists(), f'{path.name}: {target} leads nowhere'


def test_the_index_links_every_page():
    index = ''.join(''.join(cell['source']) for cell in cells(ROOT/'nbs'/'index.ipynb', 'markdown'))
    assert [name for name in TEXT if f'](pages/{name}.md)' not in index] == []


# Figures: a line that ends in <!-- from SOURCE --> is held against it: its decimals and thousands, or else its whole numbers. SOURCE is the number of a chapter (its saved outputs) or FILE: WORD · WORD,
# all entries of a file in results/ that have these words as a value, or above them as a key

def stored(value, words=()):
    "(words above and in it, its numbers) of every entry of a JSON file."
    if isinstance(value, list): yield from (found for entry in value for found in stored(entry, words))
    if isinstance(value, dict):
        own = {str(v) for v in value.values() if isinstance(v, (str, int, float))}
        yield {*words, *own}, [v for v in value.values() if isinstance(v, (int, float)) and v is not True]
        for key, below in value.items(): yield from stored(below, {*words, *own, key})


def numbers_of(source):
    "All numbers that a source holds."
    if source in BY_NUMBER:
        outputs = [output for cell in cells(BY_NUMBER[source], 'code') for output in cell['outputs']]
        texts = [''.join(output.get('text') or output.get('data', {}).get('text/plain') or '') for output in outputs]
        return [float(n) for text in texts for n in re.findall(r'-?\d+\.?\d*(?:e-?\d+)?', re.sub(r'(?<=\d),(?=\d{3})', '', text))]
    name, wanted = source.split(': ', 1)
    wanted = set(wanted.split(' · '))
    found = [numbers for words, numbers in stored(json.loads((ROOT/'results'/name).read_text(encoding='utf-8'))) if wanted <= words]
    assert found, f'{source}: no such entry'
    return sum(found, [])


def agrees(shown, value, numbers):
    "Is the figure one of the numbers, rounded as it is shown? A figure without a sign may be a loss."
    half = .5 * 10. ** -len(shown.partition('.')[2])
    return any(min(abs(n - value), abs(abs(n) - value)) <= half * (1 + 1e-6) for n in numbers)


@pytest.mark.parametrize('name', TEXT)
def test_figures_are_those_of_their_source(name):
    for line in TEXT[name].splitlines():
        if not (named := SOURCE.search(line)): continue
        numbers = sum((numbers_of(source.strip()) for source in named[1].split(';')), [])
        shown_here = figures(line) or whole(line)
        assert shown_here, f'{name}: names a source and shows no figure: {line}'
        wrong = [shown for shown, value in shown_here if not agrees(shown, value, numbers)]
        assert not wrong, f'{name}: {wrong} are not in {named[1]}: {line}'


@pytest.mark.parametrize('name', TEXT)
def test_no_figure_without_a_source(name):
    "Three decimals are a measurement, and a measurement has a source."
    bare = [line for line in prose(TEXT[name]).splitlines() if not SOURCE.search(line) for shown, _ in figures(line) if re.search(r'\.\d{3}', shown)]
    bare = [line for line in bare if not ARXIV.search(line) and 'doi' not in line]
    assert not bare, f'{name}: end the line with <!-- from SOURCE -->: {bare}'


def test_the_check_of_figures_is_awake():
    "A digit, a sign or a source that is wrong does not pass."
    rows = numbers_of('rank.json: pooled · all · learned blend')
    assert agrees('.2496', .2496, rows) and not agrees('.2497', .2497, rows)
    gains = numbers_of('bench.json: classify/category/strong')
    assert agrees('−.0001', -.0001, gains) and not agrees('−.0004', -.0004, gains)
    with pytest.raises(AssertionError, match='no such entry'): numbers_of('rank.json: pooled · nobody')


# Trails

def minutes(path): return int(re.search(r'\*\*Minutes\*\* \| (\d+)', ''.join(''.join(cell['source']) for cell in cells(path, 'markdown')))[1])


def test_trails_add_up():
    rows = re.findall(r'^\| \[(\d\d) .*?\]\(\.\./(\w+\.ipynb)\) \| (\d+) \| ([a-z, ]+) \|', TEXT['trails'], re.M)
    assert [file for _, file, _, _ in rows] == [path.name for path in CHAPTERS], 'one row a chapter, in order'
    for number, file, said, _ in rows: assert int(said) == minutes(ROOT/'nbs'/file), f'{file}: its card says {minutes(ROOT/"nbs"/file)} minutes'
    core = [number for number, _, _, trail in rows if 'core' in trail]
    assert core == re.findall(r'\[(\d\d)\]', re.search(r'- \*\*Core\*\*: (.*?)\. In a hurry', TEXT['trails'])[1])
    sums = dict(Tour=['00'], Core=core, Full=list(BY_NUMBER))
    for trail, numbers in sums.items():
        total = sum(minutes(BY_NUMBER[number]) for number in numbers)
        assert re.search(rf'\| \*\*{trail}\*\* \|.*\| {len(numbers)} \| {total}\b', TEXT['trails']), f'{trail}: {len(numbers)} chapters, {total} minutes'
        if total >= 60: assert f'({total // 60} h {total % 60:02d} min)' in TEXT['trails']
    for part, said in re.findall(r'^\*\*(\d) · .*?\*\* \((\d+) min\)', TEXT['trails'], re.M):
        assert int(said) == sum(minutes(path) for number, path in BY_NUMBER.items() if number[0] == part), part


def test_the_map_shows_every_chapter():
    drawn = next(body for language, body in FENCE.findall(TEXT['trails']) if language == 'mermaid')
    assert set(BY_NUMBER) <= set(re.findall(r'\b\d\d\b', drawn))


# Words

def test_glossary_is_sorted_and_bilingual():
    rows = re.findall(r'^\| \*\*(.+?)\*\* \| (.+?) \| (.+?) \| \[(\d\d)\]', TEXT['glossary'], re.M)
    terms = [row[0].casefold() for row in rows]
    assert terms == sorted(set(terms)) and 70 <= len(terms)
    untranslated = [term for term, chinese, _, _ in rows if not re.search(r'[\u4e00-\u9fff]', chinese) and chinese != term]
    assert untranslated == []


def test_glossary_terms_are_taught_where_it_says():
    for term, _, _, number in re.findall(r'^\| \*\*(.+?)\*\* \| (.+?) \| (.+?) \| \[(\d\d)\]', TEXT['glossary'], re.M):
        text = re.sub(r'[\s_*-]+', ' ', ''.join(''.join(cell['source']) for cell in cells(BY_NUMBER[number]))).casefold()
        words = [word[:5] for word in re.sub(r'[\s-]+', ' ', term).casefold().split()]
        assert all(word in text for word in words), f'{term}: chapter {number} does not use it'


def test_names_in_code_style_exist():
    sources = '\n'.join(path.read_text(encoding='utf-8') for path in [*MODULES, *sorted((ROOT/'scripts').glob('*.py')), ROOT/'Makefile', ROOT/'tests'/'conftest.py', *NOTEBOOKS])
    for name, text in TEXT.items():
        spans = re.findall(r'`([^`\n]+)`', prose(text))
        words = {word for span in spans for word in re.findall(r'[A-Za-z_][A-Za-z0-9_]{3,}', span) if '_' in word or re.search('[a-z][A-Z]', word)}
        assert sorted(word for word in words if not re.search(rf'\b{word}\b', sources)) == [], name


def parameters():
    "Name of a function or class -> the names of its parameters, over all that the modules define."
    found = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.ClassDef): functions = [f for f in node.body if isinstance(f, ast.FunctionDef) and f.name == '__init__']
            else: functions = [node] if isinstance(node, ast.FunctionDef) else []
            for f in functions: found.setdefault(node.name, set()).update([a.arg for a in [*f.args.args, *f.args.kwonlyargs]], ['**'] if f.args.kwarg else [])
    return found


def test_calls_have_the_parameters_that_they_name():
    known, seen = parameters(), 0
    for name, text in TEXT.items():
        for span in re.findall(r'`([^`\n]+)`', prose(text)):
            try: tree = ast.parse(span.replace('\\|', '|').replace('…', '...'))
            except SyntaxError: continue
            for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
                called = call.func.id if isinstance(call.func, ast.Name) else call.func.attr
                if called not in known or '**' in known[called]: continue
                seen += len(call.keywords)
                assert {k.arg for k in call.keywords} <= known[called], f'{name}: {span}'
    assert seen > 8


def test_every_cited_work_is_in_the_bibliography():
    "By its arXiv number or doi, in the chapters and in what they export."
    cited = set()
    for path in NOTEBOOKS:
        text = '\n'.join(''.join(cell['source']) for cell in cells(path))
        cited |= {next(filter(None, m)) for m in ARXIV.findall(text)} | {d.rstrip('.') for d in re.findall(r'doi (10\.\d{4,}/[^\s`),;]+)', text)}
    assert len(cited) > 25 and sorted(work for work in cited if work not in TEXT['bibliography']) == []


# Code

def blocks(name): return [body for language, body in FENCE.findall(TEXT[name]) if language == 'python']
def run(code, folder): return subprocess.run([sys.executable, '-c', code], cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)


def test_code_of_the_cheat_sheet_runs(tmp_path):
    "On the log that `seqrep example` writes, here of fewer households."
    write = "import argparse; from seqrep_nb import command; command.main = lambda *_: 0; command.run_example(argparse.Namespace(out='shop', households=80, steps=1))"
    assert not (made := run(write, tmp_path)).returncode, made.stdout
    done = run('\n'.join(blocks('cheat_sheet')), tmp_path/'shop')
    assert not done.returncode, done.stdout[-3000:]


def test_commands_of_the_cheat_sheet_are_commands(monkeypatch):
    from seqrep_nb import command
    lines = [line for language, body in FENCE.findall(TEXT['cheat_sheet']) if language == 'bash' for line in body.splitlines()]
    asked, parsed = [], argparse.ArgumentParser.parse_args
    monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', lambda *a, **k: asked.append(parsed(*a, **k)) or sys.exit(99))
    import shlex
    seqrep = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith('seqrep ')]
    for words in seqrep:
        with pytest.raises(SystemExit, match='99'): command.main(words)
    targets = re.findall(r'^make ([a-z]+)', '\n'.join(lines), re.M)
    makefile = (ROOT/'Makefile').read_text(encoding='utf-8')
    assert len(asked) >= 7 and len(targets) >= 4 and all(re.search(rf'^{t}( \w+)*:', makefile, re.M) for t in targets)


def test_answers_of_the_self_test_run(tmp_path):
    asked = len(re.findall(r'^\*\*\d+\. ', TEXT['self_test'], re.M))
    assert asked >= 20 and TEXT['self_test'].count('<details>') == TEXT['self_test'].count('</details>') == asked
    code = blocks('self_test')
    assert len(code) >= 10 and all(any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(block))) for block in code)
    done = run('\n'.join(code), tmp_path)
    assert not done.returncode, done.stdout[-3000:]


# The front page in Chinese

def test_both_front_pages_hold_the_same_figures():
    readme = (ROOT/'README.md').read_text(encoding='utf-8')
    ranking = readme[readme.index('**ranking**'):readme.index('**intent:')]
    for text in (TEXT['front_page_zh'],):
        assert sorted(shown for shown, _ in figures(ranking)) == sorted(shown for shown, _ in figures(text[text.index('**排序**'):text.index('**意图')]))
        missing = [shown for shown, _ in figures(prose(text)) if shown.strip('+') not in readme]
        assert not missing, f'not in README.md: {missing}'
    assert re.findall(r'Protocol: (`[^`]+`)', readme)[0] in TEXT['front_page_zh']


def test_spelling(tmp_path):
    "What stands in cells, pages and the other texts; outputs and images are left out."
    for path in [*ROOT.glob('nbs/*.ipynb')]: (tmp_path/f'{path.stem}.txt').write_text('\n\n'.join(''.join(cell['source']) for cell in json.loads(path.read_text(encoding='utf-8'))['cells']), encoding='utf-8')
    texts = [*tmp_path.glob('*.txt'), *ROOT.glob('*.md'), *ROOT.glob('nbs/pages/*.md'), *ROOT.glob('scripts/*.py'), *ROOT.glob('tests/*.py')]
    run = subprocess.run([sys.executable, '-m', 'codespell_lib', '--ignore-words-list=als,whis,docments', *texts], text=True, capture_output=True)
    assert run.returncode == 0, run.stdout
