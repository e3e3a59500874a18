"""The guided tour: a private PostgreSQL, a Stripe-compatible server and the data they hold.

Belongs here: what stands in for a company's systems on one machine, loopback only, ended with its owner.
Keep out: anything a real installation needs.
"""
