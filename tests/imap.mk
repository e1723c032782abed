# Tests of imapd/.
IMAP_TESTS = tests/unit/test_imap_grammar
check_PROGRAMS += $(IMAP_TESTS)
tests_unit_test_imap_grammar_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_imap_grammar_LDADD = imapd/libimapsession.a $(MAIL) \
	$(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_follow
tests_unit_test_follow_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_follow_LDADD = imapd/libimapfront.a $(CORE_LIBS) $(CMOCKA_LIBS)

# Serves sessions without front and login; used by tests/session/t_*.py.
check_PROGRAMS += tests/session/imap_host
tests_session_imap_host_LDADD = imapd/libimapsession.a store/libstore.a \
	mail/libmail.a lib/libcore.a $(STORE_LIBS) $(LIBETPAN_LIBS) $(LIB_LIBS)
