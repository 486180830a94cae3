import pytest

from creditsvc.core.errors import FileRefused
from creditsvc.onboarding.documents import parse_document, read_documents


def test_days_instants_and_words_stay_as_they_are_written():
    text = "{a: 2026-03-01, b: 2026-02-20T09:00:00+08:00, c: \"25000\", d: 12, e: true, on: no}"

    assert parse_document("a.yaml", text) == {
        "a": "2026-03-01", "b": "2026-02-20T09:00:00+08:00", "c": "25000", "d": 12, "e": True, "on": "no"
    }


@pytest.mark.parametrize(
    "name, text, line",
    [
        ("a.yaml", "a: 1\nb: [", 2),
        ("a.yaml", "a: 1\na: 2", 2),
        ("a.yaml", "a: 1\nb: !!python/object:os.system {}", 2),
        ("a.yaml", "a: 1\n---\nb: 2", 2),
        ("a.json", '{"a": 1,\n"b": }', 2),
        ("a.json", '{"a": 1, "a": 2}', 0),
    ],
)
def test_what_cannot_be_read_is_refused_by_file_and_line(name, text, line):
    with pytest.raises(FileRefused) as refusal:
        parse_document(name, text)

    assert (refusal.value.errors[0].file, refusal.value.errors[0].line) == (name, line)


def test_files_are_read_with_or_without_a_byte_order_mark(tmp_path):
    (tmp_path / "a.yaml").write_bytes("\ufeffa: 香港".encode())
    (tmp_path / "b.json").write_text('{"b": 1}')

    documents = read_documents([tmp_path / "a.yaml", tmp_path / "b.json"])

    assert documents == [("a.yaml", {"a": "香港"}), ("b.json", {"b": 1})]


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_is_not_there_or_no_text_is_refused_by_name(tmp_path, content):
    path = tmp_path / "a.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(FileRefused) as refusal:
        read_documents([path])

    assert "a.yaml" in str(refusal.value)
