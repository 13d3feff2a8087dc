"Chapters run last (they are long, and a free worker takes over half of what is left), and the report ends with their wall times and one plain line of counts"

counts = {}


def pytest_collection_modifyitems(items): items.sort(key=lambda item: 'test_chapters.py' in item.nodeid)


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
