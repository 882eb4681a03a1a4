"""A table of hostile controllers: what each does, and where."""

from __future__ import annotations

from dataclasses import dataclass

HEAD = """
import asyncio, ctypes, os, signal, sys, threading, time
import numpy as np
from sim.control import Capabilities, FleetPlan, GridPlan, Outcome, Plan, SolveStatus, Visit

class OwnEnd(BaseException): ...

class Mute(Exception):
    def __str__(self): raise ValueError("no text")
    __repr__ = __str__

class Silent(BaseException):
    def __str__(self): raise SystemExit
    __repr__ = __str__

class Sly:
    def __getattribute__(self, name): raise SystemExit(0)

class Late(Plan):
    @property
    def fleet(self): raise KeyboardInterrupt

def fleet(*visits):
    return Plan(fleet=FleetPlan(visits=(*visits, *[None] * (N - len(visits)))))

def powers(array):
    return Plan(fleet=FleetPlan(p_mw=array))

def said(**values):
    return Plan(outcome=Outcome(**values))
"""
CLASS = """
class {name}:
    {body}
    def __init__(self):
        {init}
    def start(self, system, rng):
        global N
        N = len(system.vehicles)
        {start}
    def decide(self, observation):
        {decide}
"""
# Whatever happens here is the failure of the call, and nothing else.
RAISED = {
    "Exit": "sys.exit()",
    "ExitZero": "sys.exit(0)",
    "ExitText": "sys.exit('done')",
    "RaiseExit": "raise SystemExit",
    "Interrupt": "raise KeyboardInterrupt",
    "Generator": "raise GeneratorExit",
    "Base": "raise BaseException('base')",
    "Own": "raise OwnEnd('own')",
    "Cancelled": "raise asyncio.CancelledError",
    "Group": "raise BaseExceptionGroup('two', [SystemExit(0), ValueError('x')])",
    "Mutely": "raise Mute",
    "Silently": "raise Silent",
    "HardExit": "os._exit(0)",
    "Replaced": "os.execv('/bin/true', ['true'])",
    "ReplacedToo": "os.execle('/bin/true', 'true', {})",
    "Stop": "raise StopIteration",
    "StopAsync": "raise StopAsyncIteration",
    "Recursion": "f = lambda: f(); f()",
    "Memory": "np.ones(2**50)",
    "Surrogate": "raise ValueError('\\udcff')",
    "Escape": "raise ValueError('\\x1b]0;owned\\x07 \\u202e')",
    "Long": "raise ValueError('x' * 2**22)",
    "Assertion": "assert False",
    "Unknown": "nothing_of_this_name",
    "Quit": "quit()",
}
# These make trouble beside the call, which itself goes well.
HARMLESS = {
    "Prints": "print('{}')",
    "Closes": "sys.stdout = None",
    "Walks": "os.chdir('/')",
    "Forks": "os.fork()",
    "Leaves": "threading.Thread(target=time.sleep, args=(60,)).start()",
    "Writes": "os.environ['OMP_NUM_THREADS'] = 'x'",
    "Unwinds": "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
}
# What `decide` returns; all of it makes no sense.
RETURNED = {
    "Nothing": "None",
    "Number": "3",
    "SlyPlan": "Sly()",
    "LatePlan": "Late()",
    "ClassPlan": "Plan",
    "PartText": "Plan(fleet='truck')",
    "GridNumber": "Plan(grid=3)",
    "OutcomeNone": "Plan(outcome=None)",
    "OutcomeText": "Plan(outcome='optimal')",
    "Status": "said(status='splendid')",
    "StatusNone": "said(status=None)",
    "StatusList": "said(status=[])",
    "Objective": "said(objective_usd='cheap')",
    "ObjectiveHuge": "said(objective_usd=10**400)",
    "ObjectiveComplex": "said(objective_usd=1j)",
    "Bound": "said(objective_usd=1.0, bound_usd=np.zeros(2))",
    "Fallback": "said(fallback=3)",
    "Figures": "said(figures=3)",
    "FigureNan": "said(figures={'a': float('nan')})",
    "FigureText": "said(figures={'a': 'b'})",
    "FigureKey": "said(figures={3: 3.0})",
    "FigureHuge": "said(figures={'a': 10**400})",
    "Complex": "powers(np.zeros((1, N), complex))",
    "Dates": "powers(np.zeros((1, N), 'datetime64[s]'))",
    "Objects": "powers(np.full((1, N), Sly))",
    "Texts": "powers(np.full((1, N), 'x'))",
    "Masked": "powers(np.ma.masked_all((1, N)))",
    "Infinite": "powers(np.full((1, N), np.inf))",
    "Listed": "powers([[0.0] * N])",
    "Iterated": "fleet(iter([Visit(station=0, depart_h=0.0)]))",
    "Generated": "fleet(v for v in [Visit(station=0, depart_h=0.0)])",
    "FloatStation": "fleet((Visit(station=0.0, depart_h=0.0),))",
    "TrueStation": "fleet((Visit(station=True, depart_h=0.0),))",
    "TextStation": "fleet((Visit(station='village', depart_h=0.0),))",
    "TextHour": "fleet((Visit(station=0, depart_h='noon'),))",
    "NoVisit": "fleet(('village',))",
    "SlyVisit": "fleet((Sly(),))",
    "NegativeStation": "fleet((Visit(station=-1, depart_h=0.0),))",
    "TooManyTrucks": "powers(np.zeros((1, N + 1)))",
    "Mapped": "{'fleet': None}",
    "AllIterated": "Plan(fleet=FleetPlan(visits=iter(())))",
}
# These end a process; a study with workers survives them.
KILLING = {
    "Killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "Aborted": "os.abort()",
    "Crashed": "ctypes.string_at(0)",
}
# Classes that cannot be built, or not for any system.
BROKEN = {
    "NoCapabilities": "capabilities = 3",
    "SlyCapabilities": "capabilities = property(lambda self: sys.exit(0))",
    "Requires": "capabilities = Capabilities(requires=3)",
    "RequiresNumbers": "capabilities = Capabilities(requires={1, 2})",
    "RequiresText": "capabilities = Capabilities(requires='roads')",
    "Replans": "capabilities = Capabilities(replan_on=['never'])",
    "FigureNames": "capabilities = Capabilities(figures='abc')",
    "Parameters": "Parameters = 3",
    "Misplaced": "clairvoyant = True",
    "NoDecide": "decide = None",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """A hostile controller: its name, its source, and where it does what it does."""

    name: str
    where: str
    source: str

    def __str__(self) -> str:
        return self.name


def _one(where: str, name: str, **parts: str) -> Hostile:
    body = {"body": "pass", "init": "pass", "start": "pass", "decide": "return Plan()"} | parts
    called = f"{name}In{where.capitalize()}"
    return Hostile(name=called, where=where, source=CLASS.format(name=called, **body))


IN_INIT = [_one("init", name, init=act) for name, act in list(RAISED.items())[:14]]
IN_START = [_one("start", name, start=act) for name, act in RAISED.items()]
IN_DECIDE = [_one("decide", name, decide=act) for name, act in RAISED.items()]
RETURNING = [_one("returned", name, decide=f"return {act}") for name, act in RETURNED.items()]
BESIDE = [_one("beside", name, start=act) for name, act in HARMLESS.items()]
DEADLY = [
    *(_one("death", name, decide=act) for name, act in KILLING.items()),
    _one("deathStart", "Killed", start=KILLING["Killed"]),
]
_DECIDE = "def decide(self, observation): return Plan()"
AT_IMPORT = [
    Hostile(name=f"{name}AtImport", where="import", source=f"{act}\nclass {name}AtImport: ...\n")
    for name, act in list(RAISED.items())[:14]
]
UNFIT = [
    Hostile(
        name=name,
        where="class",
        source=f"class {name}:\n    def start(self, system, rng): ...\n    {_DECIDE}\n    {line}\n",
    )
    for name, line in BROKEN.items()
]


IN_RUN = [*AT_IMPORT, *IN_INIT, *UNFIT, *IN_START, *IN_DECIDE, *RETURNING]
IN_STUDY = [*IN_START, *IN_DECIDE, *RETURNING, *BESIDE, *DEADLY]


def text_of(*hostile: Hostile) -> str:
    """Return a file that holds these controllers."""
    return HEAD + "".join(own.source for own in hostile)
