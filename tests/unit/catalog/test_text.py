"""Every kind of unreadable file gives one error with file and line, fast and without a traceback of its own."""

import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drorch.catalog.text import MAX_BYTES, MAX_DEPTH, parse_document
from drorch.core.errors import DrorchError, InputInvalid

BILLION_LAUGHS = "a: &a [x, x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}]\n" for i in range(9))


def refusal(text: bytes | str) -> InputInvalid:
    raw = text.encode() if isinstance(text, str) else text
    with pytest.raises(InputInvalid) as caught:
        parse_document(raw, "c.yaml")
    return caught.value


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        pytest.param(b"", "c.yaml:1", "is empty", id="empty"),
        pytest.param(b" \n\n", "c.yaml:1", "is empty", id="blank"),
        pytest.param(b"# only a remark\n", "c.yaml:1", "holds no data", id="comment-only"),
        pytest.param(b"a: 1\nb: \x00\n", "c.yaml:2", "NUL at byte 8", id="nul"),
        pytest.param(b"\x7fELF\x02\x01\x01\x00", "c.yaml:1", "binary", id="elf"),
        pytest.param("a: é\n".encode("utf-16"), "c.yaml:1", "UTF-16", id="utf-16"),
        pytest.param("a: 1\nb: é\n".encode("latin-1"), "c.yaml:2", "byte 0xe9 at offset 8", id="latin-1"),
        pytest.param(zlib.compress(b"abc" * 99).replace(b"\0", b"\1"), "c.yaml:1", "not UTF-8", id="compressed"),
        pytest.param(b"a: 1\nb: \x07\n", "c.yaml:2", "not valid YAML", id="control-character"),
        pytest.param("a:\n  b: 1\n\tc: 2\n", "c.yaml:3", "tab", id="tab"),
        pytest.param("a:\n  \t- b\n", "c.yaml:2", "tab", id="tab-after-blanks"),
        pytest.param(BILLION_LAUGHS, "c.yaml:1", "anchor (&a)", id="bomb"),
        pytest.param("a: *b\n", "c.yaml:1", "alias", id="alias"),
        pytest.param("a: 1\nb: !!python/object/apply:os.getcwd []\n", "c.yaml:2", "a tag", id="python-tag"),
        pytest.param("a: !x 1\n", "c.yaml:1", "a tag", id="own-tag"),
        pytest.param("a: 1\n---\nb: 2\n", "c.yaml:2", "second document", id="two-documents"),
        pytest.param("a:\n  b: 1\n  b: 2\n", "c.yaml:3 a.b", "given twice (first on line 2)", id="key-twice"),
        pytest.param("a: [1, 2\nb: 3\n", "c.yaml:2", "not valid YAML", id="open-bracket"),
        pytest.param('a: "x\n', "c.yaml:2", "not valid YAML", id="open-quote"),
        pytest.param("? [a, b]\n: 1\n", "c.yaml:1", "plain word", id="list-as-key"),
        pytest.param("a: no\n", "c.yaml:1 a", "true or false", id="norway"),
        pytest.param("a: 0x1f\n", "c.yaml:1 a", "is a number in YAML", id="hexadecimal"),
        pytest.param("a: 12:30\n", "c.yaml:1 a", "is a number in YAML", id="sexagesimal"),
        pytest.param("a: " + "9" * 5000 + "\n", "c.yaml:1 a", "is a number in YAML", id="endless-number"),
        pytest.param("[" * (MAX_DEPTH + 1), "c.yaml:1", "nested more than", id="deep"),
    ],
)
def test_refused(text: bytes | str, where: str, says: str) -> None:
    error = refusal(text)
    assert (error.where, says in error.what) == (where, True), str(error)


def test_a_large_file_is_refused_before_it_is_parsed() -> None:
    began = time.process_time()
    error = refusal(b"a: [" + b"1, " * 6_000_000)
    assert "larger than 16,777,216 bytes" in error.what
    # Parsing so much takes many seconds of processor time; looking at the length takes none.
    assert time.process_time() - began < 0.5


def test_too_many_values_are_refused() -> None:
    error = refusal("a: [" + "1, " * 1_100_000 + "1]")
    assert "more than 1,000,000 values" in error.what


def test_deep_nesting_up_to_the_size_limit_does_not_exhaust_the_stack() -> None:
    assert "nested more than" in refusal(b"[" * MAX_BYTES).what


def test_lines_and_values() -> None:
    document = parse_document(
        b'\xef\xbb\xbfa: 1\nb:\n  - x: "no"\n    y: 2014-06-30\n  - true\nc: ~\nd: 1.5\n', "c.yaml"
    )
    assert document.data == {"a": 1, "b": [{"x": "no", "y": "2014-06-30"}, True], "c": None, "d": 1.5}
    assert document.line_of(("b", 0, "y")) == 4
    assert document.line_of(("b", 1)) == 5
    assert document.line_of(("b", 0, "not there")) == 3


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet="ab:-[]{}&*!|>'\"#%@`, \n\t0.~?", max_size=80).map(str.encode))
def test_any_bytes_give_data_or_one_error(text: bytes) -> None:
    where: str | None = "c.yaml"
    try:
        parse_document(text, "c.yaml")
    except DrorchError as error:
        where = error.where
    assert str(where).startswith("c.yaml")
