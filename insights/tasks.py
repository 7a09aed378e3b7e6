"""Work for later. Rows are the truth: a task that is lost is found again by the timetable."""
