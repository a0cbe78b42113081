"""`spnl bench`: how fast models are, measured through the seam that every run goes through.

`steps` says what is asked and what is made of the answers, `asking` asks and takes the times, `bench` runs
the steps in turns; `report` holds what came out, and `table`, `chart` and `records` show it.
"""
