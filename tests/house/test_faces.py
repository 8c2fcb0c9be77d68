"""The public faces: every published path imports as a module and as an attribute, and nothing loads early."""

import importlib
import subprocess
import sys

import pytest

FACES = {
    "tradewind": ["run_algorithm", "run_file", "Result", "Semantics", "__version__"],
    "tradewind.api": ["order_optimal_portfolio", "schedule_function", "date_rules", "commission", "symbol", "log"],
    "tradewind.data": ["open_bundle", "list_bundles"],
    "tradewind.optimize": [
        "run_optimization",
        "calculate_optimal_portfolio",
        "Objective",
        "TargetWeights",
        "MaximizeAlpha",
        "Constraint",
        "MaxGrossExposure",
        "NetExposure",
        "DollarNeutral",
        "NetGroupExposure",
        "PositionConcentration",
        "FactorExposure",
        "Pair",
        "Basket",
        "Frozen",
        "ReduceOnly",
        "LongOnly",
        "ShortOnly",
        "FixedWeight",
        "CannotHold",
        "MaxTurnover",
        "TrackingError",
        "MinimizeRisk",
        "MaximizeUtility",
        "Penalized",
        "Penalty",
        "TransactionCost",
        "TurnoverPenalty",
        "RiskModel",
        "Box",
        "Linear",
        "Hinge",
        "Quadratic",
        "Convex",
        "Terms",
        "NotConstrained",
        "Newest",
        "OptimizationResult",
        "Diagnostics",
        "InfeasibleConstraints",
        "UnboundedObjective",
        "OptimizationFailed",
        "experimental",
    ],
    "tradewind.optimize.meanvariance": ["AsyncClient", "Client", "Model", "Portfolio", "PyOptimumException"],
    "tradewind.optimize.meanvariance.model": ["Model"],
    "tradewind.optimize.meanvariance.portfolio": ["Portfolio", "LESS_THAN_OR_EQUAL", "GREATER_THAN_OR_EQUAL", "EQUAL"],
    "tradewind.optimize.meanvariance.frontier": ["optimal_portfolio", "efficient_frontier"],
    "tradewind.optimize.meanvariance.estimate": ["estimate_models"],
    "tradewind.optimize.meanvariance.client": ["Client", "AsyncClient"],
    "tradewind.optimize.experimental": ["RiskModelExposure"],
}


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in FACES.items() for name in names])
def test_names_are_there(module, name):
    assert getattr(importlib.import_module(module), name) is not None


@pytest.mark.parametrize("path", [m for m in FACES if "." in m])
def test_modules_are_attributes_of_their_parents(path):
    code = f"import tradewind; assert {path}; import {path}; import {path} as face; assert face is {path}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_exported_name_of_the_api_exists_and_is_documented():
    import tradewind.api as api

    for name in api.__all__:
        value = getattr(api, name)
        assert value.__doc__, name


def test_the_api_offers_the_names_of_the_original():
    """Functions, styles, models, policies, restrictions, rules and calendars; pipelines and futures come later."""
    import tradewind.api as api

    wanted = """EODCancel FixedBasisPointsSlippage FixedSlippage HistoricalRestrictions NeverCancel RESTRICTION_STATES
        Restriction StaticRestrictions VolumeShareSlippage batch_market_order calendars cancel_order cancel_policy
        commission date_rules execution get_datetime get_environment get_open_orders get_order order order_percent
        order_target order_target_percent order_target_value order_value record schedule_function set_asset_restrictions
        set_benchmark set_cancel_policy set_commission set_do_not_order_list set_long_only set_max_leverage
        set_max_order_count set_max_order_size set_max_position_size set_min_leverage set_slippage
        set_symbol_lookup_date sid slippage symbol symbols time_rules"""
    assert set(wanted.split()) <= set(api.__all__)


def test_importing_tradewind_and_asking_its_version_loads_nothing_heavy():
    code = (
        "import sys, tradewind, tradewind.__main__; tradewind.__version__; "
        "heavy = {'pandas', 'numpy', 'numba', 'cvxpy', 'bokeh', 'scipy', 'exchange_calendars', 'pyarrow'}; "
        "heavy &= set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_run_loads_neither_cvxpy_nor_bokeh_nor_a_calendar():
    code = (
        "import sys; from tradewind import run_algorithm; "
        "run_algorithm('2012-01-03', '2012-02-01', handle_data=lambda c, d: None); "
        "heavy = {'cvxpy', 'bokeh', 'exchange_calendars', 'scipy.sparse', 'highspy'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
