"""Look at the built site: no dead link or anchor, search finds what people look for, no page wider than a phone.

    zensical build && python -m tools.docs.site [--screenshots FOLDER]      exit code 1 where something is wrong

Links are checked in the HTML. Search and width are checked in headless Chromium: `chromium` on PATH, or the one that
playwright has installed. Without a browser that part is left out, which is reported.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

ROOT = Path(__file__).parents[2]
SITE = ROOT / "site"
PHONE = {"width": 390, "height": 844}
SEARCHES = {"rank": "method", "resume": "run-and-resume", "QR101": "QR101"}
"""What people look for, and a part of the address that one of the results must have."""
PHONE_PAGES = (
    "",
    "quickstart/",
    "tutorials/train-on-a-12gb-card/",
    "reference/fields/training/",
    "reference/commands/",
    "guards/QR101/",
    "research/token-parity/",
)


class PageLinks(HTMLParser):
    """Targets of links and images, and the anchors of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect `href`, `src`, `id` and `name`."""
        for name, value in attrs:
            if value and name in ("id", "name"):
                self.anchors.add(value)
            elif value and (tag, name) in (("a", "href"), ("img", "src"), ("script", "src"), ("link", "href")):
                self.targets.append(value)


def read_pages() -> dict[str, PageLinks]:
    """Every page of the site by its address, such as `/guards/QR101/`."""
    pages = {}
    for file in sorted(SITE.rglob("*.html")):
        address = "/" + file.relative_to(SITE).as_posix().removesuffix("index.html")
        pages[address] = PageLinks()
        pages[address].feed(file.read_text("utf-8"))
    return pages


def find_dead_links(pages: dict[str, PageLinks]) -> Iterator[str]:
    """Links within the site that lead nowhere."""
    for address, page in pages.items():
        if address == "/404.html":
            continue
        for target in page.targets:
            if urlsplit(target).scheme or target.startswith("//"):
                continue
            path, anchor = urldefrag(urljoin(address, target))
            path, anchor = unquote(path), unquote(anchor)
            found = pages.get(path)
            if found is None and not (SITE / path.lstrip("/")).is_file():
                yield f"{address}: {target}: there is no such page"
            elif found is not None and anchor and anchor not in found.anchors and not anchor.startswith("__"):
                yield f"{address}: {target}: there is no such heading"


@contextmanager
def serve_site() -> Iterator[str]:
    """The site under an address of this machine."""

    class QuietHandler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Print nothing."""

    handler = functools.partial(QuietHandler, directory=str(SITE))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


def check_in_browser(screenshots: Path | None) -> Iterator[str]:
    """Search for words, and open pages at the width of a phone."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with serve_site() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        if not page.locator("h1").first.is_visible():
            yield "the home page shows no heading"
        for words, part in SEARCHES.items():
            yield from _check_search(page, address, words, part, screenshots)
        phone = browser.new_page(viewport=PHONE, device_scale_factor=2)
        for name in PHONE_PAGES:
            yield from _check_phone_width(phone, address, name, screenshots)
        yield from (f"the page raises: {error}" for error in errors)
        browser.close()


def _check_search(page: Any, address: str, words: str, part: str, screenshots: Path | None) -> Iterator[str]:
    page.goto(address)
    page.keyboard.press("/")
    field = page.locator("input[type=text]:visible, input[role=combobox]:visible, input[type=search]:visible").first
    field.wait_for(timeout=10_000)
    field.fill(words)
    results = page.locator(f"a[href*='{part}']:visible")
    try:
        results.first.wait_for(timeout=15_000)
    except Exception:
        yield f"searching for `{words}` finds no page with `{part}` in its address"
    if screenshots:
        page.screenshot(path=str(screenshots / f"search-{words}.png"))


def _check_phone_width(page: Any, address: str, name: str, screenshots: Path | None) -> Iterator[str]:
    page.goto(address + name)
    page.wait_for_load_state("networkidle")
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > PHONE["width"]:
        yield f"/{name} is {width} pixels wide on a phone of {PHONE['width']}"
    size = page.evaluate("parseFloat(getComputedStyle(document.querySelector('article p')).fontSize)")
    if size < 13:
        yield f"/{name}: text of {size} pixels on a phone"
    if screenshots:
        page.screenshot(path=str(screenshots / f"phone-{name.strip('/').replace('/', '-') or 'home'}.png"))


def main() -> int:
    """Print what is wrong; 1 where something is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--screenshots", type=Path)
    screenshots = parser.parse_args().screenshots
    if screenshots:
        screenshots.mkdir(parents=True, exist_ok=True)
    pages = read_pages()
    problems = list(find_dead_links(pages))
    try:
        problems += check_in_browser(screenshots)
    except Exception as error:
        if "Executable doesn't exist" not in str(error) and not isinstance(error, ImportError):
            raise
        print("no Chromium was found: search and phone width were not checked", file=sys.stderr)
    print("\n".join(problems), end="\n" if problems else "")
    print(f"{len(pages)} pages, {len(problems)} problems", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
