"""Write the site from the notebooks: docs.py [FOLDER], by default into site/

nbdev's processors make pages of the notebooks, docments a reference of the modules, and Sphinx makes HTML of both. No notebook is executed: the pages show the outputs that the notebooks hold.
"""
import ast, hashlib, importlib, inspect, json, re, shutil, sys, tempfile
from functools import cache
from html import escape
from itertools import groupby
from pathlib import Path

from fastcore.docments import DocmentText
from fastcore.nbio import mk_cell, write_nb
from nbdev import processors
from nbdev.doclinks import NbdevLookup, patch_name
from nbdev.process import NBProcessor
from nbdev.processors import clean_magics, hide_, hide_line, rm_export, strip_ansi
from sphinx.cmd.build import build_main

ROOT = Path(__file__).resolve().parent.parent
NBS, DOCS, RESULTS = ROOT/'nbs', ROOT/'docs', ROOT/'results'
PARTS = ['Start', 'Data', 'Encode', 'Fine-tune', 'Classify', 'Rank', 'Example', 'Production', 'Trust', 'Beyond']
CHAPTERS, PAGES = sorted(NBS.glob('[0-9]*.ipynb')), sorted((NBS/'pages').glob('*.md'))
MODULES = {path.stem: importlib.import_module(f'seqrep_nb.{path.stem}') for path in sorted((ROOT/'seqrep_nb').glob('[a-z]*.py'))}
HOME = {path.stem.split('_', 1)[1]: path for path in CHAPTERS}
REFERENCE_SAYS = 'Every public function and class, a page for each module, made from the same docstrings and comments of parameters that the chapters show. Data flows one way: a module imports only those above it in this list. In an example the public names of its own module, `np` and `pd` are taken as imported; what else it needs, it imports.'
RESULTS_SAY = 'Every result that is stored in `results/` and that prose cites: the command that makes it, its date, its machine; each page has the protocols and the rows. A cell is empty where the file does not say.'
# Results that do not say themselves which command made them; one machine's own run is not part of the book
MADE_BY, LEFT_OUT = {'example': 'make example', 'bench': 'make bench'}, ['example-run']
OWN = re.compile(r'`(seqrep_nb\.\w+\.(\w+))`')
told_of = cache(DocmentText)                                 # asked for parameters and for what is returned
processors.get_config = cache(processors.get_config)        # read anew for every cell otherwise, three files each
FIELD = re.compile(r'^    (\w+): ?([^=#\n]+?)(?: ?= ?[^#\n]+?)?(?: +# (.*))?$', re.M)


def check_vendored():
    "Stop unless the files that other projects made are those that vendor.json names."
    for part in json.loads((DOCS/'vendor'/'vendor.json').read_text()):
        found = hashlib.sha256((DOCS/'vendor'/part['file']).read_bytes()).hexdigest()
        if found != part['sha256']: sys.exit(f'docs/vendor/{part["file"]} is not {part["name"]} {part["version"]}: its sha256 is {found}')


def public(module):
    "The functions and classes in a module's `__all__` that are at home there, by name."
    found = {name: getattr(module, name) for name in module.__all__}
    return {name: o for name, o in found.items() if (inspect.isfunction(o) or inspect.isclass(o)) and o.__module__ == module.__name__}


def members(cls):
    "A class's own public methods and properties, patched ones too, as (name, kind, function); not what other packages put there."
    for name, value in vars(cls).items():
        kind = 'property' if hasattr(value, 'fget') or hasattr(value, 'func') else 'method'
        function = getattr(value, 'fget', None) or getattr(value, 'func', None) or getattr(value, '__func__', value)
        if (name[0] != '_' or name in ('__call__', '__getitem__')) and inspect.isfunction(function) and function.__module__.startswith('seqrep_nb.'): yield name, kind, function


# Chapters

def head(node, lines):
    "Source of a function or class down to its docstring; of a class its fields and its public methods' heads too."
    first, start = node.body[0], min([node.lineno, *(d.lineno for d in node.decorator_list)]) - 1
    if ast.get_docstring(node) is None: found = [line for line in (*lines[start:first.lineno - 1], lines[first.lineno - 1].encode()[:first.col_offset].decode()) if line.strip()]
    else: found = lines[start:first.end_lineno]
    for child in node.body if isinstance(node, ast.ClassDef) else []:
        if isinstance(child, ast.AnnAssign): found += lines[child.lineno - 1:child.end_lineno]
        elif isinstance(child, ast.FunctionDef) and (child.name[0] != '_' or child.name == '__init__'): found += head(child, lines)
    return found


