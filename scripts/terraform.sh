#!/usr/bin/env bash
# Builds terraform and the azurerm provider from their published Go modules into a directory, for `make terraform` on
# machines that cannot download the released programs. The provider is cut down to the services that the test
# configuration uses, and Terraform to the backends that live in its own module; nothing else in them is touched.
# Takes about ten minutes and 5 GB of build cache the first time.
set -euo pipefail

TERRAFORM=v1.11.4
AZURERM=v1.44.1-0.20260824201233-fae580791926 # the main branch of 24 August 2026: a 4.x, by a pseudo-version because its releases are not tagged as a Go module

into=${1:?usage: scripts/terraform.sh DIRECTORY}
mkdir -p "$into"
into=$(cd "$into" && pwd)
[ -x "$into/terraform" ] && [ -x "$into/terraform-provider-azurerm" ] && exit 0
work=$(mktemp -d)
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
export GOFLAGS=-mod=mod CGO_ENABLED=0 GOTOOLCHAIN=local

source_of() { # MODULE VERSION: a writable copy of the module's files
	(cd "$work" && GOFLAGS= go mod download -json "$1@$2" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
}

(cd "$work" && go mod init build >/dev/null 2>&1)
echo "terraform: building Terraform $TERRAFORM"
cp -r "$(source_of github.com/hashicorp/terraform $TERRAFORM)" "$work/terraform"
chmod -R u+w "$work/terraform"
cd "$work/terraform"
# Remote backends and the godebug lines of older Go are in the way: the backends are modules that are not published.
sed -i '/^godebug/d; /terraform\/internal\/\(backend\|legacy\)/d' go.mod
for import in $(grep -o 'backend[A-Za-z0-9]* *"github.com/hashicorp/terraform/internal/backend/remote-state/[a-z0-9-]*"' internal/backend/init/init.go | grep -v 'http"\|inmem"' | cut -d' ' -f1); do
	sed -i "/^[[:space:]]*$import /d; /$import\.New()/d" internal/backend/init/init.go
done
go build -trimpath -ldflags='-s -w' -o "$into/terraform" .

echo "terraform: building the azurerm provider $AZURERM"
cp -r "$(source_of github.com/hashicorp/terraform-provider-azurerm $AZURERM)" "$work/azurerm"
chmod -R u+w "$work/azurerm"
cd "$work/azurerm/internal/provider"
keep='apimanagement\|authorization\|managedidentity\|managementgroup\|resource'
sed -i "/Registration{},\$/{/[[:space:]]\($keep\)\.Registration/!d}" services.go services_gen.go
for file in services.go services_gen.go; do # imports that nothing uses any more
	for import in $(sed -n 's/.*internal\/services\/\([a-z0-9]*\)"$/\1/p' $file); do
		grep -q "[[:space:]]$import\.Registration" $file || sed -i "/internal\/services\/$import\"\$/d" $file
	done
done
cd ../..
go build -trimpath -ldflags='-s -w' -o "$into/terraform-provider-azurerm" .
