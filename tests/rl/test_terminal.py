"""What anyone wrote is shown as it is."""

import pytest
from rich.table import Table

from rl.terminal import Terminal, visible

HOSTILE = "[/red] [bold]x[/bold] [link=http://a]b[/link] :smile: {y} \x1b[2J\x1b]0;title\x07 a\rb \u202ecba"


def test_texts_are_neither_markup_nor_commands_to_the_terminal(capsys):
    console = Terminal(width=200)
    table = Table(title=f"t {HOSTILE}")
    table.add_column(f"c {HOSTILE}")
    table.add_row(f"r {HOSTILE}")
    for shown in (HOSTILE, table):
        console.print(shown, highlight=False)
    out = capsys.readouterr().out
    assert out.count("[/red] [bold]x[/bold] [link=http://a]b[/link] :smile: {y} \\x1b[2J\\x1b]0;title\\x07 a\\rb") == 4
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(out)


@pytest.mark.parametrize("text", ["", "a\n\tb", "é∑→ ✓ 漢字 😀", "\\x1b"])
def test_ordinary_text_stays_as_it_is(text):
    assert visible(text) == text
