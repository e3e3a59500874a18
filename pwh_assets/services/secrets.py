"""Changing the key credentials are encrypted with."""

from pwh_assets.services.platform import Platform


def rotate_secrets(platform: Platform, add_key: bool = True) -> tuple[str, int]:
    """Encrypt every credential anew: with a new key when keys are in a file, else with the first of the variable.

    Returns:
        The key's id, and how many credentials were encrypted.

    Raises:
        SecretKeyMissingError, SecretDamagedError: a credential does not open; none was changed.
    """
    store = platform.store
    key_id = store.new_secret_key() if add_key else store.secret_key_ids[0]
    return key_id, store.rotate_secrets()
