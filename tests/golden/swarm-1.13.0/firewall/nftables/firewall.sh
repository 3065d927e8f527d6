#!/bin/sh
# Written by orthancgen: the rules of environment prod for nftables.
# sh firewall.sh -h tells what it does.
set -eu
umask 077
LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL PATH

ENVIRONMENT=prod
DIALECT=nftables
DATA='rules.nft'
NEEDS='nft flock setsid'
STATE=${ORTHANCGEN_FIREWALL_STATE:-/var/lib/orthancgen-firewall}
HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

help() {
  cat <<'HELP'
Usage: sh firewall.sh COMMAND

  check      the rules are accepted by the firewall's own tool; nothing is changed
  apply      put the rules in force. They deny what they do not allow. What fails leaves the rules that were there.
      --revert-after SECONDS   take them back after that time, unless `confirm` comes first (1 to 86400)
      --replace                also where the rules of another environment are in force
  confirm    keep the rules that were put in force with --revert-after
  undo       back to what was there before the first apply; nothing of orthancgen stays
  status     whether the rules are in force as they are written here

On a host that is far away: apply --revert-after 60, log in a second time, then confirm. Connections that are open stay
open where the host follows them already, as one with containers or another firewall does: only a new login shows that
you can still come in.
The rules come back when the host starts, before its network, by the systemd unit orthancgen-firewall.service; those of
--revert-after do so once they are confirmed. Without systemd, let the start of the host run
  sh /var/lib/orthancgen-firewall/kept/firewall.sh boot
What is needed to go back is kept in /var/lib/orthancgen-firewall, or the folder that ORTHANCGEN_FIREWALL_STATE names.

Exit: 0 good; 1 there is something to see; 2 wrong usage; 4 failed, and the rules are as before.
HELP
}

say() { printf 'firewall.sh: %s\n' "$*"; }
fail() { printf 'firewall.sh: %s\n' "$*" >&2; exit 4; }
see() { say "$*"; exit 1; }
usage() { printf 'firewall.sh: %s; sh firewall.sh -h tells how it is used\n' "$*" >&2; exit 2; }
one_line() { printf '%s' "${1:-no reason was told}" | tr -s '\n\t ' ' ' | cut -c 1-400; }
content() { if [ -e "$1" ]; then cat -- "$1"; fi; }

# One table of our own, inet orthancgen: nft(8) loads a file as a whole or not at all.
fw_check() { nft -c -f "$1/rules.nft"; }
fw_load() { nft -f "$1/rules.nft"; }
fw_listing() { nft -s list table inet orthancgen 2>/dev/null || :; }
fw_environment() { fw_listing | sed -n '/ comment "environment [a-z0-9-]*"$/{s/.*"environment \(.*\)"$/\1/p;q;}'; }

fw_save() { fw_listing >"$1/table.nft"; }

fw_restore() {
  {
    printf 'add table inet orthancgen\ndelete table inet orthancgen\n'
    if [ -e "$1/table.nft" ]; then cat -- "$1/table.nft"; fi
  } | nft -f -
}

# A unit of systemd loads the kept rules at each start of the host, and again when what flushes all rules is restarted.
UNIT=/etc/systemd/system/orthancgen-firewall.service
WANTED=/etc/systemd/system/sysinit.target.wants/orthancgen-firewall.service

fw_keep() {
  if ! mkdir -p -- "${WANTED%/*}" 2>/dev/null; then
    say "no systemd here: see -h for how the rules come back when the host starts"
    return 0
  fi
  cat >"$UNIT.new" <<END || return 1
[Unit]
Description=Firewall rules of orthancgen
DefaultDependencies=no
RequiresMountsFor=$STATE
Wants=network-pre.target
Before=network-pre.target docker.service shutdown.target
After=nftables.service netfilter-persistent.service
PartOf=nftables.service netfilter-persistent.service
ReloadPropagatedFrom=nftables.service netfilter-persistent.service
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
Environment=ORTHANCGEN_FIREWALL_STATE=$STATE
ExecStart=/bin/sh $1/firewall.sh boot
ExecReload=/bin/sh $1/firewall.sh boot

[Install]
WantedBy=sysinit.target
END
  chmod 644 "$UNIT.new" && mv -f -- "$UNIT.new" "$UNIT" && ln -sf -- "$UNIT" "$WANTED" || return 1
  if [ -d /run/systemd/system ]; then
    # It is active from now on, and so follows those that flush all rules. It waits until this run has ended.
    systemctl daemon-reload && systemctl --no-block start "${UNIT##*/}" || return 1
  fi
}

