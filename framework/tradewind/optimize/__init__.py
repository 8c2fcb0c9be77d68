"""The Optimize API: objectives, constraints, entry points, results and errors (a face of tradewind_optimize).

    import tradewind.optimize as opt
    weights = opt.calculate_optimal_portfolio(opt.TargetWeights(targets), [opt.MaxGrossExposure(1.0)], current)
"""

from tradewind.optimize import experimental
from tradewind_optimize.constraints.base import Constraint
from tradewind_optimize.constraints.exposure import DollarNeutral, MaxGrossExposure, NetExposure
from tradewind_optimize.constraints.group import NetGroupExposure
from tradewind_optimize.constraints.position import (
    CannotHold,
    FixedWeight,
    Frozen,
    LongOnly,
    PositionConcentration,
    ShortOnly,
)
from tradewind_optimize.diagnostics import Diagnostics
from tradewind_optimize.entry import calculate_optimal_portfolio, run_optimization
from tradewind_optimize.errors import (
    InfeasibleConstraints,
    OptimizationError,
    OptimizationFailed,
    UnboundedObjective,
)
from tradewind_optimize.objectives import MaximizeAlpha, Objective, TargetWeights
from tradewind_optimize.result import OptimizationResult
