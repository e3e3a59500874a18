"""People, organisations, projects, keys and logins: who somebody is and what they may do.

Belongs here: members, keys, passwords, and what is counted or remembered per caller.
Keep out: policies on rows and columns (`policies`), the written trail (`audit`).
"""
