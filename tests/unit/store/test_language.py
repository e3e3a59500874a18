"""Joins, cohorts, actions, property definitions and settings, kept on both databases."""

from collections.abc import Callable

import pytest

from pwh_assets.core.language import (
    ActionStep,
    Matching,
    PropertyDefinition,
    PropertyKind,
    PropertyType,
    TableJoin,
)
from pwh_assets.errors import ConflictError, NotFoundError
from pwh_assets.store import Store

JOIN = TableJoin("persons", "properties.email", "app_users", "email", "user", {"a": 1})
NUMERIC = PropertyDefinition(PropertyKind.EVENT, "price", PropertyType.NUMERIC)


def test_a_join_of_the_same_field_is_replaced(store: Store) -> None:
    first = store.save_join(1, JOIN)
    second = store.save_join(1, TableJoin("persons", "id", "app_users", "id", "user"))
    assert first.id == second.id
    (kept,) = store.joins(1)
    assert (kept.source_key, kept.joining_key, kept.configuration) == ("id", "id", {})
    store.delete_join(1, kept.id)
    assert store.joins(1) == []
    with pytest.raises(NotFoundError):
        store.delete_join(1, kept.id)


def test_a_cohort_keeps_its_kind(store: Store) -> None:
    made = store.save_cohort(1, "Power", "SELECT id FROM persons")
    assert (made.is_static, made.count) == (False, None)
    store.note_cohort(made.id, 7)
    assert store.cohorts(1)[0].count == 7
    store.note_cohort(made.id, None, "it broke")
    assert (store.cohorts(1)[0].count, store.cohorts(1)[0].latest_error) == (7, "it broke")
    with pytest.raises(ConflictError, match="`Power`"):
        store.save_cohort(1, "Power", None)
    store.delete_cohort(1, made.id)
    assert store.cohorts(1) == []


def test_an_action_comes_back_as_it_was(store: Store) -> None:
    step = ActionStep(
        "$pageview", "/pay", Matching.REGEX, properties=({"key": "a", "value": [1, "x"]},)
    )
    store.save_action(1, "Paid", [step, ActionStep()])
    (kept,) = store.actions(1)
    assert kept.steps == (step, ActionStep())


def test_learning_leaves_alone_what_somebody_set(store: Store) -> None:
    by_hand = PropertyDefinition(PropertyKind.EVENT, "price", PropertyType.STRING, is_set=True)
    assert store.save_property_definitions(1, [by_hand]) == 1
    assert store.save_property_definitions(1, [NUMERIC]) == 0
    assert store.property_definitions(1)[0].type is PropertyType.STRING
    store.delete_property_definition(1, PropertyKind.EVENT, "price")
    assert store.save_property_definitions(1, [NUMERIC]) == 1
    assert store.save_property_definitions(1, [NUMERIC]) == 0


def test_settings_go_back_to_their_defaults(store: Store) -> None:
    store.set_project_settings(1, {"week_start": "monday"})
    store.set_project_settings(1, {"week_start": "sunday"})
    assert store.project_settings(1) == {"week_start": "sunday"}
    store.set_project_settings(1, {"week_start": None})
    assert store.project_settings(1) == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda store: store.save_join(1, JOIN),
        lambda store: store.save_cohort(1, "c", None),
        lambda store: store.save_action(1, "a", []),
        lambda store: store.save_property_definitions(1, [NUMERIC]),
        lambda store: store.set_project_settings(1, {"a": "b"}),
    ],
)
def test_every_change_makes_the_catalog_a_new_one(
    store: Store, change: Callable[[Store], object]
) -> None:
    before = store.catalog_version(1)
    change(store)
    assert store.catalog_version(1) != before


def test_projects_do_not_see_each_other(store: Store) -> None:
    store.ensure_project(2, "Other")
    store.save_join(1, JOIN)
    store.save_cohort(1, "c", None)
    store.save_action(1, "a", [])
    store.save_property_definitions(1, [NUMERIC])
    assert not store.joins(2) and not store.cohorts(2) and not store.actions(2)
    assert not store.property_definitions(2)
    assert store.save_cohort(2, "c", None).project_id == 2
