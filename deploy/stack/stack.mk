.PHONY: stack
stack: .venv/.dev ## Start all parts here until Ctrl-C (SCENARIO=FILE)
	@$(BIN)/python -m deploy.stack.stack $(if $(SCENARIO),--scenario $(SCENARIO))

.PHONY: check-stack
check-stack: .venv/.front ## Start all parts, decide by the front, open the console
	@$(BIN)/pytest -n 0 deploy/stack
