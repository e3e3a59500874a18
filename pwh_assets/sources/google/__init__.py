"""What sources at Google share: service account keys and refresh tokens, and the tokens made of them.

Belongs here: signing in. Keep out: what any one of Google's APIs answers.
"""
