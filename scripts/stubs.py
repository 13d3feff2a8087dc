"""Write the stub of every module, seqrep_nb/NAME.pyi, for type checkers: stubs.py [FOLDER], by default beside the modules

A class of the modules grows by `@patch`, which a type checker does not see: in its stub it stands whole. Only what is public is in a stub, and nothing is imported to make it.
"""
import ast, re, sys, textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT/'seqrep_nb'
FUNCTION, WIDTH = (ast.FunctionDef, ast.AsyncFunctionDef), 150
MADE = '# Made by scripts/stubs.py from the module beside it, never edited'
RETURNS = dict(__init__='None', __post_init__='None', __len__='int', __repr__='str', __contains__='bool', __reduce__='tuple[Any, ...]', __sklearn_tags__='Any')
KEPT = ('property', 'cached_property', 'classmethod', 'staticmethod', 'contextmanager', 'dataclass')
MIXINS = 'from sklearn.base import '
# scikit-learn has no types, so that its classes, and every class of theirs, would have any attribute for mypy; other checkers read its source
SKLEARN = f'''{MADE}: scikit-learn's base classes, of which mypy knows nothing
from typing import Any, Self

class _BaseEstimator:
    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    def set_params(self, **params: Any) -> Self: ...

class _ClassifierMixin:
    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float: ...

class _TransformerMixin:
    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any: ...
    def set_output(self, *, transform: Any = None) -> Self: ...

class _ClassNamePrefixFeaturesOutMixin:
    def get_feature_names_out(self, input_features: Any = None) -> Any: ...

class _MetaEstimatorMixin: ...

MYPY = False
if MYPY:
    BaseEstimator = _BaseEstimator
    ClassifierMixin = _ClassifierMixin
    TransformerMixin = _TransformerMixin
    ClassNamePrefixFeaturesOutMixin = _ClassNamePrefixFeaturesOutMixin
    MetaEstimatorMixin = _MetaEstimatorMixin
else:
    from sklearn.base import BaseEstimator as BaseEstimator, ClassifierMixin as ClassifierMixin, ClassNamePrefixFeaturesOutMixin as ClassNamePrefixFeaturesOutMixin
    from sklearn.base import MetaEstimatorMixin as MetaEstimatorMixin, TransformerMixin as TransformerMixin
'''


def public(name): return name[0] != '_' or name[:2] == name[-2:] == '__'


def decorators(node):
    "A function's or class's decorators, the name of each and its arguments."
    for found in node.decorator_list:
        call = found if isinstance(found, ast.Call) else ast.Call(found, [], [])
        yield ast.unparse(call.func).split('.')[-1], {k.arg: ast.literal_eval(k.value) for k in call.keywords if isinstance(k.value, ast.Constant)}, found


def grown(body):
    "The module's nodes with each patched function as a method of the classes that the annotation of its first parameter names."
    classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    for node in body:
        told = next((words for name, words, _ in decorators(node) if name == 'patch'), None) if isinstance(node, FUNCTION) else None
        if told is None: yield node; continue
        first = node.args.args[0]
        names = [name.id for name in ast.walk(first.annotation) if isinstance(name, ast.Name)]
        if odd := [name for name in names if name not in classes]: sys.exit(f'{node.name} is patched into {odd[0]}, a class of another module: its stub would not say so')
        first.annotation, kind = None, 'property' if told.get('as_prop') else 'classmethod' if told.get('cls_method') else ''
        node.decorator_list = [found for name, _, found in decorators(node) if name != 'patch'] + [ast.Name(kind)]*bool(kind)
        for name in names: classes[name].body.append(node)


# Types of what has no annotation

def kind(node):
    "The type of a constant, as far as it is in sight."
    match node:
        case ast.Constant(value=None): return 'Any'
        case ast.Constant(value=value): return type(value).__name__
        case ast.JoinedStr(): return 'str'
        case ast.Tuple(elts=found): return f'tuple[{one}, ...]' if (one := same(found)) != 'Any' else 'tuple[Any, ...]' if any(isinstance(e, ast.Starred) for e in found) else f'tuple[{", ".join(map(kind, found))}]'
        case ast.List(elts=found): return f'list[{same(found)}]'
        case ast.ListComp(elt=element): return f'list[{kind(element)}]'
        case ast.Dict(keys=keys, values=values) if None not in keys: return f'dict[{same(keys)}, {same(values)}]'
        case ast.DictComp(): return 'dict[Any, Any]'
        case ast.BinOp(left=left, right=right) if kind(left) == kind(right): return kind(left)
        case ast.UnaryOp(operand=operand): return kind(operand)
        case ast.Call(func=ast.Name('dict'), args=[], keywords=found): return f'dict[str, {same([k.value for k in found])}]' if all(k.arg for k in found) else 'dict[str, Any]'
        case ast.Call(func=ast.Attribute(value=ast.Constant(str()), attr='split')): return 'list[str]'
        case ast.Call(func=ast.Name(name)) if name[0].isupper(): return name
        case ast.Call(func=ast.Attribute(value=ast.Name('np'), attr='array')): return 'np.ndarray'
        case ast.Call(func=ast.Attribute(value=ast.Name('pd'), attr='DataFrame')): return 'pd.DataFrame'
        case ast.Call(func=ast.Attribute(value=ast.Name('re'), attr='compile')): return 're.Pattern[str]'
    return 'Any'


