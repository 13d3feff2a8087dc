"The public logs in their documented formats, hand-written: what comes out is spelled out, what is set aside is counted, what is missing is named"
import gzip, hashlib, json
import pandas as pd, pyarrow as pa, pytest
from seqrep_nb.clean import clean_events
from seqrep_nb.core import InputError
from seqrep_nb.events import EVENT_COLUMNS, check_events, sort_events, validate_events
from seqrep_nb.histories import build_histories
from seqrep_nb.loaders import LOADERS, SOURCES, load_amazon_reviews, load_diginetica, load_online_retail, load_otto, load_rees46, load_taobao


def lines(text): return '\n'.join(line.strip() for line in text.strip().splitlines()) + '\n'
def objects(*rows): return ''.join(json.dumps(row) + '\n' for row in rows)


REVIEW = dict(rating=5.0, title='Good', text='Two\nlines', images=[], asin='B00A', parent_asin='B00P', user_id='AE1', timestamp=1588687728923, helpful_vote=0, verified_purchase=True)
META = dict(main_category='All Beauty', title='Soap', average_rating=4.8, rating_number=10, features=[], description=[], price=5.5, images=[], videos=[], store='Howard', categories=[], details={}, parent_asin='B00P', bought_together=None)
QUERIES = 'queryId;sessionId;userId;timeframe;duration;eventdate;searchstring.tokens;categoryId;items;is.test\n'
REES46 = 'event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n'
RETAIL = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n'

FILES = {   # set -> its folder: name of a file -> its text; awkward on purpose
    'rees46': {
        '2019-Oct.csv': REES46 + lines('''2019-10-01 00:00:00 UTC,view,44600062,2103807459595387724,,shiseido,35.79,541312140,72d76fde
            2019-10-01 00:00:05 UTC,cart,1004856,2053013555631882655,electronics.smartphone,,130.76,543272936,
            2019-10-01 00:01
            2019-10-01 00:02:05 UTC,purchase,1004856,2053013555631882655,electronics.smartphone,samsung,130.76,543272936,8187d148'''),
        '2019-Nov.csv': '\ufeff' + REES46 + lines('''2019-11-01 00:00:01 UTC,remove_from_cart,5,2103807459595387724,,,-,541312140,9a
            2019-11-01 00:00:01 UTC,wishlist,6,2103807459595387724,kids.fmcg.diapers,,1,541312140,9a
            2019-11-01 00:00:01 UTC,view,6,2103807459595387724,,,1,,9a,too,many''')},
    'retailrocket': {
        'events.csv': 'timestamp,visitorid,event,itemid,transactionid\n' + lines('''1433221332117,257597,view,355908,
            1433221332999,257597,addtocart,355908,
            1433222276276,599528,transaction,0015335,4000
            1433222276,599528,view,1,
            12:30,599528,view,1,'''),
        'item_properties_part1.csv': 'timestamp,itemid,property,value\n1436065200000,355908,categoryid,1339\n1435460400000,355908,790,n277.200\n',
        'item_properties_part2.csv': 'timestamp,itemid,property,value\n1435460400000,355908,categoryid,1338\n1435460400000,77,categoryid,1\n'},
    'amazon-reviews': {
        'All_Beauty.jsonl.gz': objects(REVIEW, dict(REVIEW, rating=2.0, verified_purchase=False, parent_asin='007'), dict(REVIEW, user_id='AE2', timestamp='2020-05-05'), dict(REVIEW, user_id=None)),
        'meta_All_Beauty.jsonl.gz': objects(META, dict(META, parent_asin='other'), dict(META, parent_asin='007', title=None, store=None, main_category=None, price='from 12.99', categories=['Beauty', 'Hair'])),
        'Gift_Cards.jsonl': objects(dict(REVIEW, parent_asin='G', timestamp=1588687728000)),
        'meta_Gift_Cards.jsonl': objects(dict(META, parent_asin='G', title='Card, red', store=None, price=None))},
    'otto': {
        'otto-recsys-train.jsonl': objects(dict(session=42, events=[dict(aid=0, ts=1661200010000, type='clicks'), dict(aid=2, ts=1661200070500, type='carts'), dict(aid=2, ts=1661200080000, type='orders'), dict(aid=None, ts=1661200080000, type='clicks')])),
        'otto-recsys-test.jsonl': objects(dict(session=43, events=[dict(aid=7, ts=1661200010, type='clicks'), dict(aid=7, ts=1661200010000, type='clicks')]), dict(session=44, events=[])),
        'otto-recsys-test-labels.jsonl': objects(dict(session=43, labels=dict(clicks=1)))},
    'diginetica': {
        'train-item-views.csv': lines('''sessionId;userId;itemId;timeframe;eventdate
            1;NA;81766;526309;2016-05-09
            2;77;31331;0;2016-05-10
            2;77;31331;soon;2016-05-10
            2;77;31331;5;10.05.2016'''),
        'train-queries.csv': QUERIES + '7;1;NA;500000;311;2016-05-09;16655,244087;0;81766,9;FALSE\n8;1;NA;500001;311;2016-05-09;NA;1096;81766,9;TRUE\n',
        'train-purchases.csv': 'sessionId;userId;timeframe;eventdate;ordernumber;itemId\n1;NA;1526309;2016-05-09;8;81766\n',
        'products.csv': 'itemId;pricelog2;product.name.tokens\n81766;10;244087,776\n',
        'product-categories.csv': 'itemId;categoryId\n81766;1096\n31331;712\n9;9\n'},
    'taobao': {'UserBehavior.csv': '\ufeff' + lines('''1,2268318,2520377,pv,1511544070
        01,2268318,2520377,fav,1511544101
        1,2268318,2520377,cart,1511544102
        1,2333346,2520771,buy,1511572885
        2,2333346,2520771,pv,-1511539
        2,2333346,2520771,pv,1511572885000
        2,2333346,2520771''')},
    'hm': {
        'transactions_train.csv': lines('''t_dat,customer_id,article_id,price,sales_channel_id
            2018-09-20,000058a1,0663713001,0.0508,2
            2018-09-20,000058a1,0663713001,0.0508,2
            2018-09-21,00007d2d,0505221004,,1
            2018-09-31,00007d2d,0505221004,0.1,1'''),
        'articles.csv': 'article_id,product_code,prod_name,product_type_no,product_type_name,colour_group_name,detail_desc\n0663713001,0663713,Push Body,283,Underwear body,Black,"Lace, with ""moulded"" cups"\n0505221004,0505221,Basic tee,255,T-shirt,White,\n0999999999,0999999,Unsold,1,Hat,Red,\n'},
    'online-retail': {'Online Retail.csv': RETAIL + lines('''536365,85123A,"HEART, WHITE",6,12/1/2010 8:26,2.55,17850.0,United Kingdom
        536365,DCGS0058,,1,12/1/2010 8:26,3.39,17850.0,United Kingdom
        536366,85123A,"HEART, WHITE",6,12/13/2010 18:26,2.55,17850,EIRE
        536367,85123A,wrong,6,12/13/2010 18:27,2.55,17850,EIRE
        C536379,22139,TEA SET,-1,12/1/2010 9:41,27.5,14527,United Kingdom
        C536380,D,Discount,-1,12/1/2010 9:41,27.5,14527,United Kingdom
        536370,POST,POSTAGE,3,12/1/2010 8:45,18,12583,France
        536371,m,Manual,3,12/1/2010 8:45,18,12583,France
        536371,gift_0001_20,Voucher,3,12/1/2010 8:45,18,12583,France
        A563185,B,Adjust bad debt,1,12/1/2010 14:50,11062.06,,United Kingdom
        536414,22139,,56,12/1/2010 11:52,0,,United Kingdom
        536415,22139,TEA SET,56,1st December,0,14527,United Kingdom''')}}

