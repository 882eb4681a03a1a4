from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, cast

import pytest

from sim.episode.specification import ControllerSpec, build, build_for, labels, specify
from sim.errors import InputError
from sim.scenario import load_scenario

FILE = Path(__file__).parents[1] / "study" / "controllers_under_test.py"
TUNED, PLAIN, MUTE, CONDUCTOR = (
    f"{FILE}:{name}" for name in ("Tuned", "Plain", "Mute", "Conductor")
)


def parameters(*settings: tuple[str, object]) -> Any:
    return cast("Any", build(ControllerSpec(name=TUNED, parameters=settings))).parameters


def test_parameters_keep_their_defaults_where_nothing_is_set() -> None:
    assert (parameters().horizon, parameters().gain) == (4, 1.0)
    assert (parameters(("gain", 2)).horizon, parameters(("gain", 2)).gain) == (4, 2.0)


def test_an_unknown_parameter_is_met_with_the_nearest_one() -> None:
    with pytest.raises(InputError, match=r"controller\.horizn.*Did you mean 'horizon'"):
        parameters(("horizn", 3))


def test_a_value_of_the_wrong_type_names_key_and_value() -> None:
    with pytest.raises(InputError, match=r"controller\.horizon = 'soon'.*valid integer"):
        parameters(("horizon", "soon"))


def test_a_value_the_dataclass_refuses_is_bad_input() -> None:
    with pytest.raises(InputError, match=r"gain\(=-1\.0\) must be >= 0"):
        parameters(("gain", -1))


def test_all_unknown_parameters_are_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        parameters(("one", 1), ("two", 2))
    assert len(caught.value.problems) == 2


def test_a_controller_without_parameters_takes_none() -> None:
    build(ControllerSpec(name=PLAIN))
    with pytest.raises(InputError, match="takes no parameters"):
        build(ControllerSpec(name=PLAIN, parameters=(("horizon", 1),)))


def test_a_class_that_cannot_decide_is_no_controller() -> None:
    with pytest.raises(InputError, match="has no method 'decide'"):
        build(ControllerSpec(name=MUTE))


def test_an_unknown_controller_is_met_with_the_nearest_one() -> None:
    with pytest.raises(InputError, match="Did you mean 'idle'"):
        build(ControllerSpec(name="idel"))


def test_settings_go_to_whoever_knows_them() -> None:
    plain, tuned = specify([PLAIN, TUNED], {"gain": 2.0})
    assert plain.parameters == ()
    assert tuned.parameters == (("gain", 2.0),)


def test_a_setting_with_a_name_goes_to_that_controller_only() -> None:
    _, tuned = specify([PLAIN, TUNED], {f"{TUNED}.gain": 2.0})
    assert tuned.parameters == (("gain", 2.0),)
    with pytest.raises(InputError, match="takes no parameters"):
        specify([PLAIN, TUNED], {f"{PLAIN}.gain": 2.0})


def test_a_setting_nobody_knows_is_bad_input() -> None:
    with pytest.raises(InputError, match="Did you mean 'gain'"):
        specify([PLAIN, TUNED], {"gian": 2.0})


@pytest.mark.parametrize(
    ("names", "message"), [([], "no controller"), (["idle", "idle"], "more than once")]
)
def test_controllers_are_named_once_each(names: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        specify(names, {})


def test_labels_tell_configurations_of_one_controller_apart() -> None:
    one = ControllerSpec(name="rolling", parameters=(("horizon", 4),))
    two = ControllerSpec(name="rolling", parameters=(("horizon", 8),))
    assert labels([one, ControllerSpec(name="idle")]) == ("rolling", "idle")
    assert labels([one, two]) == ("rolling(horizon=4)", "rolling(horizon=8)")
    with pytest.raises(InputError, match="more than once"):
        labels([one, one])


def test_a_specification_survives_pickling() -> None:
    spec = ControllerSpec(name=TUNED, parameters=(("gain", 2.0),))
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_a_controller_is_refused_by_name_where_what_it_requires_is_missing() -> None:
    system = load_scenario("tiny").system
    with pytest.raises(InputError, match=r"Conductor: requires = .* needs rail, which tiny does"):
        build_for(system, ControllerSpec(name=CONDUCTOR))
    build_for(system, ControllerSpec(name=PLAIN))
