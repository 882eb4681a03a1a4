"""Least-laxity-first sharing of a group's power among its cars, from event to event.

The laxity of a car is the time it could still wait and yet have the energy of its next trip when it
leaves: time to the stated departure, less time to charge what is missing at full power. Reference:
Mok, A. K., "Fundamental design problems of distributed systems for the hard-real-time environment",
MIT, 1983 (least laxity first). A car without laxity charges. Among all others an order is shared by
the laxity in hours in which the orders in force let the group charge (`ranking.rank`).

Between two events all powers are constant, so that energies are exact. Events are arrivals and
departures, cars that become full or empty, laxities that run out, and changes of orders and supply.
The cars are put into order whenever a step or an order begins.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sim.units import BoolArray, FloatArray, IntArray
from sim.world.cars.ranking import energy, laxity, rank, sort
from sim.world.cars.records import Records

# What lies closer than this is now [h].
JUST_H = 1e-9
JUST_MW = 1e-12
# Who lacks no more than so much time at full power leaves with what it needs [h].
SHORT_H = 1e-7


@njit(cache=True)
def advance(stays: Records, cars: Records, groups: Records, home: IntArray, now_h: float) -> None:
    """Let happen what happens until `now_h`, included."""
    for g in range(len(groups)):
        while groups[g].next_h <= now_h + JUST_H:
            moment_h = max(min(groups[g].next_h, now_h), groups[g].since_h)
            if groups[g].leave_h <= moment_h + JUST_H:
                _leave(cars, groups, home, g, moment_h)
            _come(stays, cars, groups, home, g, moment_h)
            _share(stays, cars, groups, home, g, moment_h)


@njit(cache=True)
def read_meter(
    stays: Records, cars: Records, groups: Records, home: IntArray, now_h: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Read the meters of all groups, and share the orders in force by the laxities of now.

    Returns what was charged and discharged since the last reading, and what is stored at home,
    ``(group,)`` each [MWh].
    """
    advance(stays, cars, groups, home, now_h)
    for g in range(len(groups)):
        integrate(groups, g, now_h)
        if not np.isnan(groups[g].order_mw):
            sort(cars, groups, home, g, now_h)
            _share(stays, cars, groups, home, g, now_h)
    charged_mwh, discharged_mwh = np.empty(len(groups)), np.empty(len(groups))
    for g in range(len(groups)):
        charged_mwh[g], discharged_mwh[g] = groups[g].charged_mwh, groups[g].discharged_mwh
        groups[g].charged_mwh = groups[g].discharged_mwh = 0.0
    return charged_mwh, discharged_mwh, energies(cars, groups, home, now_h)[0]


@njit(cache=True)
def follow(
    stays: Records,
    cars: Records,
    groups: Records,
    home: IntArray,
    order_mw: FloatArray,
    usable_h: FloatArray,
    now_h: float,
) -> None:
    """Carry out orders ``(group,)`` [MW] from now on, NaN for none.

    `usable_h`, ``(group,)``, are the usable hours that have passed; see `ranking.look_ahead`.
    """
    for g in range(len(groups)):
        groups[g].usable_h = usable_h[g]
        before_mw = groups[g].order_mw
        both_free = np.isnan(order_mw[g]) and np.isnan(before_mw)
        if not (both_free or order_mw[g] == before_mw):
            integrate(groups, g, now_h)
            groups[g].order_mw = order_mw[g]
            _share_anew(stays, cars, groups, home, g, now_h)


@njit(cache=True)
def supply(
    stays: Records,
    cars: Records,
    groups: Records,
    home: IntArray,
    is_dead: BoolArray,
    now_h: float,
) -> None:
    """Let groups know whether they are without power from now on, ``(group,)``."""
    for g in range(len(groups)):
        if (groups[g].is_dead != 0) != is_dead[g]:
            groups[g].is_dead = 1 if is_dead[g] else 0
            _share_anew(stays, cars, groups, home, g, now_h)


