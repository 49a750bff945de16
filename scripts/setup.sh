#!/usr/bin/env bash
# Installs what `make test` needs and this machine lacks, or says in one line what to do. Does nothing when all is there.
set -euo pipefail

fail() { echo "setup: $*" >&2; exit 1; }

command -v go >/dev/null || fail "Go is not installed; Gatehouse needs the version that go.mod names ($(awk '$1 == "go" { print $2 }' go.mod)) or newer"
go env GOVERSION >/dev/null || fail "this Go cannot read go.mod, which asks for go $(awk '$1 == "go" { print $2 }' go.mod)"

missing=()
command -v git >/dev/null || missing+=(git)
command -v az >/dev/null || missing+=(azure-cli)
command -v redis-server >/dev/null || command -v valkey-server >/dev/null || missing+=(redis-server)
# What stands before the gateway in tests; those are skipped where it cannot be installed.
beside=()
PATH=$PATH:/usr/sbin command -v nginx >/dev/null || beside+=(nginx-light)
command -v caddy >/dev/null || beside+=(caddy)
command -v wrk >/dev/null || beside+=(wrk)
command -v chromium >/dev/null && command -v chromedriver >/dev/null || beside+=(chromium chromium-driver)
[ ${#missing[@]} -eq 0 ] && [ ${#beside[@]} -eq 0 ] && exit 0

if [ ${#missing[@]} -eq 0 ] && ! command -v apt-get >/dev/null; then exit 0; fi
command -v apt-get >/dev/null || fail "please install: ${missing[*]} (no apt-get here to do it)"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }; then
		[ ${#missing[@]} -eq 0 ] && exit 0
		fail "please run: sudo apt-get install ${missing[*]} ${beside[*]}"
	fi
	as_root=(sudo -n)
fi
echo "setup: installing ${missing[*]} ${beside[*]} (azure-cli takes a few minutes)"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"; }
{ "${as_root[@]}" apt-get update -q && { [ ${#missing[@]} -eq 0 ] || install "${missing[@]}"; }; } >"$log" 2>&1 </dev/null || { tail -n 20 "$log" >&2; fail "apt-get install ${missing[*]} failed"; }
if [ ${#beside[@]} -gt 0 ]; then
	install "${beside[@]}" >"$log" 2>&1 </dev/null || echo "setup: ${beside[*]} could not be installed; tests with them are skipped"
fi