EXPECTED = {   # user, item, action, time, then what else the set has
    'rees46': ('session_id price', [
        ('541312140', '6', 'wishlist', '2019-11-01 00:00:01', '9a', 1.),
        ('541312140', '44600062', 'view', '2019-10-01 00:00:00', '72d76fde', 35.79),
        ('543272936', '1004856', 'cart', '2019-10-01 00:00:05', None, 130.76),
        ('543272936', '1004856', 'buy', '2019-10-01 00:02:05', '8187d148', 130.76)]),
    'retailrocket': ('basket_id', [
        ('257597', '355908', 'view', '2015-06-02 05:02:12.117', None),
        ('257597', '355908', 'cart', '2015-06-02 05:02:12.999', None),
        ('599528', '0015335', 'buy', '2015-06-02 05:17:56.276', '4000')]),
    'amazon-reviews': ('', [
        ('AE1', 'B00P', 'buy', '2020-05-05 14:08:48.923'),
        ('AE1', '007', 'review', '2020-05-05 14:08:48.923'),
        ('AE1', 'G', 'buy', '2020-05-05 14:08:48')]),
    'otto': ('', [
        ('43', '7', 'view', '2022-08-22 20:26:50'),
        ('42', '0', 'view', '2022-08-22 20:26:50'),
        ('42', '2', 'cart', '2022-08-22 20:27:50.500'),
        ('42', '2', 'buy', '2022-08-22 20:28:00')]),
    'diginetica': ('session_id basket_id query', [
        ('1', '81766', 'view', '2016-05-09 00:08:46.309', '1', None, None),
        ('2', '31331', 'view', '2016-05-10 00:00:00', '2', None, None),
        ('1', None, 'search', '2016-05-09 00:08:20', '1', None, '16655,244087'),
        ('1', None, 'search', '2016-05-09 00:08:20.001', '1', None, None),
        ('1', '81766', 'buy', '2016-05-09 00:25:26.309', '1', '8', None)]),
    'taobao': ('', [
        ('1', '2268318', 'view', '2017-11-24 17:21:10'),
        ('01', '2268318', 'favourite', '2017-11-24 17:21:41'),
        ('1', '2268318', 'cart', '2017-11-24 17:21:42'),
        ('1', '2333346', 'buy', '2017-11-25 01:21:25')]),
    'hm': ('place price', [
        ('000058a1', '0663713001', 'buy', '2018-09-20', '2', .0508),
        ('000058a1', '0663713001', 'buy', '2018-09-20', '2', .0508),
        ('00007d2d', '0505221004', 'buy', '2018-09-21', '1', None)]),
    'online-retail': ('basket_id place price quantity', [
        ('17850', '85123A', 'buy', '2010-12-01 08:26', '536365', 'United Kingdom', 2.55, 6.),
        ('17850', 'DCGS0058', 'buy', '2010-12-01 08:26', '536365', 'United Kingdom', 3.39, 1.),
        ('17850', '85123A', 'buy', '2010-12-13 18:26', '536366', 'EIRE', 2.55, 6.),
        ('17850', '85123A', 'buy', '2010-12-13 18:27', '536367', 'EIRE', 2.55, 6.)])}

