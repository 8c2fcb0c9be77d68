"""tradewind: backtests of trading algorithms on Parquet price bundles."""

__version__ = "0.1.0"
