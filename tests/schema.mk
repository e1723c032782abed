# tests of the store's rows: mailboxes, messages, collections, directory, queue.
SCHEMA_TEST_CFLAGS = -I$(srcdir) $(STORE_TEST_CFLAGS)
check_PROGRAMS += tests/unit/test_mailbox tests/unit/test_message \
	tests/unit/test_body tests/unit/test_collection \
	tests/unit/test_metadata \
	tests/unit/test_directory tests/unit/test_queue \
	tests/unit/test_schema_check tests/unit/test_verify \
	tests/unit/test_acl tests/unit/test_url_key tests/unit/test_fulltext tests/unit/test_upgrade tests/unit/test_model \
	tests/unit/test_scale tests/unit/test_schema_faults

tests_unit_test_mailbox_SOURCES = tests/unit/test_mailbox.c tests/unit/store_fixture.h
tests_unit_test_mailbox_CFLAGS = $(SCHEMA_TEST_CFLAGS)
tests_unit_test_mailbox_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_message_SOURCES = tests/unit/test_message.c tests/unit/store_fixture.h
tests_unit_test_message_CFLAGS = $(SCHEMA_TEST_CFLAGS)
tests_unit_test_message_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_metadata_SOURCES = tests/unit/test_metadata.c tests/unit/store_fixture.h
tests_unit_test_metadata_CFLAGS = $(SCHEMA_TEST_CFLAGS)
tests_unit_test_metadata_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_body_SOURCES = tests/unit/test_body.c tests/unit/store_fixture.h
tests_unit_test_body_CFLAGS = $(SCHEMA_TEST_CFLAGS)
tests_unit_test_body_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_collection_SOURCES = tests/unit/test_collection.c tests/unit/store_fixture.h
tests_unit_test_collection_CFLAGS = $(SCHEMA_TEST_CFLAGS)
tests_unit_test_collection_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_directory_SOURCES = tests/unit/test_directory.c tests/unit/store_fixture.h
tests_unit_test_directory_CFLAGS = $(SCHEMA_TEST_CFLAGS)
tests_unit_test_directory_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_queue_SOURCES = tests/unit/test_queue.c tests/unit/store_fixture.h
tests_unit_test_queue_CFLAGS = $(SCHEMA_TEST_CFLAGS)
tests_unit_test_queue_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_schema_check_SOURCES = tests/unit/test_schema_check.c tests/unit/store_fixture.h
tests_unit_test_schema_check_CFLAGS = $(SCHEMA_TEST_CFLAGS)
tests_unit_test_schema_check_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_verify_SOURCES = tests/unit/test_verify.c tests/unit/store_fixture.h
tests_unit_test_verify_CFLAGS = $(SCHEMA_TEST_CFLAGS)
tests_unit_test_verify_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_fulltext_SOURCES = tests/unit/test_fulltext.c tests/unit/store_fixture.h
tests_unit_test_fulltext_CFLAGS = $(SCHEMA_TEST_CFLAGS)
tests_unit_test_fulltext_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_acl_SOURCES = tests/unit/test_acl.c tests/unit/store_fixture.h
tests_unit_test_acl_CFLAGS = $(SCHEMA_TEST_CFLAGS)
tests_unit_test_acl_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_url_key_SOURCES = tests/unit/test_url_key.c tests/unit/store_fixture.h
tests_unit_test_url_key_CFLAGS = $(SCHEMA_TEST_CFLAGS)
tests_unit_test_url_key_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_upgrade_SOURCES = tests/unit/test_upgrade.c tests/unit/store_fixture.h
tests_unit_test_upgrade_CFLAGS = $(SCHEMA_TEST_CFLAGS)
tests_unit_test_upgrade_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_model_SOURCES = tests/unit/test_model.c \
	tests/unit/model_boxes.c tests/unit/model_compare.c tests/unit/model.h \
	tests/unit/store_fixture.h
tests_unit_test_model_CFLAGS = $(SCHEMA_TEST_CFLAGS)
tests_unit_test_model_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_scale_SOURCES = tests/unit/test_scale.c tests/unit/store_fixture.h
tests_unit_test_scale_CFLAGS = $(SCHEMA_TEST_CFLAGS)
tests_unit_test_scale_LDADD = $(STORE_TEST_LIBS)

tests_unit_test_schema_faults_SOURCES = tests/unit/test_schema_faults.c \
	tests/unit/store_fixture.h
tests_unit_test_schema_faults_CFLAGS = $(SCHEMA_TEST_CFLAGS)
tests_unit_test_schema_faults_LDADD = $(STORE_TEST_LIBS)
