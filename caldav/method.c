/* SPDX-License-Identifier: EUPL-1.2 */
#include <bastide/limits.h>

#include "method.h"

const struct method_row dav_methods[METHODS] = {
	[METHOD_OPTIONS] = { "OPTIONS", LIMIT_DAV_BODY, true },
	[METHOD_GET] = { "GET", LIMIT_DAV_BODY, true },
	[METHOD_HEAD] = { "HEAD", LIMIT_DAV_BODY, true },
	[METHOD_PUT] = { "PUT", LIMIT_RESOURCE, true },
	[METHOD_DELETE] = { "DELETE", LIMIT_DAV_BODY, true },
	[METHOD_PROPFIND] = { "PROPFIND", LIMIT_DAV_BODY, true },
	[METHOD_PROPPATCH] = { "PROPPATCH", LIMIT_DAV_BODY, true },
	[METHOD_MKCOL] = { "MKCOL", LIMIT_DAV_BODY, true },
	[METHOD_MKCALENDAR] = { "MKCALENDAR", LIMIT_DAV_BODY, true },
	[METHOD_REPORT] = { "REPORT", LIMIT_DAV_BODY, true },
	[METHOD_COPY] = { "COPY", LIMIT_DAV_BODY, true },
	[METHOD_MOVE] = { "MOVE", LIMIT_DAV_BODY, true },
	[METHOD_POST] = { "POST", LIMIT_SETUP_BODY, false },
};

enum dav_method method_find(struct slice name)
{
	enum dav_method m = 0;

	while (m < METHODS && !slice_eqs(name, dav_methods[m].name))
		m++;
	return m;
}

void method_allow(struct buf *b)
{
	for (enum dav_method m = 0; m < METHODS; m++)
		if (dav_methods[m].dav)
			buf_addf(b, "%s%s", m ? ", " : "", dav_methods[m].name);
}
