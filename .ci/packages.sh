#!/bin/sh
# Install Debian packages that are missing, quietly. Root alone; says so and goes on where that is not to be had.
set -eu
command -v dpkg-query >/dev/null 2>&1 || { echo "packages: not Debian, $* not installed"; exit 0; }
missing=""
for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
[ "$(id -u)" = 0 ] || { echo "packages: not root,$missing not installed"; exit 0; }
echo "== system packages:$missing"
log=$(mktemp)
{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1 ||
    { tail -n 5 "$log"; echo "packages:$missing could not be installed"; }
rm -f "$log"
