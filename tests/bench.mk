# The load generator of `./dev bench`; no test.
check_PROGRAMS += tests/bench/imapload
tests_bench_imapload_SOURCES = tests/bench/imapload.c tests/bench/client.c \
	tests/bench/imapload.h
tests_bench_imapload_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
tests_bench_imapload_LDADD = $(OPENSSL_LIBS) -lpthread

# The store alone, beside the disk.
check_PROGRAMS += tests/bench/store_append
tests_bench_store_append_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
tests_bench_store_append_LDADD = $(STORE_ALL_LIBS)
