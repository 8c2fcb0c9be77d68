"""Weights from words: objectives and constraints in, certified portfolios out."""