REJECTED = {   # file, row, reason
    'rees46': [('2019-Nov.csv', 0, 'price is not a number'), ('2019-Nov.csv', 2, 'row is not as wide as the header'), ('2019-Oct.csv', 2, 'row is not as wide as the header')],
    'retailrocket': [('events.csv', 3, 'timestamp is outside 1990 to 2099'), ('events.csv', 4, 'timestamp is not a number of milliseconds')],
    'amazon-reviews': [('All_Beauty.jsonl.gz', 2, 'timestamp is not a number of milliseconds'), ('All_Beauty.jsonl.gz', 3, 'user_id is missing')],
    'otto': [('otto-recsys-test.jsonl', 0, 'timestamp is outside 1990 to 2099'), ('otto-recsys-test.jsonl', 1, 'item_id is missing'), ('otto-recsys-train.jsonl', 0, 'item_id is missing')],
    'diginetica': [('train-item-views.csv', 2, 'timeframe is not a number of milliseconds'), ('train-item-views.csv', 3, 'eventdate is not a date')],
    'taobao': [('UserBehavior.csv', 4, 'timestamp is outside 1990 to 2099'), ('UserBehavior.csv', 5, 'timestamp is not a number of seconds'), ('UserBehavior.csv', 6, 'row is not as wide as the header')],
    'hm': [('transactions_train.csv', 3, 'timestamp is not a time')],
    'online-retail': [('Online Retail.csv', row, why) for row, why in [(4, 'invoice is a cancellation'), (5, 'invoice is a cancellation'), (6, 'stock code is no product'), (7, 'stock code is no product'),
                      (8, 'stock code is no product'), (9, 'stock code is no product'), (10, 'user_id is missing'), (11, 'InvoiceDate is not a time')]]}

ROWS = {'rees46': 7, 'retailrocket': 5, 'amazon-reviews': 5, 'otto': 7, 'diginetica': 7, 'taobao': 7, 'hm': 4, 'online-retail': 12}   # counted by hand; a session without events is a row

ITEMS = {   # item -> text, category and what else
    'rees46': [('1004856', 'electronics smartphone, samsung', 'electronics.smartphone', 'samsung'), ('44600062', 'shiseido', None, 'shiseido'), ('6', 'kids fmcg diapers', 'kids.fmcg.diapers', None)],
    'retailrocket': [('0015335', None), ('355908', '1339')],
    'amazon-reviews': [('007', 'Hair', 'Hair', None, None), ('B00P', 'Soap, Howard', 'All Beauty', 'Howard', 5.5), ('G', 'Card, red', 'All Beauty', None, None)],
    'otto': None,
    'diginetica': [('31331', '712', None, None), ('81766', '1096', 10., '244087,776')],
    'taobao': [('2268318', '2520377'), ('2333346', '2520771')],
    'hm': [('0505221004', 'Basic tee, T-shirt, White', 'T-shirt'), ('0663713001', 'Push Body, Underwear body, Black, Lace, with "moulded" cups', 'Underwear body')],
    'online-retail': [('85123A', 'HEART, WHITE'), ('DCGS0058', 'unknown item')]}

COLUMNS = {'rees46': 'text category brand', 'retailrocket': 'category', 'amazon-reviews': 'text category brand price', 'diginetica': 'category price_log2 name_tokens', 'taobao': 'category', 'hm': 'text category', 'online-retail': 'text'}

each_set = pytest.mark.parametrize('name', LOADERS)


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        data = text if isinstance(text, bytes) else text.encode('utf-8')
        (folder/name).write_bytes(gzip.compress(data) if name.endswith('.gz') else data)
    return folder


def plain(table, columns): return [tuple(None if value != value else value for value in row) for row in table[columns].itertuples(index=False)]


@pytest.fixture
def sample(tmp_path): return lambda name, **changes: write(tmp_path/name, {**FILES[name], **changes})


def refused(said, call, *arguments, **named):
    with pytest.raises(InputError) as error: call(*arguments, **named)
    assert [words for words in said if words not in str(error.value)] == [], str(error.value)


def test_every_set_is_tested(): assert [*LOADERS] == [*SOURCES] and all(set(LOADERS) == set(part) for part in (FILES, EXPECTED, REJECTED, ROWS, ITEMS))


@each_set
def test_the_sample_gives_these_events(name, sample):
    log = LOADERS[name](sample(name))
    more, rows = EXPECTED[name]
    columns = [*'user_id item_id action timestamp'.split(), *more.split()]
    assert [*log.events] == [c for c in EVENT_COLUMNS if c in columns]
    wanted = [(*row[:3], pd.Timestamp(row[3], tz='UTC'), *row[4:]) for row in rows]
    assert plain(log.events, columns) == wanted
    assert str(log.events.timestamp.dtype) == 'datetime64[us, UTC]'


@each_set
def test_every_row_is_kept_or_set_aside(name, sample):
    log = LOADERS[name](sample(name))
    assert len(log.events) + len(log.rejected) == ROWS[name]
    assert plain(log.rejected, ['file', 'row', 'reason']) == REJECTED[name]
    assert [*log.rejected][-3:] == ['file', 'row', 'reason']


