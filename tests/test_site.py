"The site that make docs writes: whole, linked, small in what it asks for, and usable in a real browser from a folder without a server"
import ast, hashlib, importlib, inspect, json, os, re, subprocess, sys
from functools import lru_cache
from html.parser import HTMLParser
from urllib.parse import unquote, urlparse
import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import checked_page, chromium
from bs4 import BeautifulSoup
from common import CHAPTERS, MODULES, NOTEBOOKS, ROOT, cells
from fastcore.docments import docments
from filelock import FileLock
from test_notebooks import PLACES

RESULTS = [path for path in sorted((ROOT/'results').rglob('*.json')) if path.stem != 'example-run']
PAGES = sorted((ROOT/'nbs'/'pages').glob('*.md'))
PHONE, DESK = {'width': 390, 'height': 844}, {'width': 1280, 'height': 900}
# One page of each kind: front, first chapter, mathematics and tables, a reference, results, the rest
KINDS = ['index', '00_tour', '17_metrics', '60_example', 'reference/index', 'reference/model', 'results/index', 'results/rank', 'results/bench', 'CONTRIBUTING', 'search', '404'] + [f'pages/{path.stem}' for path in PAGES[:1]]
PARTS = ['Start', 'Data', 'Encode', 'Fine-tune', 'Classify', 'Rank', 'Example', 'Production', 'Trust', 'Beyond']


@pytest.fixture(scope='session')
def site(tmp_path_factory):
    "The site, made once for all workers."
    base = tmp_path_factory.getbasetemp()
    target = (base.parent if 'PYTEST_XDIST_WORKER' in os.environ else base)/'site'
    with FileLock(f'{target}.lock'):
        if not target.exists(): subprocess.run([sys.executable, ROOT/'scripts'/'docs.py', target], check=True)
    return target


# Not of the session: as long as it is open, its event loop runs, which other modules' tests could not start one beside
@pytest.fixture(scope='module')
def browser():
    with chromium() as found: yield found


@pytest.fixture
def desk(browser):
    with checked_page(browser, viewport=DESK, color_scheme='light') as page: yield page


@lru_cache(maxsize=4)      # the page of all trainings is asked for once for each
def soup(path): return BeautifulSoup(path.read_text(encoding='utf-8'), 'html.parser')


def squeezed(text): return re.sub(r'\s+', '', text)


# What is in the folder

class Links(HTMLParser):
    "Ids of a page, what it links to and what it loads."
    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.loads, self.alts = set(), [], [], []
        self.feed(path.read_text(encoding='utf-8'))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if 'id' in attributes: self.ids.add(attributes['id'])
        if tag == 'a' and attributes.get('href'): self.links.append(attributes['href'])
        elif tag == 'link' and attributes.get('rel') not in ('index', 'search', 'next', 'prev'): self.loads.append(attributes.get('href'))
        elif attributes.get('src'): self.loads.append(attributes['src'])
        if tag == 'img': self.alts.append(attributes.get('alt'))


@pytest.fixture(scope='session')
def pages(site): return {path: Links(path) for path in sorted(site.rglob('*.html')) if '_static' not in path.parts}


def test_every_chapter_page_and_module_has_a_page_in_order(site):
    listed = [a['href'] for a in soup(site/'index.html').select('nav.bd-links a')]
    expected = [path.stem for path in CHAPTERS] + [f'pages/{path.stem}' for path in PAGES]
    assert [link for link in listed if link[:2].isdigit() or link.startswith('pages/')] == [f'{name}.html' for name in expected]
    modules = {f'reference/{path.stem}.html' for path in MODULES}
    assert modules == {link for link in listed if link.startswith('reference/')} - {'reference/index.html'}
    for name in listed + ['404.html', 'search.html']: assert (site/name).exists(), name
    captions = [p.get_text() for p in soup(site/'index.html').select('nav.bd-links p.caption')]
    assert captions == [PARTS[part] for part in sorted({int(path.name[0]) for path in CHAPTERS})] + ['Beside the chapters']*bool(PAGES) + ['Look up']


