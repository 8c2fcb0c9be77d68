"""The constraints: one small class each, one method that yields rows."""
