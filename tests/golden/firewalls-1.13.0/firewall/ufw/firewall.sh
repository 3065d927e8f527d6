#!/bin/sh
# Written by orthancgen: the rules of environment firewalls for ufw.
# sh firewall.sh -h tells what it does.
set -eu
umask 077
LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL PATH

ENVIRONMENT=firewalls
DIALECT=ufw
DATA='user.rules user6.rules after.rules after6.rules after.init'
NEEDS='ufw iptables iptables-restore ip6tables ip6tables-restore awk sysctl flock setsid unshare'
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
ufw brings the rules back when the host starts: they stand in /etc/ufw/user.rules and user6.rules, in a block between
marks in after.rules and after6.rules, and in one in after.init, which is made executable. Those of --revert-after are
written there once they are confirmed. They take the place of all rules of `ufw allow`; the default for incoming
connections becomes deny, for outgoing ones allow, the one for routed ones stays. What before.rules lets in comes first
and stays: as ufw is delivered that is ICMP, DHCP, and mDNS and SSDP by multicast.
Rules are replaced without a gap where ufw is in force already; `ufw reload` itself opens the host for a moment.
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

TOUCHED='ufw/user.rules ufw/user6.rules ufw/after.rules ufw/after6.rules ufw/after.init ufw/ufw.conf default/ufw'
CHAINS='ORTHANCGEN-FWD ORTHANCGEN-PUB'

# Of iptables and ip6tables, in turn: the program in $t, what stands in ufw's names of chains and files in $six.
each() {
  t=iptables six=''
  "$@" || return 1
  t=ip6tables six=6
  "$@"
}

setting() { sed -n "s/^$1=[\"']\{0,1\}\([A-Za-z]*\).*/\1/p" "$2" | sed -n '$p'; }

# A setting of a file, in its place, or at its end.
set_to() {
  if grep -q "^$1=" "$3"; then sed -i "s/^$1=.*/$1=$2/" "$3"; else printf '%s=%s\n' "$1" "$2" >>"$3"; fi
}

without_block() {
  if [ "$(grep -c '^# BEGIN orthancgen$' "$1")" != "$(grep -c '^# END orthancgen$' "$1")" ]; then
    echo "$1: the marks BEGIN orthancgen and END orthancgen are no pair: mend it by hand" >&2
    return 1
  fi
  sed '/^# BEGIN orthancgen$/,/^# END orthancgen$/d' "$1"
}

block() { sed -n '/^# BEGIN orthancgen$/,/^# END orthancgen$/p' "$1"; }

