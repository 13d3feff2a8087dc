"The page of seqrep demo: what it computes, and the page itself in a real browser; and a model of purchases, or of several actions, as it is shown"
import os, re, signal, socket, subprocess, sys, urllib.request
import numpy as np, pandas as pd, pytest
from browser import checked_page, chromium
from common import ROOT, few_trees, without_transformer
from seqrep_nb.command import main, read_catalogue, read_log
from seqrep_nb.core import InputError
from seqrep_nb.demo import DemoPage, answered, changed_history, customers, find_items, history_table, listed, with_action, with_event
from seqrep_nb.events import Log
from seqrep_nb.model import BehaviourPipeline, load_model

PHONE, DESK = {'width': 390, 'height': 844}, {'width': 1280, 'height': 900}


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    "Ninety users come back to what they like; purchases, and views of what is bought later."
    rng, folder, n = np.random.default_rng(0), tmp_path_factory.mktemp('demo'), 3000
    users = rng.integers(0, 90, n)
    items = np.where(rng.random(n) < .6, users % 30 + rng.integers(0, 3, n), rng.integers(0, 60, n))
    moment = pd.Timestamp('2024-01-01', tz='UTC') + pd.to_timedelta(rng.integers(0, 70, n) * 24 + users % 24, unit='h')
    pd.DataFrame(dict(user_id=[f'u{u:02d}' for u in users], item_id=[f'i{i}' for i in items], action=rng.choice(['buy', 'view'], n), timestamp=moment)).to_csv(folder/'events.csv', index=False)
    words = [f'{c} {t}' for c in ('red', 'green', 'blue', 'old', 'new', 'big') for t in ('tea', 'rice', 'soap', 'milk', 'bread', 'salt', 'oil', 'fish', 'jam', 'nuts')]
    pd.DataFrame(dict(item_id=[f'i{i}' for i in range(60)], text=words, category=[w.split()[1] for w in words])).to_csv(folder/'items.csv', index=False)
    with pytest.MonkeyPatch.context() as patched:
        without_transformer(patched)
        few_trees(patched)
        BehaviourPipeline(cuts=2).fit(Log('shop', read_log(folder/'events.csv')[0], read_catalogue(folder/'items.csv')[0])).save(folder/'model')
    return folder/'model'


@pytest.fixture(scope='module')
def pipeline(model): return load_model(model)


def test_a_removed_event_is_gone_from_list_and_reason(pipeline):
    table = history_table(pipeline, 'u03')
    most = table.item_id[table.action == 'buy'].value_counts().index[0]
    before, after = (listed(pipeline, changed_history(pipeline, t, 'u03'), k=60).set_index('item_id') for t in (table, table[table.item_id != most]))
    assert after['rank'][most] > before['rank'][most] and 'times, last' not in after.reason[most] and before.reason.tolist() != after.reason.tolist()
    assert set(after.index) == set(pipeline.item_ids_)


def test_every_view_and_customer_has_reasons(pipeline):
    for user in ('u03', 'u40', customers(pipeline)[0]):
        h = changed_history(pipeline, history_table(pipeline, user), user)
        for view in pipeline.views_:
            found = listed(pipeline, h, view, k=5)
            assert len(found) == 5 and found.reason.str.len().min() > 8 and not found.reason.str.contains(r'household|\.\d{4}').any()
        assert len(answered(pipeline, h)) == 0 if user == customers(pipeline)[0] else set(answered(pipeline, h).task) == set(pipeline.heads_)


def test_an_action_changed_moves_an_item_out_of_what_is_new(pipeline):
    table = history_table(pipeline, 'u03')
    never = next(item for item in listed(pipeline, pipeline.histories_of(['u03']), 'new', k=60).item_id)
    viewed = with_event(table, never, 'view', pipeline.now_)
    shown = lambda t: set(listed(pipeline, changed_history(pipeline, t, 'u03'), 'new', k=60).item_id)
    assert never in shown(viewed) and never not in shown(with_action(viewed, len(table), 'buy'))


def test_an_empty_history_and_odd_words(pipeline):
    table = history_table(pipeline, 'u03')
    page = DemoPage(pipeline)
    page.choose('u03')
    page.table = table[:0]
    found, heads = page.answers()
    assert len(found) == 10 and len(heads) == 0 and (found.move != '').any()
    assert find_items(pipeline, '<b>') == [] and find_items(pipeline, 'TEA red') == ['i0']
    with pytest.raises(InputError, match='choose one'): history_table(pipeline, 'u999')


def free_port():
    with socket.socket() as trial:
        trial.bind(('127.0.0.1', 0))
        return trial.getsockname()[1]