fw_forget() {
  if [ -d /run/systemd/system ] && [ -e "$UNIT" ]; then systemctl stop "${UNIT##*/}" || return 1; fi
  rm -f -- "$UNIT" "$WANTED" || return 1
  if [ -d /run/systemd/system ]; then systemctl daemon-reload || return 1; fi
}

# --- the state folder
# before/    what was there before the first apply
# previous/  what was in force before an apply on trial, with its now/ and kept/
# now/       script and files whose rules were loaded last, and their listing
# kept/      script and files that the start of the host loads
# trial      who waits to take back: absent when confirmed

ready() {
  [ "$(id -u)" = 0 ] || fail "only root may do this: run it as root, or with sudo"
  for program in $NEEDS; do
    command -v "$program" >/dev/null || fail "$program is not installed: install it, or use another firewall"
  done
  case $STATE in
    /*) ;;
    *) usage "ORTHANCGEN_FIREWALL_STATE is no absolute path" ;;
  esac
  case $STATE in
    *[!A-Za-z0-9._/-]*) usage "ORTHANCGEN_FIREWALL_STATE may have letters, digits, '.', '_', '-' and '/' only" ;;
  esac
}

lock() {
  ready
  exec 9>/run/orthancgen-firewall.lock
  flock -w 30 9 || fail "another run of this script is at work: try again when it has ended"
  mkdir -p -- "$STATE" 2>/dev/null || fail "cannot make the folder $STATE: name another in ORTHANCGEN_FIREWALL_STATE"
  # What is refused leaves no empty folder.
  trap 'rmdir -- "$STATE" 2>/dev/null || :' EXIT
}

checked() {
  for file in $DATA; do
    [ -r "$1/$file" ] || fail "$1/$file is missing: bring the whole folder of the bundle to this host"
  done
  said=$(fw_check "$1" 2>&1) || fail "the rules are not accepted; nothing was changed: $(one_line "$said")"
}

# Copy the script and its files into a folder of the state, as a whole.
copied() {
  rm -rf -- "$STATE/$2.new"
  mkdir -- "$STATE/$2.new" && cp -- "$1/firewall.sh" "$STATE/$2.new/" || return 1
  for file in $DATA; do
    case $file in */*) mkdir -p -- "$STATE/$2.new/${file%/*}" ;; esac
    cp -- "$1/$file" "$STATE/$2.new/$file" || return 1
  done
  printf '%s\n' "$ENVIRONMENT" >"$STATE/$2.new/environment" && printf '%s\n' "$DIALECT" >"$STATE/$2.new/dialect"
}

placed() { rm -rf -- "${STATE:?}/$1" && mv -- "$STATE/$1.new" "$STATE/$1"; }

# Save what is in force into a folder of the state, as a whole.
saved() {
  rm -rf -- "$STATE/$1.new"
  mkdir -- "$STATE/$1.new" && mkdir -- "$STATE/$1.new/rules" && fw_save "$STATE/$1.new/rules" || return 1
  for part in now kept; do
    if [ -d "$STATE/$part" ]; then cp -R -- "$STATE/$part" "$STATE/$1.new/" || return 1; fi
  done
  placed "$1"
}

# Load what is in a folder, make sure that it is in force, and write down what it looks like. Prints why it failed.
loaded() {
  fw_load "$1" || return 1
  if [ "$(fw_environment)" != "$ENVIRONMENT" ]; then
    echo "the rules were loaded, and are not there"
    return 1
  fi
  copied "$1" now && fw_listing >"$STATE/now.new/listing" && placed now
}

