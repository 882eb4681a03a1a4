"""Small changes of routes."""

import numpy as np

from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.dispatch.dispatch import dispatch
from controllers.scheduling.routing.best_response import Effort
from controllers.scheduling.routing.local_search import neighbours, polish, recombine
from controllers.scheduling.schedule import schedule
from controllers.scheduling.search import Search
from tests.controllers.scheduling.cases import feeder, problem_of, random_day


def problem(seed=3, n_trucks=2):
    exists = feeder(n_trucks=n_trucks, n_periods=8)
    return problem_of(exists, random_day(exists, seed))


def test_every_neighbour_is_possible_and_differs_in_one_vehicle():
    posed = problem()
    routes = (((1, 2), (4, 1)), ((0, 0),))
    found = list(neighbours(posed, routes))
    assert ((), ((0, 0),)) not in found
    assert (((4, 1),), ((0, 0),)) in found
    assert (((1, 2), (5, 1)), ((0, 0),)) in found
    for other in found:
        assert sum(one != two for one, two in zip(routes, other, strict=True)) == 1
        assert all(posed.space.valid(k, route) for k, route in enumerate(other))


def test_a_trip_that_does_not_pay_is_left_out():
    exists = feeder(n_trucks=2, n_periods=8)
    quiet = {"load_mw": np.full((8, 2), 0.1), "available_mw": np.zeros((8, 1)),
             "price": np.full(8, 60.0)}  # fmt: skip
    posed = problem_of(exists, random_day(exists, 3, **quiet))

    def dispatcher(routes, cutoff_usd=np.inf):
        return dispatch(posed, routes, WorkLimits())

    wasteful = dispatcher((((1, 2), (3, 0), (5, 2)), ()))
    better = polish(posed, wasteful, dispatcher, 100)
    assert better.outcome.objective_usd < wasteful.outcome.objective_usd
    assert better.routes == ((), ())


def test_two_vehicles_exchange_their_routes_for_better_columns():
    posed = problem()

    def dispatcher(routes, cutoff_usd=np.inf):
        return dispatch(posed, routes, WorkLimits())

    wasteful = dispatcher((((1, 2), (3, 0), (5, 2)), ((0, 0), (2, 1), (4, 0))))
    columns = (((), ((1, 2),)), ((), ((0, 0),)))
    best = recombine(posed, wasteful, columns, dispatcher, 100, Effort(sweeps=0))
    values = [
        dispatcher((one, other)).outcome.objective_usd for one in columns[0] for other in columns[1]
    ]
    assert all(route in column for route, column in zip(best.routes, columns, strict=True))
    assert best.outcome.objective_usd == min(values)


def test_it_stops_at_its_number_of_trials():
    posed, tried = problem(), []

    def dispatcher(routes, cutoff_usd=np.inf):
        tried.append(routes)
        return dispatch(posed, routes, WorkLimits())

    start = dispatch(posed, (((1, 2),), ()), WorkLimits())
    polish(posed, start, dispatcher, 3)
    assert len(tried) == 3
    columns = ((((1, 1),), ((2, 1),)), (((0, 0),), ((3, 0),)))
    recombine(posed, start, columns, dispatcher, 2, Effort(sweeps=0))
    assert len(tried) == 5


def test_more_trials_are_never_worse():
    for seed in range(3):
        posed = problem(seed)
        searches = [Search(trials=trials, prices=20) for trials in (0, 5, 40)]
        values = [schedule(posed, search).outcome.objective_usd for search in searches]
        assert values == sorted(values, reverse=True)
