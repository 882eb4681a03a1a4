"""The contract between the world and a controller. Read this page first.

Once a period the world shows a controller an `Observation` and gets back a `Plan`::

    class Controller(Protocol):
        def start(self, system: System, rng: np.random.Generator) -> None: ...
        def decide(self, observation: Observation) -> Plan: ...

An observation is plain data: what is metered now, what is known of the vehicles, and a `Forecast`.
Nothing reachable from it is the world or the realisation, and its arrays are copies or cannot be
written to. What a forecast says is worked out when it is read, from what was known when it was
issued.

A plan is composed of parts; a part that is None keeps what is in force. Rows that a plan does not
reach stay in force too, so a day-ahead controller plans once and returns `Plan()` ever after.

Times are hours since the episode's start. Period ``h`` covers ``[h, h + 1) * period_h``. Power is
positive when it injects into the grid.
"""

from sim.control.controller import Capabilities as Capabilities
from sim.control.controller import Contrast as Contrast
from sim.control.controller import Controller as Controller
from sim.control.controller import ManyObjectives as ManyObjectives
from sim.control.controller import Rung as Rung
from sim.control.controller import Trigger as Trigger
from sim.control.controller import capabilities_of as capabilities_of
from sim.control.observation import EvEnvelope as EvEnvelope
from sim.control.observation import Forecast as Forecast
from sim.control.observation import MeteredVoltages as MeteredVoltages
from sim.control.observation import NotShownError as NotShownError
from sim.control.observation import Observation as Observation
from sim.control.plan import EvPlan as EvPlan
from sim.control.plan import FleetPlan as FleetPlan
from sim.control.plan import GridPlan as GridPlan
from sim.control.plan import MarketPlan as MarketPlan
from sim.control.plan import Outcome as Outcome
from sim.control.plan import Plan as Plan
from sim.control.plan import RentPlan as RentPlan
from sim.control.plan import ResponsePlan as ResponsePlan
from sim.control.plan import SolveStatus as SolveStatus
from sim.control.plan import Visit as Visit
from sim.control.progress import StopPlanning as StopPlanning
from sim.control.progress import tell as tell
from sim.control.states import EvStates as EvStates
from sim.control.states import UnitStates as UnitStates
from sim.control.states import VehicleStates as VehicleStates
from sim.control.states import VehicleStatus as VehicleStatus
from sim.control.travel import TravelHours as TravelHours
from sim.control.travel import TravelTable as TravelTable
from sim.control.travel import TravelTimes as TravelTimes
