"""The pages in a real browser: light and dark, on a phone and on a desk. Skipped where there is no Chromium.

With the environment variable `SCREENSHOTS`, pictures of the pages are left in the folder that it names.
"""

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rl.analysis.reports.comparison import write_comparison
from rl.analysis.reports.report import write_report
from rl.cli import run
from tests.rl.analysis.reports.conftest import HOSTILE, write_run

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
WIDTHS = (400, 1280)
MEASURING = """
<body style="margin:0">%s<script>
function measured(frame) {
  const page = frame.contentDocument, root = page.documentElement, styled = frame.contentWindow.getComputedStyle;
  const scrolls = one => one && (styled(one).overflowX === "auto" || scrolls(one.parentElement));
  const outside = [...page.querySelectorAll("body *")].filter(one =>
    !one.closest("svg *") && !scrolls(one) && one.getBoundingClientRect().right > root.clientWidth + 0.5);
  const shown = found => found.map(one => one.outerHTML.slice(0, 200));
  const narrow = [...page.querySelectorAll("th, td")].filter(one =>
    one.textContent.trim().length > 6 && one.getBoundingClientRect().width < 40);
  return {width: root.clientWidth, scroll: root.scrollWidth, outside: shown(outside), narrow: shown(narrow),
    ink: styled(page.body).color, paper: styled(page.body).backgroundColor};
}
addEventListener("load", () => {
  document.title = JSON.stringify([...document.querySelectorAll("iframe")].map(measured));
});
</script>
"""
"""A page that shows another one in frames of several widths, and leaves in its title what it measured."""
SCHEME = {"light": 1, "dark": 0}


def seen(pages, scheme, folder):
    """What the browser measures of each page at each width."""
    frames = "".join(
        f'<iframe srcdoc="{html.escape(page, quote=True)}" style="border:0;height:900px;width:{width}px"></iframe>'
        for page in pages
        for width in WIDTHS
    )
    (folder / "frames.html").write_text(MEASURING % frames)
    shown = shows(folder / "frames.html", scheme, folder, "--dump-dom")
    return json.loads(html.unescape(re.search(r"<title>(.*?)</title>", shown, re.DOTALL)[1]))


def shows(page, scheme, folder, *how):
    """What the browser prints about a page."""
    done = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'browser'}",
         f"--blink-settings=preferredColorScheme={SCHEME[scheme]}", *how, f"file://{page}"],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return done.stdout


def take_pictures(pages, scheme, folder, into):
    """A picture of each page at each width; one of a phone shows it in a frame, since windows are not as narrow."""
    into.mkdir(parents=True, exist_ok=True)
    for name, page in pages.items():
        for width in WIDTHS:
            frame = f'<iframe srcdoc="{html.escape(page, quote=True)}" style="border:0;height:2400px;width:{width}px">'
            (folder / "frame.html").write_text(f'<body style="margin:0">{frame}</iframe>')
            picture = into.resolve() / f"{name}_{scheme}_{width}.png"
            shows(folder / "frame.html", scheme, folder, f"--screenshot={picture}", f"--window-size={width},2400")
            assert picture.exists()


def scores_page(folder):
    """The page of `whetstone score` on steps, hostile text and long words."""
    rows = [
        {"prompt": "1+1+2?", "completion": text, "gold": "4"}
        for text in ("1+1=2;2+2=4#4", "1+1=2;2+2=5#5", f"1+1=3{HOSTILE}#4", "word" * 100)
    ]
    data, rewards, page = folder / "rows.jsonl", folder / "rewards.yaml", folder / "scores.html"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    rewards.write_text(
        "rewards: {correctness: {verifier: steps}, steps: {verifier: steps, weight: 0.5}, repetition: {}}"
    )
    run(["score", str(data), "--rewards", str(rewards), "--html", str(page)])
    return page.read_text()


def brightness(colour):
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium here")
@pytest.mark.parametrize("scheme", SCHEME)
def test_nothing_overflows_and_text_stands_out(hostile, small, scheme, tmp_path):
    pages = {"report": write_report(hostile.path).read_text()}
    others = [write_run(tmp_path / f"with_a_long_name_{n}", [*small, f"trainer.beta=0.{n}"]).path for n in (1, 2, 3)]
    pages["comparison"] = write_comparison([hostile.path, *others], tmp_path / "comparison.html").read_text()
    pages["scores"] = scores_page(tmp_path)
    for width, page in zip(WIDTHS * 3, seen(pages.values(), scheme, tmp_path), strict=True):
        assert page["width"] in (width, width - 15) and page["scroll"] == page["width"], page  # 15 for a scroll bar
        assert not page["outside"]
        assert not page["narrow"]  # such as a column whose words are broken into letters
        ink, paper = brightness(page["ink"]), brightness(page["paper"])
        assert ink - paper > 150 if scheme == "dark" else paper - ink > 150
    if into := os.environ.get("SCREENSHOTS"):
        take_pictures(pages, scheme, tmp_path, Path(into))
