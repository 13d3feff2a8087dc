"The benchmark's own parts, without its peers: the committed rows and their page, a pairing with a small peer, and failures that change nothing"
import json, re, sys
import pytest
from common import ROOT

sys.path.insert(0, str(ROOT/'scripts'))
import bench

PEER = '''import json, sys
for line in sys.stdin:
    request = json.loads(line)
    if request['do'] == 'die': sys.exit('out of luck')
    print(json.dumps({'error': 'ValueError: no such file'} if request['do'] == 'fail' else {'seconds': 2.0, 'asked': request}), flush=True)
'''


@pytest.fixture
def peer(tmp_path):
    (tmp_path/'peer.py').write_text(PEER)
    with bench.Peer([sys.executable, tmp_path/'peer.py']) as ask: yield ask


def paired(peer, name='encode/fp32', better='higher'):
    "A measurement that takes no time: ours is 3, the peer 2."
    def measure(names):
        samples = bench.pair(lambda: 3.0, lambda: peer('encode')['seconds'], 4)
        yield bench.row(name, 'texts/s', better, 'a small peer', {'small': '1.0'}, 0.0, **bench.summary(samples))
    return measure


def rows(): return json.loads(bench.RESULTS.read_text(encoding='utf-8'))


def test_rows_have_every_field():
    assert {r['name'] for r in rows()} <= set(bench.MEASURES)
    for r in rows():
        assert set(bench.FIELDS) <= set(r), r['name']
        assert r['better'] in ('higher', 'lower') and r['runs'] >= 1 and re.fullmatch(r'\d{4}-\d\d-\d\d', r['date'])
        assert min(r['ours'], r['peer'], r['ratio']) > 0 and set(r['spread']) == {'ours', 'peer'}
        assert r['ratio'] == pytest.approx(r['ours'] / r['peer'] if r['better'] == 'higher' else r['peer'] / r['ours'], rel=1e-3)
        assert r['versions']['ours'] and r['versions']['peer'] and r['machine']['cpu_count'] >= 1
        assert len(r.get('samples', {}).get('ours', [0])) == r['runs'], r['name']


def test_page_is_made_from_the_rows(): assert bench.RESULTS.with_suffix('.md').read_text(encoding='utf-8') == bench.page(rows())


def test_every_measurement_is_explained(): assert set(bench.SAID) == set(bench.MEASURES)


def test_results_name_no_place():
    for name in ('bench.json', 'bench.md'): assert not re.search(r'://|/(?:tmp|root|home|work|opt)/', (bench.RESULTS.parent/name).read_text())


@pytest.mark.parametrize('lock', bench.LOCKS)
def test_peers_are_pinned_and_hashed_and_name_no_host(lock):
    text = (bench.REQUIREMENTS/f'{lock}.txt').read_text()
    blocks = re.split(r'^(?=[a-z0-9])', text.replace('\\\n', ''), flags=re.M)[1:]
    assert blocks and all(re.match(r'\S+==[^\s*]+ .*--hash=sha256:[0-9a-f]{64}', block) for block in blocks)
    assert not re.search(r'://|--index|--extra|--find|--trusted|file:|/(?:tmp|root|home)/', text)
    assert any(bench.CUDA.match(block) for block in blocks) == (lock == 'peers-cuda')


def test_pairs_take_turns():
    order = []
    samples = bench.pair(lambda: order.append('ours') or 1.0, lambda: order.append('peer') or 2.0, 3)
    assert order == ['ours', 'peer', 'peer', 'ours', 'ours', 'peer'] and (samples['ours'], samples['peer'], len(samples['others'])) == ([1.0] * 3, [2.0] * 3, 3)
    assert bench.summary({'ours': [4.0, 1.0, 2.0], 'peer': [2.0] * 3})['spread'] == {'ours': 1.5, 'peer': 0.0}


def test_the_quietest_rounds_count(monkeypatch):
    taken = iter([.5, .0, .05, .9, .02, .1])
    monkeypatch.setattr(bench, 'one_round', lambda sides, peers: {'ours': 1, 'peer': 2, 'others': next(taken)})
    assert bench.pair(None, None, 3, patience=60)['others'] == [.0, .05, .02]
    taken = iter([.5, .0, .9])
    assert bench.pair(None, None, 2)['others'] == [.5, .0]


def test_disturbed_rows_are_marked():
    calm, noisy = ({**rows()[0], 'samples': {'ours': [1], 'peer': [1], 'others': [share]}} for share in (.0, .5))
    assert ' †' not in bench.page([calm]) and f'{noisy["name"]} †' in bench.page([noisy]) and '50% of the cores' in bench.page([noisy])


