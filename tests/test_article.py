"The article's chain collapses whatever the seed, the repaired one does not; a label in the input is found"
from dataclasses import replace
from types import SimpleNamespace
import numpy as np, pandas as pd, pytest, scipy.sparse as sp
from hypothesis import given, settings, strategies as st
from seqrep_nb.article import DEFECTS, RepairedChain, article_chain, article_inputs, article_weights, defects_table, distinct_lists, softmax, word_labels
from seqrep_nb.core import InputError
from seqrep_nb.histories import DAY, Histories
from seqrep_nb.split import audit, temporal_split
from seqrep_nb.tasks import intent_tasks, ranking_task

USERS, ITEMS, CATEGORIES = 240, 40, 4
START = pd.Timestamp('2025-01-01', tz='UTC')


def log(seed=0):
    "People who look at and buy items of one category each; a planted truth."
    rng = np.random.default_rng(seed)
    taste, rows = rng.integers(0, CATEGORIES, USERS), []
    for user in range(USERS):
        for day in sorted(rng.choice(30, 8, replace=False)):
            kind = taste[user] if rng.random() < .9 else rng.integers(0, CATEGORIES)
            item = kind * (ITEMS // CATEGORIES) + rng.integers(0, ITEMS // CATEGORIES)
            for action, hour in (('view', 9), ('buy', 10))[:1 + int(rng.random() < .6)]:
                rows.append((f'u{user:03}', f'i{item:02}', action, START + pd.Timedelta(days=int(day), hours=hour)))
    events = pd.DataFrame(rows, columns=['user_id', 'item_id', 'action', 'timestamp'])
    return events.assign(timestamp=events.timestamp.dt.as_unit('us')).astype(dict(user_id='str', item_id='str', action='str')), taste


@pytest.fixture(scope='module')
def world():
    events, taste = log()
    ids = np.array([f'i{i:02}' for i in range(ITEMS)], object)
    categories = [f'c{i * CATEGORIES // ITEMS}' for i in range(ITEMS)]
    rng = np.random.default_rng(1)
    vectors = (np.repeat(rng.normal(size=(CATEGORIES, 16)), ITEMS // CATEGORIES, 0) + .3 * rng.normal(size=(ITEMS, 16))).astype('float32')
    early = events[events.timestamp < START + pd.Timedelta(days=22)]
    inner, outer = (ranking_task(temporal_split(e, START + pd.Timedelta(days=d)), ids) for e, d in ((early, 15), (events, 22)))
    chain = RepairedChain(vectors, categories, width=4).fit(inner)
    return SimpleNamespace(events=events, taste=taste, vectors=vectors, categories=categories, inner=inner, outer=outer, chain=chain)


def reordered(histories, rng, keep_last=True):
    "The same times; what happened at them in another order within each user, the newest in its place."
    key = rng.random(len(histories.items))
    if keep_last: key[histories.offsets[1:] - 1] = 2
    order = np.lexsort((key, histories.users))
    flat = {name: getattr(histories, name) for name in ('timestamps', 'baskets', 'places', 'prices')}
    return Histories(histories.user_ids, histories.item_ids, histories.offsets, histories.items[order], histories.actions[order], **flat, action_names=histories.action_names, place_names=histories.place_names)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), classes=st.integers(2, 20))
def test_the_chain_as_written_collapses_for_any_weights(seed, classes):
    x = np.random.default_rng(seed).normal(size=(200, 8))
    chain = article_chain(x, article_weights(8, width=256, classes=classes, items=50, seed=seed))
    assert np.ptp(chain.p, axis=0).max() < 1e-4 and np.ptp(chain.r, axis=0).max() < 1e-5
    for stage in chain: np.testing.assert_allclose(stage.sum(-1), 1)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([1., 30., 300.]))
def test_two_classes_give_no_more_lists_than_one_sweep(seed, scale):
    weights = article_weights(6, width=64, classes=2, items=30, scale=scale, seed=seed)
    people = article_chain(np.random.default_rng(seed).normal(size=(3000, 6)), weights)
    share = np.linspace(0, 1, 40_001)[:, None]
    assert distinct_lists(people.r, 5) <= distinct_lists(np.hstack([share, 1 - share]) @ weights[-1], 5) + 3   # a sweep may step over a short piece


def test_only_the_last_behaviour_reaches_the_list_as_written(world):
    histories, weights = world.outer.histories, None
    x = article_inputs(histories, world.outer.now)
    weights = article_weights(x.shape[-1], width=32, items=ITEMS)
    mixed = x.copy(); mixed[:, :-1] = np.random.default_rng(0).permuted(x[:, :-1], axis=1)
    assert (mixed != x).any() and np.array_equal(article_chain(x, weights).r[:, -1], article_chain(mixed, weights).r[:, -1])


def test_inputs_hold_type_and_time_and_no_item(world):
    h = world.outer.histories
    x = article_inputs(h, world.outer.now, last=3)
    assert x.shape == (len(h), 3, len(h.action_names) + 2) and (x[..., :-1].sum(-1) == 1).all()
    other = Histories(**{**vars(h), 'items': (h.items + 7) % ITEMS})
    assert np.array_equal(x, article_inputs(other, world.outer.now, last=3))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=2, max_size=12))
def test_a_softmax_keeps_the_order(values):
    z = np.array(values)
    p = softmax(z)
    assert np.isclose(p.sum(), 1) and (np.diff(p[np.argsort(z, kind='stable')]) >= 0).all()


