"""Writes the VPN's configurations with their keys: the one place where keys and files come together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from orthancgen.errors import InputError
from orthancgen.firewall.wireguard import SERVER_FILE, Peer, peer_conf, peers, server_conf
from orthancgen.plan.model import Plan
from orthancgen.render.write import cannot_write, place
from orthancgen.secrets.value import SecretValue
from orthancgen.vpn.keys import public_key

FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700


def write_configurations(plan: Plan, secrets: Mapping[str, SecretValue], folder: Path) -> list[Path]:
    """Write the host's `wg-orthancgen.conf` and a `peer-NAME.conf` for each remote modality, of mode 0600.

    Nothing is replaced before every file lies beside its place, complete.

    Args:
        plan: of a site with a VPN and its endpoint.
        secrets: the values of the private keys by name: the host's, and of each peer that made none itself.
        folder: is made with mode 0700 where it is not there.

    Returns:
        The files, the host's first.

    Raises:
        InputError: there is no VPN, no endpoint or no peer; a key is missing, is none, or belongs to two.
        RenderError: the folder cannot be written; what was there still is.
    """
    vpn = plan.site.network.vpn
    if vpn is None:
        raise InputError("the environment has no VPN", hint="network: {vpn: {network: 10.8.0.0/24, endpoint: NAME}}")
    if vpn.endpoint is None:
        raise InputError("network.vpn: the peers do not know where to call", hint="endpoint: vpn.hospital.example")
    host = vpn.private_key.secret
    wanted = [host, *(peer.secret for peer in peers(plan, {}) if peer.secret)]
    missing = [name for name in wanted if name not in secrets]
    if missing:
        raise InputError(f"keys of the VPN are missing: {', '.join(missing)}", hint="deploy makes them")
    public_keys = {name: public_key(name, secrets[name]) for name in wanted}
    all_peers = tuple(peers(plan, public_keys))
    _require_distinct(public_keys[host], all_peers)
    files = {SERVER_FILE: server_conf(plan, secrets[host].reveal(), public_keys)}
    for peer in all_peers:
        private = secrets[peer.secret].reveal() if peer.secret else ""
        files[f"peer-{peer.name}.conf"] = peer_conf(plan, peer, private, public_keys[host])
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
    except OSError as error:
        raise cannot_write(folder, error) from None
    place([(folder / name, text.encode("ascii"), FILE_MODE) for name, text in files.items()], folder)
    return [folder / name for name in files]


def _require_distinct(host: str, all_peers: tuple[Peer, ...]) -> None:
    """WireGuard knows a peer by its key alone: the second block of one key takes the first one's addresses away."""
    if not all_peers:
        raise InputError(
            "no modality has an address of the VPN: there is no peer",
            hint="write the addresses that the modalities have in the VPN",
        )
    seen = {host: "this host"}
    names: dict[str, str] = {}
    for peer in all_peers:
        if peer.public_key in seen:
            raise InputError(
                f"network.vpn.peers.{peer.name}: its key is that of {seen[peer.public_key]}",
                hint="give each machine its own pair of keys",
            )
        seen[peer.public_key] = peer.name
        other = names.setdefault(peer.name.casefold(), peer.name)
        if other != peer.name:
            raise InputError(
                f"modalities.{peer.name}: its file has the name of that of {other} where case does not count",
                hint="rename one of the two modalities",
            )
