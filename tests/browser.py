"A real browser for tests: Debian's Chromium where it is, driven by Playwright; nothing but files, or what the test itself serves, may be loaded, and nothing may go wrong in silence"
import shutil, sys
from contextlib import contextmanager
from pathlib import Path
from common import ROOT
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(ROOT/'scripts'))
from install import BROWSERS

QUIET = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']


@contextmanager
def chromium():
    "The browser, with an empty profile of its own."
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield browser
        browser.close()


@contextmanager
def checked_page(browser, own='file:', **options):
    "A page of its own, which may ask what begins with `own`; at the end it fails where the console holds an error, a script broke, a file was missing, or anything outside was asked for."
    context, wrong = browser.new_context(**options), []
    context.route(lambda url: not url.startswith((own, 'data:', 'blob:')), lambda route: (wrong.append(f'asked for {route.request.url}'), route.abort()))
    page = context.new_page()
    # A busy machine is slow, which is no fault of a page
    page.set_default_timeout(120_000)
    page.on('console', lambda message: message.type in ('error', 'warning') and wrong.append(f'{Path(page.url).name}: console says {message.text}'))
    page.on('pageerror', lambda error: wrong.append(f'{Path(page.url).name}: {error}'))
    # What was still on its way when the page was left is aborted, not missing
    page.on('requestfailed', lambda request: request.failure != 'net::ERR_ABORTED' and wrong.append(f'{Path(page.url).name}: {request.url} failed'))
    yield page
    context.close()
    assert not wrong, wrong
