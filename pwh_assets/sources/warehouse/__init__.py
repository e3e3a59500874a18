"""What the cloud warehouses have in common: SQL over a vendor's own client, results as Arrow.

Belongs here: a warehouse's tables as discovered, the query of a read with its bounds, the seam a vendor fills.
Keep out: any vendor's client, types and spellings; they are in the vendor's own file.
"""
