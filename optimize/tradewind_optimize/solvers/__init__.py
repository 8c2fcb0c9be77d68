"""The solvers, behind one seam: ``solve(problem: CompiledProblem) → Solution``, no state between calls."""