@each_set
def test_the_sample_gives_these_items(name, sample):
    items = LOADERS[name](sample(name)).items
    if ITEMS[name] is None: assert items is None
    else: assert ([*items], plain(items, [*items])) == (['item_id', *COLUMNS[name].split()], ITEMS[name])


@each_set
def test_what_is_loaded_is_canonical_and_goes_on(name, sample):
    events = LOADERS[name](sample(name)).events
    check_events(events)
    pd.testing.assert_frame_equal(validate_events(events)[0], events)
    cleaned = clean_events(events)
    assert len(cleaned.events) + len(cleaned.rejected) == len(events)
    assert len(build_histories(cleaned.events)) == events.user_id.nunique() and len(sort_events(events)) == len(events)


def test_a_row_set_aside_keeps_its_own_words(sample):
    rejected = LOADERS['rees46'](sample('rees46')).rejected
    assert rejected.event_time.tolist() == ['2019-11-01 00:00:01 UTC', '2019-11-01 00:00:01 UTC,view,6,2103807459595387724,,,1,,9a,too,many', '2019-10-01 00:01']
    assert rejected.price[0] == '-' and rejected.user_id[0] == '541312140'


# the main file of each set, in which rows of a user are made from a template
MANY = {'rees46': ('2019-Oct.csv', REES46, '2019-10-01 00:00:0{k} UTC,view,{k},1,,,1,{user},s\n'), 'retailrocket': ('events.csv', 'timestamp,visitorid,event,itemid,transactionid\n', '143322133211{k},{user},view,1,\n'),
        'amazon-reviews': ('All_Beauty.jsonl', '', '{{"user_id": "{user}", "parent_asin": "a", "asin": "a", "timestamp": 158868772892{k}, "verified_purchase": true, "rating": 5.0}}\n'),
        'otto': ('train.jsonl', '', '{{"session": {user}, "events": [{{"aid": {k}, "ts": 1661200010000, "type": "clicks"}}]}}\n'), 'diginetica': ('train-item-views.csv', 'session_id;user_id;item_id;timeframe;eventdate\n', '{user};;{k};5;2016-05-09\n'),
        'taobao': ('UserBehavior.csv', '', '{user},{k},1,pv,1511544070\n'), 'hm': ('transactions_train.csv', 't_dat,customer_id,article_id,price,sales_channel_id\n', '2018-09-20,{user},{k},0.1,1\n'),
        'online-retail': ('Online Retail.csv', RETAIL, '1,{k}0001,x,1,12/1/2010 8:26,1,{user}.0,EIRE\n')}


def many(name, folder, users=400, rows=3):
    file, head, line = MANY[name]
    write(folder, {file: head + ''.join(line.format(user=user, k=k) for k in range(rows) for user in range(users))})
    return folder/file


@each_set
def test_a_share_of_the_users_keeps_whole_users(name, tmp_path):
    path = many(name, tmp_path)
    whole = LOADERS[name](path).events
    assert len(whole) == 1200
    kept = {share: LOADERS[name](path, users=share).events for share in (.1, .5)}
    for share, events in kept.items():
        lot = {str(user) for user in range(400) if int(hashlib.md5(str(user).encode()).hexdigest()[:8], 16) < share * 2**32}
        assert set(events.user_id) == lot and abs(len(lot) / 400 - share) < .08
        assert events.value_counts('user_id').eq(3).all()
        pd.testing.assert_frame_equal(events, whole[whole.user_id.isin(lot)].reset_index(drop=True))
    assert set(kept[.1].user_id) < set(kept[.5].user_id)


def test_the_sample_of_users_stays_what_it_was(tmp_path):
    "The share is a promise across versions: these 11, of the first forty."
    events = load_taobao(many('taobao', tmp_path, users=40), users=.25).events
    assert sorted(set(events.user_id), key=int) == ['6', '19', '21', '23', '24', '27', '28', '30', '33', '35', '36']


def test_rows_without_a_user_are_in_every_share(sample):
    whole, part = (LOADERS['online-retail'](sample('online-retail'), users=share).rejected for share in (1., .93))
    lost = [whole[whole['Customer ID'].isna()], part[part['Customer ID'].isna()]]
    assert len(lost[0]) == 2 and plain(lost[0], ['file', 'row', 'reason']) == plain(lost[1], ['file', 'row', 'reason'])


@pytest.mark.parametrize('share', [0, -1, 1.0001, float('nan'), True, '10%', None])
def test_a_share_that_is_none_is_refused(share, sample): refused([f'users: is {share!r}', 'above 0 and at most 1'], load_taobao, sample('taobao'), share)


def test_a_share_that_keeps_nobody_is_refused(tmp_path): refused(['users: keeps none of the users', 'keep a larger share'], load_taobao, many('taobao', tmp_path, users=1), 1e-9)


@each_set
def test_a_folder_that_is_not_there_is_refused(name, tmp_path): refused([str(tmp_path/'none'), 'does not exist', *SOURCES[name]], LOADERS[name], tmp_path/'none')


NEEDED = [(name, file) for name, files in FILES.items() for file in files if not file.startswith(('2019-Nov', 'otto-recsys-test', 'Gift_Cards'))]   # the others may be missing


