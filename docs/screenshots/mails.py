"""Makes the pictures of mails anew: `.venv/bin/python docs/screenshots/mails.py` from the repository root.

One sheet for each template and language: phone (360 px) and desk (1280 px), light and dark, made smaller. The
nightly mail is told in sheets of two rules, and of the most pressing to the team. Needs Pillow and Chromium.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from creditsvc.administration import mail_samples  # noqa: E402
from creditsvc.core.due_alerts import RULES  # noqa: E402
from creditsvc.languages import LANGUAGES  # noqa: E402
from tests.journeys.serving import ARGUMENTS, CHROMIUM  # noqa: E402

HERE = Path(__file__).resolve().parent / "mails"
PHONE, DESK = 360, 1280
SCALES = {PHONE: (7, 10), DESK: (4, 10)}
COLOURS = 20
GAP = 8
RULES_A_SHEET = 2


def main(target: Path) -> None:
    """Makes a sheet for each mail in each language."""
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        windows = {
            (width, scheme): chromium.new_page(viewport={"width": width, "height": 300}, color_scheme=scheme)
            for width in (PHONE, DESK) for scheme in ("light", "dark")
        }
        for language in LANGUAGES:
            for mail, html in mails(language):
                pictures = [
                    picture(page, html, width, Path(name) / "one.png", mail) for (width, _), page in windows.items()
                ]
                sheet(pictures).save(target / f"{mail}-{language}.png", optimize=True)
        chromium.close()


def mails(language: str) -> Iterator[tuple[str, str]]:
    """The name and the HTML of every mail in a language."""
    for kind in mail_samples.kinds():
        if kind != "digest":
            yield kind.replace("_", "-"), mail_samples.sample(kind, language).html
    for number, first in enumerate(range(0, len(RULES), RULES_A_SHEET), start=1):
        rules = list(RULES)[first : first + RULES_A_SHEET]
        yield f"digest-founder-{number}", mail_samples.digest(language, rules).html
    yield "digest-team", mail_samples.digest(language, list(RULES)[:RULES_A_SHEET], for_staff=True).html


def picture(page: Page, html: str, width: int, path: Path, name: str) -> Image.Image:
    """The mail as it looks in a window; refuses one that is wider."""
    page.set_content(html)
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        raise SystemExit(f"{name} is {wide} px wide at {width} px")
    page.screenshot(path=path, full_page=True)
    taken = Image.open(path).convert("RGB")
    part, of = SCALES[width]
    return taken.resize((taken.width * part // of, taken.height * part // of), Image.Resampling.LANCZOS)


def sheet(pictures: list[Image.Image]) -> Image.Image:
    """Pictures side by side, in few colours."""
    width = sum(one.width for one in pictures) + GAP * (len(pictures) + 1)
    whole = Image.new("RGB", (width, max(one.height for one in pictures) + 2 * GAP), "#8a94a3")
    at = GAP
    for one in pictures:
        whole.paste(one, (at, GAP))
        at += one.width + GAP
    return whole.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
