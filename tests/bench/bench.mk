# Load targets that are driven by hand or by `make bench`.
$(B)/bench/%: tests/bench/%.c $(B)/lib.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $< $(B)/lib.a $(LDFLAGS) $(LIBS)
