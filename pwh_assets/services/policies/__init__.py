"""Who may read what: policies for readers, personal data found in tables, and people who ask to be forgotten.

Belongs here: keeping and applying policies, the finder of personal data, deletion requests.
Keep out: HTTP, and how a catalog is restricted; that is `hogql.policy`.
"""
