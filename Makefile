# orgsync: org-sync files of LinkedIn Learning, Talent Insights and Workleap, in PostgreSQL
#
#   make && make install && make installcheck    for a server of your own (PG_CONFIG= chooses it)
#   make test, make demo                         everything else by themselves, on a fresh Debian

EXTENSION = orgsync
EXTVERSION = 1.0
MODULE_big = orgsync

# The pure core includes no server header; the rest lifts it into SQL.
CORE = cell csv_reader csv_writer email finding group_list header license_name product
SERVER = orgsync account account_lock account_manage catalog change_log csv_source diff duplicate_profile \
	duplicate_rule email_address export export_confirm fold group_scope import import_apply import_decide \
	import_finding import_header import_resolve import_row import_staging license license_cap \
	license_header read_csv sql trigger_rows

OBJS = $(CORE:%=src/core/%.o) $(SERVER:%=src/%.o)

# The order in which the parts of the extension's script are joined.
SQL_PARTS = orgsync email_address license_header group_scope account account_layout license license_cap \
	duplicate_rule change_log read_csv import diff export
SQL_FILES = $(SQL_PARTS:%=src/%.sql)

DATA_built = orgsync--$(EXTVERSION).sql

PG_CPPFLAGS = -I$(srcdir)/src
SHLIB_LINK = -lcsv -Wl,--version-script=$(srcdir)/src/orgsync.map
EXTRA_CLEAN = $(OBJS:.o=.d) $(OBJS:.o=.bc)

REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=orgsync --encoding=UTF8
ISOLATION = $(patsubst test/isolation/specs/%.spec,%,$(sort $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --load-extension=orgsync --encoding=UTF8 --inputdir=$(srcdir)/test/isolation

srcdir = .

# test and demo bring their own PostgreSQL: where they are asked for, there may be none yet.
ifneq ($(filter-out test demo,$(or $(MAKECMDGOALS),all)),)
PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
endif

.PHONY: test demo
test:
	@test/throwaway test/run
demo:
	@test/throwaway test/demo/demo.sh

orgsync--$(EXTVERSION).sql: $(SQL_FILES)
	cat $^ > $@

# PGXS of a packaged server tracks no headers.
%.o: override CFLAGS += -MMD -MP
-include $(OBJS:.o=.d)
