"""The Optimize API: objectives, constraints, entry points, results and errors (a face of tradewind_optimize).

import tradewind.optimize as opt
weights = opt.calculate_optimal_portfolio(opt.TargetWeights(targets), [opt.MaxGrossExposure(1.0)], current)
"""

from tradewind.optimize import experimental as experimental
from tradewind.optimize import meanvariance as meanvariance
from tradewind_optimize.constraints.base import Constraint
from tradewind_optimize.constraints.exposure import DollarNeutral, FactorExposure, MaxGrossExposure, NetExposure
from tradewind_optimize.constraints.group import Basket, NetGroupExposure
from tradewind_optimize.constraints.pair import Pair
from tradewind_optimize.constraints.position import (
    CannotHold,
    FixedWeight,
    Frozen,
    LongOnly,
    PositionConcentration,
    ReduceOnly,
    ShortOnly,
)
from tradewind_optimize.constraints.risk import TrackingError
from tradewind_optimize.constraints.turnover import MaxTurnover
from tradewind_optimize.costs import Penalized, Penalty, TransactionCost, TurnoverPenalty
from tradewind_optimize.deprecated import (
    MaxGrossLeverage,
    NetPartitionExposure,
    TargetPortfolioWeights,
    WeightedExposure,
)
from tradewind_optimize.diagnostics import Diagnostics
from tradewind_optimize.entry import calculate_optimal_portfolio, run_optimization
from tradewind_optimize.errors import (
    InfeasibleConstraints,
    InvalidParameter,
    InvalidType,
    OptimizationError,
    OptimizationFailed,
    UnboundedObjective,
)
from tradewind_optimize.experimental import Newest
from tradewind_optimize.objectives import MaximizeAlpha, Objective, TargetWeights, Terms
from tradewind_optimize.parameters import NotConstrained
from tradewind_optimize.problem import Box, Convex, Hinge, HingeSet, Linear, Quadratic
from tradewind_optimize.result import OptimizationResult
from tradewind_optimize.risk import RiskModel
from tradewind_optimize.utility import MaximizeUtility, MinimizeRisk

__all__ = [
    "Basket",
    "Box",
    "CannotHold",
    "Constraint",
    "Convex",
    "Diagnostics",
    "DollarNeutral",
    "FactorExposure",
    "FixedWeight",
    "Frozen",
    "Hinge",
    "HingeSet",
    "InfeasibleConstraints",
    "InvalidParameter",
    "InvalidType",
    "Linear",
    "LongOnly",
    "MaxGrossExposure",
    "MaxGrossLeverage",
    "MaxTurnover",
    "MaximizeAlpha",
    "MaximizeUtility",
    "MinimizeRisk",
    "NetExposure",
    "NetGroupExposure",
    "NetPartitionExposure",
    "Newest",
    "NotConstrained",
    "Objective",
    "OptimizationError",
    "OptimizationFailed",
    "OptimizationResult",
    "Pair",
    "Penalized",
    "Penalty",
    "PositionConcentration",
    "Quadratic",
    "ReduceOnly",
    "RiskModel",
    "ShortOnly",
    "TargetPortfolioWeights",
    "TargetWeights",
    "Terms",
    "TrackingError",
    "TransactionCost",
    "TurnoverPenalty",
    "UnboundedObjective",
    "WeightedExposure",
    "calculate_optimal_portfolio",
    "experimental",
    "meanvariance",
    "run_optimization",
]
