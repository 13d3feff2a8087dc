"The command line on random small logs, its entry point, and what a run may not depend on; SEQREP_EXAMPLES=2000 for the long run"
import contextlib, io, os, subprocess, sys, tempfile
from pathlib import Path
import numpy as np, pandas as pd, pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from common import few_trees, without_transformer
from seqrep_nb.command import main
from seqrep_nb.core import InputError
from seqrep_nb.core import read_json
from seqrep_nb.model import BehaviourPipeline, load_model

SPANS = (1, 3600, 86_400, 7 * 86_400, 40 * 86_400, 3 * 365 * 86_400)  # seconds
IDS = st.sampled_from(['a', 'B', 'ü', '7', '007', 'ключ', '🙂', 'x y', '"q"', 'c,d', '=1+1', 'nan.'])


def run(*argv):
    "Exit code and what was printed; an exception other than argparse's own would come through."
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try: code = main([str(a) for a in argv])
        except SystemExit as stop: code = stop.code
    assert code in (0, 1, 2) and (code != 2 or err.getvalue().strip()), (code, err.getvalue())
    return code, out.getvalue() + err.getvalue()


@st.composite
def logs(draw):
    "A small log of any shape: events, and items or None."
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    users, items, rows = draw(st.integers(1, 90)), draw(st.integers(1, 25)), draw(st.integers(1, 400))
    ids = draw(st.lists(IDS, min_size=1, max_size=5, unique=True))
    name = lambda codes: [f'{ids[c % len(ids)]}{c}' for c in codes]
    start = pd.Timestamp(draw(st.sampled_from(['1995-03-01', '2024-02-29', '2033-10-30'])), tz='UTC')
    table = pd.DataFrame(dict(user_id=name(rng.integers(0, users, rows)), item_id=name(rng.zipf(1.5, rows) % items),
                              timestamp=(start + pd.to_timedelta(rng.integers(0, draw(st.sampled_from(SPANS)) + 1, rows), unit='s')).astype(str)))
    if draw(st.booleans()): table['action'] = rng.choice(draw(st.sampled_from([['buy'], ['view', 'cart', 'buy'], ['view'], ['search', 'view', 'remove'], ['purchase', 'look']])), rows)
    if draw(st.booleans()): table['basket_id'] = rng.integers(0, rows, rows)
    elif draw(st.booleans()): table['session_id'] = [None if r < .3 else f's{c}' for r, c in zip(rng.random(rows), rng.integers(0, 50, rows))]
    if draw(st.booleans()): table['price'] = rng.normal(5, 4, rows).round(2)
    if draw(st.booleans()): table['quantity'] = rng.integers(-1, 4, rows)
    if draw(st.booleans()): table['place'] = rng.choice(['p', 'q', None], rows)
    known = sorted(set(table.item_id))[::draw(st.integers(1, 3))]
    catalogue = pd.DataFrame(dict(item_id=known, **draw(st.sampled_from([{}, dict(title=[f'thing {k}' for k in known]), dict(text='tea', category=[k[-1] for k in known])]))))
    return table, draw(st.sampled_from([None, catalogue]))


def check_lists(recs, log, k, exclude):
    assert list(recs.columns) == ['user_id', 'item_id', 'rank', 'score']
    assert not recs.duplicated(['user_id', 'item_id']).any() and recs.score.notna().all()
    assert all(ranks.tolist() == list(range(1, len(ranks) + 1)) and len(ranks) <= k for _, ranks in recs.groupby('user_id', sort=False)['rank'])
    assert set(recs.item_id) <= set(log.item_id)
    if exclude: assert not len(recs.merge(log[['user_id', 'item_id']].drop_duplicates()))


