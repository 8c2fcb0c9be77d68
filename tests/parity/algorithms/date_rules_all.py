"""Every date rule with offsets, with and without half days, each counting its calls; time rules all mean the bar."""

RECORDS = [
    "daily",
    "whole",
    "week1",
    "week4",
    "weekend0",
    "weekend3",
    "month0",
    "month22",
    "monthend0",
    "monthend9",
    "late",
]


def counter(name):
    def count(context, data):
        context.seen[name] = context.seen.get(name, 0) + 1
        record(**{name: context.seen[name]})
        order(context.asset, 1 + len(name))

    return count


def initialize(context):
    context.seen, context.asset = {}, symbol("AAA")
    schedule_function(counter("daily"))
    schedule_function(counter("whole"), date_rules.every_day(), time_rules.market_close(), half_days=False)
    schedule_function(
        counter("week1"), date_rules.week_start(days_offset=1), time_rules.market_open(hours=1, minutes=30)
    )
    schedule_function(counter("week4"), date_rules.week_start(4))
    schedule_function(counter("weekend0"), date_rules.week_end(), half_days=False)
    schedule_function(counter("weekend3"), date_rules.week_end(days_offset=3), time_rules.market_close(hours=2))
    schedule_function(counter("month0"), date_rules.month_start())
    schedule_function(counter("month22"), date_rules.month_start(22))
    schedule_function(counter("monthend0"), date_rules.month_end(days_offset=0), half_days=False)
    schedule_function(counter("monthend9"), date_rules.month_end(9), time_rules.every_minute())
    schedule_function(counter("late"), date_rules.every_day(), time_rules.market_close(hours=4))
