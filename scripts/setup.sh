#!/usr/bin/env bash
# Installs what orthancgen needs on Debian 12, once: packages of the system, and a virtual environment in .venv.
# Usage: scripts/setup.sh native|dev
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:?native or dev}

packages=(python3 python3-venv ca-certificates orthanc orthanc-dicomweb)
# Sheets as PDF: WeasyPrint lays text out with Pango.
packages+=(fonts-dejavu-core libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0)
if [ "$kind" = dev ]; then
  packages+=(dcmtk docker-registry git haproxy iproute2 iptables lua-check lua5.1 lua5.3 mmdebstrap mount openssl shellcheck)
  packages+=(openssh-client)
  # Firewalls, whose rules are loaded for real in networks of the tests' own; and what calls and answers there.
  packages+=(busybox-static curl firewalld nftables rootlesskit slirp4netns ufw uidmap wireguard-go wireguard-tools)
  # The index of several Orthancs.
  packages+=(postgresql postgresql-client)
  # What looks at sheets as pictures, reads their codes, and makes a clock wrong.
  packages+=(chromium faketime poppler-utils zbar-tools)
  # What reads manual pages, and shells that complete commands.
  packages+=(fish mandoc zsh)
  # What collects metrics and takes logs: its own checkers judge what is written for it.
  packages+=(prometheus prometheus-node-exporter rsyslog rsyslog-gnutls)
  # An engine that is there, from whatever package, serves as well; docker.io would conflict with Docker's own.
  [ -n "$(PATH="$PATH:/usr/sbin" type -P dockerd)" ] || packages+=(docker.io)
fi
# Debian starts a service when its package is installed: an Orthanc of its own would take ports 8042 and 4242.
declare -A services=([orthanc]=orthanc.service [haproxy]=haproxy.service [docker-registry]=docker-registry.service
  [docker.io]="docker.service docker.socket containerd.service" [firewalld]=firewalld.service [ufw]=ufw.service
  [nftables]=nftables.service [postgresql]=postgresql.service
  [prometheus]=prometheus.service [prometheus-node-exporter]="prometheus-node-exporter.service" [rsyslog]="rsyslog.service syslog.socket")

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  echo "installing ${missing[*]}"
  unwanted=()
  for package in "${missing[@]}"; do
    # shellcheck disable=SC2206
    unwanted+=(${services[$package]:-})
  done
  policy=/usr/sbin/policy-rc.d
  if [ "${#unwanted[@]}" -gt 0 ] && [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    trap 'as_root rm -f "$policy"' EXIT
  fi
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  if [ "${#unwanted[@]}" -gt 0 ] && command -v systemctl >/dev/null && [ -d /run/systemd/system ]; then
    as_root systemctl disable --quiet "${unwanted[@]}" || true
  fi
fi

extras=native,pdf
[ "$kind" = dev ] && extras=native,pdf,dev,docs

# install FOLDER EXTRAS STAMP: a program of ours into a virtual environment in its folder, where that is missing or older.
install() {
  local venv=$1/.venv stamp=$1/.venv/$3
  if [ ! -e "$stamp" ] || [ "$1/pyproject.toml" -nt "$stamp" ] || [ "$1/constraints.txt" -nt "$stamp" ]; then
    echo "installing Python packages into ${venv#./}"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint "$1/constraints.txt" --editable "$1[$2]"
    touch "$stamp"
  fi
}

# The service that analyses images has packages of its own, which nothing else needs: they are fetched meanwhile.
analysis=
if [ "$kind" = dev ]; then
  install stack/analysis dev .installed &
  analysis=$!
fi
install . "$extras" ".installed-$kind"
[ -z "$analysis" ] || wait "$analysis"
