"""Lineage: the graph of a project, and what is made of what, by table, column and property.

Belongs here: the graph and walks over it.
Keep out: how healthy its nodes are (`health`).
"""