def signatures(cell):
    "An exported cell becomes the heads of the public names that it defines."
    if cell.cell_type != 'code' or 'export' not in cell.directives_: return
    nodes = [node for node in ast.parse(cell.source).body if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name[0] != '_']
    code = '\n\n'.join('\n'.join(head(node, cell.source.splitlines())) for node in nodes)
    names = ', '.join(f'`{patch_name(node)}`' for node in nodes)
    if nodes: cell.update(cell_type='markdown', directives_={}, source=f':::{{container}} exported\n```python\n{code}\n```\nReference: {names}\n:::')


def as_page(text, depth=0):
    "Markdown of a file `depth` folders below nbs/, as a page below the site's root: what stands beside nbs/ stands in the root too, and Mermaid draws the diagrams."
    text = text.replace('](' + '../'*(depth + 1), '](' + '../'*depth)
    return re.sub(r'^```mermaid\n(.*?)^```$', lambda m: f'<pre class="mermaid">\n{escape(m[1])}</pre>', text, flags=re.M | re.S)


def for_sphinx(cell):
    "nbdev's directives in the words of MyST-NB: a folded cell, one without its source, a figure's alternative text."
    if cell.cell_type != 'code': return
    flags, notes = cell.directives_, {}
    if 'code-fold' in flags: notes = dict.fromkeys(['code_prompt_show', 'code_prompt_hide'], flags.get('code-summary', 'Code').strip('"'))
    if 'fig-alt' in flags: notes['image'] = {'alt': flags['fig-alt']}
    cell.metadata = {'mystnb': notes, 'tags': ['hide-input']*('code-fold' in flags) + ['remove-input']*(flags.get('echo') == 'false')}


def links_of(path=None, source=''):
    "A function that links names in backticks to the reference, by nbdev's lookup: in a chapter a plain lower-case word only where it is defined or imported."
    found, own = NbdevLookup(), lambda stem: HOME[stem] == path
    found.syms = {}
    for stem, module in sorted(MODULES.items(), key=lambda item: own(item[0])):
        for name, o in public(module).items():
            if re.search('[A-Z_]', name) or own(stem) or re.search(rf'import [^"]*\b{name}\b', source): found.syms[name] = f'#{o.__module__}.{name}'
            if inspect.isclass(o): found.syms |= {f'{name}.{member}': f'#{o.__module__}.{name}.{member}' for member, *_ in members(o)}
    return lambda text: found.linkify(text) or ''


def write_chapter(path, target, more=''):
    "A notebook as a page: hidden cells gone, exported ones as signatures, names linked; `more` at its end."
    links = links_of(path, path.read_text(encoding='utf-8'))
    def link(cell):
        if cell.cell_type == 'markdown': cell.source = links(as_page(cell.source))
        for output in cell.get('outputs', []):
            if markdown := output.get('data', {}).get('text/markdown'): output['data']['text/markdown'] = as_page(''.join(markdown))
    nb = NBProcessor(path, procs=[strip_ansi, hide_, hide_line, clean_magics, signatures, rm_export, link, for_sphinx], process=True).nb
    if more: nb.cells.append(mk_cell(more, 'markdown'))
    nb.metadata = {'language_info': {'name': 'python', 'pygments_lexer': 'ipython3'}}
    write_nb(nb, target)


# Reference

def parameters(o):
    "Each parameter's name, type, default and comment, from docments; of a named tuple, whose comments docments does not read, from its source."
    if hasattr(o, '_fields'): return [(n, t, repr(o._field_defaults[n]) if n in o._field_defaults else None, comment) for n, t, comment in FIELD.findall(inspect.getsource(o))]
    split = [(*re.fullmatch(r'([^:=]+)(?::([^=]+))?(?:=(.*))?', text, re.S).groups(), comment or '') for text, comment in told_of(o).params]
    return [(name, re.sub(r'\._\w+(?=\.)', '', kind or '').replace('NoneType', '').strip('\'"'), default, ' '.join(comment.split())) for name, kind, default, comment in split]


def described(text, plain):
    "A docstring as Markdown: prose as `plain` writes it, examples as code."
    parts = re.split(r'(^>>> .*?)(?:\n\n|\Z)', inspect.cleandoc(text or ''), flags=re.M | re.S)
    return '\n\n'.join(f'```pycon\n{part}\n```' if i % 2 else plain(part) for i, part in enumerate(parts) if part.strip())


