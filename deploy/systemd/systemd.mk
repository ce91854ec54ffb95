.PHONY: units
units: .venv/.dev ## Check the systemd unit: syntax, hardening, a start
	@deploy/need.sh systemd-analyze systemd
	@$(BIN)/pytest deploy/systemd
	@echo "Checked: systemd-analyze verify and security, and a start without writable memory that can be executed."
