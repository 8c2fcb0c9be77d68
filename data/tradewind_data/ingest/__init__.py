"""Readers of foreign formats and the atomic writer of bundles."""