def documented(kind, name, o, links, colons=3):
    "A function, class, method or property as Sphinx's own directive, its parameters as fields."
    bare = kind == 'property' or getattr(o, '_is_protocol', False)    # no one calls them
    told = [] if bare else parameters(o)
    plain = lambda text: links(re.sub(r'`[^`]*`|<', lambda m: r'\<' if m[0] == '<' else m[0], text))
    returned = {} if kind == 'class' else told_of(o).dm.get('return', {})
    anno, comment = returned.get('anno') or inspect._empty, returned.get('docment')
    line = '' if bare else '(' + ', '.join(n + f'={d}'*(d is not None) for n, _, d, _ in told) + ')'
    if anno is not inspect._empty and kind != 'property': line += f' -> {anno if isinstance(anno, str) else inspect.formatannotation(anno)}'
    lines = [':'*colons + f'{{py:{kind}}} {name}{line}', '', described(o.__doc__, plain), '']
    for n, t, d, about in told:
        if n in '*/': continue
        n, kinds = n.replace('*', r'\*'), ', '.join([OWN.sub(r'[`\2`](#\1)', f'`{t}`')]*bool(t) + [f'default `{d}`']*(d is not None))
        lines += [f':param {n}: {plain(about)}'] + [f':type {n}: {kinds}']*bool(kinds)
    if comment: lines.append(f':returns: {plain(" ".join(comment.split()))}')
    if kind == 'class': lines += [''] + [documented(k, n, f, links, colons - 1) for n, k, f in members(o)]
    return '\n'.join([*lines, ':'*colons, ''])


def write_reference(stem, target):
    "One module: its question, its chapter, its functions and classes, its constants."
    module, path, links = MODULES[stem], HOME[stem], links_of(HOME[stem])
    parts = [f'# {module.__name__}', f'```{{py:module}} {module.__name__}\n```', module.__doc__, f'Explained in chapter [{path.name[:2]} · {title(path)}](../{path.name}).', '```{py:currentmodule} ' + module.__name__ + '\n```']
    parts += [documented('class' if inspect.isclass(o) else 'function', name, o, links, 4) for name, o in public(module).items()]
    rest = [name for name in module.__all__ if name not in public(module) and not inspect.ismodule(getattr(module, name))]
    for name in rest:
        home, said = getattr(getattr(module, name), '__module__', None), repr(getattr(module, name))
        if str(home).startswith('seqrep_nb.') and home != module.__name__: parts.append(f'`{name}` is at home in [`{home}`](#{home}.{name}).')
        else: parts.append(f':::{{py:data}} {name}\n' + f':value: {json.dumps(said, ensure_ascii=False)}\n'*(len(said) < 90 and '\n' not in said and ' at 0x' not in said) + ':::')
    target.write_text('\n\n'.join(parts), encoding='utf-8')


# Results

def shown(value):
    "A value of a result in a cell of a table."
    if isinstance(value, float): return f'{value:,.0f}' if abs(value) >= 1000 else f'{value:.4g}'
    if isinstance(value, dict): return ', '.join(f'{key} {shown(v)}' for key, v in value.items() if v not in (None, '', []))
    if isinstance(value, list): return ', '.join(map(shown, value)) if len(str(value)) < 1000 else f'{len(value):,} entries, in the file itself'
    return str(value).replace('|', r'\|')


def table(rows):
    "Rows as a Markdown table; a protocol, which is long, stands above the rows that share it."
    if len(protocols := list(dict.fromkeys(row.get('protocol') for row in rows))) > 1 or protocols != [None]:
        return '\n\n'.join(f'Protocol: {p or "not said"}\n\n' + table([{k: v for k, v in row.items() if k != 'protocol'} for row in rows if row.get('protocol') == p]) for p in protocols)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [columns, ['---']*len(columns), *([shown(row.get(key, '')) for key in columns] for row in rows)]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


def tabular(data):
    "Is it rows, or does it hold any?"
    return any(map(tabular, data.values())) if isinstance(data, dict) else isinstance(data, list) and bool(data) and isinstance(data[0], dict)


def told(data, level=2):
    "A result's tables under its headings; what is no table is a list of facts."
    if isinstance(data, list): return table(data)
    nested = {key: v for key, v in data.items() if tabular(v)}
    facts = '\n'.join(f'- **{key}**: ' + (f'`{v}`' if key == 'command' else shown(v)) for key, v in data.items() if key not in nested)
    return '\n\n'.join([facts, *(f'{"#"*level} {key}\n\n{told(v, level + 1)}' for key, v in nested.items())])