def test_a_softmax_of_far_apart_scores_is_finite():
    assert np.array_equal(softmax(np.array([[1e6, 0, -1e6]])).round(12), [[1, 0, 0]])


def test_the_repaired_chain_tells_people_apart_and_finds_the_truth(world):
    P, S = world.chain.predict_proba(world.outer.histories), world.chain.score(world.outer.histories, world.outer.now)
    users = [int(u[1:]) for u in world.outer.histories.user_ids]
    assert (P.argmax(1) == world.taste[users]).mean() > .8 and np.allclose(P.sum(1), 1)
    assert distinct_lists(S, 5) > len(users) / 2
    first = np.array(world.categories)[S.argmax(1)] == [f'c{t}' for t in world.taste[users]]
    assert first.mean() > .7


def test_the_repaired_chain_reads_order_and_type(world):
    h, now = world.outer.histories, world.outer.now
    S = world.chain.score(h, now)
    assert np.abs(S - world.chain.score(reordered(h, np.random.default_rng(0)), now)).max() > .01
    bought = Histories(**{**vars(h), 'actions': np.full_like(h.actions, h.action_names.index('buy'))})
    assert np.abs(S - world.chain.score(bought, now)).max() > .1


def test_the_names_of_types_do_not_matter(world):
    h = world.outer.histories
    names = h.action_names[::-1]
    renamed = Histories(**{**vars(h), 'actions': (len(names) - 1 - h.actions).astype(h.actions.dtype), 'action_names': names})
    np.testing.assert_allclose(world.chain.score(h, world.outer.now), world.chain.score(renamed, world.outer.now), rtol=1e-5)


def test_a_user_alone_gets_the_same_row(world):
    h, now = world.outer.histories, world.outer.now
    np.testing.assert_allclose(world.chain.score(h, now)[5:8], world.chain.score(h.take([5, 6, 7]), now), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('broken', ['item_vectors', 'categories'])
def test_vectors_and_categories_must_fit_the_catalogue(world, broken):
    given_ = dict(item_vectors=world.vectors, categories=world.categories)
    with pytest.raises(InputError, match=f'{broken}.*{ITEMS - 1}.*{ITEMS}'): RepairedChain(**given_ | {broken: given_[broken][:-1]}).fit(world.inner)


@pytest.mark.filterwarnings('ignore')                                              # scikit-learn warns of the rare category
def test_a_category_that_nobody_bought_and_one_that_one_user_bought(world):
    "Neither has a column in every fold; both must have one in P, in its own place."
    R, kinds = world.inner.relevant.toarray(), np.array(world.categories)
    R[:, kinds == 'c1'] = 0
    rows = np.flatnonzero(R[:, kinds == 'c2'].any(1))
    R[np.ix_(rows[1:], kinds == 'c2')] = 0
    R[np.ix_(rows[:1], kinds != 'c2')] = 0
    chain = RepairedChain(world.vectors, world.categories, width=4).fit(replace(world.inner, relevant=sp.csr_matrix(R)))
    P, S = chain.predict_proba(world.outer.histories), chain.score(world.outer.histories, world.outer.now)
    assert P.shape == (len(S), CATEGORIES) and np.allclose(P.sum(1), 1) and (P > 0).all() and np.isfinite(S).all() and np.isfinite(chain.weights_).all()
    taste = world.taste[[int(u[1:]) for u in world.outer.histories.user_ids]]
    asked = np.isin(taste, [0, 3])
    assert (P.argmax(1) == taste)[asked].mean() > .8 and P[:, 1].max() < 1e-6


def test_too_few_who_came_back_are_refused(world):
    back = np.flatnonzero(np.diff(world.inner.relevant.indptr))[:4]
    four = sp.coo_matrix((np.ones(4), (back, back)), (len(world.inner.histories),) * 2).tocsr() @ world.inner.relevant
    with pytest.raises(InputError, match='4 users who came back'): RepairedChain(world.vectors, world.categories, width=4).fit(replace(world.inner, relevant=four))
    with pytest.raises(InputError, match='for 1 categories'): RepairedChain(world.vectors, ['tea'] * ITEMS, width=4).fit(world.inner)


def test_the_label_in_the_input_is_found_and_the_honest_one_is_not(world):
    cut = START + pd.Timedelta(days=22)
    task = intent_tasks(world.events, [cut], days=5)[0]
    names = np.array(task.histories.action_names)
    lines = [' '.join(dict(view='viewed', buy='bought').get(a, a) + ' it' for a in names[task.histories.actions[e - 3:e]]) for e in task.histories.offsets[1:]]
    split = temporal_split(world.events, cut)
    flagged = lambda labels: audit(split.train, split.test, texts=lines, labels=labels)['no word of the text is the label']
    leaked = word_labels(lines, 'bought')
    assert 0 < leaked.mean() < 1 and flagged(leaked).word.tolist() == ['bought']
    assert 0 < task.y.mean() < 1 and len(flagged(task.y)) == 0


def test_word_labels():
    assert word_labels(['bought tea', 'viewed tea', ''], 'bought').tolist() == [1, 0, 0]


def test_every_defect_is_measured_once():
    table = defects_table({d.name: 'seen' for d in DEFECTS})
    assert list(table.columns) == ['measured', 'repair', 'chapter'] and len(table) == len(DEFECTS) == table.index.nunique()
    with pytest.raises(InputError, match='measure each defect once'): defects_table({d.name: '' for d in DEFECTS[1:]})
    with pytest.raises(InputError, match='another'): defects_table({d.name: '' for d in DEFECTS} | {'another': ''})
