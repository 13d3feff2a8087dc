"The chapters in JupyterLab, in a real browser: the first of each part is opened, Run All is clicked, and every cell comes to its end without an error"
import json, os, shutil, socket, subprocess, sys, time, urllib.request
import pytest
from browser import chromium
from common import CHAPTERS, FIRST, ROOT, cells, vectors_of_this_run

sys.path.insert(0, str(ROOT/'scripts'))
import lab

def title(path): return ''.join(cells(path)[0]['source']).split('\n')[0].strip('# ')


CELLS = "() => jupyterapp.shell.currentWidget.content.widgets.filter(w => w.model.type === 'code').map(w => [w.model.executionCount, w.model.outputs.toJSON().filter(o => o.output_type === 'error').map(o => o.ename + ': ' + o.evalue)])"


@pytest.fixture(scope='module')
def jupyter(tmp_path_factory):
    "JupyterLab as `make lab` starts it, in a copy of the project, so that what is saved is saved there."
    copy = tmp_path_factory.mktemp('lab')/'project'
    for name in ('nbs', 'scripts', 'results', 'pyproject.toml', 'settings.ini'): (shutil.copytree if (ROOT/name).is_dir() else shutil.copy)(ROOT/name, (copy.mkdir(exist_ok=True), copy/name)[1])
    with socket.socket() as free: free.bind(('127.0.0.1', 0)); port = free.getsockname()[1]
    with open(copy/'log', 'w') as log: server = subprocess.Popen([sys.executable, copy/'scripts'/'lab.py', '--no-browser', f'--port={port}', '--ServerApp.port_retries=0', '--IdentityProvider.token=', '--allow-root', '--LabApp.expose_app_in_browser=True'],
                              cwd=copy, stdout=log, stderr=log, env=os.environ | {'JUPYTER_CONFIG_DIR': str(copy/'config'), 'SEQREP_VECTORS': str(vectors_of_this_run(tmp_path_factory))})
    url, end = f'http://127.0.0.1:{port}', time.monotonic() + 120
    while True:
        try: urllib.request.urlopen(f'{url}/api', timeout=10).close(); break
        except OSError:
            assert server.poll() is None and time.monotonic() < end, (copy/'log').read_text()
            time.sleep(.3)
    yield url, copy
    server.terminate()
    server.wait(timeout=60)


@pytest.fixture(scope='module')
def browser():
    with chromium() as found: yield found


@pytest.fixture
def page(browser, jupyter):
    "A page that asks nobody but the server."
    context, asked = browser.new_context(viewport={'width': 1400, 'height': 1000}), []
    context.route(lambda url: not url.startswith((jupyter[0], 'data:', 'blob:')), lambda route: (asked.append(route.request.url), route.abort()))
    page = context.new_page()
    page.set_default_timeout(120_000)
    yield page
    context.close()
    assert asked == []


def opened(page, jupyter, name):
    page.goto(f'{jupyter[0]}/lab/tree/nbs/{name}.ipynb?reset')
    page.wait_for_function("window.jupyterapp && jupyterapp.shell.currentWidget && jupyterapp.shell.currentWidget.sessionContext")
    page.evaluate('async () => { await jupyterapp.shell.currentWidget.sessionContext.ready; await jupyterapp.shell.currentWidget.context.ready }')


def menu(page, *labels):
    page.locator('.lm-MenuBar-itemLabel', has_text=labels[0]).first.click()
    page.locator('.lm-Menu-itemLabel').get_by_text(labels[1], exact=True).click()


def ran(page, seconds=1500):
    "Wait until each code cell has run; the first error ends it."
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        cells = page.evaluate(CELLS)
        errors = [error for _, found in cells for error in found]
        assert not errors, errors
        if all(count for count, _ in cells): return len(cells)
        time.sleep(1)
    raise AssertionError(f'{sum(not count for count, _ in cells)} of {len(cells)} cells did not run')


def saved(page, jupyter, name):
    page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    return [cell for cell in json.loads((jupyter[1]/'nbs'/f'{name}.ipynb').read_text(encoding='utf-8'))['cells'] if cell['cell_type'] == 'code']


def row_key(row): return tuple(row[name] for name in ('task', 'model', 'view', 'metric', 'protocol', 'seed'))