@pytest.mark.parametrize('name, file', NEEDED)
def test_each_missing_file_is_named(name, file, tmp_path):
    files = {n: text for n, text in FILES[name].items() if n != file and n not in ('2019-Nov.csv', 'otto-recsys-test.jsonl', 'otto-recsys-test-labels.jsonl', 'Gift_Cards.jsonl' if file == 'All_Beauty.jsonl.gz' else '')}
    pattern = dict(rees46='????-???.csv', otto='*.jsonl').get(name) or ('*.csv' if name == 'online-retail' else '[A-Z]*.jsonl' if file == 'All_Beauty.jsonl.gz' else file.removesuffix('.gz'))
    refused([str(tmp_path), f'holds no file {pattern} (it holds ', *SOURCES[name], 'name one file instead'], LOADERS[name], write(tmp_path/'a', files | {'notes.txt': 'x'}))


@pytest.mark.parametrize('name, file', NEEDED)
@pytest.mark.parametrize('what', ['nothing', 'blank', 'archive', 'utf16'])
def test_a_file_of_nothing_is_refused(what, name, file, sample):
    data = dict(nothing=b'', blank=b'\xef\xbb\xbf\r\n', archive=b'PK\x03\x04' + bytes(40), utf16='a,b\n1,2\n'.encode('utf-16'))[what]
    said = dict(nothing='is empty', blank='is empty', archive='is an archive or a spreadsheet', utf16='is not plain text')[what]
    refused([file, said], LOADERS[name], sample(name, **{file: data}))


def heads(name):
    "Each column of each CSV file that the loader needs."
    skipped = {'category_id', 'queryId', 'duration', 'items', 'is.test', 'product_code', 'product_type_no'}
    for file, text in FILES[name].items():
        if file.endswith('.csv') and name != 'taobao':
            sign = ';' if name == 'diginetica' else ','
            names = text.split('\n')[0].strip('\ufeff').split(sign)
            yield from ((name, file, column, sign) for column in names if column not in skipped and not (file == 'train-queries.csv' and column == 'categoryId'))


OTHER_NAMES = dict(InvoiceNo='Invoice', UnitPrice='Price', CustomerID='Customer ID')


@pytest.mark.parametrize('name, file, column, sign', [found for name in FILES for found in heads(name)])
def test_each_missing_column_is_named(name, file, column, sign, sample):
    head, *rows = FILES[name][file].split('\n')
    broken = sign.join('other' if part.strip('\ufeff') == column else part for part in head.split(sign))
    refused([file, f'column {OTHER_NAMES.get(column, column)!r} is missing; columns found: ', "'other'", SOURCES[name][2]], LOADERS[name], sample(name, **{file: '\n'.join([broken, *rows])}))


@pytest.mark.parametrize('name, file, key', [('amazon-reviews', 'All_Beauty.jsonl.gz', 'parent_asin'), ('amazon-reviews', 'All_Beauty.jsonl.gz', 'user_id'), ('amazon-reviews', 'meta_All_Beauty.jsonl.gz', 'title'), ('otto', 'otto-recsys-train.jsonl', 'events')])
def test_each_missing_key_is_named(name, file, key, sample):
    refused([file, f"column '{key}' is missing; columns found: ", SOURCES[name][2]], LOADERS[name], sample(name, **{file: FILES[name][file].replace(f'"{key}"', '"other"')}))


@pytest.mark.parametrize('name, file', [case for case in NEEDED if case[1].endswith('.csv') and case[0] != 'taobao'])
def test_a_header_alone_is_refused(name, file, sample):
    if name == 'rees46': write(sample(name), {'2019-Nov.csv': REES46})
    refused([file if name != 'rees46' else '2019-Nov.csv', 'has no rows, only a header'], LOADERS[name], sample(name, **{file if name != 'rees46' else '2019-Nov.csv': FILES[name][file].split('\n')[0] + '\n'}))


def test_a_file_of_other_width_is_refused(sample):
    refused(['UserBehavior.csv', 'has 4 columns where 5 are documented: user_id, item_id, category_id, behavior_type, timestamp'], load_taobao, sample('taobao', **{'UserBehavior.csv': '1,2,pv,1511544070\n'}))


def test_a_wrong_separator_is_refused(sample):
    text = FILES['diginetica']['train-item-views.csv'].replace(';', ',')
    refused(["column 'sessionId' is missing; columns found: 'sessionId,userId"], load_diginetica, sample('diginetica', **{'train-item-views.csv': text}))


GOOD = objects(dict(session=1, events=[dict(aid=0, ts=1661200010000, type='clicks')]))


@pytest.mark.parametrize('text, said', [(GOOD + GOOD[:40], 'has a broken line, number 2: '), (GOOD + 'x\n' + GOOD, 'has a broken line, number 2: '), (GOOD[:40], 'has a broken line, number 1: '), ('[1]\n', 'holds lists, not one object per line'),
    (GOOD + '[1]\n', 'is not of the documented form'), (GOOD + '{"session": 2, "events": "none"}\n', 'is not of the documented form')], ids=['cut', 'word', 'first', 'list', 'second_list', 'events'])
def test_a_broken_line_of_json_is_named(text, said, sample): refused(['otto-recsys-train.jsonl', said], load_otto, sample('otto', **{'otto-recsys-train.jsonl': text}))


