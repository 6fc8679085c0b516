"""The timetable: schedules, pools, triggers."""
