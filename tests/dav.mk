# Tests of caldav/, and of mail/'s calendars and cards.

check_PROGRAMS += tests/unit/test_xml tests/unit/test_target \
	tests/unit/test_content
tests_unit_test_xml_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_xml_LDADD = caldav/libdavfront.a $(CORE_LIBS) $(LIBXML_LIBS) \
	$(CMOCKA_LIBS)
tests_unit_test_target_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_target_LDADD = caldav/libdavfront.a $(CORE_LIBS) \
	$(LIBXML_LIBS) $(CMOCKA_LIBS)
tests_unit_test_content_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_content_LDADD = $(EXPAND) $(MAIL) $(CMOCKA_LIBS)

if FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_xml tests/fuzz/fuzz_target \
	tests/fuzz/fuzz_content tests/fuzz/fuzz_expand tests/fuzz/fuzz_filter
tests_fuzz_fuzz_xml_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_xml_LDADD = caldav/libdavfront.a $(CORE_LIBS) $(LIBXML_LIBS)
tests_fuzz_fuzz_target_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_target_LDADD = caldav/libdavfront.a $(CORE_LIBS) \
	$(LIBXML_LIBS)
tests_fuzz_fuzz_content_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_content_LDADD = $(MAIL)
tests_fuzz_fuzz_expand_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_expand_LDADD = $(EXPAND) $(MAIL)
tests_fuzz_fuzz_filter_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_filter_LDADD = caldav/libdavsession.a mail/libmail.a \
	$(CORE_LIBS) $(LIBETPAN_LIBS) $(LIBXML_LIBS)
endif
