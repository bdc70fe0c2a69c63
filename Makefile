# TicketToken. `./run` and `./test` are the two commands for people; this file has the rest:
#   make            build/tickettoken            make check      unit tests
#   make SAN=address | SAN=thread ...            the same under a sanitizer, in build-SAN/
#   make install PREFIX=/usr/local  clean  bench  faults  operate  fuzz  fresh  services  services-stop

SAN     ?=
CONTROL ?=
B       := build$(if $(SAN),-$(SAN))$(if $(CONTROL),-control)
CC      := gcc
PREFIX  ?= /usr/local
VERSION := 0.1.0

WARN   := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
          -Wformat=2 -Wvla -Werror
HARDEN := $(if $(SAN),,-D_FORTIFY_SOURCE=2) -fstack-protector-strong -fPIE
comma  := ,
SANS   := $(if $(filter address,$(SAN)),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all) \
          $(if $(filter thread,$(SAN)),-fsanitize=thread)
# A sanitizer's build is compiled often and run little: lines are enough to be told.
SPEED  := $(if $(SAN),-O1 -g1,-O2 -g)
CFLAGS := -std=gnu17 -D_GNU_SOURCE $(SPEED) -Isrc -DVERSION='"$(VERSION)"' $(if $(CONTROL),-DCONTROL) $(WARN) $(HARDEN) $(SANS)
LDFLAGS := -pie -Wl,-z,relro,-z,now $(SANS)
LIBS   := -lssl -lcrypto -lsqlite3 -ljansson -largon2 -lsodium -lqrencode -lsecp256k1 -lpq -lhiredis \
          -lnats -lcrypt -lzxcvbn -lcurl -lnghttp2 -lpthread

SRC    := $(filter-out src/main.c,$(wildcard src/*/*.c))
OBJ    := $(SRC:src/%.c=$(B)/%.o)
TESTS  := $(wildcard tests/unit/*_test.c)
TESTBIN := $(TESTS:tests/unit/%.c=$(B)/unit/%)

all: $(B)/tickettoken

$(B)/tickettoken: $(B)/main.o $(OBJ)
	@echo "  link $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	@echo "  cc   $<"
	@$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/lib.a: $(OBJ)
	@rm -f $@ && ar qcs $@ $^

$(B)/unit/%: tests/unit/%.c tests/unit/test.c $(B)/lib.a
	@mkdir -p $(@D)
	@echo "  test $<"
	@$(CC) $(CFLAGS) -Itests -MMD -MP -MF $@.d -o $@ $< tests/unit/test.c $(TAKE_ALL) $(B)/lib.a \
	    -Wl,--no-whole-archive $(LDFLAGS) $(LIBS)

# Two tests look at every statement of the program, so they take in all of it.
$(B)/unit/plan_test $(B)/unit/forget_test: TAKE_ALL := -Wl,--whole-archive

# The schema is part of the program: schema.c takes the files in as they are.
$(B)/store/schema.o: $(wildcard src/store/schema/*/*.sql)

# So are the pages.
$(B)/web/pages.o $(B)/web/account_pages.o: $(wildcard src/web/pages/*)

# What is generated and committed; a test holds the files equal to the tables.
docs: all
	$(B)/tickettoken config --manual > docs/configuration.md
	$(B)/tickettoken config --example > .env.example

# Those that open a store; TEST_STORE=postgresql says which (tests/services.sh run ...).
STORE_TESTS := $(shell grep -lE 'with_store|with_identity|sale\.h' $(TESTS))

# As many at once as there are cores; all of them, whichever fails; each makes a database of
# its own. One that hangs is ended.
check: $(TESTBIN)
	@printf '%s\n' $(if $(STORE_TESTS_ONLY),$(STORE_TESTS:tests/unit/%.c=$(B)/unit/%),$(TESTBIN)) \
	    | xargs -P $(shell nproc) -I{} \
	        sh -c 'timeout -s ABRT 300 {} || { echo "not ok {}"; exit 1; }'

include tests/fuzz/fuzz.mk tests/bench/bench.mk

# Kills a selling server again and again (ROUNDS=1000 by hand, 40 in ./test), then breaks
# what many nodes stand on, one thing at a time: DRILLS="nats-gone disk-full", or all.
faults: all
	node tests/faults/crash.mjs $(or $(ROUNDS),1000)
	node tests/faults/drills.mjs $(DRILLS)

# docs/operate.md as it is written: upgrade, backup, restore, pooler, certificates.
operate: all
	tests/operate/run.sh

# Whether the time of a sign-in tells anything: 200 of each kind, on a quiet machine.
timing: all
	node tests/api/timing.mjs

# A private PostgreSQL, Redis and NATS; it prints how to use them. ./test has its own.
services:
	@mkdir -p build
	@if [ -e build/services.dir ]; then tests/services.sh start $$(cat build/services.dir); \
	else tests/services.sh start > build/services.dir; fi

services-stop:
	@if [ -e build/services.dir ]; then tests/services.sh stop $$(cat build/services.dir) && rm build/services.dir; fi

# Both commands for people, tried in a bare Debian 12.
fresh:
	tests/fresh.sh

install: all
	install -D -m 0755 $(B)/tickettoken $(DESTDIR)$(PREFIX)/bin/tickettoken

clean:
	rm -rf build build-*

.PHONY: all check docs faults timing fresh install operate clean services services-stop
-include $(OBJ:.o=.d) $(B)/main.d $(TESTBIN:=.d)