def check_results(fresh, committed):
    "Same rows, each value within the interval that was committed and a quarter of it on both sides, since another processor trains other weights; 2 % where a row has none."
    fresh, committed = ({row_key(row): row for row in json.loads(path.read_text())} for path in (fresh, committed))
    assert fresh.keys() == committed.keys()
    for key, row in committed.items():
        low, high = (row['low'], row['high']) if row['low'] is not None else (.98*row['value'], 1.02*row['value'])
        slack = (high - low) / 4
        assert low - slack <= fresh[key]['value'] <= high + slack, (key, fresh[key]['value'], low, high)


def test_the_start_page_lists_the_chapters_in_order_and_opens_them(jupyter, page):
    "What `make lab` opens; nothing lies over it."
    opened(page, jupyter, 'index')
    page.evaluate("() => jupyterapp.commands.execute('notebook:move-cursor-down') && jupyterapp.shell.currentWidget.content.scrollToItem(jupyterapp.shell.currentWidget.content.widgets.length - 1)")
    listed = page.locator('.jp-Notebook .jp-OutputArea-output a', has_text=title(CHAPTERS[0])).first
    listed.wait_for()
    outputs = page.eval_on_selector_all('.jp-Notebook .jp-OutputArea-output', 'all => all.map(one => [...one.querySelectorAll("a")].map(link => link.textContent))')
    assert [*map(title, CHAPTERS)] in [[name for name in names if name in map(title, CHAPTERS)] for names in outputs]
    assert page.locator('.jp-Dialog, .Toastify__toast').all_inner_texts() == []
    listed.click()
    page.wait_for_function(f"jupyterapp.shell.currentWidget.context && jupyterapp.shell.currentWidget.context.path === 'nbs/{CHAPTERS[0].name}'")


@pytest.mark.parametrize('name', FIRST)
def test_run_all(name, jupyter, page):
    opened(page, jupyter, name)
    menu(page, 'Run', 'Run All Cells')
    assert ran(page) > 5
    cells = saved(page, jupyter, name)
    assert all(cell['execution_count'] for cell in cells) and not any(output['output_type'] == 'error' for cell in cells for output in cell['outputs'])
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    if name == '60_example': check_results(jupyter[1]/'results'/'example.json', ROOT/'results'/'example.json')


def test_interrupted_and_run_again(jupyter, page):
    "A chapter that was stopped in the middle of a cell runs from the top, in the same kernel."
    import nbformat
    path = jupyter[1]/'nbs'/'stopped.ipynb'
    nbformat.write(nbformat.v4.new_notebook(metadata=dict(kernelspec=dict(name='python3', display_name='Python 3', language='python')), cells=[nbformat.v4.new_code_cell(source) for source in ('#| slow\n1/0', 'import time\nfrom seqrep_nb.core import progress\ntries = globals().get("tries", 0) + 1', 'for _ in progress(range(600 if tries == 1 else 2), "long"): time.sleep(.1)', 'tries')]), path)
    opened(page, jupyter, 'stopped')
    menu(page, 'Run', 'Run All Cells')
    page.wait_for_function(f"({CELLS})()[1][0] > 0")
    page.get_by_text('long').last.wait_for()                                     # the bar of a long cell
    menu(page, 'Kernel', 'Interrupt Kernel')
    page.wait_for_function(f"({CELLS})()[2][1].length > 0")
    menu(page, 'Run', 'Run All Cells')
    page.wait_for_function(f"({CELLS})()[3][0] > 0")
    assert ran(page) == 4
    cells = saved(page, jupyter, 'stopped')
    assert 'passed over: flagged slow' in ''.join(cells[0]['outputs'][0]['text']) and cells[3]['outputs'][0]['data']['text/plain'] in ('2', ['2'])


def test_only_flagged_cells_are_passed_over():
    flags = ['slow', 'gpu']
    for kept in ([], ['x = 1\n'], ['#| export\n', 'x = 1\n'], ['# slow\n'], ['#| slower\n'], ['x = 1\n', '#| slow\n']): assert lab.passed_over(kept, flags) == kept
    for cell in (['#| slow\n', '1/0\n'], ['#|gpu\n', '1/0\n']): assert len(lab.passed_over(cell, flags)) == 1 and 'passed over' in lab.passed_over(cell, flags)[0]
