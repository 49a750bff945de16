# Gatehouse: `make run` starts the demo, `make test` checks everything. Both need Go and nothing else installed by hand.

export CGO_ENABLED ?= 0

LISTEN         ?= 127.0.0.1:8443
DATA           ?= .gatehouse
FUZZTIME       ?= 1m
FUZZ           ?= ./...
BENCHTIME      ?= 1s
SOAKTIME       ?= 10m
# The version is fixed so that a new check cannot turn a finished tree red overnight.
STATICCHECK    := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help build run test setup check unit clients terraform fuzz bench soak generate clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

build: ## build the program into bin/gatehouse
	go build -trimpath -o bin/gatehouse ./cmd/gatehouse

run: build ## start the demo: a small Contoso world in ./.gatehouse (LISTEN=host:port, DATA=dir)
	./bin/gatehouse serve --demo --data $(DATA) --listen $(LISTEN)

test: setup check unit clients ## everything: format, vet, staticcheck, all tests, the real az and the SDKs; installs what is missing

setup: ## install what the tests need and this machine lacks (Debian; as root or with sudo)
	@scripts/setup.sh

check: ## format, vet and staticcheck
	@scripts/check.sh $(STATICCHECK)

unit: ## the tests of the product
	go test -timeout 20m ./...

clients: build ## the story through the real az and the Azure SDK for Go, against bin/gatehouse
	cd clients && GATEHOUSE_REQUIRE_AZ=1 GATEHOUSE_BIN=$(CURDIR)/bin/gatehouse go test -count=1 -timeout 20m ./...

terraform: build ## every azurerm resource through the real Terraform; builds both from source once (minutes)
	scripts/terraform.sh bin/terraform
	cd clients && TERRAFORM=$(CURDIR)/bin/terraform/terraform AZURERM_PROVIDER=$(CURDIR)/bin/terraform/terraform-provider-azurerm \
		GATEHOUSE_BIN=$(CURDIR)/bin/gatehouse go test -count=1 -timeout 60m -v ./terraform

fuzz: ## every fuzz target in turn (FUZZTIME=1m each; FUZZ=./policy/... for some)
	@FUZZTIME=$(FUZZTIME) FUZZ="$(FUZZ)" scripts/fuzz.sh

bench: ## the benchmarks behind docs/performance.md (BENCHTIME=1s)
	@scripts/bench.sh -benchtime $(BENCHTIME)

soak: ## the tests that go on for as long as asked: random worlds, kill -9, flipped bytes, load of wrk (SOAKTIME=10m)
	GATEHOUSE_SOAK=$(SOAKTIME) go test -count=1 -timeout 0 -v -run 'Soak|Kill|Random|Agree|Hostile|Flipped|LargeBodies' ./...

generate: ## regenerate what is derived from data
	go generate ./...

clean: ## remove what was built and the demo's data
	rm -rf bin $(DATA)
