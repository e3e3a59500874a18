"""Sources: connecting one, showing it, changing how its tables sync, and letting it go.

Belongs here: what a person asks of a source or of one of its tables; checks of what they typed.
Keep out: moving rows (`sync`, `changes`), drivers (`pwh_assets.sources`).
"""
