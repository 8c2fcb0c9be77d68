"""Recorded values stay until the next, begin late, come from scheduled functions and as pairs."""

RECORDS = ["sometimes", "late", "paired", "weekly", "flag"]


def initialize(context):
    context.day = 0
    schedule_function(weekly, date_rules.week_end(), time_rules.market_close())


def weekly(context, data):
    record(weekly=context.day * 1.5)


def handle_data(context, data):
    context.day += 1
    if context.day % 4 == 0:
        record(sometimes=context.day)
    if context.day > 30:
        record("late", data.current(symbol("AAA"), "price"), "paired", context.day)
    if context.day in (50, 51):
        record(flag=True, late=0.0)
