"""Who works where; people are configuration, not rows."""

from dataclasses import dataclass
from functools import cached_property

from handlers.settings import Advisor, Manager, Settings, Store


@dataclass(frozen=True)
class Team:
    """Look-ups over the configured people. Userids are compared in lower case, as WeCom does."""

    settings: Settings

    @cached_property
    def advisors(self) -> dict[str, Advisor]:
        return {a.userid.lower(): a for a in self.settings.advisors}

    @cached_property
    def managers(self) -> dict[str, Manager]:
        return {m.userid.lower(): m for m in self.settings.managers}

    @cached_property
    def stores(self) -> dict[str, Store]:
        return {s.id: s for s in self.settings.stores}

    def advisor(self, userid: str) -> Advisor | None:
        return self.advisors.get(userid.lower())

    def manager(self, userid: str) -> Manager | None:
        return self.managers.get(userid.lower())

    def userid(self, given: str) -> str:
        """As it is configured, whatever the capitals; that of a stranger stays as it is."""
        found = self.advisor(given) or self.manager(given)
        return found.userid if found else given

    def store(self, store_id: str) -> Store:
        return self.stores.get(store_id) or Store(id=store_id, name=store_id or "门店")

    def name(self, userid: str) -> str:
        found = self.advisor(userid) or self.manager(userid)
        return found.name if found else userid

    def managers_of(self, store_id: str) -> list[Manager]:
        return [m for m in self.settings.managers if store_id in m.stores]

    def advisors_of(self, stores: tuple[str, ...]) -> list[Advisor]:
        return [a for a in self.settings.advisors if a.store in stores]