def test_every_link_inside_leads_to_a_file_and_a_place(pages, site):
    broken, checked = [], 0
    for path, page in pages.items():
        for link in page.links + page.loads:
            url = urlparse(link)
            if url.scheme in ('http', 'https', 'mailto', 'data'): continue
            target = (path.parent/unquote(url.path)).resolve() if url.path else path
            checked += 1
            if not target.is_file() or site not in target.parents: broken.append((path.name, link))
            elif url.fragment and target in pages and unquote(url.fragment) not in pages[target].ids: broken.append((path.name, link))
    assert broken == [] and checked > 1000


def test_nothing_is_loaded_from_elsewhere(pages, site):
    assert [(path.name, link) for path, page in pages.items() for link in page.loads if urlparse(link).scheme not in ('', 'data') or link.startswith('//')] == []
    for path in site.rglob('*.css'): assert re.findall(r'(?:url\(|@import)\s*["\']?(?:https?:)?//[^)]*', path.read_text(encoding='utf-8')) == [], path.name


def test_no_page_names_a_machine(site):
    for path in [*site.rglob('*.html'), site/'searchindex.js']:
        text = path.read_text(encoding='utf-8')
        assert (found := PLACES.search(text)) is None, f'{path.name}: {found[0]}'
        assert str(ROOT) not in text and ' at 0x' not in text, path.name


def test_every_image_is_described(pages): assert [(path.name, alt) for path, page in pages.items() for alt in page.alts if not (alt or '').strip()] == []


def flags(cell): return {name: value.strip() for name, value in re.findall(r'^#\|\s*(\w[\w-]*):?(.*)$', ''.join(cell['source']), re.M)}


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_a_chapter_keeps_what_a_reader_should_see(site, path):
    page = soup(site/f'{path.stem}.html').select_one('article')
    code, shown = cells(path, 'code'), squeezed(page.get_text())
    visible = [cell for cell in code if not {'hide', 'export', 'default_exp'} & flags(cell).keys()]
    told = [cell for cell in visible if flags(cell).get('echo') != 'false']
    lines = {squeezed(line) for cell in told for line in cell['source'] if not line.startswith('#|')}
    assert [line for line in lines if line not in shown] == []
    assert len(page.select('details')) == sum('code-fold' in flags(cell) for cell in code)
    images = [flags(cell)['fig-alt'] for cell in visible for output in cell['outputs'] if 'image/png' in output.get('data', {})]
    assert [image['alt'] for image in page.select('img')] == images
    tables = sum('text/html' in output.get('data', {}) for cell in visible for output in cell['outputs'])
    assert len(page.select('.cell_output .text_html')) == tables
    prose = squeezed(' '.join(''.join(cell['source']) for cell in cells(path, 'markdown')))
    for cell in (cell for cell in code if {'hide', 'export'} & flags(cell).keys()):
        body = [node for node in ast.walk(ast.parse(re.sub(r'^[%!].*$', '', ''.join(cell['source']), flags=re.M))) if isinstance(node, (ast.Return, ast.Assign, ast.Assert)) and node.lineno == node.end_lineno]
        gone = {squeezed(''.join(cell['source']).splitlines()[node.lineno - 1]) for node in body}
        assert [line for line in gone if len(line) > 40 and line in shown and line not in prose and not any(line in told for told in lines)] == []


@pytest.mark.parametrize('path', MODULES, ids=lambda path: path.stem)
def test_the_reference_has_every_name_with_its_parameters(site, path):
    module, page = importlib.import_module(f'seqrep_nb.{path.stem}'), soup(site/'reference'/f'{path.stem}.html')
    assert module.__doc__ in page.get_text()
    for name in module.__all__:
        o = getattr(module, name)
        if inspect.ismodule(o): continue
        home = o.__module__ if inspect.isfunction(o) or inspect.isclass(o) else module.__name__
        if home != module.__name__:
            assert page.select_one(f'a[href="{home.split(".")[-1]}.html#{home}.{name}"]'), f'{name} should lead to its home'
            continue
        entry = page.find(id=f'{home}.{name}')
        assert entry, f'{name} is missing'
        if not (inspect.isfunction(o) or inspect.isclass(o)): continue
        told = entry.find_next_sibling('dd')
        bold = {strong.get_text() for strong in told.select('strong')}
        for p in [] if issubclass(type(o), type) and issubclass(o, Exception) else inspect.signature(o).parameters.values():
            if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD): continue
            assert p.name in {word.lstrip('*') for word in bold} and p.name in entry.get_text(), f'{name}: parameter {p.name}'
            if type(p.default) in (int, str, bool, float): assert f'default{squeezed(repr(p.default))}' in squeezed(told.get_text()), f'{name}: default of {p.name}'
        plain = squeezed(told.get_text())
        if o.__doc__: assert squeezed(re.sub(r'[`*$\\]', '', o.__doc__))[:20] in re.sub(r'[*$\\]', '', plain), f'{name}: docstring'
        for comment in (said['docment'] for said in docments(o, full=True).values() if said.get('docment')): assert squeezed(re.sub(r'[`*$\\].*', '', comment, flags=re.S))[:30] in plain, f'{name}: {comment}'


