# tests: `make check-programs` builds them, tests/run.py runs them.
TESTS_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(OPENSSL_CFLAGS) \
	$(LIBEVENT_CFLAGS)

# A unit test of library x is tests/unit/test_x.c.
check_PROGRAMS += tests/unit/test_slice tests/unit/test_buf
tests_unit_test_slice_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_slice_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_buf_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_buf_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)

include tests/mail.mk
include tests/base.mk
include tests/core.mk
include tests/imap.mk
include tests/smtp.mk
include tests/dav.mk
include tests/relay.mk
include tests/schema.mk
include tests/bench.mk
include tests/fuzz.mk

check-programs: $(check_PROGRAMS)
.PHONY: check-programs
