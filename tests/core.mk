# tests of the store's core: their own tables, not the schema.
CORE_TESTS = tests/unit/test_record_frame tests/unit/test_store tests/unit/test_wal \
	tests/fault/test_crash_1 tests/fault/test_crash_2 \
	tests/fault/test_crash_3 tests/fault/test_crash_4 \
	tests/fault/test_crash_mail_1 tests/fault/test_crash_mail_2 \
	tests/fault/test_crash_mail_3 tests/fault/test_crash_mail_4 \
	tests/fault/test_failure tests/fault/test_full \
	tests/fault/test_tamper_1 tests/fault/test_tamper_2 \
	tests/fault/test_tamper_3 tests/fault/test_tamper_4 \
	tests/fault/test_tamper_control
check_PROGRAMS += $(CORE_TESTS)
STORE_TEST_CFLAGS = $(TESTS_CFLAGS) $(SQLITE_CFLAGS)
STORE_TEST_LIBS = $(STORE_ALL_LIBS) $(CMOCKA_LIBS)

tests_unit_test_record_frame_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_record_frame_LDADD = $(STORE_TEST_LIBS)

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
CRASH_SOURCES = tests/fault/test_crash.c tests/fault/things.c $(FAULT_SOURCES)
tests_fault_test_crash_1_SOURCES = $(CRASH_SOURCES)
tests_fault_test_crash_1_CFLAGS = $(STORE_TEST_CFLAGS) -DSHARD=1
tests_fault_test_crash_1_LDADD = $(STORE_ALL_LIBS)
tests_fault_test_crash_2_SOURCES = $(CRASH_SOURCES)
tests_fault_test_crash_2_CFLAGS = $(STORE_TEST_CFLAGS) -DSHARD=2
tests_fault_test_crash_2_LDADD = $(STORE_ALL_LIBS)
tests_fault_test_crash_3_SOURCES = $(CRASH_SOURCES)
tests_fault_test_crash_3_CFLAGS = $(STORE_TEST_CFLAGS) -DSHARD=3
tests_fault_test_crash_3_LDADD = $(STORE_ALL_LIBS)
tests_fault_test_crash_4_SOURCES = $(CRASH_SOURCES)
tests_fault_test_crash_4_CFLAGS = $(STORE_TEST_CFLAGS) -DSHARD=4
tests_fault_test_crash_4_LDADD = $(STORE_ALL_LIBS)

# The same through the contracts: mail, flags, calendars, queue, people.
PEOPLE_SOURCES = tests/fault/people.c tests/fault/picture.c \
	tests/fault/picture.h $(FAULT_SOURCES)
CRASH_MAIL_SOURCES = tests/fault/test_crash.c $(PEOPLE_SOURCES)
tests_fault_test_crash_mail_1_SOURCES = $(CRASH_MAIL_SOURCES)
tests_fault_test_crash_mail_1_CFLAGS = $(STORE_TEST_CFLAGS) -DSHARD=1 -DSEEDS=13
tests_fault_test_crash_mail_1_LDADD = $(STORE_ALL_LIBS)
tests_fault_test_crash_mail_2_SOURCES = $(CRASH_MAIL_SOURCES)
tests_fault_test_crash_mail_2_CFLAGS = $(STORE_TEST_CFLAGS) -DSHARD=2 -DSEEDS=13
tests_fault_test_crash_mail_2_LDADD = $(STORE_ALL_LIBS)
tests_fault_test_crash_mail_3_SOURCES = $(CRASH_MAIL_SOURCES)
tests_fault_test_crash_mail_3_CFLAGS = $(STORE_TEST_CFLAGS) -DSHARD=3 -DSEEDS=13
tests_fault_test_crash_mail_3_LDADD = $(STORE_ALL_LIBS)
tests_fault_test_crash_mail_4_SOURCES = $(CRASH_MAIL_SOURCES)
tests_fault_test_crash_mail_4_CFLAGS = $(STORE_TEST_CFLAGS) -DSHARD=4 -DSEEDS=13
tests_fault_test_crash_mail_4_LDADD = $(STORE_ALL_LIBS)
tests_fault_test_failure_SOURCES = tests/fault/test_failure.c $(PEOPLE_SOURCES)
tests_fault_test_failure_CFLAGS = $(STORE_TEST_CFLAGS)
tests_fault_test_failure_LDADD = $(STORE_ALL_LIBS)
tests_fault_test_full_SOURCES = tests/fault/test_full.c $(PEOPLE_SOURCES)
tests_fault_test_full_CFLAGS = $(STORE_TEST_CFLAGS)
tests_fault_test_full_LDADD = $(STORE_ALL_LIBS)

# Files altered while the store is stopped. The control run has a map of its own
# that matches always.
TAMPER_SOURCES = tests/fault/test_tamper.c tests/fault/alter.c \
	tests/fault/alter.h $(PEOPLE_SOURCES)
tests_fault_test_tamper_1_SOURCES = $(TAMPER_SOURCES)
tests_fault_test_tamper_1_CFLAGS = $(STORE_TEST_CFLAGS) -DSHARD=1
tests_fault_test_tamper_1_LDADD = $(STORE_ALL_LIBS)
tests_fault_test_tamper_2_SOURCES = $(TAMPER_SOURCES)
tests_fault_test_tamper_2_CFLAGS = $(STORE_TEST_CFLAGS) -DSHARD=2
tests_fault_test_tamper_2_LDADD = $(STORE_ALL_LIBS)
tests_fault_test_tamper_3_SOURCES = $(TAMPER_SOURCES)
tests_fault_test_tamper_3_CFLAGS = $(STORE_TEST_CFLAGS) -DSHARD=3
tests_fault_test_tamper_3_LDADD = $(STORE_ALL_LIBS)
tests_fault_test_tamper_4_SOURCES = $(TAMPER_SOURCES)
tests_fault_test_tamper_4_CFLAGS = $(STORE_TEST_CFLAGS) -DSHARD=4
tests_fault_test_tamper_4_LDADD = $(STORE_ALL_LIBS)
tests_fault_test_tamper_control_SOURCES = $(TAMPER_SOURCES) store/map.c
tests_fault_test_tamper_control_CFLAGS = $(STORE_TEST_CFLAGS) -DCONTROL \
	-DMAP_CHECK_OFF
tests_fault_test_tamper_control_LDADD = $(STORE_ALL_LIBS)