def write_results(folder):
    "A page for each stored result beside the file itself, one for the small files of each training, and a list of all with command, date and machine."
    listed, parts = [], []
    for path in sorted(path for path in RESULTS.rglob('*.json') if path.stem not in LEFT_OUT):
        data, name = json.loads(path.read_text(encoding='utf-8')), path.relative_to(RESULTS).with_suffix('').as_posix()
        if name.startswith('methods/'):
            parts.append({'file': path.stem} | {key: v for key, v in data.items() if not isinstance(v, (list, dict))})
            continue
        page = name.replace('/', '-')
        shutil.copy(path, folder/f'{page}.json')
        text = path.with_suffix('.md').read_text(encoding='utf-8') if path.with_suffix('.md').exists() else f'# {name}\n\n{told(data)}'
        (folder/f'{page}.md').write_text(f'{text}\n\nThe file itself: [{name}.json]({page}.json)\n', encoding='utf-8')
        held = {'': data} | data if isinstance(data, dict) else {}
        measured = {key: d for key, d in held.items() if isinstance(d, dict) and 'command' in d}
        dates = sorted({row['date'] for row in data if 'date' in row}) if isinstance(data, list) else []
        for key, facts in (measured or {'': {'command': MADE_BY.get(name, ''), 'date': ' to '.join(dict.fromkeys(dates[:1] + dates[-1:]))}}).items():
            machine = facts.get('machine') or facts.get('device') or ''
            listed.append({'result': f'[{name}]({page}.md)' + f', {key}'*bool(key), 'made by': f'`{facts["command"]}`'*bool(facts['command']), 'date': facts.get('date', ''),
                           'machine': {k: v for k, v in machine.items() if k != 'versions'} if isinstance(machine, dict) else machine})
    (folder/'methods-trainings.md').write_text(f'# methods, each training\n\n[methods](methods.md) chose among these, by the loss on the inner cut.\n\n{table(parts)}\n', encoding='utf-8')
    listed.append({'result': '[methods, each training](methods-trainings.md)', 'made by': '`python scripts/finetune.py`'})
    names = [re.search(r'\((.*)\.md\)', row['result'])[1] for row in listed]
    (folder/'index.md').write_text(f'# Results\n\n{RESULTS_SAY}\n\n{table(listed)}\n\n' + toctree('', dict.fromkeys(names)), encoding='utf-8')


# The site

def title(path):
    "The first heading of a notebook or page."
    text = path.read_text(encoding='utf-8')
    return re.search(r'^# (.*)$', ''.join(json.loads(text)['cells'][0]['source']) if path.suffix == '.ipynb' else text, re.M)[1]


def toctree(caption, entries): return '\n'.join(['```{toctree}', ':hidden:', f':caption: {caption}'*bool(caption), '', *entries, '```', ''])


def sidebar():
    "The parts of the book, what stands beside the chapters, and what is looked up, in the order of the sidebar."
    for part, paths in groupby(CHAPTERS, key=lambda path: int(path.name[0])): yield toctree(PARTS[part], [f'{path.name[:2]} · {title(path)} <{path.stem}>' for path in paths])
    if PAGES: yield toctree('Beside the chapters', [f'pages/{path.stem}' for path in PAGES])
    yield toctree('Look up', ['Reference <reference/index>', 'Results <results/index>', 'CONTRIBUTING', 'CHANGELOG'])


def write_source(folder):
    "All that Sphinx reads."
    for name in ('reference', 'results', 'pages'): (folder/name).mkdir(parents=True)
    for path in CHAPTERS: write_chapter(path, folder/path.name)
    write_chapter(NBS/'index.ipynb', folder/'index.ipynb', '\n'.join(sidebar()))
    for path in PAGES: (folder/'pages'/path.name).write_text(links_of()(as_page(path.read_text(encoding='utf-8'), 1)), encoding='utf-8')
    for name in ('CONTRIBUTING.md', 'CHANGELOG.md'): (folder/name).write_text((ROOT/name).read_text(encoding='utf-8').replace('](nbs/', ']('), encoding='utf-8')
    shutil.copy(DOCS/'404.md', folder)
    for stem in MODULES: write_reference(stem, folder/'reference'/f'{stem}.md')
    modules = sorted(MODULES, key=HOME.get)
    listed = table([{'module': f'[{stem}]({stem}.md)', 'answers': MODULES[stem].__doc__, 'chapter': f'[{HOME[stem].name[:2]}](../{HOME[stem].name})'} for stem in modules])
    (folder/'reference'/'index.md').write_text(f'# Reference\n\n{REFERENCE_SAYS}\n\n{listed}\n\n' + toctree('', [f'{stem} <{stem}>' for stem in modules]), encoding='utf-8')
    write_results(folder/'results')


def main(target):
    check_vendored()
    with tempfile.TemporaryDirectory() as folder:
        source, html = Path(folder)/'source', Path(folder)/'html'
        write_source(source)
        # A warning is an error: a link or a name that leads nowhere must not pass
        if build_main(['--quiet', '--fail-on-warning', '--jobs', 'auto', '--conf-dir', str(DOCS), '--doctree-dir', f'{folder}/doctrees', str(source), str(html)]): sys.exit('the site was not made: see above')
        if target.exists(): shutil.rmtree(target)
        (html/'_sources').rmdir()
        shutil.move(html, target)
    print(f'open {target/"index.html"} in a browser')


if __name__ == '__main__': main(Path(sys.argv[1]) if sys.argv[1:] else ROOT/'site')
