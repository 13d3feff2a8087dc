"Each worker computes on its share of the cores and begins with its share of the chapters, which are long; the report ends with their wall times and one plain line of counts"
import os
import hypothesis, pytest

counts = {}
WORKERS = int(os.environ.get('PYTEST_XDIST_WORKER_COUNT', 1))
# Before anything that computes is imported, and for the processes that tests start: more threads than cores wait for each other, some of them spinning
for name in ('OMP_NUM_THREADS', 'TF_NUM_INTRAOP_THREADS', 'TF_NUM_INTEROP_THREADS') if WORKERS > 1 else ():
    os.environ.setdefault(name, str(max((os.cpu_count() or 1) // WORKERS, 1)))

# The same examples in every run, so that a red test tells of a change; `--hypothesis-profile=default` draws others
hypothesis.settings.register_profile('repeatable', derandomize=True)
hypothesis.settings.load_profile('repeatable')


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    "The list falls into one run of tests per worker, and a free worker takes over half of what is left of another's: from its end, so it should not end with a chapter."
    a_chapter = lambda item: 'test_chapters.py' in item.nodeid or 'test_run_all' in item.nodeid      # by nbdev, or in JupyterLab
    if WORKERS == 1: return items.sort(key=a_chapter)       # what is quick to fail comes first
    chapters, others = [item for item in items if a_chapter(item)], [item for item in items if not a_chapter(item)]
    left = len(items)
    items.clear()
    for worker in range(WORKERS):
        share, own = (left - len(items)) // (WORKERS - worker), chapters[worker::WORKERS]
        items += own + others[:max(share - len(own), 0)]
        del others[:max(share - len(own), 0)]
    items += others


def pytest_terminal_summary(terminalreporter):
    stats = terminalreporter.stats
    runs = [report for outcome in ('passed', 'failed') for report in stats.get(outcome, []) if 'test_chapter[' in report.nodeid and report.when == 'call']
    if runs: terminalreporter.section('wall time of the chapters, slowest first')
    for report in sorted(runs, key=lambda report: -report.duration):
        terminalreporter.write_line(f'{report.duration:7.1f} s  {report.nodeid.split("[")[1][:-1]:20} {report.outcome}')
    if runs: terminalreporter.write_line(f'{sum(report.duration for report in runs):7.1f} s  together')
    counts.update({outcome: len(stats.get(outcome, [])) for outcome in ('passed', 'failed', 'error', 'skipped')})


def pytest_unconfigure():
    if not counts: return
    skipped = f', {counts["skipped"]} skipped' if counts['skipped'] else ''
    print(f'{counts["passed"]} passed, {counts["failed"] + counts["error"]} failed{skipped}')
