"""The limit of a mail: a digest of three matters as text and as HTML with inlined styles, which no product changes.

It is what a digest was when this was measured first, in its plainest form: no translation, no figure made for reading.
"""

from collections.abc import Iterator

import css_inline
from jinja2 import DictLoader, Environment

MATTERS = tuple(
    {
        "severity": severity, "title": title, "detail": "USD 25,000.00 of USD 25,000.00 is used, as of 30 June 2026.",
        "risk": "USD 1,234.56 so far, on the startup's own bill", "balance": "USD 0.00", "rate": "USD 12.34 a day",
        "action": "Ask the incubation manager for more, or lower what runs.",
        "seen": "https://credits.park.example/alerts/a.1.2.1787821200.c2lnbmF0dXJlIG9mIGEgbGluaw",
        "later": "https://credits.park.example/alerts/s.1.2.1787821200.c2lnbmF0dXJlIG9mIGEgbGluaw",
    }
    for severity, title in (("urgent", "Usage is not covered"), ("urgent", "Credit is used up"), ("warning", "No data"))
)
VALUES = {"person": "A. Lee", "day": "1 July 2026", "startup": "Harbour Robotics", "matters": MATTERS,
          "url": "https://credits.park.example/startups/harbour-robotics"}  # fmt: skip
_TEXT = """What needs you as of {{ day }}

Hello {{ person }}, the most pressing comes first.

{{ startup }}
{{ url }}
{% for matter in matters %}

* {{ matter.severity }}: {{ matter.title }}
  {{ matter.detail }}
  Remaining: {{ matter.balance }}
  Being used: {{ matter.rate }}
  At risk: {{ matter.risk }}
  What to do: {{ matter.action }}
  I have seen this: {{ matter.seen }}
  Remind me later: {{ matter.later }}
{% endfor %}
"""
_HTML = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>What needs you as of {{ day }}</title>
<style>
body { margin: 0; font-family: sans-serif; color: #1f2937; background-color: #f3f4f6; }
h1 { font-size: 22px; line-height: 28px; } h2 { font-size: 18px; } h3 { font-size: 16px; margin: 0 0 8px; }
.item { width: 100%; margin: 0 0 16px; background-color: #f9fafb; }
.urgent { border-left: 4px solid #b91c1c; } .warning { border-left: 4px solid #b45309; }
.in { padding: 12px 14px; font-size: 15px; line-height: 22px; } .in p { margin: 0 0 8px; }
.label { font-size: 13px; font-weight: 700; } .facts td { padding: 2px 12px 2px 0; vertical-align: top; }
</style></head>
<body><h1>What needs you as of {{ day }}</h1><p>Hello {{ person }}, the most pressing comes first.</p>
<h2><a href="{{ url }}">{{ startup }}</a></h2>
{% for matter in matters %}
<table class="item {{ matter.severity }}" role="presentation"><tr><td class="in">
<div class="label">{{ matter.severity }}</div><h3>{{ matter.title }}</h3><p>{{ matter.detail }}</p>
<table class="facts" role="presentation"><tr><td>Remaining:</td><td><strong>{{ matter.balance }}</strong></td></tr>
<tr><td>Being used:</td><td>{{ matter.rate }}</td></tr><tr><td>At risk:</td><td>{{ matter.risk }}</td></tr></table>
<p><strong>What to do:</strong> {{ matter.action }}</p>
<p><a href="{{ matter.seen }}">I have seen this</a> <a href="{{ matter.later }}">Remind me later</a></p>
</td></tr></table>
{% endfor %}
</body></html>
"""


def render(times: int) -> int:
    """Renders it so often; how many characters that came to."""
    return sum(len(text) + len(html) for text, html in written(times))


def written(times: int) -> Iterator[tuple[str, str]]:
    """The text and the HTML of so many."""
    environment = Environment(loader=DictLoader({"text": _TEXT, "html": _HTML}), autoescape=True)
    text, html = environment.get_template("text"), environment.get_template("html")
    inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=False)
    for _ in range(times):
        yield text.render(VALUES), inliner.inline(html.render(VALUES))