@njit(cache=True)
def integrate(groups: Records, g: int, now_h: float) -> None:
    """Add to a group's meters what has flowed until now."""
    hours = now_h - groups[g].since_h
    if hours > 0:
        charge_mw, discharge_mw = groups[g].charge_mw, groups[g].discharge_mw
        groups[g].charged_mwh += charge_mw * hours
        groups[g].discharged_mwh += discharge_mw * hours
        if not np.isnan(groups[g].order_mw):
            missed_mw = groups[g].order_mw - discharge_mw + charge_mw
            groups[g].clipped_mwh += abs(missed_mw) * hours
        groups[g].since_h = now_h


@njit(cache=True)
def energies(
    cars: Records, groups: Records, home: IntArray, now_h: float
) -> tuple[FloatArray, FloatArray]:
    """Return what each group's cars store at home, and all of them with those away [MWh]."""
    at_home, everywhere = np.zeros(len(groups)), np.zeros(len(groups))
    for g in range(len(groups)):
        first, capacity_mwh = groups[g].first_stay, groups[g].capacity_mwh
        for k in range(first, first + groups[g].n_home):
            at_home[g] += energy(cars, home[k], capacity_mwh, now_h)
        for c in range(groups[g].first_car, groups[g].end_car):
            everywhere[g] += energy(cars, c, capacity_mwh, now_h)
    return at_home, everywhere


