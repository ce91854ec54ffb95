DEPLOY_CHECKS += gateway
DEPLOY_GROUPS += gateway
GATEWAY := dist/gateway

$(GATEWAY)/envoy.yaml: .venv/.dev deploy/gateway/envoy.yaml deploy/gateway/strict.lua $(wildcard protos/*.py) $(shell find protos -name '*.proto')
	@mkdir -p $(GATEWAY)
	@$(BIN)/python -m protos.build gateway $(GATEWAY)
	@cp deploy/gateway/envoy.yaml $@

.PHONY: gateway
gateway: .venv/.gateway $(GATEWAY)/envoy.yaml ## Build dist/gateway; try JSON over HTTP with Envoy
	@deploy/need.sh curl curl
	@$(BIN)/pytest deploy/gateway
	@echo "$(GATEWAY): every call of the protos answers JSON as docs/openapi.yaml says; curl lines of docs/callers.md ran"

.PHONY: gateway-serve
gateway-serve: .venv/.gateway $(GATEWAY)/envoy.yaml ## Serve JSON on 127.0.0.1:8080 beside `make serve`
	@cd $(GATEWAY) && $(CURDIR)/$(BIN)/envoy --log-level warning --disable-hot-restart --config-path envoy.yaml
