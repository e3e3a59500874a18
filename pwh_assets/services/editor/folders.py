"""Folders of saved queries: made, found by name or id, renamed with their views, removed without them."""

from pwh_assets.core.editor import Folder
from pwh_assets.errors import InvalidInputError, NotFoundError
from pwh_assets.services.platform import Platform

LONGEST_NAME = 200


def make_folder(platform: Platform, project_id: int, name: str, by: str) -> Folder:
    """Raises InvalidInputError, FolderExistsError."""
    return find_folder(
        platform, project_id, platform.store.add_folder(project_id, checked_name(name), by)
    )


def find_folder(platform: Platform, project_id: int, folder_id: str) -> Folder:
    """By its id alone. Raises NotFoundError."""
    for folder in platform.store.folders(project_id):
        if folder.id == folder_id:
            return folder
    raise NotFoundError("folder", folder_id)


def folder_named(platform: Platform, project_id: int, word: str) -> str:
    """The name of the folder an id means; any other word is a name itself. Empty stays empty.

    Raises:
        InvalidInputError: it cannot be a name.
    """
    if not word.strip():
        return ""
    known = {folder.id: folder.name for folder in platform.store.folders(project_id)}
    return known.get(word) or checked_name(word)


def rename_folder(platform: Platform, project_id: int, folder_id: str, name: str) -> Folder:
    """Its views go with it. Raises NotFoundError, InvalidInputError, FolderExistsError."""
    platform.store.rename_folder(project_id, folder_id, checked_name(name))
    return find_folder(platform, project_id, folder_id)


def remove_folder(platform: Platform, project_id: int, folder_id: str) -> None:
    """Its views stay, in no folder. Raises NotFoundError."""
    platform.store.remove_folder(project_id, folder_id)


def checked_name(name: str) -> str:
    """Without blanks around it. Raises InvalidInputError."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME:
        raise InvalidInputError("name", f"A folder's name has 1 to {LONGEST_NAME} characters.")
    return name
