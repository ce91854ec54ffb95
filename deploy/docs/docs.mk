DEPLOY_GROUPS += docs

.PHONY: docs
docs: .venv/.docs .venv/.browser ## Build the documentation site into dist/docs/site
	@$(BIN)/python -m deploy.docs.build
	@$(BIN)/pytest deploy/docs
