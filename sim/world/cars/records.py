"""Stays, cars and groups as structured arrays, in which compiled code reads and writes."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim.system.evs import EvGroup
from sim.uncertainty.evs import EvSessions
from sim.units import IntArray

# One row per thing. A tuple of plain arrays would cost compiled functions more than their work.
Records: TypeAlias = NDArray[np.void]

# Stays at home by group, those of a group in order of arrival. `session` is the index into
# `EvSessions`, `car` the row of `CAR`; `usable_h` is when it leaves, as stated, in hours in which
# its group may charge; `need_mwh` is what the trips after the stay take.
STAY = np.dtype(
    [
        ("session", np.int64),
        ("car", np.int64),
        ("arrival_h", np.float64),
        ("start_h", np.float64),
        ("stated_h", np.float64),
        ("departure_h", np.float64),
        ("usable_h", np.float64),
        ("need_mwh", np.float64),
    ]
)

# What a car holds and does. `energy_mwh` is the stored energy at `since_h`; from then on it
# exchanges `p_mw` at the grid side, positive injecting, and its battery fills at `stored_mw`, until
# `until_h`, when something about it changes; `wanted_mw` is scratch. Until then it has to charge,
# can charge, can discharge, or not. Then its stay: `arrival_mwh` is what it came home with,
# `was_dead` whether its bus has been without power.
CAR = np.dtype(
    [
        ("until_h", np.float64),
        ("wanted_mw", np.float64),
        ("p_mw", np.float64),
        ("departure_h", np.float64),
        ("must", np.uint8),
        ("can_charge", np.uint8),
        ("can_discharge", np.uint8),
        ("was_dead", np.uint8),
        ("energy_mwh", np.float64),
        ("stored_mw", np.float64),
        ("since_h", np.float64),
        ("session", np.int64),
        ("start_h", np.float64),
        ("stated_h", np.float64),
        ("usable_h", np.float64),
        ("need_mwh", np.float64),
        ("arrival_h", np.float64),
        ("arrival_mwh", np.float64),
    ],
    align=True,
)

# A group of equal cars: what it is, and what it does. Its stays are the rows `first_stay` to
# `end_stay`, its cars `first_car` to `end_car`; the next to arrive is `next_stay`, and `n_home` are
# at home, of whom the first leaves at `leave_h`; nothing happens before `next_h`. `order_mw` is NaN
# where there is none, `usable_h` counts the hours so far in which the group could charge. From
# `since_h` on the group charges and discharges `charge_mw` and `discharge_mw`; before, it has
# exchanged `charged_mwh` and `discharged_mwh` since the last reading and left `clipped_mwh` of its
# orders undone. `elsewhere_mwh` is what cars that left short had to charge on their way.
GROUP = np.dtype(
    [
        ("first_stay", np.int64),
        ("end_stay", np.int64),
        ("first_car", np.int64),
        ("end_car", np.int64),
        ("capacity_mwh", np.float64),
        ("charge_max_mw", np.float64),
        ("discharge_max_mw", np.float64),
        ("efficiency_charge", np.float64),
        ("efficiency_discharge", np.float64),
        ("n_home", np.int64),
        ("next_stay", np.int64),
        ("leave_h", np.float64),
        ("next_h", np.float64),
        ("order_mw", np.float64),
        ("usable_h", np.float64),
        ("is_dead", np.int64),
        ("charge_mw", np.float64),
        ("discharge_mw", np.float64),
        ("since_h", np.float64),
        ("charged_mwh", np.float64),
        ("discharged_mwh", np.float64),
        ("clipped_mwh", np.float64),
        ("elsewhere_mwh", np.float64),
        ("n_short", np.int64),
        ("n_impossible", np.int64),
    ]
)


def records(
    groups: tuple[EvGroup, ...], sessions: EvSessions
) -> tuple[Records, Records, Records, IntArray]:
    """Return stays, cars and groups before the episode starts, and room for who is at home.

    Of the last array, ``(stay,)``, the entries from a group's `first_stay` on are its cars at home,
    least rank first where an order is in force. A car begins with what is missing as its
    first stay begins; from then on it holds what it has charged and not driven.
    """
    session = np.lexsort((sessions.arrival_h, sessions.group))
    group = sessions.group[session]
    end_car = np.cumsum([each.count for each in groups], dtype=np.int64)
    first_car = end_car - [each.count for each in groups]

    own = np.zeros(len(groups), dtype=GROUP)
    own["first_stay"] = own["next_stay"] = np.searchsorted(group, np.arange(len(groups)))
    own["end_stay"] = np.searchsorted(group, np.arange(len(groups)), side="right")
    own["first_car"], own["end_car"] = first_car, end_car
    own["capacity_mwh"] = [each.energy_mwh for each in groups]
    own["charge_max_mw"] = [each.p_mw for each in groups]
    own["discharge_max_mw"] = [each.p_discharge_max_mw for each in groups]
    own["efficiency_charge"] = [each.efficiency_charge for each in groups]
    own["efficiency_discharge"] = [each.efficiency_discharge or 1.0 for each in groups]
    own["order_mw"] = np.nan
    own["leave_h"] = np.inf
    own["next_h"] = -np.inf

    stays = np.zeros(len(session), dtype=STAY)
    stays["session"] = session
    stays["car"] = first_car[group] + sessions.car[session]
    stays["arrival_h"] = sessions.arrival_h[session]
    stays["start_h"] = sessions.start_h[session]
    stays["stated_h"] = sessions.stated_departure_h[session]
    stays["usable_h"] = stays["stated_h"]
    stays["departure_h"] = sessions.departure_h[session]
    stays["need_mwh"] = sessions.next_trip_mwh[session]

    cars = np.zeros(int(end_car[-1]) if groups else 0, dtype=CAR)
    cars["energy_mwh"] = np.repeat(own["capacity_mwh"], [each.count for each in groups])
    # Written from the last stay to the first: of each car the first one stays.
    first_mwh = own["capacity_mwh"][group] - sessions.owed_mwh[session]
    cars["energy_mwh"][stays["car"][::-1]] = first_mwh[::-1]
    return stays, cars, own, np.zeros(len(session), dtype=np.int64)
