#!/usr/bin/env bash
# Runs every benchmark of the repository, also those in modules of their own (comparisons with other engines). Arguments
# go to `go test`. Packages run one after the other, so that they do not disturb each other's figures.
set -euo pipefail

git ls-files -z 'go.mod' '*/go.mod' | while IFS= read -r -d '' mod; do
	(
		cd "$(dirname "$mod")"
		go list -f $'{{.ImportPath}}\t{{.Dir}}' ./... | while IFS=$'\t' read -r package dir; do
			if grep -qsE '^func Benchmark' "$dir"/*_test.go; then
				go test -run '^$' -bench . -benchmem -timeout 30m "$@" "$package"
			fi
		done
	)
done
