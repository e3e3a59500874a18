"""What SDKs ask besides sending events: feature flags, configuration, surveys. There are none; the answers say so."""

import uuid
from typing import Any

COMPRESSION = ["gzip", "gzip-js"]


def flags(version: str) -> dict[str, Any]:
    """`/flags/` and `/decide/`: no flag is on and none could not be computed."""
    document: dict[str, Any] = {
        "errorsWhileComputingFlags": False,
        "featureFlags": {},
        "featureFlagPayloads": {},
        "requestId": str(uuid.uuid4()),
        **_settings(),
    }
    if version.startswith("2"):
        del document["featureFlags"], document["featureFlagPayloads"]
        document["flags"] = {}
    return document


def config(key: str) -> dict[str, Any]:
    """`/array/<key>/config`: what posthog-js asks when it starts."""
    return {"token": key, "hasFeatureFlags": False, **_settings()}


def config_script(key_json: str) -> str:
    """`/array/<key>/config.js`; `key_json` is the configuration as JSON."""
    return (
        "(function(){var c=window._POSTHOG_REMOTE_CONFIG=window._POSTHOG_REMOTE_CONFIG||{};"
        f"var d={key_json};c[d.token]={{config:d,siteApps:[]}}}})();"
    )


def local_flags() -> dict[str, Any]:
    """`/api/feature_flag/local_evaluation/`: what server SDKs with a personal key ask."""
    return {"flags": [], "group_type_mapping": {}, "cohorts": {}}


def _settings() -> dict[str, Any]:
    return {
        "supportedCompression": COMPRESSION,
        "analytics": {"endpoint": "/i/v0/e/"},
        "autocapture_opt_out": False,
        "autocaptureExceptions": False,
        "captureDeadClicks": False,
        "capturePerformance": False,
        "defaultIdentifiedOnly": True,
        "elementsChainAsString": True,
        "heatmaps": False,
        "sessionRecording": False,
        "siteApps": [],
        "surveys": False,
        "toolbarParams": {},
        "isAuthenticated": False,
    }
