"""Processes for the runs that Dagster starts.

Dagster's own launcher begins a new Python for each run, which takes seconds and as much CPU as a sync that moves little
needs ten times over. Here one process has everything imported, and a run is a fork of it.

Belongs here: the process that forks, what a fork does, and Dagster's launcher that asks for one.
Keep out: what a run does (`assets`, `view_assets`), runs of commands (`run`).
"""
