"""An algorithm that only sets up: a portfolio of cash."""

END = "2020-12-31"


def initialize(context):
    context.day = 0
