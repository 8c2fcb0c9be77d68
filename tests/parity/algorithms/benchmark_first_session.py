"""A benchmark from the first session of the data: its first return is from the open."""

START = "2020-10-01"
END = "2020-12-31"


def initialize(context):
    set_benchmark(symbol("DDD"))
    context.day = 0


def handle_data(context, data):
    context.day += 1
    if context.day == 2:
        order_target_percent(symbol("AAA"), 0.9)
