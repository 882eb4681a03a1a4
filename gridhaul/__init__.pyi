from sim.control import Capabilities as Capabilities
from sim.control import Contrast as Contrast
from sim.control import Controller as Controller
from sim.control import EvPlan as EvPlan
from sim.control import EvStates as EvStates
from sim.control import FleetPlan as FleetPlan
from sim.control import Forecast as Forecast
from sim.control import GridPlan as GridPlan
from sim.control import MarketPlan as MarketPlan
from sim.control import Observation as Observation
from sim.control import Outcome as Outcome
from sim.control import Plan as Plan
from sim.control import SolveStatus as SolveStatus
from sim.control import Trigger as Trigger
from sim.control import UnitStates as UnitStates
from sim.control import VehicleStates as VehicleStates
from sim.control import VehicleStatus as VehicleStatus
from sim.control import Visit as Visit
from sim.episode.episode import Episode as Episode
from sim.episode.specification import ControllerSpec as ControllerSpec
from sim.errors import EpisodeError as EpisodeError
from sim.errors import GridhaulError as GridhaulError
from sim.errors import InputError as InputError
from sim.errors import ReplayError as ReplayError
from sim.report.html.page import write_report as write_report
from sim.scenario import Scenario as Scenario
from sim.scenario import load_scenario as load_scenario
from sim.study.compare import compare as compare
from sim.study.replay.replay import Replay as Replay
from sim.study.replay.replay import replay as replay
from sim.study.run import run as run
from sim.study.stress.curves import StressStudy as StressStudy
from sim.study.stress.run import stress as stress
from sim.study.study import Study as Study
from sim.system.system import System as System

__all__: list[str]
__version__: str
