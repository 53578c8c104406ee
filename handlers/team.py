"""Who works where; people are configuration, not rows."""

import zlib
from dataclasses import dataclass
from functools import cached_property

from handlers.settings import Advisor, Colleague, Manager, Settings, Store


@dataclass(frozen=True)
class Team:
    """Look-ups over the configured people. Userids are compared in lower case, as WeCom does."""

    settings: Settings

    @cached_property
    def advisors(self) -> dict[str, Advisor]:
        return {a.userid.lower(): a for a in self.settings.advisors}

    @cached_property
    def managers(self) -> dict[str, Manager]:
        """With every store of their scope, whether it is named, in their city, or anywhere."""
        return {m.userid.lower(): self._scoped(m) for m in self.settings.managers}

    def _scoped(self, manager: Manager) -> Manager:
        near = [s.id for s in self.settings.stores if manager.brand or s.city in manager.cities]
        stores = tuple(dict.fromkeys((*manager.stores, *near)))
        names = not manager.brand if manager.names is None else manager.names
        return manager.model_copy(update={"stores": stores, "names": names})

    @cached_property
    def colleagues(self) -> dict[str, Colleague]:
        return {c.userid.lower(): c for c in self.settings.colleagues}

    @cached_property
    def stores(self) -> dict[str, Store]:
        return {s.id: s for s in self.settings.stores}

    @cached_property
    def roster(self) -> str:
        """Changes when an advisor comes or goes."""
        return f"{zlib.crc32('/'.join(self.advisors).encode()):08x}"

    def advisor(self, userid: str) -> Advisor | None:
        return self.advisors.get(userid.lower())

    def manager(self, userid: str) -> Manager | None:
        return self.managers.get(userid.lower())

    def colleague(self, userid: str, role: str = "") -> Colleague | None:
        """社群运营 runs groups and sees no customers; 车友服务官 looks after owners."""
        found = self.colleagues.get(userid.lower())
        return found if found and role in ("", found.role) else None

    def known(self, userid: str) -> bool:
        """Whether they are on any list but that of the operators."""
        return bool(self.advisor(userid) or self.manager(userid) or self.colleague(userid))

    def in_charge(self, userid: str) -> Manager | None:
        """A manager who sees who the customers are; the brand, which reads figures, is none."""
        found = self.manager(userid)
        return found if found and found.names else None

    def userid(self, given: str) -> str:
        """As it is configured, whatever the capitals; that of a stranger stays as it is."""
        found = self.advisor(given) or self.manager(given) or self.colleague(given)
        return found.userid if found else given

    def store(self, store_id: str) -> Store:
        return self.stores.get(store_id) or Store(id=store_id, name=store_id or "门店")

    def name(self, userid: str) -> str:
        found = self.advisor(userid) or self.manager(userid) or self.colleague(userid)
        return found.name if found else userid

    def managers_of(self, store_id: str) -> list[Manager]:
        """Who runs that store and is told of what happens there; not the city, not the brand."""
        return [m for m in self.settings.managers if store_id in m.stores]

    def head(self, store_id: str) -> str:
        """Who is to act on what happens there: its manager, else the city's; "" for nobody."""
        own = [m.userid for m in self.managers_of(store_id)]
        above = [m.userid for m in self.managers.values() if store_id in m.stores and m.names]
        return next(iter(own + above), "")

    def advisors_of(self, stores: tuple[str, ...]) -> list[Advisor]:
        return [a for a in self.settings.advisors if a.store in stores]
