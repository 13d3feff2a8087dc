"""Make .venv from a lock, with nothing but a Python: python3 scripts/install.py plain|fast|test, or test browser

Standard library only. What is installed is written to .venv/seqrep-stamp.json last, so that a second call has nothing to do and an interrupted one starts again.
"""
import hashlib, json, os, shutil, subprocess, sys, venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT/'.venv'
PYTHON = VENV/('Scripts/python.exe' if os.name == 'nt' else 'bin/python')
STAMP, LOG = VENV/'seqrep-stamp.json', VENV/'pip.log'
FIRST, LAST = (3, 11), (3, 13)
BROWSERS = ['chromium', 'chromium-browser', 'google-chrome']


def say(text): print(text, file=sys.stderr, flush=True)


def check_python():
    "Stop unless this Python is one that the locks are made for."
    if FIRST <= sys.version_info[:2] <= LAST: return
    names = ['python3.%d' % minor for minor in range(FIRST[1], LAST[1] + 1)]
    found = [name for name in names if shutil.which(name)]
    way_out = 'run make PYTHON=%s' % found[-1] if found else 'install one of them and run make PYTHON=%s' % names[-1]
    sys.exit('seqrep_nb needs Python 3.%d to 3.%d, and %s is %d.%d: %s'
             % (FIRST[1], LAST[1], sys.executable, sys.version_info[0], sys.version_info[1], way_out))


def has_gpu():
    "Does `nvidia-smi` work here?"
    try: return subprocess.run(['nvidia-smi', '-L'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    except OSError: return False


def bare(kind):
    "Locks of packages of which only the files are wanted, so none of what they depend on: the checkpoint's metadata asks for PyTorch."
    return ['checkpoint.txt'] + ['bpe.txt']*(kind == 'test')


def wanted(kind):
    "The locks that make up `kind`, plain first: file name to hash. Each other lock holds the plain one, with the same versions."
    names = ['lock.txt'] + {'plain': ['gpu.txt']*has_gpu(), 'fast': ['fast.txt'], 'test': ['test.txt']}[kind]
    files = ['requirements/' + name for name in names + bare(kind)] + ['settings.ini', 'setup.py', 'pyproject.toml']
    return {name: hashlib.sha256((ROOT/name).read_bytes()).hexdigest() for name in files}


def stamped():
    "What the stamp says is installed; nothing where it was written for another folder or Python."
    try: stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError): return {}
    return stamp['files'] if stamp['python'] == str(PYTHON) and PYTHON.exists() else {}


def make_venv():
    "A fresh .venv, unless a working one of a supported Python is there."
    check = 'import sys, pip; sys.exit(not %r <= sys.version_info[:2] <= %r)' % (FIRST, LAST)
    if PYTHON.exists() and subprocess.run([str(PYTHON), '-c', check], stderr=subprocess.DEVNULL).returncode == 0: return
    say('making .venv with Python %s' % sys.version.split()[0])
    try: venv.create(VENV, with_pip=True, clear=True)
    except subprocess.CalledProcessError:
        sys.exit('this Python cannot make a virtual environment with pip in it (on Debian and Ubuntu: apt install python3-venv)')


def pip_install(what, *arguments):
    "Run pip with one moving line of progress; its whole output goes to .venv/pip.log, and its end to the screen on failure."
    moving, count = sys.stderr.isatty(), 0
    command = [str(PYTHON), '-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--no-compile', *arguments]
    say('installing ' + what)
    with LOG.open('a', encoding='utf-8') as log, subprocess.Popen(command, cwd=ROOT, text=True, encoding='utf-8', errors='replace', bufsize=1,
                                                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as pip:
        lines = []
        for line in pip.stdout:
            log.write(line)
            lines.append(line)
            if line.startswith(('Collecting ', 'Processing ')):
                count += 1
                if moving and count > 1: print('\r  %3d  %-60s' % (count, line.split()[1].split('/')[-1][:60]), end='', file=sys.stderr, flush=True)
                elif count % 25 == 0: say('  %3d packages found' % count)
            elif line.startswith('Installing collected packages') and count > 1:
                say('\r'*moving + '  unpacking %d packages, the longest step' % (line.count(',') + 1) + ' '*40*moving)
    if pip.returncode: sys.exit('%s\npip failed on %s; all of its output is in %s' % (''.join(lines[-25:]), what, LOG.relative_to(ROOT)))


def compile_all():
    "Byte code of what may be imported, on all cores; pip itself would make it of all 300 MB of source on one. A file that cannot be compiled is left."
    say('compiling')
    passed_over = r'[\\/]tests?[\\/]|[\\/]transformers[\\/]models[\\/]'     # some 5,000 files, hardly ever read
    subprocess.run([str(PYTHON), '-m', 'compileall', '-q', '-j', '0', '-x', passed_over, 'Lib' if os.name == 'nt' else 'lib'], cwd=VENV, stdout=subprocess.DEVNULL)


def check_checkpoint():
    "Find the default checkpoint and check its files' hashes, as the chapters will."
    source = 'from seqrep_nb.backbone import find_checkpoint; find_checkpoint(); print("checkpoint: found, its hashes are right")'
    run = subprocess.run([str(PYTHON), '-c', source], cwd=ROOT, stdout=sys.stderr)
    if run.returncode: sys.exit('the default checkpoint was installed but cannot be used: see above')


def install(kind):
    "Install `kind` into .venv, unless the stamp says that it is there."
    files, done = wanted(kind), stamped()
    if all(done.get(name) == value for name, value in files.items()): return
    make_venv()
    STAMP.unlink(missing_ok=True)
    *_, lock = [name for name in files if name.startswith('requirements/') and Path(name).name not in bare(kind)]
    pip_install(lock, '--require-hashes', '-r', lock)
    for name in bare(kind): pip_install('requirements/' + name, '--require-hashes', '--no-deps', '-r', 'requirements/' + name)
    pip_install('seqrep_nb itself', '--no-deps', '--no-build-isolation', '--editable', '.')
    compile_all()
    check_checkpoint()
    done.update(files)
    STAMP.write_text(json.dumps({'python': str(PYTHON), 'files': done}, indent=1))


def has_browser():
    "Is a Chromium there, or can Debian's be installed (as root)? It asks nothing of .venv."
    if any(map(shutil.which, BROWSERS)): return True
    if not shutil.which('apt-get') or os.geteuid(): return False
    say('installing Chromium')
    quiet = dict(env=os.environ | {'DEBIAN_FRONTEND': 'noninteractive'}, stdout=subprocess.DEVNULL)
    subprocess.run(['apt-get', 'update'], **quiet)
    return subprocess.run(['apt-get', 'install', '--yes', '--no-install-recommends', 'chromium'], **quiet).returncode == 0


def install_browser(there):
    "Playwright's Chromium for the tests that need a real browser, where none is `there`."
    if there or subprocess.run([str(PYTHON), '-m', 'playwright', 'install', 'chromium'], stdout=subprocess.DEVNULL).returncode == 0: return
    sys.exit('no Chromium could be installed for the tests in a browser: install it by hand, so that one of %s is on the path' % ', '.join(BROWSERS))


def main(kinds):
    if kinds not in (['plain'], ['fast'], ['test'], ['test', 'browser']): sys.exit(__doc__)
    check_python()
    with ThreadPoolExecutor(1) as beside:       # Debian's Chromium comes while pip works
        browser = beside.submit(has_browser) if 'browser' in kinds else None
        install(kinds[0])
    if browser: install_browser(browser.result())


if __name__ == '__main__': main(sys.argv[1:])