@pytest.mark.parametrize('name, file', [('amazon-reviews', 'All_Beauty.jsonl.gz'), ('rees46', '2019-Dec.csv.gz')])
def test_half_a_gzip_is_refused(name, file, sample):
    folder = sample(name)
    data = gzip.compress((FILES[name].get(file) or REES46 + '2019-10-01 00:00:00 UTC,view,1,1,,,1,2,s\n' * 3000).encode() * 9)
    (folder/file).write_bytes(data[:-len(data) // 3])
    refused([file, 'is not readable', SOURCES[name][2]], LOADERS[name], folder)


def test_months_may_be_gzipped_and_a_plain_file_comes_first(sample):
    folder = sample('rees46', **{'2019-Oct.csv.gz': 'not looked at', '2019-Dec.csv.gz': REES46 + '2019-12-01 00:00:00 UTC,view,1,1,,,1,2,s\n'})
    log = load_rees46(folder)
    assert len(log.events) + len(log.rejected) == 7 + 1 and log.events.timestamp.min() == pd.Timestamp('2019-10-01', tz='UTC') and '2' in set(log.events.user_id)


@pytest.mark.parametrize('name, file', [('rees46', '2019-Oct.csv'), ('retailrocket', 'events.csv'), ('amazon-reviews', 'Gift_Cards.jsonl'), ('otto', 'otto-recsys-train.jsonl'), ('diginetica', 'train-item-views.csv'), ('taobao', 'UserBehavior.csv'), ('hm', 'transactions_train.csv'), ('online-retail', 'Online Retail.csv')])
def test_one_file_may_stand_for_the_folder(name, file, tmp_path):
    log = LOADERS[name](write(tmp_path, {file: FILES[name][file]})/file)
    assert len(log.events) and repr(log).startswith('Log(') and (log.items is None) == (name in ('retailrocket', 'amazon-reviews', 'otto', 'diginetica', 'hm'))
    assert log.summary()['items with text'] == (0 if log.items is None else len(log.items))


@pytest.mark.parametrize('how', ['crlf', 'mark', 'quoted_head', 'no_last_newline', 'blank_end', 'capitals', 'odd_folder'])
def test_the_same_rows_written_otherwise(how, tmp_path):
    text = REES46 + '2019-10-01 00:00:00 UTC,view,1,1,a.b,c,1,2,s\n2019-10-01 00:00:01 UTC,purchase,1,1,a.b,c,1,2,s\n'
    other = dict(crlf=text.replace('\n', '\r\n'), mark='\ufeff' + text, quoted_head=text.replace('event_time', '"event_time"'), no_last_newline=text[:-1], blank_end=text + '\n', capitals=text.replace('view', 'View')).get(how, text)
    wanted, found = (load_rees46(write(tmp_path/folder, {'2019-Oct.csv': t})) for folder, t in (('a', text), ("b [1] it's *" if how == 'odd_folder' else 'b', other)))
    pd.testing.assert_frame_equal(found.events, wanted.events)
    pd.testing.assert_frame_equal(found.items, wanted.items)
    assert len(found.rejected) == 0 and len(found.events) == 2


def test_torn_lines_of_a_long_file_keep_their_numbers(tmp_path):
    rows = ['2019-10-01 00:00:00 UTC,view,1,1,,,1,2,s'] * 200_000
    torn = [0, 1, 99_999, 150_000, 199_999]
    for row in torn: rows[row] = 'torn'
    rows[120_000] = rows[120_000].replace('2019-10-01', 'soon')
    (tmp_path/'2019-Oct.csv').write_text(REES46 + '\n'.join(rows))
    rows[130_000] = rows[130_000].replace(',1,2,s', ',1,,s')
    (tmp_path/'2019-Oct.csv').write_text(REES46 + '\n'.join(rows))
    log = load_rees46(tmp_path)
    assert log.rejected.row.tolist() == sorted([*torn, 120_000, 130_000]) and len(log.events) == 200_000 - 7
    rows[5] = rows[5].replace(',1,2,s', ',1,6,s')                                 # user 6 is in a quarter, user 2 is not
    (tmp_path/'2019-Oct.csv').write_text(REES46 + '\n'.join(rows))
    log = load_rees46(tmp_path, users=.25)
    assert log.rejected.row.tolist() == sorted([*torn, 130_000]) and log.events.user_id.tolist() == ['6']


def test_what_is_not_utf8_is_set_aside(tmp_path):
    (tmp_path/'2019-Oct.csv').write_bytes((REES46 + '2019-10-01 00:00:00 UTC,view,1,1,,c,1,2,s\n').encode() + b'2019-10-01 00:00:00 UTC,view,1,1,,\xff\xfe,1,2,s\n2019-10-01 00:00:00 UTC,view,1,1,,"c,1,2,s\n')
    log = load_rees46(tmp_path)
    assert len(log.events) == 1 and log.rejected.reason.tolist() == ['row is not UTF-8', 'row has a quote that does not close']


def test_a_file_without_one_good_row_is_refused(sample): refused(['UserBehavior.csv: has no row that can be kept (the first: timestamp is not a number of seconds)'], load_taobao, sample('taobao', **{'UserBehavior.csv': '1,2,3,pv,x\n'}))


def test_reviews_may_be_no_purchases_and_bad_ones_none_at_all(sample):
    folder = sample('amazon-reviews')
    assert load_amazon_reviews(folder, verified='review').events.action.unique().tolist() == ['review']
    log = load_amazon_reviews(folder, min_rating=3)
    assert log.events.item_id.tolist() == ['B00P', 'G'] and log.rejected.reason.tolist()[0] == 'rating is below 3' and len(log.events) + len(log.rejected) == ROWS['amazon-reviews']


def test_properties_without_a_category_are_read(sample):
    log = LOADERS['retailrocket'](sample('retailrocket', **{'item_properties_part1.csv': 'timestamp,itemid,property,value\n1436065200000,355908,790,n277.200\n'}))
    assert plain(log.items, ['item_id', 'category']) == [('0015335', None), ('355908', '1338')]


def test_a_blank_user_is_no_user_in_every_share(tmp_path):
    path = many('taobao', tmp_path)
    path.write_text(path.read_text() + ' ,5,1,pv,1511544070\n"",5,1,pv,1511544070\n')
    assert [load_taobao(path, users=share).rejected.reason.tolist() for share in (1., .2)] == [['user_id is missing'] * 2] * 2


def test_another_kind_of_file_is_refused(tmp_path):
    (tmp_path/'UserBehavior.csv').write_text('x' * 200_000)
    refused(['UserBehavior.csv', 'is no CSV file'], load_taobao, tmp_path)
    refused(['2019-Oct.csv', "column 'event_time' is missing"], load_rees46, write(tmp_path, {'2019-Oct.csv': GOOD}))


def test_both_spellings_of_diginetica(sample):
    folder = sample('diginetica')
    wanted = load_diginetica(folder)
    other = FILES['diginetica']['train-item-views.csv'].replace('sessionId;userId;itemId', 'session_id;user_id;item_id')
    found = load_diginetica(sample('diginetica', **{'train-item-views.csv': other}))
    for part in ('events', 'items', 'users', 'rejected'): pd.testing.assert_frame_equal(getattr(found, part), getattr(wanted, part))
    assert wanted.users.values.tolist() == [['2', '77']]


class TestOnlineRetail:
    NEW = {'InvoiceNo': 'Invoice', 'UnitPrice': 'Price', 'CustomerID': 'Customer ID'}

    def test_both_generations(self, sample):
        wanted = load_online_retail(sample('online-retail'))
        text = FILES['online-retail']['Online Retail.csv']
        for old, new in self.NEW.items(): text = text.replace(old, new)
        pd.testing.assert_frame_equal(load_online_retail(sample('online-retail', **{'Online Retail.csv': text})).events, wanted.events)

    @pytest.mark.parametrize('dates, wanted', [(['12/1/2010 8:26', '12/13/2010 8:26'], ['2010-12-01 08:26', '2010-12-13 08:26']), (['1/12/2010 8:26', '13/12/2010 8:26'], ['2010-12-01 08:26', '2010-12-13 08:26']),
        (['01-12-2010 08:26', '13-12-2010 08:26'], ['2010-12-01 08:26', '2010-12-13 08:26']), (['2010-12-01 08:26:00', '2010-12-13 08:26:00'], ['2010-12-01 08:26', '2010-12-13 08:26']),
        (['12/1/10 8:26', '12/13/10 18:26'], ['2010-12-01 08:26', '2010-12-13 18:26']), (['12/1/2010 8:26', '1/12/2010 8:26'], ['2010-12-01 08:26', '2010-01-12 08:26'])])
    def test_dates(self, dates, wanted, sample):
        rows = ''.join(f'{n},1000{n},x,1,{date},1,7,EIRE\n' for n, date in enumerate(dates))
        log = load_online_retail(sample('online-retail', **{'Online Retail.csv': RETAIL + rows}))
        assert log.events.timestamp.tolist() == [pd.Timestamp(time, tz='UTC') for time in wanted]

    def test_dates_of_both_kinds_are_not_guessed(self, sample):
        rows = '1,10001,x,1,12/13/2010 8:26,1,7,EIRE\n2,10001,x,1,13/12/2010 8:26,1,7,EIRE\n'
        assert load_online_retail(sample('online-retail', **{'Online Retail.csv': RETAIL + rows})).rejected.reason.tolist() == ['InvoiceDate is not a time']

    def test_latin_letters(self, sample):
        rows = RETAIL + '1,10001,PURSE £5,1,12/1/2010 8:26,1,7,EIRE\n'
        for coded in (rows.encode('latin-1'), rows.encode('utf-8'), rows.encode('utf-8-sig')):
            assert load_online_retail(sample('online-retail', **{'Online Retail.csv': coded})).items.text.tolist() == ['PURSE £5']
        folder = write(sample('online-retail'), {'Online Retail.csv.gz': rows})
        (folder/'Online Retail.csv').unlink()
        assert load_online_retail(folder).items.text.tolist() == ['PURSE £5']

    def test_an_invoice_in_two_sheets_counts_once(self, sample):
        line = '{n},10001,x,1,12/1/2010 8:26,1,7,EIRE\n'
        sheets = {'Online Retail.csv': RETAIL + line.format(n=1) * 2 + line.format(n=2), 'Year 2010-2011.csv': RETAIL + line.format(n=2) + line.format(n=3)}
        log = load_online_retail(sample('online-retail', **sheets))
        assert log.events.basket_id.tolist() == ['1', '1', '2', '3'] and plain(log.rejected, ['file', 'row', 'reason']) == [('Year 2010-2011.csv', 0, 'invoice is in an earlier file too')]

    @pytest.mark.parametrize('code, kept', [('22139', True), ('15056BL', True), ('DCGSSBOY', True), ('POSTCARD', True), ('SP1002', True), ('POST', False), ('D', False), ('M', False), ('m', False), ('S', False), ('C2', False), ('DOT', False),
        ('BANK CHARGES', False), ('AMAZONFEE', False), ('CRUK', False), ('PADS', False), ('ADJUST2', False), ('TEST001', False), ('gift_0001_10', False)])
    def test_what_is_a_product(self, code, kept, sample):
        rows = f'1,10001,x,1,12/1/2010 8:26,1,7,EIRE\n2,{code},x,1,12/1/2010 8:26,1,7,EIRE\n'
        assert (code in load_online_retail(sample('online-retail', **{'Online Retail.csv': RETAIL + rows})).events.item_id.tolist()) == kept

    def test_a_spreadsheet_needs_a_reader(self, sample, monkeypatch, tmp_path):
        def none(*arguments, **named): raise ImportError('Missing optional dependency')
        monkeypatch.setattr(pd, 'read_excel', none)
        for path in (write(tmp_path/'x', {'online_retail_II.xlsx': b'PK'}), tmp_path/'x'/'online_retail_II.xlsx'):
            refused(['online_retail_II.xlsx', 'needs a reader of spreadsheets', 'save each sheet as CSV'], load_online_retail, path)

    def test_a_spreadsheet_is_read_sheet_by_sheet(self, tmp_path, monkeypatch):
        row = {'Invoice': '1', 'StockCode': '10001', 'Description': 'x, y', 'Quantity': '1', 'InvoiceDate': '2010-12-01 08:26:00', 'Price': '1.5', 'Customer ID': '17850.0', 'Country': 'EIRE'}
        sheets = {'Year 2009-2010': pd.DataFrame([row]), 'Year 2010-2011': pd.DataFrame([row, row | {'Invoice': '2', 'Customer ID': None}, row | {'Invoice': '3'}])}
        monkeypatch.setattr(pd, 'read_excel', lambda path, sheet_name, dtype: sheets)
        log = load_online_retail(write(tmp_path/'x', {'online_retail_II.xlsx': b'PK'}))
        assert log.events.basket_id.tolist() == ['1', '3'] and log.events.user_id.tolist() == ['17850', '17850'] and log.items.text.tolist() == ['x, y']
        assert plain(log.rejected, ['file', 'row', 'reason']) == [('online_retail_II.xlsx Year 2010-2011.csv', 0, 'invoice is in an earlier file too'), ('online_retail_II.xlsx Year 2010-2011.csv', 1, 'user_id is missing')]

    def test_a_spreadsheet_that_is_none(self, tmp_path, monkeypatch):
        def broken(*arguments, **named): raise ValueError('File is not a zip file')
        monkeypatch.setattr(pd, 'read_excel', broken)
        refused(['a.xlsx', 'is not a readable spreadsheet', 'File is not a zip file', SOURCES['online-retail'][2]], load_online_retail, write(tmp_path/'x', {'a.xlsx': b'none'}))


def test_a_catalogue_is_of_the_whole_log_and_it_is_said(tmp_path):
    "Two later rows outvote one before any cut between them."
    row = '{} 00:00:00 UTC,view,5,1,home,{},1,7,s'.format
    (tmp_path/'2019-Oct.csv').write_text(REES46 + '\n'.join([row('2019-10-01', 'old'), row('2019-10-20', 'new'), row('2019-10-21', 'new')]) + '\n')
    assert load_rees46(tmp_path).items.text.tolist() == ['home, new']
    (tmp_path/'2019-Oct.csv').write_text(REES46 + row('2019-10-01', 'old') + '\n')
    assert load_rees46(tmp_path).items.text.tolist() == ['home, old'], 'the way out: the rows before the cut as a log of their own'
    for load in load_rees46, load_taobao, load_online_retail: assert 'of the whole log' in load.__doc__


def test_a_nul_in_the_words_of_an_item_stops_nothing(sample, tmp_path):
    row = '2019-10-01 00:00:00 UTC,view,{},1,{},{},1,7,s'.format
    (tmp_path/'2019-Oct.csv').write_text(REES46 + '\n'.join([row(5, 'home', 'ne\0w'), row(6, 'home', '\0'), row(7, '', '\0')]) + '\n')
    log = load_rees46(tmp_path)
    assert len(log.events) == 3 and log.items.text.tolist() == ['home, new', 'home', 'unknown item'] and log.items.brand.fillna('none').tolist() == ['new', 'none', 'none']
    (tmp_path/'UserBehavior.csv').write_text('1,4,9,pv,1511544070\n1,5,2\0,pv,1511544070\n1,6,\0,pv,1511544071\n')
    assert load_taobao(tmp_path).items.category.fillna('none').tolist() == ['9', '2', 'none']
    meta = objects(dict(META, title='So\0ap', store='\0'))
    assert load_amazon_reviews(sample('amazon-reviews', **{'All_Beauty.jsonl.gz': objects(REVIEW), 'meta_All_Beauty.jsonl.gz': meta})).items.set_index('item_id').text['B00P'] == 'Soap'
