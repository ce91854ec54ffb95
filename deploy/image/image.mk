IMAGE := dist/image

# Without BASE the image stands on a Debian base made here; BASE names another, such as a distroless Python, and BUILDER
# one with the same Python and pip.
$(IMAGE)/base.tar: deploy/image/base.sh
	@echo "Making a Debian base with Python alone ..."
	@bash deploy/image/base.sh $(IMAGE)

.PHONY: image
image: .venv/.dev ## Build the container image and try it (BASE BUILDER)
	@deploy/need.sh umoci buildah netavark umoci iproute2 && deploy/need.sh buildah buildah netavark \
	  $(if $(BASE),,&& deploy/need.sh mmdebstrap mmdebstrap)
	@if [ "$$(id -u)" != 0 ] || ! command -v umoci >/dev/null; then rm -rf $(IMAGE)/oci && $(BIN)/pytest deploy/image; else \
	  $(if $(BASE),mkdir -p $(IMAGE),$(MAKE) --no-print-directory --silent $(IMAGE)/base.tar) \
	  && echo "Building the image ..." && BASE=$(BASE) BUILDER=$(BUILDER) bash deploy/image/build.sh $(IMAGE) \
	  && $(BIN)/pytest deploy/image \
	  && echo "Checked: user, size, layers, files that the user can write; serve, health, a decision and SIGTERM with a read-only root."; fi
