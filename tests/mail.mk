# Tests of mail/.
MAIL_TESTS = tests/unit/test_address tests/unit/test_decode \
	tests/unit/test_header tests/unit/test_html tests/unit/test_scan tests/unit/test_subject
check_PROGRAMS += $(MAIL_TESTS)
tests_unit_test_address_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_address_LDADD = $(MAIL) $(CMOCKA_LIBS)
tests_unit_test_decode_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_decode_LDADD = $(MAIL) $(CMOCKA_LIBS)
tests_unit_test_header_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_header_LDADD = $(MAIL) $(CMOCKA_LIBS)
tests_unit_test_scan_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_scan_LDADD = $(MAIL) $(CMOCKA_LIBS)
tests_unit_test_html_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_html_LDADD = $(MAIL) $(CMOCKA_LIBS)
tests_unit_test_subject_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_subject_LDADD = $(MAIL) $(CMOCKA_LIBS)