def test_examples_are_code_on_the_reference_pages(site):
    checked = 0
    for path in MODULES:
        module, page = importlib.import_module(f'seqrep_nb.{path.stem}'), soup(site/'reference'/f'{path.stem}.html')
        own = {name: o for name, o in ((name, getattr(module, name)) for name in module.__all__) if getattr(o, '__module__', None) == module.__name__}
        own |= {f'{name}.{part}': value for name, o in own.items() if inspect.isclass(o) for part, value in vars(o).items() if part[0] != '_' and str(getattr(getattr(value, 'fget', value), '__module__', '')).startswith('seqrep_nb.')}
        for name, o in own.items():
            if '>>> ' not in (said := getattr(o, '__doc__', None) or ''): continue
            told = page.find(id=f'{module.__name__}.{name}').find_next_sibling('dd')
            example = re.search(r'>>> .*?(?=\n\n|\Z)', inspect.cleandoc(said), re.S)[0]
            assert squeezed(example) in [squeezed(block.get_text()) for block in told.select('div.highlight-pycon pre')], f'{name}: example'
            assert told.select('div.highlight-pycon pre span') and not told.select('blockquote'), f'{name}: is prose'
            checked += 1
    assert checked > 10


def test_prose_leads_to_the_reference(site):
    links = {a['href'] for a in soup(site/'17_metrics.html').select('article p a')}
    assert {'reference/metrics.html#seqrep_nb.metrics.top_k', 'reference/tasks.html#seqrep_nb.tasks.ranking_task'} & links
    assert any(link.startswith('reference/') for link in links)


@pytest.mark.parametrize('path', RESULTS, ids=lambda path: path.stem)
def test_every_stored_result_has_its_rows_on_a_page(site, path):
    name, data = path.relative_to(ROOT/'results').with_suffix('').as_posix(), json.loads(path.read_text(encoding='utf-8'))
    each = name.startswith('methods/')
    page = soup(site/'results'/('methods-trainings.html' if each else f'{name.replace("/", "-")}.html'))
    text, found = squeezed(page.get_text()), sum(len(table.select('tbody tr')) for table in page.select('table'))
    if each: assert path.stem in text and found >= sum(p.parent == path.parent for p in RESULTS)
    elif name == 'bench': assert all(row['name'] in text for row in data) and found >= len(data)
    else:
        held = [data] if isinstance(data, list) else [rows for part in (data, *(v for v in data.values() if isinstance(v, dict))) for rows in part.values() if isinstance(rows, list) and rows and isinstance(rows[0], dict)]
        assert found >= sum(map(len, held))
        for row in (rows[i] for rows in held for i in (0, -1)): assert all(squeezed(v) in text for v in row.values() if isinstance(v, str)), row
        for fact in ('command', 'date') if isinstance(data, dict) else (): assert squeezed(str(data.get(fact, ''))) in text


def test_the_parts_of_others_are_what_they_are_said_to_be(monkeypatch, tmp_path):
    sys.path.insert(0, str(ROOT/'scripts'))
    import docs
    docs.check_vendored()
    said = json.loads((ROOT/'docs'/'vendor'/'vendor.json').read_text())
    assert {path.name for path in (ROOT/'docs'/'vendor').iterdir()} == {'vendor.json'} | {part[key] for part in said for key in ('file', 'licence_file')}
    (tmp_path/'vendor').mkdir()
    for part in said: (tmp_path/'vendor'/part['file']).write_text('changed')
    (tmp_path/'vendor'/'vendor.json').write_text(json.dumps(said))
    monkeypatch.setattr(docs, 'DOCS', tmp_path)
    with pytest.raises(SystemExit, match=f'is not {said[0]["name"]}.*{hashlib.sha256(b"changed").hexdigest()}'): docs.check_vendored()


