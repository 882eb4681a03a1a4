from __future__ import annotations

import pytest

from sim.errors import InputError
from sim.study.settings import as_verify, parse


def test_values_are_toml_and_bare_words_are_text() -> None:
    found = parse(["a.b=[1, 2]", "c = 1.5", "d=true", "e=summer", 'f="x = y"'])
    assert found.scenario == {"a.b": [1, 2], "c": 1.5, "d": True, "e": "summer", "f": "x = y"}
    assert found.controller == {}


def test_keys_of_the_controller_lose_their_prefix() -> None:
    found = parse(["controller.horizon=12", "controller.rolling.gain=2", "traffic.sigma=0"])
    assert found.controller == {"horizon": 12, "rolling.gain": 2}
    assert found.scenario == {"traffic.sigma": 0}


def test_days_is_short_for_a_key_of_the_scenario() -> None:
    assert parse([], days=2).scenario == {"timing.days": 2}
    with pytest.raises(InputError, match="set before"):
        parse(["timing.days=3"], days=2)


def test_every_malformed_setting_is_named() -> None:
    with pytest.raises(InputError) as caught:
        parse(["a", "=1", "b=", "c=1", "c=2"])
    assert [problem.value for problem in caught.value.problems] == ["'a'", "'=1'", "'b='", "'c=2'"]


def test_an_unknown_amount_of_verification_is_bad_input() -> None:
    assert as_verify("full") == "full"
    with pytest.raises(InputError, match="Did you mean 'full'"):
        as_verify("ful")
