"""A typed client of the API: `Client(url, key).sources.list()`.

Belongs here: models and operations, made from the OpenAPI document by `scripts/client.py`, and how a request is sent.
Keep out: everything of the product but `errors`; a program may copy this package.
"""

from pwh_assets.client.client import Client
from pwh_assets.client.transport import ApiError

__all__ = ["ApiError", "Client"]