# The rules in force are those that come back when the host starts.
keep() {
  said=$(kept 2>&1) || see "the rules are in force, and do not come back when the host starts: $(one_line "$said")"
  if [ -n "$said" ]; then printf '%s\n' "$said"; fi
}

kept() { copied "$STATE/now" kept && placed kept && fw_keep "$STATE/kept"; }

# Back to what `saved` wrote into previous/.
went_back() {
  fw_restore "$STATE/previous/rules" || return 1
  for part in now kept; do
    rm -rf -- "${STATE:?}/$part" || return 1
    if [ -d "$STATE/previous/$part" ]; then cp -R -- "$STATE/previous/$part" "$STATE/" || return 1; fi
  done
  if [ ! -d "$STATE/now" ]; then cleared || return 1; fi
}

cleared() {
  fw_forget || return 1
  rm -rf -- "${STATE:?}/before" "${STATE:?}/previous" "${STATE:?}/now" "${STATE:?}/kept" "${STATE:?}/trial"
  rmdir -- "$STATE" 2>/dev/null || :
}

# --- the commands

apply() {
  seconds='' replace=no
  while [ $# -gt 0 ]; do
    case $1 in
      --replace) replace=yes ;;
      --revert-after)
        [ $# -gt 1 ] || usage "--revert-after needs a number of seconds"
        seconds=$2
        shift
        ;;
      --revert-after=*) seconds=${1#*=} ;;
      *) usage "apply does not know $1" ;;
    esac
    shift
  done
  case $seconds in
    '') ;;
    0* | *[!0-9]* | ??????*) usage "--revert-after is a number of seconds from 1 to 86400" ;;
    *) [ "$seconds" -le 86400 ] || usage "--revert-after is a number of seconds from 1 to 86400" ;;
  esac
  lock
  checked "$HERE"
  other=$(content "$STATE/now/dialect")
  if [ -n "$other" ] && [ "$other" != "$DIALECT" ]; then
    fail "the rules of orthancgen for $other are in force here: first run sh $STATE/now/firewall.sh undo"
  fi
  other=$(fw_environment)
  if [ -n "$other" ] && [ "$other" != "$ENVIRONMENT" ] && [ "$replace" = no ]; then
    fail "the rules of environment $other are in force on this host: add --replace to put these in their place"
  fi
  first=no
  if [ ! -d "$STATE/before" ]; then
    first=yes
    rm -rf -- "$STATE/before.new"
    mkdir -- "$STATE/before.new"
    # Where our own rules are in force and nothing is known of what was before, going back is to have none.
    if [ -z "$other" ]; then
      said=$(fw_save "$STATE/before.new" 2>&1) || fail "cannot save the rules that are there: $(one_line "$said")"
    fi
    placed before
  fi
  # Where nothing is in force, nothing is on trial any more: the host was started anew, or somebody removed the rules.
  if [ -z "$other" ]; then rm -f -- "$STATE/trial"; fi
  earlier=$(content "$STATE/trial")
  if [ -z "$earlier" ]; then
    said=$(saved previous 2>&1) || fail "cannot save the rules that are there: $(one_line "$said")"
  fi
  if [ -n "$seconds" ]; then
    # Before the rules are loaded: they may cut off whoever loads them.
    token=$$-$(date +%s)
    printf '%s\n' "$token" >"$STATE/trial"
    cp -- "$HERE/firewall.sh" "/run/orthancgen-firewall.$token.sh"
    setsid sh "/run/orthancgen-firewall.$token.sh" take-back "$seconds" "$token" </dev/null >/dev/null 2>&1 9>&- &
  fi
  if ! said=$(loaded "$HERE" 2>&1); then
    if [ -n "$earlier" ]; then printf '%s\n' "$earlier" >"$STATE/trial"; else rm -f -- "$STATE/trial"; fi
    said_back=''
    if [ -z "$earlier" ] && ! said_back=$(went_back 2>&1); then
      fail "loading failed, and going back as well: run undo. $(one_line "$said $said_back")"
    fi
    if [ "$first" = yes ]; then cleared; fi
    fail "the rules were not loaded; those that were there are in force: $(one_line "$said")"
  fi
  if [ -n "$seconds" ]; then
    say "the rules of environment $ENVIRONMENT are in force for $seconds seconds, unless you confirm:" \
      "sh $HERE/firewall.sh confirm"
    return
  fi
  rm -f -- "$STATE/trial"
  keep
  say "the rules of environment $ENVIRONMENT are in force"
}

