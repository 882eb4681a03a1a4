from sim.control import Controller as Controller
from sim.control import FleetPlan as FleetPlan
from sim.control import Forecast as Forecast
from sim.control import GridPlan as GridPlan
from sim.control import Observation as Observation
from sim.control import Outcome as Outcome
from sim.control import Plan as Plan
from sim.control import SolveStatus as SolveStatus
from sim.control import VehicleStatus as VehicleStatus
from sim.control import Visit as Visit
from sim.errors import EpisodeError as EpisodeError
from sim.errors import GridhaulError as GridhaulError
from sim.errors import InputError as InputError
from sim.report.page import write_report as write_report
from sim.scenario import Scenario as Scenario
from sim.scenario import load_scenario as load_scenario
from sim.study.compare import compare as compare
from sim.study.run import run as run
from sim.study.specification import ControllerSpec as ControllerSpec
from sim.study.stress import stress as stress
from sim.study.stressed import StressStudy as StressStudy
from sim.study.study import Study as Study
from sim.system.system import System as System
from sim.world.episode import Episode as Episode

__all__: list[str]
