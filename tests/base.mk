# Unit tests and fuzz targets of lib/ and daemon/.
check_PROGRAMS += tests/unit/test_loop tests/unit/test_conn \
	tests/unit/test_ipc tests/unit/test_frame_imap tests/unit/test_frame \
	tests/unit/test_sasl tests/unit/test_config tests/unit/test_crypt
tests_unit_test_loop_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_loop_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_conn_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_conn_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_ipc_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_ipc_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_frame_imap_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_frame_imap_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_frame_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_frame_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_sasl_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_sasl_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_config_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_config_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_crypt_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_crypt_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)
