"The command line on random small logs, its entry point, and what a run may not depend on; SEQREP_EXAMPLES=2000 for the long run"
import contextlib, io, os, subprocess, sys, tempfile
from pathlib import Path
import numpy as np, pandas as pd, pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from seqrep_nb.command import main

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
    assert run('fit', events, folder/'items.csv', '--out', folder/name, '--steps', 5, *options)[0] == 0
    assert run('recommend', folder/name, '--k', 8, '--out', folder/f'{name}.csv')[0] == 0
    return (folder/f'{name}.csv').read_bytes()


def test_order_format_process_and_place_do_not_matter(shop):
    import shutil
    folder, events, _ = shop
    first = lists(folder, folder/'events.csv', 'first')
    shuffled = events.sample(frac=1, random_state=1)
    shuffled.assign(timestamp=shuffled.timestamp.astype('int64') // 10**6).to_parquet(folder/'shuffled.parquet')       # seconds since 1970
    assert lists(folder, folder/'shuffled.parquet', 'second') == first
    for part in ('early.safetensors', 'histories.safetensors'): assert (folder/'first'/part).read_bytes() == (folder/'second'/part).read_bytes(), part
    shutil.move(folder/'first', folder/'other place')
    command = [sys.executable, '-c', 'import sys; from seqrep_nb.command import main; sys.exit(main())', 'recommend', str(folder/'other place'), '--k', '8', '--out', str(folder/'other.csv')]
    subprocess.run(command, check=True, capture_output=True)
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


def test_what_was_met_and_what_was_bought_are_two_views(tmp_path):
    "Users look at what they then buy: among the items never bought those looked at lead, and they may not be recommended with --exclude-seen."
    from seqrep_nb.model import load_model
    rng, parts = np.random.default_rng(0), []
    for user in range(150):
        for day in range(40):
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
    code, text = run('evaluate', tmp_path/'events.csv', '--steps', 2)
    assert code == 0 and 'unseen NDCG@10' in text


def test_a_column_that_no_file_has_is_refused(shop):
    folder, *_ = shop
    code, text = run('fit', folder/'events.csv', folder/'items.csv', '--out', folder/'none', '--columns', 'vistor=user_id')
    assert code == 2 and "--columns: column 'vistor' is in no file" in text and not (folder/'none').exists()


def test_a_public_set_in_its_own_layout(tmp_path):
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


def test_two_equal_rows_of_hm_are_two_pieces(tmp_path):
    rng, n = np.random.default_rng(0), 1500
    table = pd.DataFrame(dict(t_dat=(pd.Timestamp('2020-01-01') + pd.to_timedelta(rng.integers(0, 60, n), unit='D')).strftime('%Y-%m-%d'), customer_id=[f'{i:064x}' for i in rng.integers(0, 90, n)], article_id=[f'0{i}' for i in rng.integers(108775015, 108775045, n)], price=.05, sales_channel_id=2))
    pd.concat([table, table.head(100)]).to_csv(tmp_path/'transactions_train.csv', index=False)
    pd.DataFrame(dict(article_id=table.article_id.unique(), prod_name='Strap top', product_type_name='Vest top', product_group_name='Garment Upper body', colour_group_name='Black', detail_desc='Jersey top with narrow straps')).to_csv(tmp_path/'articles.csv', index=False)
    code, text = run('fit', tmp_path, '--format', 'hm', '--out', tmp_path/'model', '--steps', 2, '--json')
    assert code == 0, text
    import json
    report = json.loads(text[text.index('{'):text.rindex('}') + 1])
    assert report['events'] == n + 100 and not report['rows_cleaned_away']


def test_words_and_columns_that_mean_nothing_are_said(tmp_path, shop):
    folder, events, _ = shop
    table = events.assign(action=np.where(np.arange(len(events)) % 2, 'product_view', 'ordered'), colour='red').rename(columns=dict(user_id='visitor'))
    table.to_csv(tmp_path/'log.csv', index=False)
    code, text = run('fit', tmp_path/'log.csv', '--out', tmp_path/'model', '--columns', 'visitor=usr_id')
    assert code == 2 and "makes 'visitor' 'usr_id', which is no column of ours" in text
    code, text = run('fit', tmp_path/'log.csv', '--out', tmp_path/'model', '--columns', 'visitor=user_id', '--steps', 2)
    assert code == 0 and 'columns that are not used: colour' in text and "'product_view' (" in text and 'no row is a purchase' in text, text
    code, text = run('recommend', tmp_path/'model', '--exclude-bought', '--out', tmp_path/'recs.csv')
    assert code == 0 and 'everything met is left out' in text


def test_a_split_by_users_is_audited_as_one(tmp_path, shop):
    folder, events, _ = shop
    side = events.user_id.isin(sorted(events.user_id.unique())[::4])
    events[side].to_csv(tmp_path/'test.csv', index=False); events[~side].to_csv(tmp_path/'train.csv', index=False)
    assert run('audit', tmp_path/'train.csv', tmp_path/'test.csv', '--kind', 'user')[0] == 0 and run('audit', tmp_path/'train.csv', tmp_path/'test.csv')[0] == 1
    assert run('audit', tmp_path/'train.csv', folder/'events.csv', '--kind', 'user')[0] == 1


def test_a_row_set_aside_was_met_all_the_same(tmp_path, shop):
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
