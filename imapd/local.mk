# imapd: the front (before login) and the session (in the tenantd).
noinst_LIBRARIES += imapd/libimapsession.a
imapd_libimapsession_a_CFLAGS = $(AM_CFLAGS)
imapd_libimapsession_a_SOURCES = \
	imapd/capability.c \
	imapd/grammar.c \
	imapd/language.c \
	imapd/session/append_message.c \
	imapd/session/arrivals.c \
	imapd/session/cmd_acl.c \
	imapd/session/cmd_append.c \
	imapd/session/cmd_comparator.c \
	imapd/session/cmd_compress.c \
	imapd/session/cmd_copy.c \
	imapd/session/cmd_enable.c \
	imapd/session/cmd_esearch.c \
	imapd/session/cmd_expunge.c \
	imapd/session/cmd_fetch.c \
	imapd/session/cmd_language.c \
	imapd/session/cmd_list.c \
	imapd/session/cmd_mailbox.c \
	imapd/session/cmd_metadata.c \
	imapd/session/cmd_quota.c \
	imapd/session/cmd_notify.c \
	imapd/session/cmd_replace.c \
	imapd/session/cmd_search.c \
	imapd/session/cmd_select.c \
	imapd/session/cmd_simple.c \
	imapd/session/cmd_sort.c \
	imapd/session/cmd_status.c \
	imapd/session/cmd_store.c \
	imapd/session/cmd_thread.c \
	imapd/session/cmd_uidbatches.c \
	imapd/session/cmd_urlauth.c \
	imapd/session/command.c \
	imapd/session/context.c \
	imapd/session/copy_across.c \
	imapd/session/fetch_binary.c \
	imapd/session/fetch_flags.c \
	imapd/session/fetch_parse.c \
	imapd/session/fetch_partial.c \
	imapd/session/fetch_preview.c \
	imapd/session/fetch_section.c \
	imapd/session/filter.c \
	imapd/session/flags.c \
	imapd/session/indexer.c \
	imapd/session/list_match.c \
	imapd/session/list_parse.c \
	imapd/session/list_row.c \
	imapd/session/message_limit.c \
	imapd/session/metadata_parse.c \
	imapd/session/metadata_put.c \
	imapd/session/notify.c \
	imapd/session/notify_names.c \
	imapd/session/notify_table.c \
	imapd/session/notify_watch.c \
	imapd/session/parse.c \
	imapd/session/place.c \
	imapd/session/quirk.c \
	imapd/session/respond.c \
	imapd/session/respond_structure.c \
	imapd/session/rights.c \
	imapd/session/search_index.c \
	imapd/session/resync.c \
	imapd/session/search_match.c \
	imapd/session/search_order.c \
	imapd/session/search_parse.c \
	imapd/session/search_return.c \
	imapd/session/search_scan.c \
	imapd/session/search_text.c \
	imapd/session/session.c \
	imapd/session/sort_key.c \
	imapd/session/text_walk.c \
	imapd/session/set.c \
	imapd/session/thread.c \
	imapd/session/url.c \
	imapd/session/utf7.c \
	imapd/session/view.c \
	imapd/session/view_cache.c \
	imapd/session/walk.c

noinst_LIBRARIES += imapd/libimapfront.a
imapd_libimapfront_a_CFLAGS = $(AM_CFLAGS)
imapd_libimapfront_a_SOURCES = \
	imapd/capability.c \
	imapd/grammar.c \
	imapd/language.c \
	imapd/front/follow.c \
	imapd/front/pipe.c \
	imapd/front/preauth.c

pkglibexec_PROGRAMS += imapd/imapd
imapd_imapd_SOURCES = imapd/front/imapd.c
imapd_imapd_LDADD = imapd/libimapfront.a $(CORE_LIBS)
