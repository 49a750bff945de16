#!/usr/bin/env bash
# Format, vet and staticcheck over every module of the repository. Argument: the staticcheck to use, as package@version.
set -euo pipefail

staticcheck=$1

unformatted=$(git ls-files -z '*.go' | xargs -0 -r ls -d 2>/dev/null | xargs -r gofmt -l)
if [ -n "$unformatted" ]; then
	echo "check: not formatted (run gofmt -w):" >&2
	echo "$unformatted" >&2
	exit 1
fi

# The tool is built once and kept: a run then costs what the check costs.
tool="$PWD/bin/${staticcheck##*/}"
if [ ! -x "$tool" ]; then
	mkdir -p bin
	if GOBIN="$PWD/bin" go install "$staticcheck"; then
		mv bin/staticcheck "$tool"
	else
		echo "check: $staticcheck cannot be had here, so that part is skipped" >&2
	fi
fi

git ls-files -z 'go.mod' '*/go.mod' | while IFS= read -r -d '' mod; do
	dir=$(dirname "$mod")
	echo "check: vet and staticcheck in ./$dir"
	(
		cd "$dir"
		go vet ./...
		[ ! -x "$tool" ] || "$tool" ./...
	)
done
