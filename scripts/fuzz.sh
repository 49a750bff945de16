#!/usr/bin/env bash
# Runs every fuzz target of the packages FUZZ (all unless told) in turn, FUZZTIME each (one minute unless told). A failing
# input is kept by go test under testdata/fuzz of its package: commit it with the fix.
set -euo pipefail

time=${FUZZTIME:-1m}
failed=0
while IFS=$'\t' read -r package dir; do
	for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go 2>/dev/null | sed 's/^func //' | sort -u); do
		echo "fuzz: $package $target for $time"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package" || failed=1
	done
done < <(go list -f $'{{.ImportPath}}\t{{.Dir}}' ${FUZZ:-./...})
exit "$failed"
