"""Product data that is not captured: events and people from files, and what people say about them.

Belongs here: files into the lake, actions, cohorts, property definitions, exchange rates.
Keep out: events that come over HTTP (`capture`).
"""
