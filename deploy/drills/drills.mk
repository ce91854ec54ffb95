.PHONY: drills
drills: .venv/.dev ## Back up, wipe and restore both stores, as operators do
	@deploy/need.sh sqlite3 sqlite3
	@$(BIN)/pytest deploy/drills
	@echo "On SQLite and PostgreSQL: restored decisions and replays are the same, erased people stay erased."
