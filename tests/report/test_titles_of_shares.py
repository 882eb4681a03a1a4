"""Shares of areas and parties are called after what they are a share of."""

from sim.report.wording import title


def test_a_share_is_called_after_the_whole_and_its_owner():
    assert title("profit_usd_by_party.operator A") == "Profit of operator A [USD]"
    assert title("import_mwh_by_area.north.east") == "Net import of north.east [MWh]"
    assert title("my_own_by_figure.x") == "my_own_by_figure.x"
