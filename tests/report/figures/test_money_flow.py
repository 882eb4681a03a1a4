"""Who pays whom, drawn and told."""

from __future__ import annotations

import pandas as pd
import pytest

import gridhaul as gh
from sim.report.figures import money_flow
from tests.areas import write

BOOK = pd.DataFrame(
    [
        ("north", "market", "energy bought", 120.0),
        ("south", "haulier", "rent", 30.0),
        ("south", "haulier", "rent", 10.0),
        ("market", "south", "energy_sold", 5.0),
    ],
    columns=["payer", "payee", "item", "usd"],
)


def test_the_picture_shows_every_payment_once():
    """Payments of one kind between two are one band; its width is their sum."""
    (drawn,) = money_flow.figure(BOOK, ["north", "south", "haulier"]).data
    names, link = drawn.node.label, drawn.link
    bands = {
        (names[a], names[b], item): usd
        for a, b, item, usd in zip(link.source, link.target, link.label, link.value, strict=True)
    }
    assert bands == {
        ("north", "market", "energy bought"): 120.0,
        ("south", "haulier", "rent"): 40.0,
        ("market", "south", "energy sold"): 5.0,
    }
    assert sum(link.value) == BOOK["usd"].sum()
    # A party that pays and is paid stands on both sides, so that no band runs back.
    assert min(link.target) > max(link.source)


def test_the_picture_in_words_names_the_largest_first():
    words = money_flow.alternative(BOOK, most=2)
    assert words.startswith("north pays market 120 USD (energy bought); south pays haulier 40 USD")
    assert words.endswith("and 1 smaller payments.")


def test_names_are_text_and_no_markup():
    drawn = money_flow.figure(BOOK.replace("north", "<b>north"), [])
    assert "&lt;b&gt;north" in drawn.data[0].node.label


@pytest.mark.parametrize("parties", [True, False])
def test_a_report_shows_it_where_there_are_parties(tmp_path, parties):
    scenario = write(tmp_path / "two") if parties else "tiny"
    gh.compare(scenario, ["idle"], replications=1, out=tmp_path / "study", verify="off")
    page = gh.write_report(tmp_path / "study").read_text(encoding="utf-8")
    assert ("Who pays whom" in page) is parties