@njit(cache=True)
def at_home(
    cars: Records, groups: Records, home: IntArray, now_h: float
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the cars at home in order of arrival: session, group, and what is known of each.

    The last are energy, missing energy, laxity, and largest charging and discharging power,
    ``(5, car)`` [MWh, MWh, h, MW, MW].
    """
    n_cars = groups["n_home"].sum()
    place, place_group = np.empty(n_cars, dtype=np.int64), np.empty(n_cars, dtype=np.int64)
    session = np.empty(n_cars, dtype=np.int64)
    n = 0
    for g in range(len(groups)):
        first = groups[g].first_stay
        for k in range(first, first + groups[g].n_home):
            place[n], place_group[n], session[n] = home[k], g, cars[home[k]].session
            n += 1
    order = np.argsort(session)  # sessions are in order of arrival
    known = np.empty((5, n_cars))
    for n in range(n_cars):
        c, g = place[order[n]], place_group[order[n]]
        capacity_mwh, charge_mw = groups[g].capacity_mwh, groups[g].charge_max_mw
        known[0, n] = energy(cars, c, capacity_mwh, now_h)
        known[1, n] = capacity_mwh - known[0, n]
        speed_mw = charge_mw * groups[g].efficiency_charge
        known[2, n] = laxity(cars, c, capacity_mwh, speed_mw, now_h)
        known[3, n], known[4, n] = charge_mw, groups[g].discharge_max_mw
    return session[order], place_group[order], known


# -- sharing ---------------------------------------------------------------------------------------


@njit(cache=True)
def _share_anew(
    stays: Records, cars: Records, groups: Records, home: IntArray, g: int, now_h: float
) -> None:
    first = groups[g].first_stay
    for k in range(first, first + groups[g].n_home):
        cars[home[k]].until_h = now_h
    sort(cars, groups, home, g, now_h)
    _share(stays, cars, groups, home, g, now_h)


@njit(cache=True)
def _share(
    stays: Records, cars: Records, groups: Records, home: IntArray, g: int, now_h: float
) -> None:
    """Give every car of a group at home its power from now on.

    Without an order each charges at full power from its start until it is full. With one, whoever
    has no time left charges; what remains of a charge goes to those with the least laxity, of a
    discharge to those with the greatest.
    """
    integrate(groups, g, now_h)
    first, end = groups[g].first_stay, groups[g].first_stay + groups[g].n_home
    most_mw, order_mw = groups[g].charge_max_mw, groups[g].order_mw
    rest_mw = 0.0
    for k in range(first, end):
        c = home[k]
        if cars[c].until_h <= now_h + JUST_H:
            _look(cars, groups, g, c, now_h)
        cars[c].wanted_mw = -most_mw if cars[c].must else 0.0
        rest_mw += cars[c].wanted_mw
    if not np.isnan(order_mw) and groups[g].is_dead == 0:
        rest_mw = order_mw - rest_mw  # who has to charge takes from those who can wait
        if order_mw < 0:
            for k in range(first, end):
                if rest_mw >= -JUST_MW:
                    break
                c = home[k]
                if cars[c].can_charge and not cars[c].must:
                    cars[c].wanted_mw = max(-most_mw, rest_mw)
                    rest_mw -= cars[c].wanted_mw
        elif order_mw > 0 and groups[g].discharge_max_mw > 0:
            most_mw = groups[g].discharge_max_mw
            for k in range(end - 1, first - 1, -1):
                if rest_mw <= JUST_MW:
                    break
                c = home[k]
                if cars[c].can_discharge:
                    cars[c].wanted_mw = min(most_mw, rest_mw)
                    rest_mw -= cars[c].wanted_mw
    charge_mw, discharge_mw = 0.0, 0.0
    leave_h, next_h = np.inf, np.inf
    for k in range(first, end):
        c = home[k]
        p_mw = cars[c].wanted_mw
        if p_mw != cars[c].p_mw or cars[c].until_h <= now_h + JUST_H:
            _exchange(cars, groups, g, c, p_mw, now_h)
        if p_mw < 0:
            charge_mw -= p_mw
        else:
            discharge_mw += p_mw
        next_h = min(next_h, cars[c].until_h)
        leave_h = min(leave_h, cars[c].departure_h)
    groups[g].charge_mw, groups[g].discharge_mw = charge_mw, discharge_mw
    groups[g].leave_h = leave_h
    groups[g].next_h = min(next_h, _next_arrival(stays, groups, g))


@njit(cache=True)
def _look(cars: Records, groups: Records, g: int, c: int, now_h: float) -> None:
    """Note what a car has to do and what it can do from now on."""
    _settle(cars, groups, g, c, now_h)
    if groups[g].is_dead != 0:
        cars[c].was_dead = 1
        cars[c].must = cars[c].can_charge = cars[c].can_discharge = 0
        return
    capacity_mwh, energy_mwh = groups[g].capacity_mwh, cars[c].energy_mwh
    speed_mw = groups[g].charge_max_mw * groups[g].efficiency_charge
    laxity_h = laxity(cars, c, capacity_mwh, speed_mw, now_h)
    lacks = cars[c].need_mwh - energy_mwh > JUST_H * speed_mw
    can_charge = energy_mwh < capacity_mwh - JUST_H * speed_mw
    is_free = np.isnan(groups[g].order_mw)
    starts = (lacks and laxity_h <= JUST_H) or (is_free and now_h >= cars[c].start_h - JUST_H)
    empty_mwh = JUST_H * groups[g].discharge_max_mw / groups[g].efficiency_discharge
    cars[c].can_charge = 1 if can_charge else 0
    cars[c].must = 1 if can_charge and starts else 0
    cars[c].can_discharge = 1 if laxity_h > JUST_H and energy_mwh > empty_mwh else 0


@njit(cache=True)
def _settle(cars: Records, groups: Records, g: int, c: int, now_h: float) -> None:
    capacity_mwh = groups[g].capacity_mwh
    energy_mwh = energy(cars, c, capacity_mwh, now_h)
    if cars[c].p_mw < 0 and capacity_mwh - energy_mwh < JUST_H * groups[g].charge_max_mw:
        energy_mwh = capacity_mwh
    cars[c].energy_mwh = energy_mwh
    cars[c].since_h = now_h


@njit(cache=True)
def _exchange(cars: Records, groups: Records, g: int, c: int, p_mw: float, now_h: float) -> None:
    """Let a car exchange power, positive injecting, until something about it changes."""
    _settle(cars, groups, g, c, now_h)
    stored_mw = -p_mw * groups[g].efficiency_charge
    if p_mw > 0:
        stored_mw = -p_mw / groups[g].efficiency_discharge
    cars[c].p_mw, cars[c].stored_mw = p_mw, stored_mw
    energy_mwh = cars[c].energy_mwh
    until_h = cars[c].departure_h
    if groups[g].is_dead == 0:
        speed_mw = groups[g].charge_max_mw * groups[g].efficiency_charge
        missing_mwh = cars[c].need_mwh - energy_mwh
        left_h = cars[c].stated_h - now_h
        if stored_mw > 0:
            until_h = min(until_h, now_h + (groups[g].capacity_mwh - energy_mwh) / stored_mw)
            if missing_mwh > JUST_H * speed_mw:
                until_h = min(until_h, now_h + missing_mwh / stored_mw)
        elif stored_mw < 0:
            until_h = min(until_h, now_h - energy_mwh / stored_mw)
        if np.isnan(groups[g].order_mw) and cars[c].start_h > now_h + JUST_H:
            until_h = min(until_h, cars[c].start_h)
        if left_h > JUST_H:
            # Laxity falls with time, and with what is taken out; it stands still at full power.
            falls = 1.0 - stored_mw / speed_mw
            laxity_h = left_h - missing_mwh / speed_mw
            if falls > JUST_H and laxity_h > JUST_H:
                until_h = min(until_h, now_h + min(laxity_h / falls, left_h))
        elif stored_mw < 0 and missing_mwh < 0:
            until_h = min(until_h, now_h + missing_mwh / stored_mw)
    cars[c].until_h = max(until_h, now_h + 2 * JUST_H)


# -- coming and going ------------------------------------------------------------------------------


@njit(cache=True)
def _next_arrival(stays: Records, groups: Records, g: int) -> float:
    if groups[g].next_stay < groups[g].end_stay:
        return float(stays[groups[g].next_stay].arrival_h)
    return np.inf


@njit(cache=True)
def _leave(cars: Records, groups: Records, home: IntArray, g: int, now_h: float) -> None:
    """Let those go who leave now, and drive what they drive until they come back."""
    first, kept = groups[g].first_stay, groups[g].first_stay
    speed_mw = groups[g].charge_max_mw * groups[g].efficiency_charge
    for k in range(first, first + groups[g].n_home):
        c = home[k]
        if cars[c].departure_h > now_h + JUST_H:
            home[kept] = c
            kept += 1
            continue
        _settle(cars, groups, g, c, now_h)
        cars[c].p_mw = cars[c].stored_mw = 0.0
        lacking_mwh = cars[c].need_mwh - cars[c].energy_mwh
        if lacking_mwh > SHORT_H * speed_mw:
            hours = cars[c].stated_h - cars[c].arrival_h
            sufficed = cars[c].need_mwh - cars[c].arrival_mwh <= hours * speed_mw
            early = cars[c].departure_h < cars[c].stated_h - JUST_H
            if sufficed and not early and cars[c].was_dead == 0:
                groups[g].n_short += 1
            else:
                groups[g].n_impossible += 1
        groups[g].elsewhere_mwh += max(lacking_mwh, 0.0)
        cars[c].energy_mwh = max(-lacking_mwh, 0.0)
    groups[g].n_home = kept - first


@njit(cache=True)
def _come(
    stays: Records, cars: Records, groups: Records, home: IntArray, g: int, now_h: float
) -> None:
    """Let those in who arrive now, each at its place by rank where an order is in force."""
    first = groups[g].first_stay
    while _next_arrival(stays, groups, g) <= now_h + JUST_H:
        stay = stays[groups[g].next_stay]
        c = stay.car
        cars[c].session = stay.session
        cars[c].start_h, cars[c].stated_h = stay.start_h, stay.stated_h
        cars[c].usable_h = stay.usable_h
        cars[c].departure_h, cars[c].need_mwh = stay.departure_h, stay.need_mwh
        cars[c].since_h, cars[c].until_h = now_h, now_h
        cars[c].arrival_h, cars[c].arrival_mwh = now_h, cars[c].energy_mwh
        cars[c].was_dead = 0
        end = first + groups[g].n_home
        place = end
        if not np.isnan(groups[g].order_mw):
            own_h = rank(cars, groups, g, c, now_h)
            place, past = first, end
            while place < past:
                middle = (place + past) // 2
                if rank(cars, groups, g, home[middle], now_h) <= own_h:
                    place = middle + 1
                else:
                    past = middle
            for k in range(end, place, -1):
                home[k] = home[k - 1]
        home[place] = c
        groups[g].n_home += 1
        groups[g].next_stay += 1