# In a browser

def visit(page, site, name): page.goto((site/f'{name}.html').as_uri())


@pytest.mark.parametrize('body, said', [('<img src=absent.png>', 'absent.png failed'), ('<script>nothing()</script>', 'nothing is not defined'),
                                        ('<script>console.error("oh")</script>', 'console says oh'), ('<img src=https://example.org/a.png>', 'asked for https://example.org/a.png')])
def test_a_page_that_goes_wrong_is_noticed(browser, tmp_path, body, said):
    (tmp_path/'page.html').write_text(body, encoding='utf-8')
    with pytest.raises(AssertionError, match=re.escape(said)), checked_page(browser) as page: page.goto((tmp_path/'page.html').as_uri(), wait_until='networkidle')


def test_a_page_may_be_left_before_all_of_it_has_come(browser, tmp_path):
    (tmp_path/'page.html').write_text('<img src=slow.png>', encoding='utf-8')
    with checked_page(browser) as page:
        page.route('**/slow.png', lambda route: None)          # never answered
        page.goto((tmp_path/'page.html').as_uri(), wait_until='domcontentloaded')
        with page.expect_event('requestfailed', lambda request: request.url.endswith('slow.png')): page.goto('data:text/html,elsewhere')


def test_search_finds_a_word(desk, site):
    visit(desk, site, 'index')
    desk.keyboard.press('Control+k')
    desk.locator('dialog input[type=search]').fill('temporal_split')
    desk.keyboard.press('Enter')
    desk.wait_for_url('**/search.html?q=temporal_split*')
    desk.locator('#search-results li a').first.wait_for()
    desk.locator('#search-results li a[href*="reference/split.html#seqrep_nb.split.temporal_split"]').first.click()
    desk.locator('dt[id="seqrep_nb.split.temporal_split"]').wait_for()
    visit(desk, site, 'search')
    desk.locator('main input[type=search]').first.fill('qwertzuiop')
    desk.keyboard.press('Enter')
    desk.get_by_text('did not match any documents').wait_for()


def test_mathematics_is_typeset(desk, site):
    visit(desk, site, '17_metrics')
    desk.locator('mjx-container svg').first.wait_for()
    assert desk.locator('.math').count() == desk.locator('.math mjx-container svg').count() > 3
    assert desk.locator('mjx-container svg').first.bounding_box()['width'] > 10


def test_a_diagram_is_drawn(desk, site):
    visit(desk, site, 'index')
    drawn = desk.locator('pre.mermaid svg')
    drawn.first.wait_for()
    assert drawn.locator('.node').count() == 8 and 'language model' in drawn.text_content()
    assert drawn.bounding_box()['height'] > 200 and drawn.get_attribute('aria-roledescription').startswith('flowchart')


def test_dark_and_light(desk, site):
    visit(desk, site, '17_metrics')
    seen, background = {}, 'getComputedStyle(document.body).backgroundColor'
    for mode in ('light', 'dark', 'auto', 'dark'):
        desk.locator('button.theme-switch-button:visible').click()
        desk.locator(f'.dropdown-menu.show [data-mode={mode}]').click()
        seen[mode] = (desk.evaluate('document.documentElement.dataset.theme'), desk.evaluate(background))
    assert seen['auto'] == seen['light'] and seen['light'][0] == 'light' and seen['dark'][0] == 'dark' and seen['dark'][1] != seen['light'][1]
    visit(desk, site, 'reference/metrics')
    assert desk.evaluate(background) == seen['dark'][1], 'the next page forgets'


