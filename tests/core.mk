# tests of the store's core: their own tables, not the schema.
CORE_TESTS = tests/unit/test_store
check_PROGRAMS += $(CORE_TESTS)
STORE_TEST_CFLAGS = $(TESTS_CFLAGS) $(SQLITE_CFLAGS)
STORE_TEST_LIBS = $(STORE_ALL_LIBS) $(CMOCKA_LIBS)

tests_unit_test_store_SOURCES = tests/unit/test_store.c tests/unit/store_tables.c \
	tests/unit/store_tables.h
tests_unit_test_store_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_store_LDADD = $(STORE_TEST_LIBS)
