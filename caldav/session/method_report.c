/* SPDX-License-Identifier: EUPL-1.2 */
/* REPORT (RFC 3253 3.6): the table of reports. */
#include "dav.h"

static const struct {
	const char *ns, *name;
	unsigned where;
	method_fn *run;
} reports[] = {
	{ NS_CALDAV, "calendar-query", AT_CALENDAR, report_query },
	{ NS_CALDAV, "calendar-multiget", AT_CALENDAR, report_multiget },
	{ NS_CALDAV, "free-busy-query", AT_CALENDAR, report_freebusy },
	{ NS_CARDDAV, "addressbook-query", AT_CONTACTS, report_query },
	{ NS_CARDDAV, "addressbook-multiget", AT_CONTACTS, report_multiget },
	{ NS_DAV, "sync-collection", AT_COLLECTION, report_sync },
};

enum dav_step method_report(struct dav *d)
{
	if (!d->xml)
		return dav_fail(d, ERR_SYNTAX);
	if (d->at.place == AT_NOTHING)
		return dav_fail(d, ERR_NOTFOUND);
	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++)
		if (xml_is(d->xml, reports[i].ns, reports[i].name) &&
			(reports[i].where & d->at.place))
			return reports[i].run(d);
	respond_precondition(d, 403, NS_DAV, "supported-report", NULL);
	return DAV_OVER;
}
