"""Which private key belongs to which version of the public key, and whether it can be read."""

from collections.abc import Mapping
from pathlib import Path

from bot.archive.child import private_key
from bot.config import Config, ConfigError


def versions(config: Config) -> dict[int, str]:
    """Paths by version; `3=keys/v3.pem` names it, a bare path has the number of its place."""
    entries = config.wecom.archive.private_keys if config.wecom.archive else ()
    found: dict[int, str] = {}
    for place, entry in enumerate(entries, 1):
        head, mark, rest = entry.partition("=")
        named = bool(mark) and head.strip().isdecimal()
        version, path = (int(head), rest.strip()) if named else (place, entry)
        if version in found:
            raise ConfigError(f"wecom.archive.private_keys 里第 {version} 版写了两次")
        found[version] = str(config.path(path).absolute())
    return found


def wrong(found: Mapping[int, str]) -> list[str]:
    """What is wrong with these files, a sentence each."""
    said = []
    for version, path in found.items():
        try:
            private_key(Path(path))
        except ValueError as exc:
            said.append(f"第 {version} 版私钥：{exc}")
    return said