def same(nodes):
    "The one type of several values; 'Any' where they differ."
    kinds = {kind(node) for node in nodes}
    return kinds.pop() if len(kinds) == 1 else 'Any'


def alias(name, value):
    "A union of types that has a name of its own, as it stands; constants are in capitals."
    if re.match('[A-Z]+[a-z]', name) and isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr): return f'{name}: TypeAlias = {ast.unparse(value)}'


def pairs(target, value):
    "Each target of an assignment with its value, None where it is not in sight."
    if not isinstance(target, (ast.Tuple, ast.List)): yield target, value; return
    values = value.elts if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts) else [None]*len(target.elts)
    for part, found in zip(target.elts, values): yield from pairs(part, found)


def assigned(node):
    "What a statement assigns: target, value and annotation."
    if isinstance(node, ast.AnnAssign): yield node.target, node.value, ast.unparse(node.annotation) + or_none(node.annotation, node.value)
    if isinstance(node, ast.AugAssign): yield node.target, None, None
    for target in node.targets if isinstance(node, ast.Assign) else []: yield from ((*pair, None) for pair in pairs(target, node.value))


def attributes(node):
    "Public attributes that a class's methods set on the object, and their types: of a parameter that `__init__` keeps, the parameter's."
    found = {}
    for method in (child for child in node.body if isinstance(child, FUNCTION)):
        if not (arguments := method.args.posonlyargs + method.args.args): continue
        first, *others = arguments
        known = {a.arg: ast.unparse(a.annotation) for a in [*others, *method.args.kwonlyargs] if a.annotation} if method.name == '__init__' else {}
        for target, value, said in (row for child in ast.walk(method) for row in assigned(child)):
            if isinstance(target, ast.Attribute) and ast.unparse(target.value) == first.arg and public(target.attr):
                found.setdefault(target.attr, said or known.get(value.id if isinstance(value, ast.Name) else None, 'Any'))
    return found


# Text

def default(node):
    "A default as it stands, if it is short and plain."
    try: ast.literal_eval(node)
    except ValueError: return '...'
    return text if len(text := ast.unparse(node)) < 60 else '...'


def or_none(annotation, value):
    "What an annotation leaves out whose default is None."
    return ' | None' if annotation and isinstance(value, ast.Constant) and value.value is None and not re.search(r'\bNone\b|\bAny$|\bobject$', ast.unparse(annotation)) else ''


def function(node, indent=''):
    "A function's or method's head, with its decorators; parameters each on its line where one line would be long."
    a, parts = node.args, []
    said = lambda arg, star='': star + arg.arg + (f': {ast.unparse(arg.annotation)}' if arg.annotation else '')
    given = lambda arg, value: said(arg) + or_none(arg.annotation, value) + ('' if value is None else f'{" = " if arg.annotation else "="}{default(value)}')
    plain = a.posonlyargs + a.args
    parts = [given(arg, value) for arg, value in zip(plain, [None]*(len(plain) - len(a.defaults)) + a.defaults)]
    if a.posonlyargs: parts.insert(len(a.posonlyargs), '/')
    if a.vararg or a.kwonlyargs: parts.append(said(a.vararg, '*') if a.vararg else '*')
    parts += [given(arg, value) for arg, value in zip(a.kwonlyargs, a.kw_defaults)] + ([said(a.kwarg, '**')] if a.kwarg else [])
    returned = ast.unparse(node.returns) if node.returns else RETURNS.get(node.name)
    head, tail = f'{indent}{"async "*isinstance(node, ast.AsyncFunctionDef)}def {node.name}(', f')' + f' -> {returned}'*bool(returned) + ': ...'
    line = head + ', '.join(parts) + tail
    if len(line) > WIDTH: line = '\n'.join([head, *(f'{indent}    {part},' for part in parts), indent + tail])
    return '\n'.join([*(f'{indent}@{ast.unparse(found)}' for name, _, found in decorators(node) if name in (*KEPT, 'setter')), line])


