# Sourced by ./rackwright with $root, $purposes and say(). Installs the packages of debian-packages.txt that are missing, when
# root; otherwise prints the one line to run.
wanted=$(awk -v purposes=" $purposes " '!/^#/ && NF && index(purposes, " " $2 " ") { print $1 }' "$root/cli/launch/debian-packages.txt")

missing_packages() {
  # shellcheck disable=SC2086
  dpkg-query --show --showformat '${Package} ${db:Status-Status}\n' $wanted 2>/dev/null |
    awk -v wanted="$wanted" '$2 == "installed" { have[$1] = 1 } END { n = split(wanted, w); for (i = 1; i <= n; i++) if (!(w[i] in have)) printf " %s", w[i] }'
}

if ! command -v dpkg-query >/dev/null 2>&1; then
  say "this system is not Debian: install by hand what cli/launch/debian-packages.txt lists for: $purposes"
else
  missing=$(missing_packages)
  if [ -n "$missing" ] && [ "$(id -u)" -ne 0 ]; then
    say "these Debian packages are missing; as root, run:"
    printf 'apt-get install --yes --no-install-recommends%s\n' "$missing" >&2
    exit 1
  elif [ -n "$missing" ]; then
    say "installing Debian packages:$missing"
    apt_install() { DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends $missing </dev/null >&2; }
    # Directories, relays and BMC daemons are for our tests to start, not for the host to run: Debian's policy-rc.d says so.
    policy=/usr/sbin/policy-rc.d
    [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy && trap 'rm -f $policy' EXIT && made_policy=yes; }
    # The package lists of a fresh system are empty or old.
    apt_install 2>/dev/null || { apt-get update -qq >&2 && apt_install; } || { say "apt could not install them; its message is above"; exit 1; }
    # By hand: `exec` runs no traps.
    [ "${made_policy:-}" != yes ] || { rm -f $policy && trap - EXIT; }
  fi
fi