# The rules of ufw's file are those of ours; its sections of logging and limits stay.
with_rules() {
  awk -v ours="$1" -v ended="$(grep -c '^### END RULES ###$' "$2")" '
    $0 == "### RULES ###" {
      found = 1
      print
      while ((getline line < ours) > 0) if (line !~ /^# /) print line
      print "### END RULES ###"
      within = 1
      next
    }
    within && $0 == "### END RULES ###" { within = 0; next }
    within && (ended > 0 || /^### tuple ###/ || /^-A ufw6?-user-(input|output|forward) / || /^$/) { next }
    { within = 0; print }
    END { if (!found) exit 1 }' "$2" || {
    echo "$2 is no file of ufw: it has no line ### RULES ###. Install ufw anew" >&2
    return 1
  }
}

# Write into a folder what /etc/ufw and /etc/default/ufw are with our rules.
staged() {
  rm -rf -- "$2" && mkdir -p -- "$2/etc/default" && cp -a -- /etc/ufw "$2/etc/" || return 1
  cp -a -- /etc/default/ufw "$2/etc/default/ufw" || return 1
  for name in user user6; do
    with_rules "$1/$name.rules" "/etc/ufw/$name.rules" >"$2/etc/ufw/$name.rules" || return 1
  done
  for name in after after6; do
    { without_block "/etc/ufw/$name.rules" && cat -- "$1/$name.rules"; } >"$2/etc/ufw/$name.rules" || return 1
  done
  if [ ! -e /etc/ufw/after.init ]; then printf '#!/bin/sh\n' >"$2/etc/ufw/after.init" || return 1; fi
  without_block "$2/etc/ufw/after.init" >"$2/etc/ufw/init.new" || return 1
  { sed -n 1p "$2/etc/ufw/init.new" && cat -- "$1/after.init" && sed 1d "$2/etc/ufw/init.new"; } \
    >"$2/etc/ufw/after.init" || return 1
  rm -f -- "$2/etc/ufw/init.new"
  chmod 750 "$2/etc/ufw/after.init" && set_to ENABLED yes "$2/etc/ufw/ufw.conf" || return 1
  set_to DEFAULT_INPUT_POLICY '"DROP"' "$2/etc/default/ufw" || return 1
  set_to DEFAULT_OUTPUT_POLICY '"ACCEPT"' "$2/etc/default/ufw"
}

fw_check() {
  ufw_init >/dev/null || return 1
  if [ "$(setting IPV6 /etc/default/ufw)" != yes ]; then
    echo "IPv6 is not ufw's business here, so nobody would filter it: set IPV6=yes in /etc/default/ufw" >&2
    return 1
  fi
  if [ "$(setting MANAGE_BUILTINS /etc/default/ufw)" = yes ]; then
    echo "ufw empties all chains, those of a container engine too: set MANAGE_BUILTINS=no in /etc/default/ufw" >&2
    return 1
  fi
  check=$(mktemp -d) || return 1
  code=0
  staged "$1" "$check/staged" && each tested "$1" || code=1
  rm -rf -- "$check"
  return $code
}

# Loaded for real, in a network of its own: --test of iptables-restore looks at the words only.
tested() {
  {
    printf '*filter\n:ufw%s-user-input - [0:0]\n' "$six" && cat -- "$1/user$six.rules" && echo COMMIT &&
      cat -- "$1/after$six.rules"
  } | unshare --net -- "$t-restore" -w -n
}

ufw_init() {
  for program in /lib/ufw/ufw-init /usr/lib/ufw/ufw-init /usr/libexec/ufw/ufw-init; do
    if [ -x "$program" ]; then
      echo "$program"
      return 0
    fi
  done
  echo "ufw-init is not where ufw has it: install ufw anew" >&2
  return 1
}

# Whether ufw is in force, denies what comes in and lets out what goes out.
denies() {
  [ "$("$t" -w -S INPUT | sed -n 1p)" = '-P INPUT DROP' ] && [ "$("$t" -w -S OUTPUT | sed -n 1p)" = '-P OUTPUT ACCEPT' ] &&
    [ "$("$t" -w -S "ufw$six-reject-input")" = "-N ufw$six-reject-input" ] &&
    [ "$("$t" -w -S "ufw$six-track-input")" = "-N ufw$six-track-input" ] &&
    "$t" -w -S "ufw$six-before-input" | grep -q -e "-j ufw$six-user-input\$"
} 2>/dev/null

would_deny() {
  [ "$(setting DEFAULT_INPUT_POLICY "$1/etc/default/ufw")" = DROP ] &&
    [ "$(setting DEFAULT_OUTPUT_POLICY "$1/etc/default/ufw")" = ACCEPT ]
}

# Both files of a family as ufw loads them; each is loaded as a whole or not at all.
of_family() { cat -- "$1/etc/ufw/user$six.rules" && block "$1/etc/ufw/after$six.rules"; }
tried() { of_family "$1" | "$t-restore" -w -n --test; }
replaced() { of_family "$1" | "$t-restore" -w -n; }

# The files of a folder are in force. What is open or closed by default does not change where ufw is in force already.
in_force() {
  if each denies && would_deny "$1"; then
    each tried "$1" && each replaced "$1" || return 1
  else
    program=$(ufw_init) && sh "$program" --datadir "$1" force-reload >&2 || return 1
    if would_deny "$1" && ! each denies; then
      echo "ufw was started, and is not in force" >&2
      return 1
    fi
  fi
  if grep -q '^# BEGIN orthancgen$' "$1/etc/ufw/after.rules"; then
    sh "$1/etc/ufw/after.init" start
  else
    each unhooked
  fi
}

unhooked() {
  while "$t" -w -t mangle -D FORWARD -j ORTHANCGEN-FWD 2>/dev/null; do :; done
  for flag in -F -X; do
    for chain in $CHAINS; do "$t" -w -t mangle "$flag" "$chain" 2>/dev/null || :; done
  done
}

fw_load() {
  staged "$1" "$STATE/ufw.new" || return 1
  if ! in_force "$STATE/ufw.new"; then
    if [ -d "$STATE/ufw" ]; then in_force "$STATE/ufw" || :; fi
    return 1
  fi
  rm -rf -- "$STATE/ufw" && mv -- "$STATE/ufw.new" "$STATE/ufw"
}

fw_environment() {
  if iptables -w -S ufw-user-input >/dev/null 2>&1; then
    iptables -w -t mangle -S ORTHANCGEN-FWD 2>/dev/null | sed -n 's/.* --comment "environment \([a-z0-9-]*\)"$/\1/p'
  fi
}

fw_listing() { each listed; }

listed() {
  "$t" -w -S INPUT | sed -n 1p
  for chain in "ufw$six-before-input" "ufw$six-user-input"; do "$t" -w -S "$chain" 2>/dev/null || :; done
  for chain in $CHAINS; do "$t" -w -t mangle -S "$chain" 2>/dev/null || :; done
  "$t" -w -t mangle -S FORWARD | grep -e '-j ORTHANCGEN-FWD$' || :
}

# --- saving and going back

fw_save() {
  mkdir -p -- "$1/etc/ufw" "$1/etc/default" && cp -a -- /etc/ufw "$1/etc/" || return 1
  cp -a -- /etc/default/ufw "$1/etc/default/ufw" || return 1
  sed -n 's/^\([a-z][a-z0-9_./-]*\)=.*/\1/p' /etc/ufw/sysctl.conf | while read -r key; do
    sysctl -e "$key" 2>/dev/null || :
  done >"$1/sysctl" || return 1
  each noted "$1"
}

noted() {
  "$t" -w -S | grep '^-P ' >"$1/$t.policies" || return 1
  "$t" -w -S | sed -n 's/^-N //p' >"$1/$t.chains"
}

fw_restore() {
  if [ ! -d "$1/etc" ]; then  # nothing is known: nothing of ours, and no ufw
    rm -rf -- "$STATE/ufw.none" && mkdir -- "$STATE/ufw.none" && fw_save "$STATE/ufw.none" || return 1
    bare "$STATE/ufw.none" || return 1
    set -- "$STATE/ufw.none"
  fi
  if grep -q '^ufw-user-input$' "$1/iptables.chains" && [ "$(setting ENABLED "$1/etc/ufw/ufw.conf")" = yes ]; then
    in_force "$1" || return 1
  else
    each unhooked
    each stopped "$1" || return 1
    if [ -s "$1/sysctl" ]; then sysctl -e -q -p "$1/sysctl" || :; fi
  fi
  each policies_back "$1" || return 1
  files_put "$1"
  rm -rf -- "$STATE/ufw" "$STATE/ufw.new" "$STATE/ufw.none" "$STATE/ufw.keep"
}

bare() {
  : >"$1/none"
  for name in user user6; do
    with_rules "$1/none" "/etc/ufw/$name.rules" >"$1/etc/ufw/$name.rules" || return 1
  done
  for name in after.rules after6.rules after.init; do
    if [ -e "/etc/ufw/$name" ]; then without_block "/etc/ufw/$name" >"$1/etc/ufw/$name" || return 1; fi
  done
  set_to ENABLED no "$1/etc/ufw/ufw.conf" || return 1
  for program in iptables ip6tables; do
    printf -- '-P INPUT ACCEPT\n' >"$1/$program.policies" || return 1
    : >"$1/$program.chains"
  done
}

# ufw stopped leaves its empty chains where they are; those that were not there before go as well.
stopped() {
  "$t" -w -P INPUT ACCEPT || return 1
  if grep -q "^ufw$six-before-input\$" "$1/$t.chains"; then
    for chain in $("$t" -w -S | sed -n "s/^-N \(ufw$six-.*\)/\1/p"); do "$t" -w -F "$chain" || return 1; done
    return 0
  fi
  "$t" -w -S | sed -n "s/^-A \(\(INPUT\|OUTPUT\|FORWARD\) -j ufw$six-[a-z-]*\)\$/\1/p" | while read -r chain _ target; do
    "$t" -w -D "$chain" -j "$target" || return 1
  done
  for flag in -F -X; do
    for chain in $("$t" -w -S | sed -n "s/^-N \(ufw$six-.*\)/\1/p"); do "$t" -w "$flag" "$chain" || return 1; done
  done
}

policies_back() {
  while read -r _ chain policy; do "$t" -w -P "$chain" "$policy" || return 1; done <"$1/$t.policies"
}

# Each file as a whole, with the owner and mode that it has in the folder.
files_put() {
  for file in $TOUCHED; do
    if [ -e "$1/etc/$file" ]; then
      cp -a -- "$1/etc/$file" "/etc/$file.orthancgen" && mv -f -- "/etc/$file.orthancgen" "/etc/$file" || return 1
    else
      rm -f -- "/etc/$file" || return 1
    fi
  done
}

fw_keep() {
  staged "$1" "$STATE/ufw.keep" && files_put "$STATE/ufw.keep" || return 1
  rm -rf -- "$STATE/ufw.keep"
  if [ -d /run/systemd/system ] && ! systemctl is-enabled --quiet ufw.service; then
    say "ufw.service is not enabled: run systemctl enable ufw, or the rules do not come back when the host starts"
  fi
}

# What was in /etc/ufw is put back by fw_restore.
fw_forget() { :; }

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
