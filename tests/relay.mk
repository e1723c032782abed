# Tests of smtpd/relay/, the queue's runner and its bounces.
check_PROGRAMS += tests/unit/test_reply tests/unit/test_route \
	tests/unit/test_bounce
tests_unit_test_reply_CFLAGS = $(TESTS_CFLAGS) -I$(srcdir)
tests_unit_test_reply_LDADD = $(RELAY_LIBS) $(CMOCKA_LIBS)
tests_unit_test_route_CFLAGS = $(TESTS_CFLAGS) -I$(srcdir)
tests_unit_test_route_LDADD = $(RELAY_LIBS) $(CMOCKA_LIBS)
tests_unit_test_bounce_CFLAGS = $(TESTS_CFLAGS) -I$(srcdir)
tests_unit_test_bounce_LDADD = smtpd/libsmtpsession.a $(STORE_ALL_LIBS) \
	mail/libmail.a $(CORE_LIBS) $(MAIL_LIBS) $(CMOCKA_LIBS)
