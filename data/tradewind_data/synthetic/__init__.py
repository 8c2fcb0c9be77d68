"""A synthetic stock market: seeded, calibrated to a measured panel, its true expected returns known."""
