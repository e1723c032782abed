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
