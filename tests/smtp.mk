# Tests of smtpd/.
check_PROGRAMS += tests/unit/test_smtp_path tests/unit/test_transaction
tests_unit_test_transaction_SOURCES = tests/unit/test_transaction.c \
	tests/unit/store_fixture.h
tests_unit_test_transaction_CFLAGS = $(SCHEMA_TEST_CFLAGS)
tests_unit_test_transaction_LDADD = smtpd/libsmtpsession.a $(STORE_ALL_LIBS) \
	mail/libmail.a $(CORE_LIBS) $(MAIL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_smtp_path_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_smtp_path_LDADD = smtpd/libsmtpfront.a $(CORE_LIBS) \
	$(CMOCKA_LIBS)
