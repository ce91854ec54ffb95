DEPLOY_GROUPS += release

.PHONY: release
release: .venv/.release ## Make wheel, sdist, SBOM, notes (SNAPSHOT=true for a try)
	@$(BIN)/python -m deploy.release.build $(if $(SNAPSHOT),--snapshot)

.PHONY: check-release
check-release: ## Make a release as a snapshot, and check its files
	@$(MAKE) --no-print-directory release SNAPSHOT=true
	@$(BIN)/pytest deploy/release