def test_code_is_copied(desk, site):
    visit(desk, site, '17_metrics')
    cell = desk.locator('.cell_input div.highlight').first
    cell.hover()
    cell.locator('button.copybtn').click()
    desk.keyboard.press('Control+k')
    desk.keyboard.press('Control+v')
    assert desk.locator('dialog input[type=search]').input_value() == ' '.join(cell.locator('pre').inner_text().splitlines())
    assert desk.locator('.cell_output button.copybtn').count() == 0
    visit(desk, site, 'reference/rank')
    example = desk.locator('div.highlight-pycon').first
    example.hover()
    example.locator('button.copybtn').click()
    desk.keyboard.press('Control+k')
    desk.keyboard.press('Control+v')
    assert desk.locator('dialog input[type=search]').input_value() == ' '.join(line[4:] for line in example.locator('pre').inner_text().splitlines() if line[:4] in ('>>> ', '... '))


def test_by_keyboard_alone(desk, site):
    visit(desk, site, '17_metrics')
    desk.keyboard.press('Tab')
    focused = lambda: desk.evaluate('(e => [e.tagName, e.innerText.trim(), e.getAttribute("href"), getComputedStyle(e).outlineStyle, getComputedStyle(e).boxShadow])(document.activeElement)')
    assert focused()[1] == 'Skip to main content'
    desk.keyboard.press('Enter')
    desk.keyboard.press('Tab')
    assert desk.evaluate('document.querySelector("main").contains(document.activeElement)'), 'the link skips nothing'
    visit(desk, site, '17_metrics')
    passed = []
    for _ in range(40):
        desk.keyboard.press('Tab')
        passed.append(focused())
        if passed[-1][2] == '14_split.html': break
    assert any('Search' in text for _, text, *_ in passed), 'the search cannot be reached'
    assert passed[-1][2] == '14_split.html', 'the sidebar cannot be reached'
    assert [text for _, text, _, outline, shadow in passed if outline == 'none' and shadow == 'none'] == [], 'focus that cannot be seen'
    desk.keyboard.press('Enter')
    desk.wait_for_url('**/14_split.html')


def test_solutions_unfold(desk, site):
    visit(desk, site, '17_metrics')
    solution = desk.locator('details', has_text='Solution 1').first
    assert not solution.locator('pre').is_visible()
    solution.locator('summary').click()
    assert solution.locator('pre').is_visible()


def test_every_page_on_a_phone(browser, site, pages):
    "Nothing scrolls sideways but what is wider than the screen, within itself; no error, no request, all mathematics."
    wide, unset = [], []
    with checked_page(browser, viewport=PHONE, color_scheme='light') as page:
        for path in pages:
            page.goto(path.as_uri())
            if page.locator('.math').count(): page.wait_for_function('document.querySelectorAll(".math").length == document.querySelectorAll(".math mjx-container").length')
            if page.locator('mjx-container [data-mjx-error], mjx-merror').count(): unset.append(path.name)
            page.evaluate('scrollTo(200, 0)')
            if page.evaluate('scrollX || document.documentElement.scrollWidth > innerWidth'): wide.append(path.name)
        assert (wide, unset) == ([], [])
        visit(page, site, 'results/rank')
        assert page.evaluate('''() => { const box = document.querySelector(".pst-scrollable-table-container"); box.scrollLeft = 50; return box.scrollWidth > box.clientWidth && box.scrollLeft }''') == 50
        visit(page, site, '17_metrics')
        page.locator('button.primary-toggle:visible').first.click()
        page.locator('nav.bd-links a', has_text='14 · Split').click()
        page.wait_for_url('**/14_split.html')


@pytest.mark.parametrize('scheme, name', [('light', name) for name in KINDS] + [('dark', name) for name in KINDS if name in ('index', '17_metrics', 'reference/model', 'results/rank', 'search')])
def test_axe_finds_nothing_serious(browser, site, scheme, name):
    "In the light on a desk, in the dark on a phone."
    with checked_page(browser, viewport=DESK if scheme == 'light' else PHONE, color_scheme=scheme) as page:
        visit(page, site, name)
        if page.locator('.math').count(): page.locator('mjx-container').first.wait_for()
        found = Axe().run(page, options={'preload': False, 'resultTypes': ['violations']}).response['violations']
        assert [(v['id'], v['nodes'][0]['html'][:200]) for v in found if v['impact'] in ('serious', 'critical')] == []
