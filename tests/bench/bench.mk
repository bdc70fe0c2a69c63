# Load targets that are driven by hand or by `make bench`.
$(B)/bench/%: tests/bench/%.c $(B)/lib.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $< $(B)/lib.a $(LDFLAGS) $(LIBS)

# The load generators share client.c.
$(B)/bench/onsale $(B)/bench/ceiling: $(B)/bench/%: tests/bench/%.c tests/bench/client.c $(B)/lib.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Itests -o $@ $< tests/bench/client.c $(B)/lib.a $(LDFLAGS) $(LIBS)

# The on-sale of one event with its ceiling, and the floor under it. HOLDS and CONNECTIONS
# say how large; it needs wrk and sqlite3, and prints figures only.
bench: all $(B)/bench/onsale $(B)/bench/ceiling
	node tests/bench/run.mjs $(HOLDS) $(CONNECTIONS)

# The same sale on PostgreSQL, by one node and by two, beside embedded, ceiling and peer.
bench-engines: all $(B)/bench/onsale $(B)/bench/pgceiling
	npm ci --prefix tests/bench/peer-node --no-audit --no-fund --silent
	tests/services.sh run node tests/bench/engines.mjs $(HOLDS) $(CONNECTIONS)

.PHONY: bench bench-engines

# The same upstream asked through us, nginx and haproxy, one after the other in each round.
# SECONDS_EACH (4), ROUNDS (3) of them; it needs wrk, nginx and haproxy, and prints figures only.
bench-proxy: all
	node tests/bench/proxy.mjs $(or $(SECONDS_EACH),4) $(or $(ROUNDS),3)

.PHONY: bench-proxy

# What tokens and passwords cost, sign-ins at one instant, the key set under load.
bench-identity: all $(B)/bench/tokens
	node tests/bench/identity.mjs

.PHONY: bench-identity

# A stream cut and resumed at the other of two nodes 200 times while news pours in.
cuts: all
	CUTS=200 WORLD=cluster tests/services.sh run node --test --test-reporter=spec tests/api/cut.test.mjs

.PHONY: cuts

# How many streams a node holds and what they cost, in turns with nchan and pushpin, then on
# two nodes; what idle ones cost under TLS; what slow readers and floods do. COUNT (10000) and
# ROUNDS (2) say how many, WITHOUT="pushpin two idle abuse 19000" leaves something out. It
# installs wrk, nchan and pushpin and takes eight minutes.
bench-streams: all $(B)/bench/net_bench $(B)/bench/streams
	. tests/packages.sh && need_streams
	cd tests/api && { [ -d node_modules/jose ] || npm ci --no-audit --no-fund --silent; }
	tests/services.sh run node tests/bench/streams.mjs $(or $(COUNT),10000) $(or $(ROUNDS),2)

.PHONY: bench-streams

# A crowd that comes and goes for MINUTES: is memory flat?
soak: all
	node tests/bench/soak.mjs $(MINUTES)

.PHONY: soak

# HTTP/2 beside nginx in one run, and what idle connections and streams cost; needs h2load
# and nginx (tests/packages.sh).
bench-http2: all $(B)/bench/net_bench
	node tests/bench/http2.mjs $(SECONDS_EACH)

.PHONY: bench-http2
