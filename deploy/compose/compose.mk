.PHONY: compose
compose: .venv/.dev ## Check the compose file by docker-compose, without a daemon
	@deploy/need.sh docker-compose docker-compose
	@$(BIN)/pytest deploy/compose
	@echo "Checked: docker-compose config, settings, secrets as files, health, read-only root, stop times."
