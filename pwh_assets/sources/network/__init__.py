"""How sources reach the network: addresses are checked and then connected to, through an SSH tunnel where one is asked for.

Belongs here: what may be reached, sockets and sessions that keep to it, tunnels.
Keep out: what is said over a connection; which fields of a form lead to a host (`services/egress`).
"""
