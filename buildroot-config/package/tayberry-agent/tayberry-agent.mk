################################################################################
#
# tayberry-agent
#
################################################################################

# The commit that this tree is of: Buildroot clones it, and keeps the crates with it.
TAYBERRY_AGENT_VERSION = $(shell git -C $(BR2_EXTERNAL_TAYBERRY_PATH) rev-parse HEAD)
TAYBERRY_AGENT_SITE = file://$(realpath $(BR2_EXTERNAL_TAYBERRY_PATH)/..)
TAYBERRY_AGENT_SITE_METHOD = git
# Whoever builds has the source before them.
BR_NO_CHECK_HASH_FOR += $(TAYBERRY_AGENT_SOURCE)
TAYBERRY_AGENT_LICENSE = Apache-2.0 or MIT
TAYBERRY_AGENT_LICENSE_FILES = LICENSE-APACHE LICENSE-MIT
TAYBERRY_AGENT_DEPENDENCIES = systemd

# The pages lie inside the front; they are built on the workstation (scripts/web), as Buildroot has no npm infrastructure.
TAYBERRY_AGENT_PAGES = $(BR2_EXTERNAL_TAYBERRY_PATH)/../stack/web/dist
define TAYBERRY_AGENT_COPY_PAGES
	test -e $(TAYBERRY_AGENT_PAGES)/index.html || { echo "run scripts/web first"; exit 1; }
	cp -a $(TAYBERRY_AGENT_PAGES) $(@D)/stack/web/
endef
TAYBERRY_AGENT_PRE_BUILD_HOOKS += TAYBERRY_AGENT_COPY_PAGES

TAYBERRY_AGENT_CARGO_BUILD_OPTS = --package tayberry-agent --package tayberry-front

TAYBERRY_AGENT_BUILT = $(@D)/target/$(RUSTC_TARGET_NAME)/release
define TAYBERRY_AGENT_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(TAYBERRY_AGENT_BUILT)/tayberryd $(TARGET_DIR)/usr/lib/tayberry/tayberryd
	$(INSTALL) -D -m 0755 $(TAYBERRY_AGENT_BUILT)/tayberry-front $(TARGET_DIR)/usr/lib/tayberry/tayberry-front
	$(INSTALL) -D -m 0755 $(TAYBERRY_AGENT_BUILT)/tayberryctl $(TARGET_DIR)/usr/bin/tayberryctl
endef

$(eval $(cargo-package))
