"""The product over HTTP.

Belongs here: `create_app(platform)`, a router per noun, one place that turns errors into responses.
Keep out: decisions.
"""
