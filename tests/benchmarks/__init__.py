"""`make bench`: how fast money moves, as ratios to what PostgreSQL itself can do on the same machine in the same run.

Everything runs on a scratch server that is as durable as a real one. Each measure is taken once per round, between two
measures of others, so that whatever else the machine does falls on all of them; a ratio is the median of the rounds'.
"""