def class_text(node):
    "A class: its fields, its attributes, its public methods."
    bases = ', '.join(ast.unparse(base) for base in node.bases + node.keywords)
    own = 'ClassVar[{}]' if any(name == 'dataclass' for name, *_ in decorators(node)) else '{}'     # else it would be a field
    fields, inside = [], [child for child in node.body if isinstance(child, FUNCTION) and public(child.name)]
    for child in node.body:
        for target, value, said in assigned(child):
            if not isinstance(target, ast.Name) or not public(target.id): continue
            fields.append((target.id, f'{target.id}: {said or own.format(kind(value))}' + ' = ...'*(said is not None and value is not None)))
    names = {name for name, _ in fields} | {method.name for method in inside}
    fields += [(name, f'{name}: {said}') for name, said in attributes(node).items() if name not in names]
    lines = [f'    {line}' for _, line in fields] + [function(child, '    ') for child in inside]
    head = [f'@{ast.unparse(found)}' for name, _, found in decorators(node) if name in KEPT] + [f'class {node.name}' + f'({bases})'*bool(bases) + ':' + ' ...'*(not lines)]
    return '\n'.join(head + lines)


def names_in(text):
    "Names that a piece of a stub uses, those in an annotation that is text too."
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name): yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str): yield from re.findall(r'[A-Za-z_]\w*', node.value)


def imports(node, used):
    "An import, of it only the names that are used."
    kept = [alias for alias in node.names if (alias.asname or alias.name).split('.')[0] in used]
    if not kept: return
    text = ast.unparse(ast.ImportFrom(node.module, kept, node.level) if isinstance(node, ast.ImportFrom) else ast.Import(kept))
    yield text.replace(MIXINS, 'from ._sklearn import ') if text.startswith(MIXINS) else text


def stub(source):
    "The text of a module's stub."
    told = lambda node: node.body if isinstance(node, ast.If) and ast.unparse(node.test) == 'TYPE_CHECKING' else [node]    # what is imported for annotations alone
    body = list(grown([part for node in ast.parse(source).body for part in told(node)]))
    exported = next((ast.literal_eval(node.value) for node in body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '__all__'), [])
    pieces = {}
    for node in body:
        if isinstance(node, FUNCTION): pieces[node.name] = function(node)
        elif isinstance(node, ast.ClassDef): pieces[node.name] = class_text(node)
        else: pieces |= {target.id: alias(target.id, value) or f'{target.id}: {said or kind(value)}' for target, value, said in assigned(node) if isinstance(target, ast.Name) and target.id not in pieces}
    pieces.pop('__all__', None)
    wanted, found = [], {*exported, '__version__'}
    while more := [name for name in pieces if name in found and name not in wanted]:
        wanted += more
        found |= {name for new in more for name in names_in(pieces[new])}
    lines = [line for node in body if isinstance(node, (ast.Import, ast.ImportFrom)) for line in imports(node, found)]
    lacking = [name for name in ('Any', 'ClassVar', 'TypeAlias') if name in found and not any(re.search(rf'import .*\b{name}\b', line) for line in lines)]
    if lacking: lines.insert(0, f'from typing import {", ".join(lacking)}')
    said = textwrap.fill('__all__ = [' + ', '.join(map(repr, exported)) + ']', WIDTH, subsequent_indent=' '*11, break_on_hyphens=False)
    kept = [text for name, text in pieces.items() if name in wanted]
    # Constants stand together, all else apart
    text = ''.join(f'\n{piece}\n' if re.match(r'@|class |def |async ', piece) or not i or re.match(r'@|class |def |async ', kept[i - 1]) else f'{piece}\n' for i, piece in enumerate(kept))
    return '\n'.join([MADE, *lines, *[said]*bool(exported), '']) + text


def stubs():
    "File name to text, of the whole package."
    modules = [path for path in sorted(PACKAGE.glob('*.py')) if path.name != '_modidx.py']
    return {'_sklearn.pyi': SKLEARN} | {f'{path.stem}.pyi': stub(path.read_text(encoding='utf-8')) for path in modules}


def main(folder=PACKAGE):
    made = stubs()
    for old in folder.glob('*.pyi'):
        if old.name not in made: old.unlink()
    for name, text in made.items():
        path = folder/name
        if not path.exists() or path.read_text(encoding='utf-8') != text: path.write_text(text, encoding='utf-8')


if __name__ == '__main__': main(Path(sys.argv[1]) if sys.argv[1:] else PACKAGE)
