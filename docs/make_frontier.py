"""Draw docs/frontier.svg, the frontier of the walk in meanvariance.md: ``python docs/make_frontier.py``."""

import asyncio
from datetime import date
from pathlib import Path

import pandas as pd

from tradewind.optimize.meanvariance.portfolio import Portfolio
from tradewind.prices import closes_of

PICTURE = Path(__file__).parent / "frontier.svg"
WIDTH, HEIGHT, LEFT, BOTTOM = 640, 400, 70, 50


def solved():
    """The walk's portfolio without its constraints, and its recommendation."""
    portfolio = Portfolio.local(closes_of("demo"))
    portfolio.import_dataframe(pd.DataFrame({"ticker": ["AAPL", "IBM", "GOOG"], "shares": [10, 20, 5]}))

    async def walk():
        ranges = ["6mo", "1y", "2y"]
        await portfolio.retrieve_custom_models(["MSFT"], ranges, end=date(2013, 3, 1), include_prices=True)
        await portfolio.retrieve_frontier(1_000, float("inf"), False, True, True)
        return await portfolio.retrieve_recommendation(method="exact")

    return portfolio, asyncio.run(walk())


def picture():
    """The SVG text: the frontier as a line, assets, today's portfolio and the recommendation as dots."""
    portfolio, found = solved()
    model, frontier = portfolio.get_model(), portfolio.frontier
    mu, std = portfolio.get_return_and_variance()
    dots = [*zip(portfolio.get_tickers(), model.std, model.r, strict=True), ("today", std, mu)]
    dots.append(("recommended", found["std"], found["mu"]))
    xs = [x for _, x, _ in dots] + list(frontier["std"])
    ys = [y for _, _, y in dots] + list(frontier["mu"])

    def at(x, y):
        right = LEFT + (x - min(xs)) / (max(xs) - min(xs)) * (WIDTH - LEFT - 110)
        up = HEIGHT - BOTTOM - (y - min(ys)) / (max(ys) - min(ys)) * (HEIGHT - BOTTOM - 30)
        return f"{right:.0f}", f"{up:.0f}"

    line = " ".join(",".join(at(x, y)) for x, y in zip(frontier["std"], frontier["mu"], strict=True))
    marks = "".join(_dot(name, *at(x, y)) for name, x, y in dots)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="13" fill="#57606a"><rect width="100%" height="100%" fill="#fff"/>'
        f'<polyline points="{line}" fill="none" stroke="#0969da" stroke-width="2.5"/>{marks}'
        f'<text x="{WIDTH // 2}" y="{HEIGHT - 12}" text-anchor="middle">standard deviation</text>'
        f'<text transform="translate(22 {HEIGHT // 2}) rotate(-90)" text-anchor="middle">return</text></svg>\n'
    )


def _dot(name, x, y):
    colour = {"today": "#cf222e", "recommended": "#1a7f37"}.get(name, "#57606a")
    return f'<circle cx="{x}" cy="{y}" r="5" fill="{colour}"/><text x="{int(x) + 9}" y="{int(y) + 5}">{name}</text>'


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
