"""tradewind: from a bundle's name to the Result, whose tables are made when somebody asks for them."""

from importlib import import_module

import harness
import program


def imports():
    import_module("tradewind.api")
    import_module("tradewind.run")


def prepare(job, last):
    from tradewind import api, run_algorithm
    from tradewind_data.bundle import open_bundle

    bundle = open_bundle(job.bundle, job.root)
    index = bundle.sessions.index[bundle.bars().first_session :]
    hooks = program.hooks(api, job)
    return lambda: run_algorithm(
        index[job.first],
        index[last],
        capital_base=harness.CAPITAL,
        data_frequency=job.kind,
        bundle=open_bundle(job.bundle, job.root),
        semantics=job.semantics,
        **hooks,
    )


def count(job, result):
    value = float(result.perf["portfolio_value"].iloc[-1])
    return {"value": value, "orders": len(result.orders), "fills": len(result.fills)}


if __name__ == "__main__":
    harness.main(prepare, count, imports)
