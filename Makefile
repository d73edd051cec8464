# orgsync: org-sync files of LinkedIn Learning, Talent Insights and Workleap, in PostgreSQL
#
#   make && make install && make installcheck    for a server of your own (PG_CONFIG= chooses it)
#   make XLSX=no                                 without orgsync_xlsx, which needs three libraries more
#   make client, make install-client             the client program alone, which needs libpq
#   make test, make demo, make bench             everything else by themselves, on a fresh Debian
#   make doc, make recipes                       writes doc/reference.md; runs all of doc/recipes
#   make test SANITIZE=1, make coverage          all tests under sanitizers; what they run of src/
#   make fuzz SECONDS=n                          fuzzes the core, see test/fuzz/run
#   make crash POINTS=n                          kills servers at random moments, see test/crash/crash.py
#   make matrix                                  all tests on other PostgreSQLs, see test/matrix
#   make acceptance                              follows README.md in a chroot, see test/acceptance
#   make deb, make dist                          Debian packages, into packages/; the archive for PGXN
#   make xlsx-check                              workbooks from LibreOffice and openpyxl, and for them

EXTENSION = orgsync
EXTVERSION = 1.0
MODULE_big = orgsync

# src/core/ is the pure core, which includes no server header; the rest lifts it into SQL.
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/core/*.c) $(wildcard src/*.c)))

# The order in which the parts of the extension's script are joined.
SQL_PARTS = orgsync email_address license_header group_scope account account_layout account_upgrade license license_cap account_list verify \
	duplicate_rule find_similar change_log feed_records read_csv import check finding_codes results template diff export \
	protected_profile stale_invitations export_report history
SQL_FILES = $(SQL_PARTS:%=src/%.sql)

DATA_built = orgsync--$(EXTVERSION).sql

PG_CPPFLAGS = -I$(srcdir)/src
SHLIB_LINK = -lcsv -Wl,--version-script=$(srcdir)/src/orgsync.map
EXTRA_CLEAN = $(OBJS:.o=.d) $(OBJS:.o=.bc) $(CLIENT) $(CLIENT_OBJS) $(CLIENT_OBJS:.o=.d)

# The client is no part of the module, and its own make targets install it wherever bindir and mandir say.
CLIENT = src/client/orgsync
CLIENT_OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/client/*.c)))

REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=orgsync --encoding=UTF8
ISOLATION = $(patsubst test/isolation/specs/%.spec,%,$(sort $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --load-extension=orgsync --encoding=UTF8 --inputdir=$(srcdir)/test/isolation

srcdir = .

# PGXS would build in another directory too, but finds no sources from there and makes a module of nothing.
ifneq ($(realpath $(dir $(firstword $(MAKEFILE_LIST)))),$(realpath .))
$(error orgsync is built where its source is; for several servers, build in copies of that directory)
endif

# These bring their own PostgreSQL: where they are asked for, there may be none yet.
BY_THEMSELVES = test doc recipes demo bench fuzz crash coverage matrix acceptance dist deb xlsx-check
ifneq ($(filter-out $(BY_THEMSELVES),$(or $(MAKECMDGOALS),all)),)
PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
endif

# orgsync_xlsx, in xlsx/, unless XLSX=no or its libraries are missing.
ifdef PGXS
ifndef XLSX
XLSX := $(shell $(CC) $(CPPFLAGS) -E -include xlsxwriter.h -include zip.h -include expat.h -x c /dev/null >/dev/null 2>&1 \
	&& echo yes || echo missing)
endif
ifeq ($(XLSX),missing)
$(info orgsync_xlsx is left out, for its libraries are missing (Debian: libxlsxwriter-dev libzip-dev libexpat1-dev))
endif
ifeq ($(XLSX),yes)
IN_XLSX = xlsx-all xlsx-install xlsx-uninstall xlsx-clean
.PHONY: $(IN_XLSX)
all: xlsx-all
install: xlsx-install
uninstall: xlsx-uninstall
clean: xlsx-clean
$(IN_XLSX): xlsx-%:
	@$(MAKE) --no-print-directory -C xlsx $*
xlsx-all: orgsync.so
xlsx-install: xlsx-all
else
REGRESS := $(filter-out xlsx%,$(REGRESS))
endif
endif

.PHONY: $(BY_THEMSELVES)
test:
	@test/throwaway test/run
doc:
	@test/throwaway psql -XAqt -v ON_ERROR_STOP=1 -f test/doc/reference.sql >doc/reference.new
	@mv doc/reference.new doc/reference.md
recipes:
	@RECIPES=1 TESTS="064_recipes 073_sftp" test/throwaway test/run
demo:
	@test/throwaway test/demo/demo.sh
bench:
	@test/throwaway $(if $(TMPFS),,--disk) --settings test/bench/postgresql.conf test/bench/bench.py $(BENCH)
fuzz:
	@test/fuzz/run $(or $(SECONDS),60)
crash:
	@test/throwaway test/crash/run $(or $(POINTS),1000)
coverage:
	@COVERAGE=1 test/throwaway test/coverage
matrix:
	@test/matrix $(SUITES)
acceptance:
	@COMMAND=test/acceptance test/matrix bookworm
deb:
	@debian/build-packages

# The archive that PGXN takes, of the last commit.
DISTVERSION = $(shell sed -n 's/^  "version": "\(.*\)",$$/\1/p' META.json)
dist:
	git archive --format=zip --prefix=orgsync-$(DISTVERSION)/ --output=orgsync-$(DISTVERSION).zip HEAD
xlsx-check:
	@test/xlsx/check

orgsync--$(EXTVERSION).sql: $(SQL_FILES)
	cat $^ > $@

# "all" and "install" include the client where libpq's header is; WITH_CLIENT=no leaves it out.
ifneq ($(if $(filter no,$(WITH_CLIENT)),,$(wildcard $(includedir)/libpq-fe.h)),)
all: client
install: install-client
uninstall: uninstall-client
endif

.PHONY: client install-client uninstall-client
client: $(CLIENT)
$(CLIENT_OBJS): override CPPFLAGS := -I$(includedir) -DORGSYNC_VERSION='"$(EXTVERSION)"' $(CPPFLAGS)
$(CLIENT): $(CLIENT_OBJS)
	$(CC) $(CFLAGS) $^ $(LDFLAGS) $(LDFLAGS_EX) -L$(libdir) -lpq -o $@
install-client: client
	$(MKDIR_P) '$(DESTDIR)$(bindir)' '$(DESTDIR)$(mandir)/man1'
	$(INSTALL_PROGRAM) $(CLIENT) '$(DESTDIR)$(bindir)/orgsync'
	$(INSTALL_DATA) $(srcdir)/src/client/orgsync.1 '$(DESTDIR)$(mandir)/man1/orgsync.1'
uninstall-client:
	rm -f '$(DESTDIR)$(bindir)/orgsync' '$(DESTDIR)$(mandir)/man1/orgsync.1'

# PGXS of a packaged server tracks no headers.
%.o: override CFLAGS += -MMD -MP
-include $(OBJS:.o=.d) $(CLIENT_OBJS:.o=.d)