@pytest.fixture(scope='module')
def address(model):
    "Of a running `seqrep demo`."
    port = free_port()
    source = 'import sys; from seqrep_nb.command import main; sys.exit(main(sys.argv[1:]))'
    environment = {k: v for k, v in os.environ.items() if not k.startswith(('PYTEST', 'NICEGUI'))} | {'PYTHONPATH': os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])}
    with subprocess.Popen([sys.executable, '-c', source, 'demo', str(model), '--port', str(port), '--no-browser'], cwd=model.parent, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
        said = server.stdout.readline()
        assert said == f'http://127.0.0.1:{port} shows the model; Ctrl+C ends it\n', said + server.stdout.read()
        yield f'http://127.0.0.1:{port}'
        server.send_signal(signal.SIGINT)
        assert 'Traceback' not in server.stdout.read() and server.wait(60) == 0
    assert sorted(p.name for p in model.parent.iterdir()) == ['events.csv', 'items.csv', 'model']      # nothing is left beside the model


@pytest.fixture(scope='module')
def browser():
    with chromium() as found: yield found


def rows(page): return [[cell.inner_text() for cell in row.locator('td').all()] for row in page.locator('.q-table tbody tr').all()]


def answer(page, before):
    "Rows of the list, once they are others than `before`."
    page.wait_for_function('before => { const rows = [...document.querySelectorAll(".q-table tbody tr")].map(r => r.innerText).join("|"); return rows.length > 40 && rows != before }', arg=before)
    return rows(page)


def shown(page): return page.evaluate('[...document.querySelectorAll(".q-table tbody tr")].map(r => r.innerText).join("|")')


def test_in_a_browser_a_changed_history_changes_list_and_reasons(browser, address):
    with checked_page(browser, address, viewport=DESK) as page:
        page.goto(address)
        first = answer(page, '')
        assert len(first) == 10 and {row[3] for row in first} == {''}
        old = shown(page)
        box = page.get_by_label('Customer')
        box.fill('u07')
        page.get_by_role('option', name='u07').click()
        assert answer(page, old) != first
        stored, events = shown(page), page.locator('.event').count()
        page.get_by_label(re.compile('^remove')).first.click()
        removed = answer(page, stored)
        assert page.get_by_role('button', name='As stored').is_visible() and events == 8
        old = shown(page)
        page.get_by_label('Add an item').fill('big nuts')
        page.get_by_role('button', name='big nuts').click()
        assert answer(page, old) != removed and page.locator('.event', has_text='big nuts').count()
        page.get_by_role('button', name='As stored').click()
        page.wait_for_function('stored => [...document.querySelectorAll(".q-table tbody tr")].map(r => r.innerText).join("|") == stored', arg=stored)
        page.get_by_text('new: never bought').click()
        assert not any('bought' in row[2] and 'times, last' in row[2] for row in answer(page, stored))
        old = shown(page)
        page.get_by_label('Search for').fill('rice')
        assert all(row[2].startswith(('fits “rice”', 'nearest to “rice”')) for row in answer(page, old))


def test_in_a_browser_on_a_phone_in_the_dark(browser, address):
    with checked_page(browser, address, viewport=PHONE, color_scheme='dark') as page:
        page.goto(address)
        answer(page, '')
        assert page.evaluate('document.documentElement.scrollWidth') <= 390
        assert max(map(int, re.findall(r'\d+', page.evaluate('getComputedStyle(document.body).backgroundColor'))[:3])) < 60
        assert page.locator('.q-linear-progress').first.is_visible()


def test_only_this_machine_is_answered(address):
    assert urllib.request.urlopen(address).status == 200
    own = [a for a in {i[4][0] for i in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} if not a.startswith('127.')]
    for other in own:
        with pytest.raises(OSError): urllib.request.urlopen(f'http://{other}:{address.rsplit(":")[-1]}', timeout=5)


@pytest.mark.parametrize('missing, said', [('nicegui', 'needs the package nicegui, which is not installed; pip install "seqrep_nb[demo]"'), ('', 'cannot be had'), ('model', 'not a model folder')])
def test_what_is_missing_is_said_in_one_line(missing, said, monkeypatch, capsys, tmp_path):
    import importlib.util
    if missing == 'nicegui': monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0)); taken.listen()
        port = free_port() if missing else taken.getsockname()[1]
        assert main(['demo', str(tmp_path), '--port', str(port)]) == 2
    error = capsys.readouterr().err
    assert error.startswith('seqrep: error: ') and said in error and error.count('\n') == 1
