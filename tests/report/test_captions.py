"""Captions: reStructuredText in, one line of safe HTML or of plain text out."""

from __future__ import annotations

import pytest

from hydra_steps.report.captions import caption_html, plain_text


@pytest.mark.parametrize(
    ("text", "as_html", "as_text"),
    [
        ("One\nline.\n\nAnother one.", "One line. Another one.", "One line. Another one."),
        ("a *b* c **d** e", "a <em>b</em> c <strong>d</strong> e", "a b c d e"),
        ("``hydra_exact``, *n* = 3", "<code>hydra_exact</code>, <em>n</em> = 3", "hydra_exact, n = 3"),
        ("``a * b * c``: x", "<code>a * b * c</code>: x", "a * b * c: x"),
        ("over\n*two\nlines*.", "over <em>two lines</em>.", "over two lines."),
        ('a < b & c "d" <script>', 'a &lt; b &amp; c "d" &lt;script&gt;', 'a < b & c "d" <script>'),
        ("``<b>``", "<code>&lt;b&gt;</code>", "<b>"),
        ("2 * 3 * 4 and a lone ** there", "2 * 3 * 4 and a lone ** there", "2 * 3 * 4 and a lone ** there"),
        ("an unfinished *mark, a name_ and |bars|", "an unfinished *mark, a name_ and |bars|", None),
        (".. include:: /etc/hostname", "", ""),
        (".. raw:: html\n\n   <script>1</script>", "", ""),
        ("", "", ""),
    ],
)
def test_captions(text: str, as_html: str, as_text: str | None) -> None:
    assert caption_html(text) == as_html
    assert plain_text(text) == (as_html if as_text is None else as_text)
