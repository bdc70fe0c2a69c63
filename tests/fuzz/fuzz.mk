# Every tests/fuzz/NAME_fuzz.c is a target; its inputs stand in tests/fuzz/corpus/NAME.
#   make fuzz-replay                 all inputs once, under ASan, with the usual compiler
#   make fuzz FUZZ_SECONDS=300       each target as long, with clang's fuzzer
#   make fuzz FUZZ_ONLY=head         one of them
FUZZ_SECONDS ?= 300
FUZZ_ONLY    ?=
FUZZ_NAMES   := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/$(or $(FUZZ_ONLY),*)_fuzz.c))
FUZZ_FLAGS   := -std=gnu17 -D_GNU_SOURCE -O1 -g -w -Isrc -DVERSION='"fuzz"'

$(B)/fuzz/%: tests/fuzz/%_fuzz.c tests/fuzz/replay.c $(B)/lib.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $< tests/fuzz/replay.c $(B)/lib.a $(LDFLAGS) $(LIBS)

build-fuzz/%.o: src/%.c
	@mkdir -p $(@D)
	clang $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link,address,undefined \
	    -fno-sanitize-recover=all -c -o $@ $<

build-fuzz/lib.a: $(SRC:src/%.c=build-fuzz/%.o)
	rm -f $@ && ar rcs $@ $^

build-fuzz/run/%: tests/fuzz/%_fuzz.c build-fuzz/lib.a
	@mkdir -p $(@D)
	clang $(FUZZ_FLAGS) -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	    -o $@ $< build-fuzz/lib.a $(LIBS)

fuzz-replay:
	@$(MAKE) --no-print-directory SAN=address $(FUZZ_NAMES:%=build-address/fuzz/%)
	@for n in $(FUZZ_NAMES); do build-address/fuzz/$$n tests/fuzz/corpus/$$n || exit 1; done

# New inputs go to build-fuzz/found/NAME; copy worth keeping ones to the corpus.
fuzz: $(FUZZ_NAMES:%=build-fuzz/run/%)
	@for n in $(FUZZ_NAMES); do mkdir -p build-fuzz/found/$$n; \
	    build-fuzz/run/$$n -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
	    -max_len=20000 build-fuzz/found/$$n tests/fuzz/corpus/$$n || exit 1; done

.PHONY: fuzz fuzz-replay