@hypothesis_settings(max_examples=int(os.environ.get('SEQREP_EXAMPLES', 25)), deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(logs(), st.integers(1, 12), st.booleans(), st.integers(0, 3))
def test_random_logs(log, k, exclude, seed):
    "fit, recommend, evaluate: an answer or a clear refusal, and lists that are lists."
    events, items = log
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        events.to_csv(folder/'events.csv', index=False)
        files = [folder/'events.csv']
        if items is not None: items.to_csv(folder/'items.csv', index=False); files.append(folder/'items.csv')
        code, text = run('fit', *files, '--out', folder/'model', '--steps', 2, '--seed', seed)
        if code: assert code == 2 and 'seqrep: error: ' in text; return
        pd.DataFrame(dict(user_id=[*sorted(set(events.user_id))[:40], 'a stranger'])).to_csv(folder/'users.csv', index=False)
        code, text = run('recommend', folder/'model', '--users', folder/'users.csv', '--k', k, '--out', folder/'recs.parquet', *['--exclude-seen'] * exclude)
        assert code == 0, text
        check_lists(pd.read_parquet(folder/'recs.parquet'), events, k, exclude)
        code, text = run('recommend', folder/'model', '--events', folder/'events.csv', '--k', k, '--out', folder/'again.csv')
        assert code == 0, text
        code, text = run('evaluate', *files, '--steps', 2)
        assert code in (0, 2) and (code == 0 or 'seqrep: error: ' in text), text
        assert sorted(p.name for p in folder.iterdir() if p.name.startswith('.')) == []


@pytest.fixture
def quick(monkeypatch):
    without_transformer(monkeypatch)
    few_trees(monkeypatch)


@pytest.fixture(scope='module')
def shop(tmp_path_factory):
    "A log on which a network is trained: 120 users come back to what they like over ten weeks."
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp('shop')
    n = 6000
    users = rng.integers(0, 120, n)
    items = np.where(rng.random(n) < .6, users % 30 + rng.integers(0, 3, n), rng.integers(0, 60, n))
    days = rng.integers(0, 70, n)
    events = pd.DataFrame(dict(user_id=[f'u{u}' for u in users], item_id=[f'i{i}' for i in items], action='buy', timestamp=pd.Timestamp('2024-01-01', tz='UTC') + pd.to_timedelta(days * 24 + users % 24, unit='h')))
    catalogue = pd.DataFrame(dict(item_id=[f'i{i}' for i in range(60)], text=[f'{c} {t}' for c in ('red', 'green', 'blue', 'old', 'new', 'big') for t in ('tea', 'rice', 'soap', 'milk', 'bread', 'salt', 'oil', 'fish', 'jam', 'nuts')]))
    events.to_csv(folder/'events.csv', index=False); catalogue.to_csv(folder/'items.csv', index=False)
    return folder, events, catalogue


def lists(folder, events, name, *options):
    with pytest.MonkeyPatch.context() as patched:
        few_trees(patched)
        assert run('fit', events, folder/'items.csv', '--out', folder/name, '--steps', 5, '--store', folder/'vectors', *options)[0] == 0
    assert run('recommend', folder/name, '--k', 8, '--out', folder/f'{name}.csv')[0] == 0
    return (folder/f'{name}.csv').read_bytes()


@pytest.fixture(scope='module')
def first(shop): return lists(shop[0], shop[0]/'events.csv', 'first')      # and the model in the folder of this name, with a transformer


def test_order_format_process_and_place_do_not_matter(shop, first):
    import shutil
    folder, events, _ = shop
    shuffled = events.sample(frac=1, random_state=1)
    shuffled.assign(timestamp=shuffled.timestamp.astype('int64') // 10**6).to_parquet(folder/'shuffled.parquet')       # seconds since 1970
    assert lists(folder, folder/'shuffled.parquet', 'second') == first
    for part in ('early.safetensors', 'histories.safetensors'): assert (folder/'first'/part).read_bytes() == (folder/'second'/part).read_bytes(), part
    shutil.move(folder/'first', folder/'other place')
    command = [sys.executable, '-c', 'import sys; from seqrep_nb.command import main; sys.exit(main())', 'recommend', str(folder/'other place'), '--k', '8', '--out', str(folder/'other.csv')]
    try: subprocess.run(command, check=True, capture_output=True)
    finally: shutil.move(folder/'other place', folder/'first')
    assert (folder/'other.csv').read_bytes() == first


def test_a_planted_habit_is_found(shop):
    folder, *_ = shop
    code, text = run('evaluate', folder/'events.csv', folder/'items.csv', '--steps', 5, '--json', '--out', folder/'report.json')
    assert code == 0, text
    import json
    value = {(r['model'], r['view']): r['value'] for r in json.loads((folder/'report.json').read_text())['rows'] if r['metric'] == 'NDCG@10'}
    assert value['personal frequency', 'all'] > 1.5 * value['popularity', 'all'] and value['seqrep', 'all'] >= .95 * value['personal frequency', 'all']


def test_the_entry_point_is_quick_and_says_what_it_does():
    run_ = subprocess.run([str(Path(sys.executable).with_name('seqrep')), '--help'], text=True, capture_output=True, check=True)
    assert all(name in run_.stdout for name in ('fit', 'recommend', 'classify', 'encode', 'evaluate', 'audit', 'example'))
    loaded = subprocess.run([sys.executable, '-c', 'import sys, seqrep_nb.command; print("tensorflow" in sys.modules, "pandas" in sys.modules)'], text=True, capture_output=True, check=True)
    assert loaded.stdout.split() == ['False', 'False']


@pytest.mark.parametrize('ids', ['basket_id', 'session_id', None])
def test_a_basket_begun_before_the_fit_is_no_target(tmp_path, ids):
    from seqrep_nb.command import later_task, read_log
    from seqrep_nb.model import find_baskets, load_model
    rng, n = np.random.default_rng(0), 400
    rows = pd.DataFrame(dict(user_id=[f'u{u}' for u in rng.integers(0, 30, n)], item_id=[f'i{i}' for i in rng.integers(0, 20, n)], action='buy', timestamp=pd.Timestamp('2024-01-01', tz='UTC') + pd.to_timedelta(np.sort(rng.integers(0, 86_400 * 50, n)), unit='s')))
    rows.loc[n] = ['torn', 'i1', 'buy', pd.Timestamp('2024-02-20T12:00Z')]
    late = pd.DataFrame(dict(user_id=['torn', 'torn', 'u1'], item_id=['i2', 'i3', 'i4'], action='buy', timestamp=pd.to_datetime(['2024-02-20T12:10Z', '2024-02-25T12:00Z', '2024-02-21T09:00Z'])))
    if ids: rows[ids] = [f'b{i}' for i in range(len(rows))]; late[ids] = [f'b{n}', 'b900', 'b901']        # the first goes on where the fit ended
    rows.to_csv(tmp_path/'rows.csv', index=False); late.to_csv(tmp_path/'late.csv', index=False)
    assert run('fit', tmp_path/'rows.csv', '--out', tmp_path/'model', '--steps', 2)[0] == 0
    task = later_task(load_model(tmp_path/'model'), find_baskets(read_log(tmp_path/'late.csv')[0])[0])
    targets = {user: sorted(task.relevant.getrow(r).indices) for r, user in enumerate(task.histories.user_ids)}
    names = {user: [task.histories.item_ids[i] for i in row] for user, row in targets.items()}
    assert names == {'torn': ['i3'], 'u1': ['i4']}
    assert '--cut: was given with a model' in run('evaluate', tmp_path/'model', '--events', tmp_path/'late.csv', '--cut', '2024-02-22')[1]


def test_what_was_met_and_what_was_bought_are_two_views(tmp_path, monkeypatch):
    "Users look at what they then buy: among the items never bought those looked at lead, and they may not be recommended with --exclude-seen."
    from seqrep_nb.model import load_model
    few_trees(monkeypatch)
    rng, parts = np.random.default_rng(0), []
    for user in range(60):
        for day in range(28):
            if rng.random() < .3: continue
            item = rng.integers(0, 40)
            parts += [(f'u{user}', f'i{item}', 'view', day * 24), (f'u{user}', f'i{item}', 'buy', day * 24 + 30)]
    table = pd.DataFrame(parts, columns=['user_id', 'item_id', 'action', 'hour']).assign(timestamp=lambda t: pd.Timestamp('2024-01-01', tz='UTC') + pd.to_timedelta(t.hour, unit='h')).drop(columns='hour')
    table.to_csv(tmp_path/'events.csv', index=False)
    assert run('fit', tmp_path/'events.csv', '--out', tmp_path/'model', '--steps', 2)[0] == 0
    model = load_model(tmp_path/'model')
    assert set(model.weights_) == {'all', 'new', 'unseen'}
    for option, exclude in (('--exclude-seen', None), ('--exclude-bought', 'buy')):
        assert run('recommend', tmp_path/'model', option, '--out', tmp_path/'recs.parquet')[0] == 0
        hidden = table if exclude is None else table[table.action == exclude]
        check_lists(pd.read_parquet(tmp_path/'recs.parquet'), hidden.merge(table[['item_id']].drop_duplicates(), how='outer'), 10, True)
    without_transformer(monkeypatch)                                            # the fit above has one
    code, text = run('evaluate', tmp_path/'events.csv', '--steps', 2)
    assert code == 0 and 'unseen NDCG@10' in text


def test_a_column_that_no_file_has_is_refused(shop):
    folder, *_ = shop
    code, text = run('fit', folder/'events.csv', folder/'items.csv', '--out', folder/'none', '--columns', 'vistor=user_id')
    assert code == 2 and "--columns: column 'vistor' is in no file" in text and not (folder/'none').exists()


def test_a_public_set_in_its_own_layout(tmp_path, quick):
    "fit, recommend and evaluate read the folder of a set; its own words, columns and unit of time are known."
    from seqrep_nb.command import FORMATS
    from seqrep_nb.loaders import LOADERS
    assert FORMATS == ('canonical', *LOADERS)
    rng, n = np.random.default_rng(0), 3000
    times = pd.Timestamp('2019-10-01') + pd.to_timedelta(np.sort(rng.integers(0, 31 * 86_400, n)), unit='s')
    pd.DataFrame(dict(event_time=times.strftime('%Y-%m-%d %H:%M:%S UTC'), event_type=rng.choice(['view', 'cart', 'purchase'], n), product_id=rng.zipf(1.5, n) % 40 + 1000, category_id=1, category_code='electronics.phone',
                      brand=[None] * n, price=9.5, user_id=rng.integers(0, 150, n), user_session=[f's{i}' for i in rng.integers(0, 900, n)])).to_csv(tmp_path/'2019-Oct.csv', index=False)
    code, text = run('fit', tmp_path, '--format', 'rees46', '--out', tmp_path/'model', '--steps', 2)
    assert code == 0 and '3,000 events, 150 users' in text, text
    assert run('recommend', tmp_path/'model', '--exclude-seen', '--out', tmp_path/'recs.csv')[0] == 0
    code, text = run('evaluate', tmp_path, '--format', 'rees46', '--share', '0.9', '--steps', 2)
    assert code == 0 and 'unseen NDCG@10' in text, text
    for options, says in (((tmp_path, '--format', 'otto'), 'holds no file'), ((tmp_path, '--format', 'rees46', '--columns', 'a=user_id'), '--columns'), ((tmp_path/'2019-Oct.csv', '--share', '.5'), '--share'), ((tmp_path/'none', '--format', 'rees46'), 'does not exist')):
        code, text = run('fit', *options, '--out', tmp_path/'other')
        assert code == 2 and says in text and not (tmp_path/'other').exists(), text


def test_two_equal_rows_of_hm_are_two_pieces(tmp_path, quick):
    rng, n = np.random.default_rng(0), 1500
    table = pd.DataFrame(dict(t_dat=(pd.Timestamp('2020-01-01') + pd.to_timedelta(rng.integers(0, 60, n), unit='D')).strftime('%Y-%m-%d'), customer_id=[f'{i:064x}' for i in rng.integers(0, 90, n)], article_id=[f'0{i}' for i in rng.integers(108775015, 108775045, n)], price=.05, sales_channel_id=2))
    pd.concat([table, table.head(100)]).to_csv(tmp_path/'transactions_train.csv', index=False)
    pd.DataFrame(dict(article_id=table.article_id.unique(), prod_name='Strap top', product_type_name='Vest top', product_group_name='Garment Upper body', colour_group_name='Black', detail_desc='Jersey top with narrow straps')).to_csv(tmp_path/'articles.csv', index=False)
    code, text = run('fit', tmp_path, '--format', 'hm', '--out', tmp_path/'model', '--steps', 2, '--json')
    assert code == 0, text
    import json
    report = json.loads(text[text.index('{'):text.rindex('}') + 1])
    assert report['events'] == n + 100 and not report['rows_cleaned_away']


def test_words_and_columns_that_mean_nothing_are_said(tmp_path, shop, quick):
    folder, events, _ = shop
    table = events.assign(action=np.where(np.arange(len(events)) % 2, 'product_view', 'ordered'), colour='red').rename(columns=dict(user_id='visitor'))
    table.to_csv(tmp_path/'log.csv', index=False)
    code, text = run('fit', tmp_path/'log.csv', '--out', tmp_path/'model', '--columns', 'visitor=usr_id')
    assert code == 2 and "makes 'visitor' 'usr_id', which is no column of ours" in text
    code, text = run('fit', tmp_path/'log.csv', '--out', tmp_path/'model', '--columns', 'visitor=user_id', '--steps', 2)
    assert code == 0 and 'columns that are not used: colour' in text and "'product_view' (" in text and 'no row is a purchase' in text, text
    code, text = run('recommend', tmp_path/'model', '--exclude-bought', '--reasons', '--out', tmp_path/'recs.csv')
    assert code == 0 and 'everything met is left out' in text and '"met" stands for any of: ordered, product_view' in text, text
    assert pd.read_csv(tmp_path/'recs.csv').reason.str.contains(r'\bmet\b').any()


def test_a_split_by_users_is_audited_as_one(tmp_path, shop):
    folder, events, _ = shop
    side = events.user_id.isin(sorted(events.user_id.unique())[::4])
    events[side].to_csv(tmp_path/'test.csv', index=False); events[~side].to_csv(tmp_path/'train.csv', index=False)
    assert run('audit', tmp_path/'train.csv', tmp_path/'test.csv', '--kind', 'user')[0] == 0 and run('audit', tmp_path/'train.csv', tmp_path/'test.csv')[0] == 1
    assert run('audit', tmp_path/'train.csv', folder/'events.csv', '--kind', 'user')[0] == 1


def test_a_row_set_aside_was_met_all_the_same(tmp_path, shop, quick):
    "An item bought in a row with a bad price is not offered with --exclude-seen; a quoted name of a column can be given; the files of a public set are never written over."
    folder, events, _ = shop
    table = events.assign(price='3.5', item_id=events.item_id.where(events.user_id != 'u7', 'i0'))
    extra = pd.DataFrame(dict(user_id='u7', item_id=[f'i{i}' for i in range(1, 60, 2)], action='buy', timestamp=events.timestamp.max(), price='n/a?'))
    table = pd.concat([table, extra], ignore_index=True).rename(columns=dict(user_id='a,b'))
    table.to_csv(tmp_path/'log.csv', index=False)
    code, text = run('fit', tmp_path/'log.csv', '--out', tmp_path/'model', '--columns', 'a,b=user_id', '--steps', 2)
    assert code == 0 and '30 rows set aside' in text, text
    assert run('recommend', tmp_path/'model', '--exclude-seen', '--k', 60, '--out', tmp_path/'recs.csv')[0] == 0
    recs = pd.read_csv(tmp_path/'recs.csv')
    assert not set(recs.item_id[recs.user_id == 'u7']) & ({'i0'} | set(extra.item_id)) and len(recs[recs.user_id == 'u7']) > 10
    (tmp_path/'set').mkdir()
    (tmp_path/'set'/'UserBehavior.csv').write_text('1,2,3,pv,1511544070\n')
    code, text = run('evaluate', tmp_path/'set', '--format', 'taobao', '--out', tmp_path/'set'/'UserBehavior.csv')
    assert code == 2 and 'is a file that is read' in text


def shop_files(folder, texts):
    "A small log and its items, as files."
    rng = np.random.default_rng(0)
    pd.DataFrame(dict(user_id=rng.integers(0, 40, 600), item_id=rng.integers(0, len(texts), 600), timestamp=(pd.Timestamp('2024-01-01', tz='UTC') + pd.to_timedelta(rng.integers(0, 60, 600), unit='D')).astype(str))).to_csv(folder/'events.csv', index=False)
    pd.DataFrame(dict(item_id=range(len(texts)), text=texts)).to_csv(folder/'items.csv', index=False)
    return folder/'events.csv', folder/'items.csv'


def test_each_item_says_why(shop, first):
    "Of those with a history, of a stranger, for what came later and for a query; the lists are the same as without."
    folder, events, _ = shop
    later = pd.DataFrame(dict(user_id=['u1', 'u1', 'newcomer'], item_id=['i7', 'i8', 'i9'], timestamp=['2024-03-20 10:00', '2024-03-21 10:00', '2024-03-21 10:00']))
    later.to_csv(folder/'later.csv', index=False)
    pd.DataFrame(dict(user_id=['u1', 'stranger', 'u2'])).to_csv(folder/'who.csv', index=False)
    for options in (('--users', folder/'who.csv'), ('--users', folder/'who.csv', '--exclude-seen'), ('--events', folder/'later.csv'), ('--users', folder/'who.csv', '--query', 'green tea'), ('--k', 60)):
        for more, name in (((), 'plain.parquet'), (('--reasons',), 'why.parquet')): assert run('recommend', folder/'first', *options, *more, '--out', folder/name)[0] == 0
        plain, why = pd.read_parquet(folder/'plain.parquet'), pd.read_parquet(folder/'why.parquet')
        assert why[list(plain)].equals(plain) and why.reason.str.len().min() > 5
        if '--query' in options: assert why.reason.str.contains('“green tea”').all()
        elif '--users' in options: assert why.reason[why.user_id == 'stranger'].str.startswith('popular').all() and ('--exclude-seen' in options or not why.reason[why.user_id == 'u1'].str.startswith('popular').all())
    again = why[why.reason.str.match(r'bought \d+ times')]                      # counted again, from the log
    counted = events.drop_duplicates().groupby(['user_id', 'item_id']).timestamp.nunique()
    assert len(again) > 50 and all(f'bought {counted[r.user_id, r.item_id]} times' in r.reason for r in again.itertuples())


def test_text_vectors_are_kept_for_the_next_fit(tmp_path, monkeypatch):
    from seqrep_nb.encode import TextEncoder
    files, settings = shop_files(tmp_path, [f'tea of kind {i}' for i in range(12)]), ('--steps', 1, '--store', tmp_path/'vectors')
    assert run('fit', *files, '--out', tmp_path/'one', *settings)[0] == 0
    computed = []
    encode = TextEncoder._encode
    monkeypatch.setattr(TextEncoder, '_encode', lambda self, texts, *rest: computed.extend(texts) or encode(self, texts, *rest))
    assert run('fit', *files, '--out', tmp_path/'two', *settings)[0] == 0 and computed == []
    sums = [[line for line in (tmp_path/name/'SHA256SUMS').read_text().splitlines() if 'report.' not in line] for name in ('one', 'two')]
    assert sums[0] == sums[1]
    shop_files(tmp_path, [f'tea of kind {i}' for i in range(11)] + ['coffee'])
    assert run('fit', *files, '--out', tmp_path/'three', *settings)[0] == 0 and computed == ['coffee']


def test_texts_that_the_checkpoint_cannot_read_are_left_out_and_said(tmp_path):
    code, said = run('fit', *shop_files(tmp_path, [f'用户浏览商品{i}' for i in range(12)]), '--out', tmp_path/'model', '--steps', 1)
    assert code == 0 and 'texts are not used' in said and 'use a checkpoint whose vocabulary covers' in said
    assert run('recommend', tmp_path/'model', '--out', tmp_path/'recs.csv')[0] == 0


@pytest.mark.parametrize('store', ['model', 'model/vectors', '.'])
def test_a_store_that_a_fit_would_replace_is_refused(store, tmp_path):
    code, said = run('fit', *shop_files(tmp_path, ['tea', 'milk']), '--out', tmp_path/'model', '--store', tmp_path/store)
    assert code == 2 and 'lie in one another' in said and not (tmp_path/'model').exists()


# Searching

@pytest.fixture(scope='module')
def searched(tmp_path_factory):
    "A fitted model of a synthetic shop whose log has searches, and what fit said."
    from seqrep_nb.simulator import simulate_shop
    folder = tmp_path_factory.mktemp('searched')
    shop = simulate_shop(n_users=120, n_items=120, days=60, seed=5, categories=4, visits_per_week=3, typos=.1)
    shop.log.events.to_parquet(folder/'events.parquet', index=False); shop.log.items.to_parquet(folder/'items.parquet', index=False)
    with pytest.MonkeyPatch.context() as patched:
        without_transformer(patched)
        few_trees(patched)
        code, text = run('fit', folder/'events.parquet', folder/'items.parquet', '--out', folder/'model')
    assert code == 0, text
    return folder, shop, text


def ask(folder, *options, users=None):
    "Lists from the model, for a few users."
    if users is not None: pd.DataFrame(dict(user_id=users)).to_csv(folder/'asked.csv', index=False)
    code, text = run('recommend', folder/'model', *(['--users', folder/'asked.csv'] if users is not None else []), '--out', folder/'recs.parquet', *options)
    assert code == 0, text
    return pd.read_parquet(folder/'recs.parquet'), text


def test_clicked_searches_teach_and_the_report_says_what_it_was_worth(searched):
    folder, shop, text = searched
    about = read_json(folder/'model'/'report.json')['search']
    assert about['taught'] and about['NDCG@10']['taught'] > about['NDCG@10']['untaught'] > about['NDCG@10']['encoder'] and about['NDCG@10']['taught'] > about['NDCG@10']['BM25']
    assert f'search, taught ({about["searches"]:,} searches with a click): ' in text and f'{about["judged"]:,} searches in the newest window: taught ' in text
    assert {'search.json', 'search.safetensors', 'search-clicks.parquet'} <= {p.name for p in (folder/'model').iterdir()} and not list((folder/'model').glob('*.pkl'))


def test_the_same_query_has_another_list_for_another_user(searched):
    folder, shop, _ = searched
    busy = shop.log.events.user_id.value_counts().index[:12].tolist()
    found, text = ask(folder, '--query', 'garden hose', '--k', 5, users=[*busy, 'a stranger', 'another'])
    lists = found.groupby('user_id').item_id.apply(tuple)
    texts = shop.log.items.set_index('item_id').text
    assert lists[busy].nunique() > 6 and lists['a stranger'] == lists['another'] and texts[found.item_id].str.contains('garden hose').mean() > .9
    assert 'users without a history get the list of the query alone' in text
    own = shop.log.items.set_index('item_id').brand
    liked = shop.log.events.dropna(subset='item_id').assign(brand=lambda e: own[e.item_id].to_numpy()).query("action == 'buy'").groupby('user_id').brand.value_counts(normalize=True).unstack(fill_value=0)
    share = lambda names, of: np.mean([liked.loc[u, b] for u, w in zip(names, of) if u in liked.index for b in own[list(lists[w])]])
    assert share(busy, busy) > share(busy, busy[1:] + busy[:1])                                     # a list has more of its own user's brands than of the next one's


@pytest.mark.parametrize('query', ['garden hoes', 'gardn', 'zebra', 'кофе', '冬の帽子', '!!!', 'a' * 3000, 'hose ' * 60, "'; DROP TABLE", 'GARDEN\u00a0HOSE'])
@pytest.mark.parametrize('hide', [None, '--exclude-seen', '--exclude-bought'])
def test_odd_queries_are_answered(query, hide, searched):
    folder, shop, _ = searched
    user = shop.log.events.user_id.value_counts().index[0]
    found, _ = ask(folder, '--query', query, '--k', 4, *[hide] * (hide is not None), users=[user, 'a stranger'])
    log = shop.log.events[shop.log.events.item_id.notna() & ((shop.log.events.action == 'buy') | (hide != '--exclude-bought'))]
    check_lists(found, pd.concat([log, shop.log.events[['user_id', 'item_id']].dropna().assign(user_id='everybody')]), 4, hide)
    assert len(found) == 8
    if query == 'garden hoes': assert shop.log.items.set_index('item_id').text[found.item_id].str.contains('garden|hose').mean() > .5


def test_an_empty_query_is_refused_and_one_without_words_is_none(searched):
    from seqrep_nb.model import load_model
    folder, *_ = searched
    assert '--query: is empty' in run('recommend', folder/'model', '--query', '  ', '--out', folder/'none.csv')[1]
    model = load_model(folder/'model')
    some = model.histories_.take(np.arange(5))
    assert model.recommend(some, 5, query=' ').equals(model.recommend(some, 5))


@pytest.mark.parametrize('part', ['search.json', 'search.safetensors', 'search-clicks.parquet'])
def test_a_forged_part_of_the_search_is_refused(part, searched, tmp_path):
    import shutil
    from seqrep_nb.model import file_sums
    shutil.copytree(searched[0]/'model', tmp_path/'model')
    (tmp_path/'model'/part).write_bytes(b'{"parameters": {"no": 1}, "weights": 1, "report": {}, "notes": []}' if part.endswith('json') else b'PAR1 is not enough')
    (tmp_path/'model'/'SHA256SUMS').write_text(file_sums(tmp_path/'model'))
    code, text = run('recommend', tmp_path/'model', '--query', 'hose', '--out', tmp_path/'recs.csv')
    assert code == 2 and 'search' in text and 'fit again' in text, text


def test_a_folder_of_the_format_before_is_refused(searched, tmp_path):
    import shutil
    from seqrep_nb.core import write_json
    from seqrep_nb.model import FORMAT, file_sums
    shutil.copytree(searched[0]/'model', tmp_path/'model')
    write_json(tmp_path/'model'/'model.json', read_json(tmp_path/'model'/'model.json') | dict(format=FORMAT - 1))
    (tmp_path/'model'/'SHA256SUMS').write_text(file_sums(tmp_path/'model'))
    code, text = run('recommend', tmp_path/'model', '--out', tmp_path/'recs.csv')
    assert code == 2 and f'is of format {FORMAT - 1}, this version reads format {FORMAT}; fit again' in text


# Small and odd logs

def test_users_twice_unknown_users_and_more_than_the_catalogue(searched):
    folder, shop, _ = searched
    known = shop.log.events.user_id.value_counts().index[0]
    n = read_json(folder/'model'/'report.json')['items']
    for query in ([], ['--query', 'hose']):
        found, text = ask(folder, '--k', 10_000, *query, users=[known, 'nobody', known, known])
        assert found.user_id.unique().tolist() == [known, 'nobody'] and (found.groupby('user_id').size() == n).all()
        assert '2 rows without an id of their own are passed over' in text and '1 of 2 users have no history' in text and '2 lists are shorter than 10000' in text


def small(folder, events, items=None):
    "Fit on a table and recommend; the lists, and what both said."
    events.to_csv(folder/'events.csv', index=False)
    files = [folder/'events.csv']
    if items is not None: items.to_csv(folder/'items.csv', index=False); files.append(folder/'items.csv')
    code, said = run('fit', *files, '--out', folder/'model', '--steps', 2)
    assert code == 0, said
    code, text = run('recommend', folder/'model', '--k', 5, '--out', folder/'recs.parquet')
    assert code == 0, text
    return pd.read_parquet(folder/'recs.parquet'), said + text


def rows(n=60, users=8, items=6):
    rng = np.random.default_rng(0)
    return pd.DataFrame(dict(user_id=[f'u{u}' for u in rng.integers(0, users, n)], item_id=[f'i{i}' for i in rng.integers(0, items, n)], action='buy', timestamp=pd.Timestamp('2024-01-01', tz='UTC') + pd.to_timedelta(np.arange(n) * 7, unit='h')))


@pytest.mark.parametrize('users, items', [(1, 6), (8, 1), (1, 1)])
def test_one_user_or_one_item(users, items, tmp_path):
    log = rows(users=users, items=items)
    found, _ = small(tmp_path, log)
    check_lists(found, log, 5, False)
    assert found.groupby('user_id').size().tolist() == [min(items, 5)] * users
    code, text = run('recommend', tmp_path/'model', '--query', 'tea', '--out', tmp_path/'none.csv')
    assert code == 2 and 'needs item texts' in text and 'fit again with an items table' in text


def test_a_row_alone(tmp_path): assert small(tmp_path, rows(1))[0].values.tolist() == [['u' + str(np.random.default_rng(0).integers(0, 8, 1)[0]), small(tmp_path, rows(1))[0].item_id[0], 1, 1.]]


def test_a_catalogue_mostly_never_met(tmp_path):
    "100,000 items, six of them met: only those are read, encoded and recommended, with a query too."
    log, n = rows(), 100_000
    catalogue = pd.DataFrame(dict(item_id=[f'i{i}' for i in range(n)], text=['tea' if i < 6 else f'coffee {i}' for i in range(n)]))
    found, said = small(tmp_path, log, catalogue)
    assert set(found.item_id) <= set(log.item_id) and '6 items' in said
    assert run('recommend', tmp_path/'model', '--query', 'coffee', '--k', 9, '--out', tmp_path/'query.parquet')[0] == 0
    assert set(pd.read_parquet(tmp_path/'query.parquet').item_id) == set(log.item_id)


def test_vectors_that_are_no_numbers_are_left_out_and_said(tmp_path, monkeypatch):
    from seqrep_nb.encode import TextEncoder
    encode = TextEncoder._encode
    def broken(self, texts, *rest):
        vectors, counts = encode(self, texts, *rest)
        vectors[[t == 'item i1' for t in texts]] = np.nan
        return vectors, counts
    monkeypatch.setattr(TextEncoder, '_encode', broken)
    log = rows()
    found, said = small(tmp_path, log, pd.DataFrame(dict(item_id=[f'i{i}' for i in range(6)], text=[f'item i{i}' for i in range(6)])))
    check_lists(found, log, 5, False)
    assert 'texts: 1 of 6 vectors are not finite numbers and count as none' in said
    assert run('recommend', tmp_path/'model', '--query', 'i1', '--k', 6, '--out', tmp_path/'query.parquet')[0] == 0
    assert set(pd.read_parquet(tmp_path/'query.parquet').item_id) == set(log.item_id)


# A budget

def test_a_tiny_budget_takes_fewer_lessons_or_none_and_says_so(shop, quick, monkeypatch):
    "Every look at the clock costs ten seconds."
    from types import SimpleNamespace
    from seqrep_nb import model as m
    from seqrep_nb.command import read_log
    from seqrep_nb.events import Log
    events, lessons = read_log(shop[0]/'events.csv')[0], []
    pipeline = m.BehaviourPipeline(steps=1).fit(Log('shop', events, None))
    tasks, settled = pipeline._tasks(events), len(pipeline.notes_)
    for budget in (.001, 1.5, 100.):
        clock = iter(range(10**6))
        monkeypatch.setattr(m, 'time', SimpleNamespace(monotonic=lambda: 10. * next(clock)))
        pipeline.budget, pipeline.deadline_, pipeline.notes_ = budget, 60 * budget, pipeline.notes_[:settled]
        pipeline._walk(events, tasks)
        pipeline._learn(events, tasks)
        pipeline.__dict__.pop('_rankers', None)
        pipeline.factors_ = m.make_ranker('iALS', pipeline.settings_['iALS']).fit(pipeline._sample()).item_factors_
        lessons.append(max((r['lessons'] for r in pipeline.learned_report_.values()), default=0))
        assert len(pipeline.recommend(pipeline.histories_, 3)) == 3 * len(pipeline.histories_)
        said = ' '.join(pipeline.notes_[settled:])
        assert ('no learned blend' in said) == (lessons[-1] == 0) and ('lessons of 5' in said) == (0 < lessons[-1] < 5), (budget, said)
    assert lessons[0] == 0 < lessons[1] < lessons[2] == 5, lessons


# A transformer that walks along

def test_the_transformer_of_a_moment_knows_nothing_of_later_ones(tmp_path):
    "What is bought after a moment is exchanged among users: the weights up to that moment stay, bit for bit; the last ones differ, and the trees hear them."
    from seqrep_nb.events import Log
    from seqrep_nb.model import BehaviourPipeline
    r = np.random.default_rng(0)
    table = pd.DataFrame([dict(user_id=f'u{u:02}', item_id=f'i{(u + 2 * j + i) % 30:02}', action='buy', timestamp=pd.Timestamp('2024-01-01', tz='UTC') + pd.Timedelta(days=int(day), minutes=u))
                          for u in range(80) for j, day in enumerate(np.sort(r.choice(60, 14, replace=False))) for i in range(2)]).sort_values('timestamp', kind='stable').reset_index(drop=True)
    table['timestamp'] = table.timestamp.astype('datetime64[us, UTC]')
    def fitted(name, events): return BehaviourPipeline(steps=5, cuts=2).fit(Log('log', events, None), work=tmp_path/name)
    one = fitted('one', table)
    cut = max(one.cuts_)
    late, other = table.timestamp >= cut, table.copy()
    other.loc[late, 'item_id'] = r.permutation(table.item_id[late].to_numpy())
    fitted('other', other)
    weights = {name: (tmp_path/'one'/f'{name}.safetensors').read_bytes() == (tmp_path/'other'/f'{name}.safetensors').read_bytes() for name in ('transformer-0', 'transformer-1', 'transformer-2')}
    assert len(one.cuts_) == 2 and all(weights.values()), weights
    assert one.learned_ and 'behaviour transformer' in one._heard() and any('behaviour transformer' in c for model in one.learned_.values() for c in model.columns_)
    assert (tmp_path/'one'/'transformer.safetensors').read_bytes() != (tmp_path/'other'/'transformer.safetensors').read_bytes()
    assert one.plan_['window'] == 32 and np.isfinite(one.score(one.histories_)).all()


# Items that nobody has met

@pytest.fixture(scope='module')
def stall(tmp_path_factory):
    "A fitted model of a synthetic stall: four categories, a new item of each every week, and users who buy in one of them; what fit said."
    rng, folder, kinds = np.random.default_rng(0), tmp_path_factory.mktemp('stall'), ('tea', 'jam', 'soap', 'rope')
    table = pd.DataFrame([(f'u{u:02}', f'{kinds[u % 4]} {day // 7 if rng.random() < .7 else rng.integers(day // 7 + 1):02}', day) for day in range(0, 100, 2) for u in range(60)], columns=['user_id', 'sku', 'day'])
    table.assign(action='buy', timestamp=pd.Timestamp('2024-01-01', tz='UTC') + pd.to_timedelta(table.pop('day'), 'D')).to_csv(folder/'events.csv', index=False)
    def products(ids): return pd.DataFrame(dict(sku=ids, group=[i.split(' ')[0] for i in ids]))
    products(table.sku.unique()).to_csv(folder/'items.csv', index=False)
    products([f'{kind} {n}' for kind in kinds for n in (97, 98, 99)] + ['tea 03']).to_csv(folder/'new.csv', index=False)
    pd.DataFrame(dict(user_id=['u00', 'u01', 'nobody'])).to_csv(folder/'who.csv', index=False)
    with pytest.MonkeyPatch.context() as patched:
        without_transformer(patched)
        few_trees(patched)
        code, text = run('fit', folder/'events.csv', folder/'items.csv', *NAMES, '--out', folder/'model')
    assert code == 0, text
    return folder, text


NAMES = '--columns', 'sku=item_id', 'group=category'


def test_new_items_are_ranked_and_say_why(stall):
    folder, said = stall
    cold = read_json(folder/'model'/'report.json')['cold']
    assert f'new items: trees {cold["held_trees"]:.4f} on the newest window, the rate of their groups {cold["held_rate"]:.4f}: the ' in said
    code, text = run('recommend', folder/'model', '--new-items', folder/'new.csv', *NAMES, '--users', folder/'who.csv', '--k', 3, '--reasons', '--exclude-seen', '--out', folder/'new.parquet')
    assert code == 0, text
    lists = pd.read_parquet(folder/'new.parquet')
    check_lists(lists.drop(columns='reason'), pd.read_csv(folder/'new.csv').rename(columns=dict(sku='item_id')).assign(user_id='-'), 3, False)
    assert lists.item_id[lists.user_id == 'u00'].tolist() == ['tea 97', 'tea 98', 'tea 99'] and lists.item_id[lists.user_id == 'u01'].tolist() == ['jam 97', 'jam 98', 'jam 99']
    assert lists.reason[lists.user_id == 'u00'].str.match('text “tea”: bought 50 times, last .* of it was new lately').all()
    for says in ('new_items: 12', 'ranked_by: ', '1 items that the model knows are passed over', 'users without a history get what all users do', 'leave out nothing'): assert says in text, text


def test_new_items_after_later_events(stall):
    "u00 goes over to jam."
    folder, _ = stall
    pd.DataFrame(dict(user_id='u00', item_id=[f'jam {n:02}' for n in range(12)] * 6, action='buy', timestamp=[f'2024-04-{10 + n // 12} {n % 12:02}:00' for n in range(72)])).to_csv(folder/'later.csv', index=False)
    code, text = run('recommend', folder/'model', '--events', folder/'later.csv', '--new-items', folder/'new.csv', *NAMES, '--k', 3, '--out', folder/'later-lists.csv')
    assert code == 0 and pd.read_csv(folder/'later-lists.csv').item_id.tolist() == ['jam 97', 'jam 98', 'jam 99'], text


def test_new_items_that_cannot_be_ranked_are_refused(stall, shop, first):
    folder, _ = stall
    table = pd.read_csv(folder/'new.csv')
    table[['sku']].to_csv(folder/'bare.csv', index=False)
    table.tail(1).to_csv(folder/'known.csv', index=False)
    for options, says in (((folder/'new.csv', '--query', 'tea'), '--new-items: was given with --query'), ((folder/'bare.csv',), "new items: column 'category' is missing"), ((folder/'known.csv',), 'holds no item that is new'), ((folder/'none.csv',), 'does not exist')):
        code, text = run('recommend', folder/'model', '--new-items', *options, '--columns', 'sku=item_id', *['group=category'] * (options[0] not in (folder/'bare.csv', folder/'none.csv')), '--out', folder/'no.csv')
        assert code == 2 and says in text and not (folder/'no.csv').exists(), text
    code, text = run('recommend', folder/'model', '--new-items', folder/'new.csv', *NAMES, '--out', folder/'new.csv')
    assert code == 2 and 'is a file that is read' in text
    code, text = run('recommend', shop[0]/'first', '--new-items', folder/'new.csv', *NAMES, '--out', folder/'no.csv')      # sixty texts, no two alike
    assert code == 2 and 'fit again with an items table that has a category' in text


@pytest.mark.parametrize('cold', [b'{"groups": 1}', b'{"groups": {"category": {}}, "news": [], "decay": 1, "trees": null, "report": {}}', b'no json'])
def test_a_forged_part_of_the_new_items_is_refused(cold, stall, tmp_path):
    import shutil
    from seqrep_nb.model import file_sums
    shutil.copytree(stall[0]/'model', tmp_path/'model')
    (tmp_path/'model'/'learned-cold.json').write_bytes(cold)
    (tmp_path/'model'/'SHA256SUMS').write_text(file_sums(tmp_path/'model'))
    code, text = run('recommend', tmp_path/'model', '--out', tmp_path/'recs.csv')
    assert code == 2 and 'learned-cold.json' in text, text


def test_as_many_lessons_as_the_time_allows(monkeypatch):
    "The pace is known: 10 and 20 microseconds a candidate for small and large trees; two to five lessons take 6, 13, 20 and 27 seconds."
    from types import SimpleNamespace
    from seqrep_nb import model as m
    pipeline, lessons = m.BehaviourPipeline(), [range(100_000)] * 5
    monkeypatch.setattr(m, 'time', SimpleNamespace(monotonic=lambda: 0.))
    for seconds, most in ((-1, 0), (5, 0), (7, 2), (14, 3), (26, 4), (28, 5), (1000, 5)):
        pipeline.deadline_, pipeline._paces = seconds / .8, dict(small=(0., 1e-5), large=(0., 2e-5))
        assert pipeline._affordable(lessons, 1) == most, seconds
        pipeline.deadline_ *= 3
        assert pipeline._affordable(lessons, 3) == most, seconds                # a third for each of three views


def test_no_pace_is_measured_where_measuring_takes_too_long(monkeypatch):
    from seqrep_nb import model as m
    pipeline = m.BehaviourPipeline()
    pipeline.deadline_, pipeline._paces = m.time.monotonic() + 5, {}
    monkeypatch.setattr(pipeline, '_pace', lambda lesson: pytest.fail('measured'), raising=False)
    assert pipeline._affordable([range(10**6)] * 3, 1) == 0


# What newcomers do

def test_one_customer_is_shown_with_names_and_reasons_without_a_file(shop, first):
    folder, events, catalogue = shop
    code, text = run('recommend', folder/'first', '--user', 'u1', 'stranger', '--k', 3, '--reasons')
    assert code == 0 and text.count('u1 ') == 3 and 'popular: bought ' in text and 'stands for' not in text and any(name in text for name in catalogue.text)
    assert run('recommend', folder/'first', '--user', 'u1', 'stranger', '--k', 3, '--json', '--out', folder/'two.csv')[0] == 0
    assert pd.read_csv(folder/'two.csv').user_id.tolist() == ['u1'] * 3 + ['stranger'] * 3
    assert '--out: is missing' in run('recommend', folder/'first')[1] and 'leave one of them out' in run('recommend', folder/'first', '--user', 'u1', '--users', folder/'events.csv')[1]
    pipeline = load_model(folder/'first')
    with pytest.raises(InputError, match=r"pass a list of ids, \['u1'\]"): pipeline.histories_of('u1')
    with pytest.raises(InputError, match='pass histories_of'): pipeline.recommend(events)


def test_a_misspelt_name_and_a_day_that_comes_first_are_named(tmp_path):
    rows = pd.DataFrame(dict(client=[1, 2] * 3, item_id=range(6), timestamp=[f'{d}/01/2025 08:26' for d in range(11, 17)]))
    rows.assign(timestamp='2025-01-02').to_csv(tmp_path/'log.csv', index=False)
    said = run('fit', tmp_path/'log.csv', '--columns', 'Client=user_id', '--out', tmp_path/'model')[1]
    assert "--columns: column 'Client' is in no file; columns found: 'client'" in said
    from seqrep_nb.command import load_log
    with pytest.raises(InputError, match="'Client' is in no file"): load_log(tmp_path/'log.csv', columns=dict(Client='user_id'))
    with pytest.raises(InputError, match='pass a dict'): load_log(tmp_path/'log.csv', columns='client=user_id')
    rows.assign(timestamp=[f'{d}/01/2025 08:26' for d in range(26, 32)]).to_csv(tmp_path/'log.csv', index=False)
    said = run('fit', tmp_path/'log.csv', '--columns', 'client=user_id', '--out', tmp_path/'model')[1]
    assert "'26/01/2025 08:26'" in said and 'dayfirst=True' in said


def test_a_log_too_small_for_a_choice_shows_no_table_of_zeros(tmp_path):
    code, said = run('fit', *shop_files(tmp_path, [f'tea {i}' for i in range(12)]), '--out', tmp_path/'model', '--steps', 1)
    assert code == 0 and 'too little to compare rankers with' in said and 'inner_NDCG' not in said and 'search,' not in said


def test_a_log_from_files_excludes_what_the_command_excludes(tmp_path):
    "Bought and brought back, or set aside: seen."
    from seqrep_nb.command import load_log
    rows = pd.DataFrame(dict(user_id=['a', 'b', 'c', 'a'] * 3, item_id=[f'i{n % 5}' for n in range(12)], timestamp=pd.date_range('2024-01-01', periods=12).astype(str), quantity=1))
    rows = pd.concat([rows, pd.DataFrame(dict(user_id=['b', 'gone'], item_id=['i9', 'i9'], timestamp='2024-01-05', quantity=[-1, 0])), pd.DataFrame(dict(user_id=['c'], item_id=['i9'], timestamp=['2024-01-09'], quantity=[1]))])
    rows.rename(columns=dict(item_id='sku')).to_csv(tmp_path/'log.csv', index=False)
    assert run('fit', tmp_path/'log.csv', '--columns', 'sku=item_id', '--out', tmp_path/'model')[0] == 0
    one, other = load_model(tmp_path/'model'), BehaviourPipeline().fit(load_log(tmp_path/'log.csv', columns=dict(sku='item_id')))
    assert one.histories_.user_ids.tolist() == other.histories_.user_ids.tolist()
    assert one.recommend(one.histories_, 9, 'seen').equals(other.recommend(other.histories_, 9, 'seen')) and (one.met_ != other.met_).nnz == 0
