CLIENTS := dist/clients
CLIENT_SOURCES := $(shell find protos clients/python clients/node/src -type f -not -path '*/types/*' -not -name '*.pyc')

clients/node/node_modules/.installed: clients/node/package-lock.json
	@deploy/need.sh npm nodejs npm
	@! command -v npm >/dev/null || npm ci --prefix clients/node --ignore-scripts --no-audit --no-fund --silent
	@mkdir -p $(@D) && touch $@

# What makes the packages is apart from .venv: thirteen packages.
CLIENT_TOOLS := dist/client-tools
$(CLIENT_TOOLS)/.installed: requirements/clients.txt
	@echo "Installing what makes the client packages into $(CLIENT_TOOLS) ..."
	@rm -rf $(CLIENT_TOOLS) && $(PYTHON) -m venv $(CLIENT_TOOLS)
	@$(CLIENT_TOOLS)/bin/pip install --quiet --require-hashes -r requirements/clients.txt
	@touch $@

$(CLIENTS)/.built: $(CLIENT_TOOLS)/.installed clients/node/node_modules/.installed clients/node/package.json $(CLIENT_SOURCES)
	@rm -rf $(CLIENTS) && mkdir -p $(CLIENTS)
	@$(CLIENT_TOOLS)/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir $(CLIENTS) clients/python
	@npm run --prefix clients/node --silent build
	@cd clients/node && npm pack --silent --pack-destination ../../$(CLIENTS) >/dev/null
	@touch $@

.PHONY: client-packages
client-packages: $(CLIENTS)/.built ## Build packages for Python, Node (dist/clients)
	@ls $(CLIENTS)/*.whl $(CLIENTS)/*.tgz

.PHONY: clients
clients: client-packages .venv/.dev ## Try the clients of callers.md: Python, Node, Java, Go
	@deploy/need.sh protoc protobuf-compiler
	@deploy/need.sh javac default-jdk-headless
	@deploy/need.sh grpc_java_plugin protobuf-compiler-grpc-java-plugin libgrpc-java libprotobuf-java libgoogle-gson-java libgeronimo-annotation-1.3-spec-java
	@deploy/need.sh go golang-go
	@deploy/need.sh protoc-gen-go protoc-gen-go
	@deploy/need.sh protoc-gen-go-grpc protoc-gen-go-grpc golang-google-grpc-dev golang-google-genproto-dev golang-github-google-uuid-dev
	@$(BIN)/pytest deploy/clients
	@echo "$(CLIENTS): the packages for Python and Node, installed as docs/callers.md says, and its Java and Go decided"