def test_a_run_replaces_its_row_only(tmp_path, peer):
    path, old = tmp_path/'bench.json', rows()[0] | {'name': 'a row of somebody else'}
    path.write_text(json.dumps([old]))
    for better, ratio in (('higher', 1.5), ('lower', 0.66667)):
        bench.update(['encode/fp32'], {'encode/fp32': paired(peer, better=better)}, path)
        found = {r['name']: r for r in json.loads(path.read_text())}
        assert len(found) == 2 and found['a row of somebody else'] == old
        assert (found['encode/fp32']['ours'], found['encode/fp32']['peer'], found['encode/fp32']['ratio'], found['encode/fp32']['runs']) == (3, 2, ratio, 4)
    assert 'a small peer' in path.with_suffix('.md').read_text() and sorted(p.name for p in tmp_path.iterdir()) == ['bench.json', 'bench.md', 'peer.py']


@pytest.mark.parametrize('do, said', [('fail', "failed in 'fail': ValueError: no such file"), ('die', "ended during 'die' with status 1:\nout of luck")])
def test_a_failing_peer_leaves_the_file_whole(tmp_path, peer, do, said):
    path = tmp_path/'bench.json'
    path.write_text(before := json.dumps(rows()))

    def measure(names):
        yield from paired(peer)(names)
        peer(do)

    with pytest.raises(bench.PeerError, match=re.escape(said)): bench.update(['encode/fp32'], {'encode/fp32': measure}, path)
    assert path.read_text() == before and not path.with_suffix('.md').exists()


def test_a_peer_that_is_not_there_says_so(tmp_path):
    with pytest.raises(bench.PeerError, match='does not start'): bench.Peer([tmp_path/'nothing'])


def test_names():
    assert bench.wanted(['rank']) == ['rank/all', 'rank/new', 'rank/cold-pop', 'rank/cold-text', 'rank/matmul', 'rank/p99'] and bench.wanted(['import']) == ['import'] and bench.wanted([]) == list(bench.MEASURES)
    with pytest.raises(SystemExit, match="'rnak' is no measurement"): bench.wanted(['rnak'])


def test_ranked_lists_become_scores():
    import numpy as np, pandas as pd, scipy.sparse as sp
    from types import SimpleNamespace
    task = SimpleNamespace(relevant=sp.csr_matrix((2, 3)), histories=SimpleNamespace(user_ids=np.array(['a', 'b']), item_ids=np.array(['x', 'y', 'z'])))
    lists = pd.DataFrame(dict(user_id=['b', 'b'], item_id=['z', 'x'], rank=[1, 2]))
    assert bench.ranked_scores(lists, task).tolist() == [[-np.inf] * 3, [-2, -np.inf, -1]]
    with pytest.raises(bench.PeerError, match='not in its training'): bench.ranked_scores(lists.assign(user_id='c'), task)


@pytest.fixture(scope='module')
def prepare(tmp_path_factory):
    "What scripts/prep.py says of a side and one of two small synthetic shops: facts, CPU seconds and peak included."
    import itertools, subprocess
    from seqrep_nb.simulator import write_shop
    folder, number = tmp_path_factory.mktemp('prep'), itertools.count()
    for rows in (100_000, 1_000_000): write_shop(folder/f'shop-{rows}', rows)

    def prepare(side, rows):
        done = subprocess.run([sys.executable, ROOT/'scripts'/'prep.py', side, folder/f'shop-{rows}', folder/f'out-{next(number)}', '2025-03-01'], check=True, capture_output=True, text=True)
        return json.loads(done.stdout)
    return prepare


@pytest.fixture(scope='module')
def prepared(prepare):
    "(side, rows) -> what was said of it."
    return {job: prepare(*job) for job in (('ours', 100_000), ('ours', 1_000_000), ('pandas', 1_000_000))}


def test_both_sides_of_the_preparation_say_the_same(prepared):
    ours, theirs = prepared['ours', 1_000_000], prepared['pandas', 1_000_000]
    bench.same_facts(ours, theirs)
    assert abs(ours['rows'] - 1_000_000) < 100 and ours['rejected']['exact_duplicate'] > 0


def test_preparation_costs_less_than_pandas_and_no_more_per_row_where_there_are_more(prepare, prepared):
    """The rows prep/* in small, since the factors of results/bench.json need more rows: CPU seconds.

    What else the machine does can only add to them, so where a bound is missed both sides are measured again, and the lowest of each counts."""
    few, many, theirs = prepared.values()
    assert many['peak'] < 1.5e9 and many['peak'] - few['peak'] < .6e9
    lowest = {job: facts['cpu'] for job, facts in prepared.items()}
    def missed():
        few_cpu, many_cpu, their_cpu = lowest.values()
        return many_cpu >= their_cpu / 1.5 or many_cpu / many['rows'] >= 1.2 * few_cpu / few['rows']
    for _ in range(4):
        if missed(): lowest = {job: min(cpu, prepare(*job)['cpu']) for job, cpu in lowest.items()}
    assert not missed(), f'CPU seconds: {lowest}'
