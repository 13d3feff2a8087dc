"The worked example on another log: its one cell changed, at smaller sizes, from two files with no more columns than a log must have"
import re
import nbformat, pytest
from common import ROOT
from test_scripts import execute

from seqrep_nb.core import read_json
from seqrep_nb.simulator import simulate_shop

MARK = '# The log of act 2: change this cell, and only this one\n'
OWN = MARK + '''from seqrep_nb.command import read_catalogue, read_log
from seqrep_nb.events import Log
LOG, CUT, DAYS = Log('my shop', read_log('events.csv')[0], read_catalogue('items.csv')[0]), None, 7'''
SMALLER = {r'n_users=\d+': 'n_users=600', r'examples=[\d_]+': 'examples=2_000', r'window=\d+': 'window=64', r'training=[\d_]+': 'training=100', r'held=\d+': 'held=50', r'max_length=\d+': 'max_length=24'}


@pytest.fixture
def folder(tmp_path):
    shop = simulate_shop(400, 240, days=120, seed=5)
    events = shop.log.events[shop.log.events.action.isin(['view', 'buy'])]
    events[['user_id', 'item_id', 'action', 'timestamp']].to_csv(tmp_path/'events.csv', index=False)
    shop.log.items[['item_id', 'text', 'category']].to_csv(tmp_path/'items.csv', index=False)
    return tmp_path


def test_the_worked_example_runs_on_another_log(folder, monkeypatch):
    notebook = nbformat.read(ROOT/'nbs'/'60_example.ipynb', 4)
    end = next(i for i, cell in enumerate(notebook.cells) if cell.source.startswith('## Exercises'))      # their solutions are about the panel
    notebook.cells = notebook.cells[:end]
    of_log, of_sizes = ([cell for cell in notebook.cells if cell.cell_type == 'code' and cell.source.startswith(start)] for start in (MARK, 'SEED = 0\n'))
    assert len(of_log) == len(of_sizes) == 1
    of_log[0].source = OWN
    for size, smaller in SMALLER.items():
        of_sizes[0].source, n = re.subn(size, smaller, of_sizes[0].source)
        assert n == 1, size
    nbformat.write(notebook, folder/'in.ipynb')
    monkeypatch.setenv('PYTHONPATH', str(ROOT))
    execute.execute(folder/'in.ipynb', folder/'out.ipynb', skip_flags=['gpu'])
    rows = read_json(folder/'results'/'example.json')
    logs = {name: {row['task'] for row in rows if row['protocol'].startswith(name)} for name in ('my shop', 'simulated shop (synthetic)')}
    assert logs['my shop'] == {'ranking', 'intent: buys within 7 days', 'preference: categories of the next basket'}
    assert all(task.startswith('synthetic shop: ') for task in logs['simulated shop (synthetic)']) and len(logs['simulated shop (synthetic)']) == 3
    assert sum(map(len, logs.values())) == len({row['task'] for row in rows})
    assert all(0 <= row['value'] and row['low'] <= row['high'] for row in rows)
    stages = read_json(folder/'results'/'example-run.json')['stages']
    assert {stage['stage'][:5] for stage in stages} == {'act 1', 'act 2'} and len({stage['stage'] for stage in stages}) == len(stages)
