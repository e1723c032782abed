# tests of the store's core: their own tables, not the schema.
CORE_TESTS = tests/unit/test_store tests/unit/test_wal \
	tests/fault/test_crash_1 tests/fault/test_crash_2 \
	tests/fault/test_crash_3 tests/fault/test_crash_4
check_PROGRAMS += $(CORE_TESTS)
STORE_TEST_CFLAGS = $(TESTS_CFLAGS) $(SQLITE_CFLAGS)
STORE_TEST_LIBS = $(STORE_ALL_LIBS) $(CMOCKA_LIBS)

tests_unit_test_store_SOURCES = tests/unit/test_store.c tests/unit/store_tables.c \
	tests/unit/store_tables.h
tests_unit_test_store_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_store_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_wal_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_wal_LDADD = $(STORE_TEST_LIBS)

# A disk in memory that loses and tears what was not synced. The seeds of the
# crash test are shared out to four programs that run side by side.
FAULT_SOURCES = tests/fault/disk.c tests/fault/disk.h tests/fault/world.c \
	tests/fault/world.h
tests_fault_test_crash_1_SOURCES = tests/fault/test_crash.c $(FAULT_SOURCES)
tests_fault_test_crash_1_CFLAGS = $(STORE_TEST_CFLAGS) -DSHARD=1
tests_fault_test_crash_1_LDADD = $(STORE_ALL_LIBS)
tests_fault_test_crash_2_SOURCES = tests/fault/test_crash.c $(FAULT_SOURCES)
tests_fault_test_crash_2_CFLAGS = $(STORE_TEST_CFLAGS) -DSHARD=2
tests_fault_test_crash_2_LDADD = $(STORE_ALL_LIBS)
tests_fault_test_crash_3_SOURCES = tests/fault/test_crash.c $(FAULT_SOURCES)
tests_fault_test_crash_3_CFLAGS = $(STORE_TEST_CFLAGS) -DSHARD=3
tests_fault_test_crash_3_LDADD = $(STORE_ALL_LIBS)
tests_fault_test_crash_4_SOURCES = tests/fault/test_crash.c $(FAULT_SOURCES)
tests_fault_test_crash_4_CFLAGS = $(STORE_TEST_CFLAGS) -DSHARD=4
tests_fault_test_crash_4_LDADD = $(STORE_ALL_LIBS)
