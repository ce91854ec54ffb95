DEPLOY_CHECKS += check-stack

.PHONY: stack
stack: .venv/.dev ## Start all on this machine until Ctrl-C (SCENARIO=people.yaml)
	@$(BIN)/python -m deploy.stack.stack $(if $(SCENARIO),--scenario $(SCENARIO))

.PHONY: check-stack
check-stack: .venv/.front ## Start all, decide through the front, open the console, stop
	@$(BIN)/pytest -n 0 deploy/stack
