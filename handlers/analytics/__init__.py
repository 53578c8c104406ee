"""报表: every analysis by its name; pages, sheets and the command line read the list as it is."""

from collections.abc import Mapping
from types import MappingProxyType

from handlers.analytics import (
    campaigns,
    crosses,
    groups,
    journey,
    lost,
    mood,
    odd,
    people,
    service,
    stores,
    voice,
)
from handlers.analytics.scope import Analysis, Scope

__all__ = ["ANALYSES", "Analysis", "Scope"]

ANALYSES: Mapping[str, Analysis] = MappingProxyType({
    one.name: one
    for module in (journey, odd, stores, service, people, voice, crosses, groups, lost, mood,
                   campaigns)
    for one in module.ANALYSES
})  # fmt: skip
