"""An imported network behaves as it does in pandapower."""

import numpy as np
import pandapower as pp
import pandapower.networks
import pytest

from sim.errors import InputError
from sim.importers.pandapower import (
    buses_from_pandapower,
    grid_from_pandapower,
    injections_from_pandapower,
)
from sim.powerflow.pandapower import PandapowerFlow
from sim.powerflow.pgm import PowerGridModelFlow
from sim.powerflow.protocol import PowerFlowResult

# mv_oberrhein, as pandapower ships it, lacks a column that pandapower asks for since 3.0.
pytestmark = pytest.mark.filterwarnings("ignore:tap_dependency_table:DeprecationWarning")


def everything() -> pp.pandapowerNet:
    """A small net at 60 Hz that uses every feature which the importer translates."""
    net = pp.create_empty_network(f_hz=60.0)
    hv = [pp.create_bus(net, 110.0, index=k) for k in (9, 4)]
    mv = [pp.create_bus(net, 20.0, name="MV") for _ in range(8)]
    dead = pp.create_bus(net, 20.0, in_service=False)
    pp.create_ext_grid(net, hv[0], vm_pu=1.03, va_degree=10.0)
    pp.create_ext_grid(net, hv[1], vm_pu=1.03, va_degree=10.0)
    pp.create_ext_grid(net, hv[1], vm_pu=0.9, in_service=False)
    for row, (side, parallel) in enumerate((("hv", 1), ("lv", 2))):
        pp.create_transformer_from_parameters(
            net, hv[row], mv[row], sn_mva=25.0, vn_hv_kv=110.0, vn_lv_kv=20.5, vkr_percent=0.3,
            vk_percent=11.0, pfe_kw=29.0, i0_percent=0.4, shift_degree=150.0, parallel=parallel,
            df=0.8, tap_side=side, tap_neutral=0, tap_pos=3, tap_step_percent=1.5,
            tap_changer_type="Ratio",
        )  # fmt: skip
    idle = pp.create_transformer(net, hv[0], mv[7], "25 MVA 110/20 kV")
    pp.create_switch(net, mv[7], idle, et="t", closed=False)

    def line(start: int, end: int, **kwargs: object) -> int:
        return pp.create_line_from_parameters(net, start, end, 3.0, 0.2, 0.15, 250.0, 0.3, **kwargs)

    line(mv[0], mv[2], parallel=2, df=0.7)
    line(mv[2], mv[3])
    line(mv[1], mv[4])
    half_open = line(mv[3], mv[4])
    pp.create_switch(net, mv[4], half_open, et="l", closed=False)
    half_open = line(mv[4], mv[3])
    pp.create_switch(net, mv[4], half_open, et="l", closed=False)
    line(mv[3], dead)
    line(mv[0], mv[4], in_service=False)
    line(mv[4], mv[6])
    pp.create_switch(net, mv[4], mv[5], et="b", closed=True)
    pp.create_switch(net, mv[5], mv[0], et="b", closed=False)
    pp.create_switch(net, mv[6], mv[2], et="b", closed=True)
    for bus in (mv[2], mv[3], mv[5], dead):
        pp.create_load(net, bus, p_mw=2.0, q_mvar=0.7, scaling=0.6)
    pp.create_load(net, mv[3], p_mw=50.0, in_service=False)
    pp.create_sgen(net, mv[4], p_mw=1.5, q_mvar=-0.1, scaling=0.9)
    pp.create_storage(net, mv[3], p_mw=0.4, max_e_mwh=1.0)
    return net


NETS = {
    "case33bw": pandapower.networks.case33bw,
    "mv_oberrhein": pandapower.networks.mv_oberrhein,
    "everything": everything,
    "case9": pandapower.networks.case9,
    "case14": pandapower.networks.case14,
    "case118": pandapower.networks.case118,
}


@pytest.fixture(scope="module", params=NETS)
def solved(request) -> tuple[pp.pandapowerNet, PowerFlowResult, PowerFlowResult]:
    """A net as pandapower solves it, and as both engines solve its import."""
    net = NETS[request.param]()
    pp.runpp(net, trafo_model="pi", trafo_loading="power", tolerance_mva=1e-9)
    grid = grid_from_pandapower(net)
    p_mw, q_mvar = injections_from_pandapower(net)  # shunts at the voltages just found
    flows = (PowerGridModelFlow(grid), PandapowerFlow(grid))
    one, other = (flow.solve(p_mw[np.newaxis], q_mvar[np.newaxis]) for flow in flows)
    return net, one, other