confirm() {
  lock
  [ -d "$STATE/now" ] || see "no rules are in force: the time may have run out; apply them again"
  if [ ! -e "$STATE/trial" ]; then
    [ -d "$STATE/kept" ] || see "there is nothing to confirm: apply the rules"
    say "nothing waits for a confirmation: the rules of environment $(content "$STATE/now/environment") are kept"
    return
  fi
  rm -f -- "$STATE/trial"
  keep
  say "the rules of environment $(content "$STATE/now/environment") are kept"
}

undo() {
  lock
  other=$(content "$STATE/now/dialect")
  if [ -n "$other" ] && [ "$other" != "$DIALECT" ]; then
    fail "the rules in force are those for $other: run sh $STATE/now/firewall.sh undo"
  fi
  if [ ! -d "$STATE/before" ]; then
    if [ -z "$(fw_environment)" ]; then
      say "no rules of orthancgen are in force"
      return
    fi
    mkdir -- "$STATE/before"
  fi
  said=$(fw_restore "$STATE/before" 2>&1) || fail "cannot go back: $(one_line "$said")"
  said=$(cleared 2>&1) || see "the rules are as before, and yet come back when the host starts: $(one_line "$said")"
  say "the rules are as before the first apply"
}

# Waits by itself, in the background of apply --revert-after.
take_back() {
  sleep "$1"
  rm -f -- "$0"
  if [ ! -d "$STATE" ]; then return; fi
  lock
  if [ "$(content "$STATE/trial")" = "$2" ]; then
    rm -f -- "$STATE/trial"
    went_back
  fi
}

status() {
  ready
  other=$(fw_environment)
  [ -n "$other" ] || see "no rules of orthancgen are in force: apply them"
  [ "$other" = "$ENVIRONMENT" ] || see "the rules of environment $other are in force, not those of $ENVIRONMENT"
  for file in $DATA; do
    cmp -s -- "$HERE/$file" "$STATE/now/$file" || see "other rules of $ENVIRONMENT are in force than $file: apply them"
  done
  if [ "$(fw_listing)" != "$(content "$STATE/now/listing")" ]; then
    see "the rules in force were changed since they were loaded: apply them"
  fi
  if [ -e "$STATE/trial" ]; then
    say "the rules of environment $ENVIRONMENT are in force as written, on trial: confirm them in time"
  else
    say "the rules of environment $ENVIRONMENT are in force as written"
  fi
}

# The start of the host, or of what flushes all rules: what was on trial then is not confirmed.
boot() {
  lock
  if [ -n "$(fw_environment)" ]; then return; fi
  rm -rf -- "$STATE/trial" "${STATE:?}/previous"
  said=$(loaded "$HERE" 2>&1) || fail "the rules were not loaded: $(one_line "$said")"
}

[ $# -gt 0 ] || usage "say what to do: check, apply, confirm, undo or status"
for word in "$@"; do
  case $word in -h | --help) help && exit 0 ;; esac
done
command=$1
shift
case $command in
  check | confirm | undo | status | boot) [ $# = 0 ] || usage "$command takes no $1" ;;
esac
case $command in
  check)
    ready
    checked "$HERE"
    say "the rules of environment $ENVIRONMENT are accepted"
    ;;
  apply) apply "$@" ;;
  confirm) confirm ;;
  undo) undo ;;
  status) status ;;
  boot) boot ;;
  take-back) take_back "$@" ;;
  *) usage "there is no command $command" ;;
esac
