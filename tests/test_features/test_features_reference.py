"""The page of features is what the features say of themselves."""

from pathlib import Path

import pytest

from features.catalogue import catalogue
from features.reference import END, OWN, START, _format_table, _rewrite_page, main

PAGE = Path(__file__).parents[2] / "docs" / "features.md"


def test_the_page_lists_what_there_is():
    page = PAGE.read_text(encoding="utf-8")
    assert page == _rewrite_page(page), (
        "write the table anew: .venv/bin/python -m features.reference docs/features.md"
    )


def test_the_table_has_a_row_for_each_feature():
    lines = _format_table().splitlines()
    assert lines[0] == "| name | stage | lookback | unit | definition |"
    assert len(lines) == 2 + sum(spec.kernel.__module__ != OWN for spec in catalogue().values())
    assert "| `ROC20` | bar | 21 rows | ratio | Close of 20 rows ago divided by the close. |" in lines
    assert any(line.startswith("| `volatility_3` | asset | 3 months | fraction per obs") for line in lines)
    assert all(line.count("|") - line.count("\\|") == 6 for line in lines)


def test_only_what_stands_between_the_marks_is_rewritten(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{START}\nold\n{END}\nAfter.\n", encoding="utf-8")
    main([str(page)])
    text = page.read_text(encoding="utf-8")
    assert text == f"# Title\n\n{START}\n\n{_format_table()}\n\n{END}\nAfter.\n"
    assert _rewrite_page(text) == text


@pytest.mark.parametrize("page", ["", f"{START}\n", f"{END}\n{START}\n"])
def test_a_page_without_marks_is_refused(page):
    with pytest.raises(ValueError, match="the page has no lines"):
        _rewrite_page(page)