@pytest.mark.parametrize("engine", [0, 1], ids=["pgm", "pandapower"])
def test_an_imported_net_is_solved_as_in_pandapower(solved, engine: int):
    """To 1e-6 pu, 1e-6 MW and 1e-4 % at every bus and branch, by either engine."""
    net, result = solved[0], solved[1 + engine]
    assert result.converged.all()
    bus_of = buses_from_pandapower(net)
    vm_pu = result.vm_pu[0, [bus_of[index] for index in net.bus.index]]
    np.testing.assert_allclose(vm_pu, net.res_bus.vm_pu, rtol=0, atol=1e-6)
    loading = [*net.res_line.loading_percent.fillna(0), *net.res_trafo.loading_percent]
    np.testing.assert_allclose(result.loading_percent[0], loading, rtol=0, atol=1e-4)
    for ours, line, transformer in (
        (result.branch_mw, "p_from_mw", "p_hv_mw"),
        (result.branch_mvar, "q_from_mvar", "q_hv_mvar"),
    ):
        flow = [*net.res_line[line].fillna(0), *net.res_trafo[transformer]]
        np.testing.assert_allclose(ours[0], flow, rtol=0, atol=1e-6)
    source_mw = net.res_ext_grid.p_mw[net.ext_grid.in_service]
    source_mvar = net.res_ext_grid.q_mvar[net.ext_grid.in_service]
    np.testing.assert_allclose(result.source_mw[0], source_mw, rtol=0, atol=1e-6)
    np.testing.assert_allclose(result.source_mvar[0], source_mvar, rtol=0, atol=1e-6)
    loss_mw = net.res_line.pl_mw.sum() + net.res_trafo.pl_mw.sum()
    assert result.loss_mw[0] == pytest.approx(loss_mw, abs=1e-6)


def test_the_33_bus_feeder_has_the_losses_of_the_literature():
    """202.68 kW and 0.9131 pu (Baran and Wu 1989, as commonly reported)."""
    net = pandapower.networks.case33bw()
    p_mw, q_mvar = injections_from_pandapower(net)
    flow = PowerGridModelFlow(grid_from_pandapower(net))
    result = flow.solve(p_mw[np.newaxis], q_mvar[np.newaxis])
    assert result.loss_mw[0] * 1e3 == pytest.approx(202.68, abs=0.01)
    assert np.nanmin(result.vm_pu) == pytest.approx(0.9131, abs=5e-5)


def test_injections_leave_out_what_is_out_of_service():
    """Three loads of 1.2 MW, a generator of 1.35 MW and a storage that charges with 0.4 MW."""
    p_mw, q_mvar = injections_from_pandapower(everything())
    assert p_mw.sum() == pytest.approx(-3 * 1.2 + 1.35 - 0.4)
    assert q_mvar.sum() == pytest.approx(-3 * 0.42 - 0.09)


def test_names_limits_and_positions_come_along():
    """A name used twice is told apart by the index; what the net leaves open has a default."""
    grid = grid_from_pandapower(everything(), v_min_pu=0.95)
    assert len(set(grid.bus_name)) == grid.n_buses
    assert grid.bus_name[2] == "MV 10"
    assert (grid.v_min_pu == 0.95).all()
    net = pandapower.networks.case33bw()
    grid = grid_from_pandapower(net)
    assert grid.v_max_pu[0] == 1.0
    assert grid.x[0] == pytest.approx(-1.0272036165)


def test_everything_the_grid_cannot_express_is_named_at_once():
    net = everything()
    pp.create_gen(net, 10, p_mw=1.0, slack=True)
    pp.create_ward(net, 10, 1.0, 1.0, 1.0, 1.0)
    pp.create_ward(net, 11, 1.0, 1.0, 1.0, 1.0)
    pp.create_ward(net, 11, 1.0, 1.0, 1.0, 1.0, in_service=False)
    pp.create_load(net, 12, p_mw=1.0, const_z_p_percent=50.0)
    net.line.loc[0, "g_us_per_km"] = 1.0
    net.trafo.loc[0, "tap_changer_type"] = "Ideal"
    net.switch.loc[net.switch.index[-1], "z_ohm"] = 0.1
    net.bus.loc[13, "vn_kv"] = 10.0
    with pytest.raises(InputError) as caught:
        grid_from_pandapower(net)
    found = {problem.key: problem.value for problem in caught.value.problems}
    assert found["net.gen"] == "slack"
    assert found["net.ward"] == "2 in service"
    assert {"net.load", "net.line", "net.trafo", "net.switch"} <= set(found)
    assert all(problem.remedy for problem in caught.value.problems)


def test_out_of_service_strangers_do_not_matter():
    net = everything()
    pp.create_ward(net, 10, 1.0, 1.0, 1.0, 1.0, in_service=False)
    assert grid_from_pandapower(net).n_buses == len(net.bus) - 2


def test_a_phase_shift_that_drives_a_loop_current_is_refused():
    """The two transformers of the net feed one loop: their shifts must be the same."""
    net = everything()
    net.trafo.loc[0, "shift_degree"] = 0.0
    with pytest.raises(InputError, match="do not cancel round a loop"):
        grid_from_pandapower(net)
    net = everything()
    net.ext_grid.loc[0, "va_degree"] = 0.0
    with pytest.raises(InputError, match="do not cancel round a loop"):
        grid_from_pandapower(net)


def test_sources_at_one_bus_must_hold_one_voltage():
    net = everything()
    net.ext_grid.loc[2, "in_service"] = True
    with pytest.raises(InputError, match="another ext_grid holds the same bus"):
        grid_from_pandapower(net)


def test_a_net_that_nothing_feeds_is_refused():
    net = everything()
    net.ext_grid["in_service"] = False
    with pytest.raises(InputError, match="nothing feeds the grid"):
        grid_from_pandapower(net)
