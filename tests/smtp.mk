# Tests of smtpd/.
check_PROGRAMS += tests/unit/test_smtp_path
tests_unit_test_smtp_path_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_smtp_path_LDADD = smtpd/libsmtpfront.a $(CORE_LIBS) \
	$(CMOCKA_LIBS)

if FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_smtp_path
tests_fuzz_fuzz_smtp_path_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_smtp_path_LDADD = smtpd/libsmtpfront.a $(CORE_LIBS)
endif
