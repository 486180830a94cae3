"""The text of a PDF as a reader would copy it: just enough of the format for what web/pdf.py makes."""

import re
import zlib

_OBJECT = re.compile(rb"(?:^|\n)(\d+) 0 obj\n(.*?)\nendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n(.*)\r?\nendstream", re.DOTALL)


def text_of(content: bytes) -> str:
    """What stands on the pages, in the order in which it was drawn, a line for each piece of it."""
    objects = _objects(content)
    cmaps = {
        number: _cmap(_stream(objects[int(found[1])])) for number, body in objects.items()
        if (found := re.search(rb"/ToUnicode (\d+) 0 R", body))
    }
    lines = []
    names = {
        name: cmaps[int(number)] for body in objects.values()
        for name, number in re.findall(rb"/([\w-]+) (\d+) 0 R", body) if int(number) in cmaps
    }
    for body in objects.values():
        if b" Tf" in (drawn := _stream(body)):
            lines += _drawn(drawn, names)
    return "\n".join(lines)


def _objects(content: bytes) -> dict[int, bytes]:
    found = {int(number): body for number, body in _OBJECT.findall(content)}
    for body in list(found.values()):
        if b"/ObjStm" in body:
            first = int(re.search(rb"/First (\d+)", body)[1])  # type: ignore[index]
            inside = _stream(body)
            heads = [int(number) for number in inside[:first].split()]
            places = [*heads[1::2], len(inside) - first]
            for number, start, end in zip(heads[::2], places, places[1:], strict=False):
                found[number] = inside[first + start:first + end]
    return found


def _stream(body: bytes) -> bytes:
    found = _STREAM.search(body)
    if found is None:
        return b""
    return zlib.decompress(found[1]) if b"/FlateDecode" in body else found[1]


def _cmap(text: bytes) -> dict[int, str]:
    pairs = re.findall(rb"<([0-9a-fA-F]+)> <([0-9a-fA-F]+)>(?=\n|$| *\n)", text)
    return {int(glyph, 16): bytes.fromhex(value.decode()).decode("utf-16-be") for glyph, value in pairs}


def _drawn(content: bytes, names: dict[bytes, dict[int, str]]) -> list[str]:
    lines, cmap = [], {}
    for font, array in re.findall(rb"/([\w-]+) [\d.]+ Tf|(\[[^\]]*\]) ?TJ", content):
        if font:
            cmap = names[font]
            continue
        glyphs = b"".join(re.findall(rb"<([0-9a-fA-F]*)>", array))
        lines.append("".join(cmap.get(int(glyphs[at:at + 4], 16), "") for at in range(0, len(glyphs), 4)))
    return lines
